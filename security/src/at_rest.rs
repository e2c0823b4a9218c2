//! The gate and the disk: what is behind a gate leaves it encrypted, and only under the operator's hand.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use storage::{
    AtRestError, ColumnId, KeyProvider, Lease, Leasing, Next, Refresh, SaveAs, Saved, Sources,
    StorageError, Successor, TableId,
};

use crate::trees::{Node, ordinals};
use crate::{CloseError, Denied, Gate};

impl Gate {
    /// Writes data and model into a new folder, encrypted under a key of the provider. For the operator, who holds that key.
    pub fn save(
        &self,
        folder: &Path,
        provider: &dyn KeyProvider,
        sources: Option<&Sources>,
    ) -> Result<Saved, AtRestError> {
        let to = SaveAs {
            folder,
            provider,
            hidden: &self.hidden_by_some_role(),
            sources,
        };
        storage::save(&self.data, &self.model, &to)
    }

    /// This gate under the roles of another: new rows must not bring back roles that were replaced since the old ones were written.
    pub fn with_roles_of(&self, before: &Gate) -> Result<Gate, CloseError> {
        self.with_roles(before.model.roles.clone())
    }

    /// Reads what has changed in the source files of the dataset that this gate was opened from. Columns that it has in memory are not
    /// read again.
    pub fn refresh(
        &self,
        folder: &Path,
        provider: &dyn KeyProvider,
        least: u64,
        what: &Refresh,
    ) -> Result<Option<Successor>, AtRestError> {
        storage::refresh(folder, provider, least, what, Some(&self.data))
    }

    /// Writes the generation that this gate was closed over, and goes on from what was written: under its lease.
    pub fn succeed(
        mut self,
        next: Next,
        provider: Arc<dyn KeyProvider>,
        leasing: Leasing,
    ) -> Result<(Gate, Lease, Saved), AtRestError> {
        let hidden = self.hidden_by_some_role();
        let saved = storage::save_next(&self.data, &self.model, &hidden, &next, provider.as_ref())?;
        let opened = storage::reopen(next, &saved, &self.data, provider.as_ref())?;
        let lease = Lease::new(&opened, provider, leasing);
        self.data = Arc::new(opened.dataset);
        Ok((self, lease, saved))
    }

    /// An error once the dataset is closed, because the key to it was taken back.
    pub fn check_open(&self) -> Result<(), Denied> {
        self.data.check_open().map_err(|error| match error {
            StorageError::Unreadable { why } => Denied::Closed { why },
            _ => Denied::Closed {
                why: "the dataset is closed".to_owned(),
            },
        })
    }

    /// Reads all columns that lie on disk, so that no query waits for them. For the operator.
    pub fn preload(&self) -> Result<(), AtRestError> {
        self.data.preload()
    }

    /// Columns that do not exist for somebody: they are kept apart on disk.
    pub(crate) fn hidden_by_some_role(&self) -> Vec<ColumnId> {
        let hidden: BTreeSet<Node> = self
            .roles
            .iter()
            .flat_map(|role| role.hidden().0.iter().copied())
            .collect();
        let mut columns = Vec::new();
        for (t, table) in ordinals(&self.model.tables) {
            for (c, _) in ordinals(&table.columns) {
                if hidden.contains(&Node::Table(t)) || hidden.contains(&Node::Column(t, c)) {
                    columns.push(ColumnId {
                        table: TableId(t),
                        column: c,
                    });
                }
            }
        }
        columns
    }
}
