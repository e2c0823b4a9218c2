//! Rows of a table: the visible ones that pass the filters, decoded batch by batch.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use security::{Codes, Column, Filter, Scan, Table};

use crate::error::carry_read;
use crate::reader::{Reader, here};
use crate::types;

/// Reads visible rows. The visibility is inside the scan that the view lowers.
pub(crate) struct RowsExec {
    reader: Arc<Reader>,
    table: Table,
    columns: Vec<Column>,
    schema: SchemaRef,
    filters: Vec<Filter>,
    limit: Option<usize>,
    /// The filters as the statement has them, for EXPLAIN.
    shown: Vec<String>,
    properties: Arc<PlanProperties>,
}

impl RowsExec {
    pub fn new(
        reader: Arc<Reader>,
        table: Table,
        columns: Vec<Column>,
        schema: SchemaRef,
        filters: Vec<Filter>,
        limit: Option<usize>,
        shown: Vec<String>,
    ) -> RowsExec {
        let properties = leaf_properties(&schema);
        RowsExec {
            reader,
            table,
            columns,
            schema,
            filters,
            limit,
            shown,
            properties,
        }
    }
}

/// Properties of a plan that reads, in one piece.
pub(crate) fn leaf_properties(schema: &SchemaRef) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        Partitioning::UnknownPartitioning(1),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}

impl fmt::Debug for RowsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowsExec").finish_non_exhaustive()
    }
}

impl DisplayAs for RowsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.reader.scope();
        let names: Vec<&str> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        write!(
            f,
            "VisibleRows: table={}, columns=[{}]",
            scope.table(self.table).name,
            names.join(", ")
        )?;
        if !self.shown.is_empty() {
            write!(f, ", filters=[{}]", self.shown.join(", "))?;
        }
        match self.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for RowsExec {
    fn name(&self) -> &str {
        "VisibleRows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let reading = Reading {
            reader: Arc::clone(&self.reader),
            scan: Scan {
                table: self.table,
                filters: self.filters.clone(),
                keys: Vec::new(),
                aggregates: Vec::new(),
            },
            columns: self.columns.clone(),
            schema: Arc::clone(&self.schema),
            limit: self.limit,
            batch: context.session_config().batch_size(),
            rows: None,
            next: 0,
            held: MemoryConsumer::new("visible rows").register(context.memory_pool()),
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            futures::stream::iter(reading),
        )))
    }
}

/// One pass over the rows, done when the first batch is asked for.
struct Reading {
    reader: Arc<Reader>,
    scan: Scan,
    columns: Vec<Column>,
    schema: SchemaRef,
    limit: Option<usize>,
    batch: usize,
    rows: Option<Codes>,
    next: usize,
    held: MemoryReservation,
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let batch = self.read();
        if batch.is_err() {
            // Nothing follows an error.
            self.rows = None;
            self.limit = Some(0);
            self.next = usize::MAX;
        }
        batch.transpose()
    }
}

impl Reading {
    fn read(&mut self) -> Result<Option<RecordBatch>> {
        if self.next == usize::MAX {
            return Ok(None);
        }
        let scope = self.reader.scope();
        let rows = match &self.rows {
            Some(rows) => rows,
            None => {
                self.reader.asked(1);
                let found = scope
                    .scan_rows(&self.scan, &self.reader.control)
                    .map_err(carry_read)?;
                self.held.try_grow(found.len().saturating_mul(4))?;
                self.rows.insert(found)
            }
        };
        self.reader
            .control
            .check()
            .map_err(|stopped| carry_read(stopped.into()))?;
        let end = rows.len().min(self.limit.unwrap_or(usize::MAX));
        let stop = self.next.saturating_add(self.batch).min(end);
        if self.next >= stop {
            self.held.free();
            return Ok(None);
        }
        let places: Vec<u32> = (self.next..stop)
            .filter_map(|place| u32::try_from(place).ok())
            .collect();
        let taken = rows.take(&places);
        self.next = stop;
        let arrays: Result<Vec<ArrayRef>> = self
            .columns
            .iter()
            .map(|column| {
                let codes = scope
                    .fetch(&taken, &here(*column), &self.reader.control)
                    .map_err(carry_read)?;
                types::decode(scope, &codes, &self.reader.control).map_err(carry_read)
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        Ok(Some(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            arrays?,
            &options,
        )?))
    }
}
