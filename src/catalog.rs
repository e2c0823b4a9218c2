//! The names that a session may use: for pickers, completion and documentation. Names and types only: no expressions,
//! no sources, no roles.

use model::DataType;
use security::Scope;

/// Everything that a session can name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// For example `en-US`.
    pub culture: String,
    pub tables: Vec<CatalogTable>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CatalogTable {
    pub name: String,
    pub description: String,
    /// Hidden from pickers by its author. Hiding is a courtesy, not security: the name can be used.
    pub hidden: bool,
    pub columns: Vec<CatalogColumn>,
    pub measures: Vec<CatalogMeasure>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CatalogColumn {
    pub name: String,
    pub description: String,
    pub hidden: bool,
    pub data_type: DataType,
    pub format_string: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CatalogMeasure {
    pub name: String,
    pub description: String,
    pub hidden: bool,
    pub format_string: Option<String>,
}

impl Catalog {
    pub(crate) fn of(scope: &Scope) -> Catalog {
        let tables = scope.tables().map(|handle| {
            let table = scope.table(handle);
            let columns = scope.columns(handle).into_iter().map(|handle| {
                let column = scope.column(handle);
                CatalogColumn {
                    name: column.name.clone(),
                    description: column.description.clone(),
                    hidden: column.hidden,
                    data_type: scope.column_type(handle),
                    format_string: column.format_string.clone(),
                }
            });
            let measures = table.measures.iter().map(|measure| CatalogMeasure {
                name: measure.name.clone(),
                description: measure.description.clone(),
                hidden: measure.hidden,
                format_string: measure.format_string.clone(),
            });
            CatalogTable {
                name: table.name.clone(),
                description: table.description.clone(),
                hidden: table.hidden,
                columns: columns.collect(),
                measures: measures.collect(),
            }
        });
        Catalog {
            culture: scope.model().culture.clone(),
            tables: tables.collect(),
        }
    }

    /// The table of a name, without case.
    pub fn table(&self, name: &str) -> Option<&CatalogTable> {
        self.tables
            .iter()
            .find(|table| model::same_name(&table.name, name))
    }
}
