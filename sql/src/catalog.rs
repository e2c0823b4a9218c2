//! The catalog of a view: one schema with the tables that it shows, and an information schema that lists them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, SchemaProvider, TableProvider,
};
use datafusion::common::{DataFusionError, Result};
use security::Table;

use crate::reader::Reader;
use crate::table::ModelTable;
use crate::types::sql_type;

pub(crate) const CATALOG: &str = "peristyle";
pub(crate) const SCHEMA: &str = "model";
const INFORMATION: &str = "information_schema";
/// The lists of the information schema.
const LISTS: [&str; 4] = ["schemata", "tables", "columns", "measures"];

/// All catalogs that a statement can name: the one of its view.
#[derive(Debug)]
pub(crate) struct Catalogs(pub Arc<Reader>);

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        name.eq_ignore_ascii_case(CATALOG)
            .then(|| Arc::new(Catalog(Arc::clone(&self.0))) as Arc<dyn CatalogProvider>)
    }
}

#[derive(Debug)]
struct Catalog(Arc<Reader>);

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned(), INFORMATION.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name.eq_ignore_ascii_case(SCHEMA) {
            Some(Arc::new(ModelSchema(Arc::clone(&self.0))))
        } else if name.eq_ignore_ascii_case(INFORMATION) {
            Some(Arc::new(InformationSchema(Arc::clone(&self.0))))
        } else {
            None
        }
    }
}

#[derive(Debug)]
struct ModelSchema(Arc<Reader>);

#[async_trait]
impl SchemaProvider for ModelSchema {
    fn table_names(&self) -> Vec<String> {
        let scope = self.0.scope();
        scope
            .tables()
            .map(|table| scope.table(table).name.clone())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let found = self.0.scope().find_table(name);
        Ok(found.map(|table| {
            Arc::new(ModelTable::new(Arc::clone(&self.0), table)) as Arc<dyn TableProvider>
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.scope().find_table(name).is_some()
    }
}

#[derive(Debug)]
struct InformationSchema(Arc<Reader>);

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        LISTS.map(str::to_owned).to_vec()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(list) = LISTS.iter().find(|list| list.eq_ignore_ascii_case(name)) else {
            return Ok(None);
        };
        let batch = match *list {
            "schemata" => schemata(&self.0),
            "tables" => tables(&self.0),
            "columns" => columns(&self.0, None),
            _ => measures(&self.0),
        }?;
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        Ok(Some(Arc::new(table)))
    }

    fn table_exist(&self, name: &str) -> bool {
        LISTS.iter().any(|list| list.eq_ignore_ascii_case(name))
    }
}

/// The columns of a table that SQL shows, with their handles.
pub(crate) fn columns_of(reader: &Reader, table: Table) -> Vec<(security::Column, Field)> {
    let scope = reader.scope();
    let of_table = scope.columns(table).into_iter().filter_map(|handle| {
        let sql = sql_type(scope.column_type(handle))?;
        let name = reader.names.spelling(&scope.column(handle).name);
        Some((handle, Field::new(name, sql, true)))
    });
    of_table.collect()
}

pub(crate) fn tables(reader: &Reader) -> Result<RecordBatch> {
    let scope = reader.scope();
    let names: Vec<String> = scope
        .tables()
        .map(|table| scope.table(table).name.clone())
        .collect();
    let rows = names.len();
    list(
        reader,
        vec![
            ("table_catalog", texts(vec![CATALOG.to_owned(); rows])),
            ("table_schema", texts(vec![SCHEMA.to_owned(); rows])),
            ("table_name", texts(names)),
            ("table_type", texts(vec!["BASE TABLE".to_owned(); rows])),
        ],
    )
}

/// The columns of one table, or of all.
pub(crate) fn columns(reader: &Reader, only: Option<Table>) -> Result<RecordBatch> {
    let scope = reader.scope();
    let (mut of, mut names, mut types, mut places) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for table in scope
        .tables()
        .filter(|table| only.is_none_or(|only| only == *table))
    {
        for (place, (handle, field)) in (1i64..).zip(columns_of(reader, table)) {
            of.push(scope.table(table).name.clone());
            names.push(scope.column(handle).name.clone());
            types.push(type_name(field.data_type()));
            places.push(place);
        }
    }
    let rows = names.len();
    list(
        reader,
        vec![
            ("table_catalog", texts(vec![CATALOG.to_owned(); rows])),
            ("table_schema", texts(vec![SCHEMA.to_owned(); rows])),
            ("table_name", texts(of)),
            ("column_name", texts(names)),
            ("ordinal_position", Arc::new(Int64Array::from(places))),
            ("is_nullable", texts(vec!["YES".to_owned(); rows])),
            ("data_type", texts(types)),
        ],
    )
}

fn measures(reader: &Reader) -> Result<RecordBatch> {
    let scope = reader.scope();
    let home = |measure| scope.table(scope.measure_table(measure)).name.clone();
    let all = scope.measures();
    list(
        reader,
        vec![
            (
                "table_name",
                texts(all.iter().map(|measure| home(*measure)).collect()),
            ),
            (
                "measure_name",
                texts(
                    all.iter()
                        .map(|measure| scope.measure(*measure).name.clone())
                        .collect(),
                ),
            ),
        ],
    )
}

fn schemata(reader: &Reader) -> Result<RecordBatch> {
    list(
        reader,
        vec![
            ("catalog_name", texts(vec![CATALOG.to_owned(); 2])),
            (
                "schema_name",
                texts(vec![SCHEMA.to_owned(), INFORMATION.to_owned()]),
            ),
        ],
    )
}

fn type_name(data_type: &ArrowType) -> String {
    match data_type {
        ArrowType::Dictionary(..) => "text".to_owned(),
        ArrowType::Int64 => "bigint".to_owned(),
        ArrowType::Float64 => "double".to_owned(),
        ArrowType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        ArrowType::Timestamp(..) => "timestamp".to_owned(),
        ArrowType::Boolean => "boolean".to_owned(),
        other => other.to_string(),
    }
}

fn texts(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn list(reader: &Reader, columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            // A name of the model that differs in case alone gives the spelling.
            Field::new(
                reader.names.spelling(name),
                array.data_type().clone(),
                false,
            )
        })
        .collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(schema, arrays).map_err(DataFusionError::from)
}
