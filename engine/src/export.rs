//! A table as a view shows it, batch by batch: for whoever writes it away and need not hold it whole.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use security::{Charge, Codes, Column, Control, PathColumn, Scan, Scope, Target};

use crate::answer::{Limits, Options};
use crate::error::{Error, ErrorKind};
use crate::query::{bind, parse, widened};

/// Rows of a batch.
const BATCH: usize = 1 << 16;

/// The visible rows and columns of a table, on their way.
pub struct TableExport<'a> {
    scope: &'a Scope,
    control: &'a Control,
    columns: Vec<Column>,
    rows: Codes,
    next: usize,
    begun: bool,
    /// The list of rows.
    _list: Charge,
    /// The latest batch: its caller has it until it asks for the next.
    latest: Charge,
}

/// The query that shows the same rows: what the audit and messages speak of.
pub fn export_text(table: &str) -> String {
    format!("EVALUATE '{}'", table.replace('\'', "''"))
}

impl<'a> TableExport<'a> {
    /// Finds the rows. A table that is not there, or is hidden, gives the error of a query that names it.
    pub fn begin(
        scope: &'a Scope,
        table: &str,
        limits: &Limits,
        control: &'a Control,
    ) -> Result<TableExport<'a>, Error> {
        bind(
            scope,
            &parse(&export_text(table))?,
            &Options::default(),
            control,
        )?;
        let internal = || Error::nowhere(ErrorKind::Internal, "a table that was bound is gone");
        let found = scope.find_table(table).ok_or_else(internal)?;
        let columns = scope.columns(found);
        if columns.is_empty() {
            return Err(Error::nowhere(
                ErrorKind::Argument,
                "the table has no columns to export",
            ));
        }
        let scan = Scan {
            table: found,
            filters: Vec::new(),
            keys: Vec::new(),
            aggregates: Vec::new(),
        };
        let rows = scope.scan_rows(&scan, control)?;
        let list = control.charge(rows.len() * size_of::<u32>())?;
        if rows.len() > limits.result_rows {
            return Err(Error::nowhere(
                ErrorKind::Limit,
                format!("the table has more than {} rows", limits.result_rows),
            ));
        }
        Ok(TableExport {
            scope,
            control,
            columns,
            rows,
            next: 0,
            begun: false,
            _list: list,
            latest: control.no_charge(),
        })
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The next rows, in load order. Of a table without visible rows there is one batch, which says its columns.
    pub fn batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let len = BATCH.min(self.rows.len() - self.next);
        if len == 0 && self.begun {
            return Ok(None);
        }
        self.begun = true;
        self.control.check()?;
        let rows = self.rows.slice(self.next, len);
        self.next += len;
        let mut fields = Vec::with_capacity(self.columns.len());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let here = PathColumn {
                path: Arc::from([]),
                target: Target::Column(*column),
            };
            let values = self.scope.fetch(&rows, &here, self.control)?;
            let values = self.scope.decode(&values, self.control)?;
            let (_, values) = widened(values)?;
            let name = self.scope.column(*column).name.clone();
            fields.push(Field::new(name, values.data_type().clone(), true));
            arrays.push(values);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|e| Error::nowhere(ErrorKind::Internal, e.to_string()))?;
        self.latest.set(batch.get_array_memory_size())?;
        Ok(Some(batch))
    }
}
