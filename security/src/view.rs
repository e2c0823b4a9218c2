//! The three that lend a scope: the view of an admitted identity, the view of all rows that is lent to filters and calculated
//! objects, and the outline of a model without data.

use std::sync::Arc;

use model::Model;
use sha2::{Digest, Sha256};
use storage::Dataset;

use crate::graph::Hidden;
use crate::objects::Objects;
use crate::scans::{Scans, SeenBy};
use crate::trees::{Trees, ordinal};
use crate::visibility::Visible;
use crate::{Codes, Column, Control, Identity, ReadError, Reads, Scope, Table};

/// What one identity may see. Made by [`Gate::admit`] alone, and shared as `Arc<View>`.
///
/// ```
/// fn look(view: &peristyle_security::View) -> usize { view.scope().model().tables.len() }
/// ```
///
/// It cannot be copied, made from nothing, or made from its parts:
///
/// ```compile_fail
/// fn copy(view: &peristyle_security::View) -> peristyle_security::View { view.clone() }
/// ```
///
/// ```compile_fail
/// let view = peristyle_security::View::default();
/// ```
///
/// ```compile_fail
/// fn forge(scope: peristyle_security::Scope) -> peristyle_security::View { peristyle_security::View { scope, fingerprint: [0; 32] } }
/// ```
///
/// [`Gate::admit`]: crate::Gate::admit
pub struct View {
    scope: Scope,
    fingerprint: [u8; 32],
    visible_digest: [u8; 32],
}

impl View {
    pub(crate) fn new(
        objects: Arc<Objects>,
        visible: Arc<Visible>,
        data: Arc<Dataset>,
        identity: Identity,
        scans: Option<Arc<Scans>>,
    ) -> View {
        let fingerprint = fingerprint(&objects, &visible);
        let reach = reach_digest(&objects, &visible, &identity);
        let visible_digest = visible_digest(&visible, &reach);
        let mut scope = Scope::new(objects, visible, Some(data), identity);
        let who = SeenBy {
            visible: visible_digest,
            reach,
        };
        scope.scans = scans.map(|scans| (scans, who));
        View {
            scope,
            fingerprint,
            visible_digest,
        }
    }

    /// SHA-256 over all that makes answers of views of one gate differ, who asks apart: the visible rows and objects, the tables that
    /// row filters bear on (what crosses them is refused), and whether there are roles at all.
    pub(crate) fn visible_digest(&self) -> [u8; 32] {
        self.visible_digest
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// SHA-256 over the visible rows and the visible objects: views with equal fingerprints see the same. Of the same gate only.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// An error once the dataset behind the view is closed, because the key to it was taken back.
    pub fn check_open(&self) -> Result<(), ReadError> {
        self.scope.check_open()
    }

    /// The number that the handles of this view bear; no other view of the process has it.
    pub fn number(&self) -> u64 {
        self.scope.number
    }
}

fn visible_digest(visible: &Visible, reach: &[u8; 32]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(visible.digest);
    hash.chain_update(reach).finalize().into()
}

/// SHA-256 over what decides, besides the rows, what may be asked at all: the objects that exist, the tables that row filters bear on, and
/// whether there are roles. What can be scanned in one view can be scanned in all that have the same.
fn reach_digest(objects: &Objects, visible: &Visible, identity: &Identity) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update(ordinal(bytes.len()).to_le_bytes());
        hash.update(bytes);
    };
    put(&visible.restrictions());
    put(format!("{:?}", objects.hidden).as_bytes());
    put(&[u8::from(identity.role_names().is_empty())]);
    hash.finalize().into()
}

fn fingerprint(objects: &Objects, visible: &Visible) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(visible.digest);
    let mut put = |text: &str| {
        hash.update(ordinal(text.len()).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for table in &objects.model.tables {
        put(&table.name);
        table.columns.iter().for_each(|column| put(&column.name));
        put("measures");
        table.measures.iter().for_each(|measure| put(&measure.name));
        put("hierarchies");
        table
            .hierarchies
            .iter()
            .for_each(|hierarchy| put(&hierarchy.name));
        put("items");
        table
            .calculation_group
            .iter()
            .flat_map(|group| &group.items)
            .for_each(|item| put(&item.name));
    }
    put("functions");
    objects
        .model
        .functions
        .iter()
        .for_each(|function| put(&function.name));
    hash.finalize().into()
}

/// All rows and all objects, lent to the evaluation of a role filter or calculated object for as long as it runs.
///
/// ```
/// fn look(view: &peristyle_security::BuildView<'_>) -> usize { view.scope().model().tables.len() }
/// ```
///
/// It cannot be kept or copied:
///
/// ```compile_fail
/// fn keep(view: &peristyle_security::BuildView<'_>) -> &'static peristyle_security::Scope { view.scope() }
/// ```
///
/// ```compile_fail
/// fn copy<'a>(view: &peristyle_security::BuildView<'a>) -> peristyle_security::BuildView<'a> { view.clone() }
/// ```
pub struct BuildView<'a> {
    scope: &'a Scope,
}

impl<'a> BuildView<'a> {
    pub(crate) fn new(scope: &'a Scope) -> BuildView<'a> {
        BuildView { scope }
    }

    pub fn scope(&self) -> &Scope {
        self.scope
    }

    /// Told by the evaluator: what the evaluation was told of who asks, and of the moment.
    pub fn note(&self, reads: Reads) {
        if let Some(notes) = self.scope.notes() {
            notes.reads(reads);
        }
    }

    /// The codes that rows of a column's table have, and the code of BLANK, which the blank row has, first.
    pub fn every_code(&self, column: Column, control: &Control) -> Result<Codes, ReadError> {
        self.scope.every_code(column, control)
    }

    /// How many rows a table has, the blank row among them.
    pub fn count_rows(&self, table: Table) -> Result<usize, ReadError> {
        self.scope.count_rows(table)
    }

    /// Rows 0..n of a table, and then its blank row n.
    pub fn every_row(&self, table: Table) -> Result<Codes, ReadError> {
        self.scope.every_row(table)
    }
}

/// All objects of a model that has no data: what `check` binds expressions against.
pub struct Outline {
    scope: Scope,
}

impl Outline {
    pub(crate) fn new(model: &Model) -> Outline {
        let trees = Trees::of(model);
        let objects = Objects::of(model, &trees, &Hidden::default(), &Arc::default(), |_| true);
        let visible = Visible::everything(ordinal(model.tables.len()));
        Outline {
            scope: Scope::new(
                Arc::new(objects),
                Arc::new(visible),
                None,
                Identity::anonymous(),
            ),
        }
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}
