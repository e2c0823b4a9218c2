//! Columns whose values others tell apart (`relatedColumnDetails`), as the names of a field parameter are told apart by the fields.
//! Where such a column is grouped or filtered by, the others must stand beside it in the same table.

use dax::Span;
use security::Column;

use super::{Binder, Bound};
use crate::bound::Schema;
use crate::error::ErrorKind;

impl<'a> Binder<'a> {
    /// Refuses a table of these columns to group or to filter by, where one of them is told apart by another that is not there.
    pub fn whole_keys(&self, columns: &[Column], span: Span) -> Bound<()> {
        for &column in columns {
            let described = self.scope.column(column);
            for name in &described.group_by {
                let key = self.scope.find_column(column.table(), name);
                if key.is_some_and(|key| !columns.contains(&key)) {
                    let table = &self.scope.table(column.table()).name;
                    let message = format!(
                        "'{table}'[{}] goes with '{table}'[{name}]: where values are grouped or filtered by the one, the other must be in the same table",
                        described.name
                    );
                    return self.error(ErrorKind::Argument, span, message);
                }
            }
        }
        Ok(())
    }

    /// The same of the columns of a table expression. Rows of a table of the model have all its columns.
    pub fn whole_schema(&self, schema: &Schema, span: Span) -> Bound<()> {
        if schema.base.is_some() {
            return Ok(());
        }
        let columns: Vec<Column> = schema.fields.iter().filter_map(|f| f.lineage).collect();
        self.whole_keys(&columns, span)
    }

    /// The same of the current rows, where they become filters.
    pub fn whole_rows(&self, span: Span) -> Bound<()> {
        self.rows
            .iter()
            .try_for_each(|row| self.whole_schema(&row.schema, span))
    }
}
