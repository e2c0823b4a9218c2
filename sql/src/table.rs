//! A table of the view, for DataFusion: its columns, which filters it decides itself, and its rows.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use security::{Column, Table};

use crate::catalog::columns_of;
use crate::filter;
use crate::reader::{Reader, here};
use crate::rows::RowsExec;

#[derive(Debug)]
pub(crate) struct ModelTable {
    pub reader: Arc<Reader>,
    pub table: Table,
    pub columns: Vec<Column>,
    schema: SchemaRef,
}

impl ModelTable {
    pub fn new(reader: Arc<Reader>, table: Table) -> ModelTable {
        let (columns, fields): (Vec<Column>, Vec<Field>) =
            columns_of(&reader, table).into_iter().unzip();
        ModelTable {
            reader,
            table,
            columns,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// The table as a plan that is kept knows it.
    pub fn again(
        reader: Arc<Reader>,
        table: Table,
        columns: Vec<Column>,
        schema: SchemaRef,
    ) -> ModelTable {
        ModelTable {
            reader,
            table,
            columns,
            schema,
        }
    }

    /// The column that a filter speaks of, when it speaks of one alone and the storage can decide it.
    pub fn decides(&self, filter: &Expr) -> Option<Column> {
        let name = filter::only_column(filter)?;
        self.column_named(&name)
    }

    pub fn column_named(&self, name: &str) -> Option<Column> {
        let place = self.schema.index_of(name).ok()?;
        self.columns.get(place).copied()
    }

    /// The filters as sets of codes; those that cannot be decided before rows are read are given back.
    fn lower(&self, filters: &[Expr]) -> (Vec<security::Filter>, Vec<Expr>) {
        let (mut lowered, mut left) = (Vec::new(), Vec::new());
        for filter in filters {
            let codes = self.decides(filter).and_then(|column| {
                Some((column, filter::passing(&self.reader, column, filter).ok()?))
            });
            match codes {
                Some((column, set)) => lowered.push(security::Filter::In {
                    column: here(column),
                    set: Arc::new(set),
                }),
                None => left.push(filter.clone()),
            }
        }
        (lowered, left)
    }
}

#[async_trait]
impl TableProvider for ModelTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let decided = filters.iter().map(|filter| match self.decides(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        });
        Ok(decided.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = match projection {
            Some(places) => places.clone(),
            None => (0..self.columns.len()).collect(),
        };
        self.reader
            .control
            .check()
            .map_err(|stopped| crate::error::carry_read(security::ReadError::Stopped(stopped)))?;
        let (lowered, left) = self.lower(filters);
        let shown: Vec<String> = filters.iter().map(ToString::to_string).collect();
        if left.is_empty() {
            let columns = wanted
                .iter()
                .filter_map(|place| self.columns.get(*place).copied());
            let schema = Arc::new(self.schema.project(&wanted)?);
            let rows = RowsExec::new(
                Arc::clone(&self.reader),
                self.table,
                columns.collect(),
                schema,
                lowered,
                limit,
                shown,
            );
            return Ok(Arc::new(rows));
        }
        // A filter that failed over the values of its column fails, or not, over the rows that the others leave.
        let rows = RowsExec::new(
            Arc::clone(&self.reader),
            self.table,
            self.columns.clone(),
            Arc::clone(&self.schema),
            lowered,
            None,
            shown,
        );
        let bare = left.into_iter().map(filter::unqualified);
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let predicate = conjunction(bare.collect::<Result<Vec<_>>>()?);
        let Some(predicate) = predicate else {
            return Ok(Arc::new(rows));
        };
        let predicate = state.create_physical_expr(predicate, &schema)?;
        let filtered: Arc<dyn ExecutionPlan> =
            Arc::new(FilterExec::try_new(predicate, Arc::new(rows))?);
        let columns = wanted.iter().map(|place| {
            let field = self.schema.field(*place);
            let column = datafusion::physical_expr::expressions::Column::new(field.name(), *place);
            (
                Arc::new(column) as Arc<dyn datafusion::physical_expr::PhysicalExpr>,
                field.name().clone(),
            )
        });
        Ok(Arc::new(ProjectionExec::try_new(
            columns.collect::<Vec<_>>(),
            filtered,
        )?))
    }
}
