//! An aggregate as one scan of the view: what it asks, and how its groups become rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as SqlResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use engine::{Error, Grouped};
use security::{Aggregated, Charge, Codes, Filter, Groups, ReadError, Scan};

use super::aggregates::Result;
use crate::error::{carry, carry_read};
use crate::measure::beside;
use crate::reader::Reader;
use crate::rows::leaf_properties;
use crate::types::{self, fault};

/// An aggregate that the storage engine computes, and what it is read with.
#[derive(Clone)]
pub(crate) struct Fused {
    pub reader: Arc<Reader>,
    pub asked: Arc<Asked>,
}

/// What such an aggregate asks for. Its columns are the group keys, and then the results.
pub(crate) struct Asked {
    pub scan: Scan,
    pub results: Vec<Result>,
    /// Measures in the same groups under the same conditions.
    pub measures: Option<Grouped>,
    pub schema: SchemaRef,
    /// The aggregate as the statement has it, for EXPLAIN.
    pub shown: String,
}

impl Asked {
    /// Bytes of the sets that it filters by.
    pub fn bytes(&self) -> usize {
        let scanned = self.scan.filters.iter().map(|filter| match filter {
            Filter::In { set, .. } => set.serialized_size(),
            Filter::Tuples { codes, .. } => codes.len().saturating_mul(4),
        });
        let measured = self.measures.iter().flat_map(|asked| &asked.filters);
        let measured = measured.map(|(_, set)| set.serialized_size());
        scanned.chain(measured).sum()
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl fmt::Debug for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fused").finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for Fused {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.asked.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> SqlResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(ScanExec {
            properties: leaf_properties(&self.asked.schema),
            fused: self.clone(),
        }))
    }
}

struct ScanExec {
    fused: Fused,
    properties: Arc<PlanProperties>,
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanExec").finish_non_exhaustive()
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.fused.reader.scope();
        write!(
            f,
            "ModelScan: table={}, {}",
            scope.table(self.fused.asked.scan.table).name,
            self.fused.asked.shown
        )
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ModelScan"
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
    ) -> SqlResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> SqlResult<TreeNodeRecursion>,
    ) -> SqlResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> SqlResult<SendableRecordBatchStream> {
        let mut pieces = Pieces {
            fused: self.fused.clone(),
            size: context.session_config().batch_size().max(1),
            found: None,
            next: 0,
        };
        // Nothing is read before the first batch is asked for.
        let batches = std::iter::from_fn(move || pieces.piece().transpose());
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.fused.asked.schema),
            futures::stream::iter(batches),
        )))
    }
}

/// The groups of a scan, made into rows a piece at a time: each has a dictionary of its own, as long as it needs to be.
struct Pieces {
    fused: Fused,
    size: usize,
    found: Option<Found>,
    next: usize,
}

/// What a scan found, counted as held.
struct Found {
    groups: Groups,
    measures: Vec<ArrayRef>,
    _charge: Charge,
}

impl Pieces {
    fn piece(&mut self) -> SqlResult<Option<RecordBatch>> {
        if self.next == usize::MAX {
            return Ok(None);
        }
        let start = self.next;
        // Nothing follows an error.
        self.next = usize::MAX;
        let found = match self.found.take() {
            Some(found) => found,
            None => self.fused.run()?,
        };
        let rows = found.groups.len;
        let size = self.size.min(rows.saturating_sub(start));
        // An aggregate without groups has one row, so no rows is no answer of a scan that has one.
        if size == 0 {
            return Ok(None);
        }
        let whole = start == 0 && size == rows;
        let batch = if whole {
            self.fused.batch(&found.groups, &found.measures)?
        } else {
            let measures = found.measures.iter();
            let measures: Vec<ArrayRef> = measures.map(|array| array.slice(start, size)).collect();
            self.fused
                .batch(&part(&found.groups, start, size), &measures)?
        };
        self.next = start + size;
        self.found = Some(found);
        Ok(Some(batch))
    }
}

fn part(groups: &Groups, start: usize, size: usize) -> Groups {
    fn cut<T: Copy>(list: &[T], start: usize, size: usize) -> Vec<T> {
        list.iter().skip(start).take(size).copied().collect()
    }
    let codes = |codes: &Codes| {
        let places =
            (start..start.saturating_add(size)).filter_map(|place| u32::try_from(place).ok());
        codes.take(&places.collect::<Vec<u32>>())
    };
    let aggregates = groups.aggregates.iter().map(|aggregated| match aggregated {
        Aggregated::Count(list) => Aggregated::Count(cut(list, start, size)),
        Aggregated::Integer(list) => Aggregated::Integer(cut(list, start, size)),
        Aggregated::Fixed(list) => Aggregated::Fixed(cut(list, start, size)),
        Aggregated::Double(list) => Aggregated::Double(cut(list, start, size)),
        Aggregated::Codes(list) => Aggregated::Codes(codes(list)),
    });
    Groups {
        len: size,
        keys: groups.keys.iter().map(codes).collect(),
        aggregates: aggregates.collect(),
    }
}

/// Bytes that groups hold.
fn bytes(groups: &Groups) -> usize {
    let keys = groups.keys.len().saturating_mul(4);
    let aggregates = groups.aggregates.iter().map(|aggregated| match aggregated {
        Aggregated::Count(_) => 8,
        Aggregated::Integer(_) | Aggregated::Fixed(_) => 32,
        Aggregated::Double(_) => 16,
        Aggregated::Codes(_) => 4,
    });
    let row = keys.saturating_add(aggregates.sum::<usize>());
    row.saturating_mul(groups.len)
}

impl Fused {
    fn run(&self) -> SqlResult<Found> {
        let (scope, control) = (self.reader.scope(), &self.reader.control);
        let groups = self.reader.scan(&self.asked.scan).map_err(carry_read)?;
        let held = |bytes| {
            let charge = control.charge(bytes);
            charge.map_err(|stopped| carry_read(ReadError::Stopped(stopped)))
        };
        let charge = held(bytes(&groups))?;
        let measures = match &self.asked.measures {
            None => Vec::new(),
            Some(asked) => {
                let keys = groups
                    .keys
                    .iter()
                    .map(|key| types::decode(scope, key, control));
                let keys: std::result::Result<Vec<ArrayRef>, _> = keys.collect();
                let keys = keys.map_err(carry_read)?;
                let decoded = keys.iter().map(|key| key.get_array_memory_size());
                let _decoded = held(decoded.sum())?;
                self.measured(asked, &keys, groups.len)?
            }
        };
        Ok(Found {
            groups,
            measures,
            _charge: charge,
        })
    }

    /// Groups as rows.
    fn batch(&self, groups: &Groups, measures: &[ArrayRef]) -> SqlResult<RecordBatch> {
        let scope = self.reader.scope();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.asked.schema.fields().len());
        for key in &groups.keys {
            arrays.push(types::decode(scope, key, &self.reader.control).map_err(carry_read)?);
        }
        let types = self.asked.schema.fields().iter().skip(arrays.len());
        for (result, field) in self.asked.results.iter().zip(types) {
            arrays.push(match result {
                Result::Measure(place) => measures
                    .get(*place)
                    .cloned()
                    .ok_or_else(|| carry(unasked()))?,
                other => self.column(other, groups, field.data_type())?,
            });
        }
        let fitted: SqlResult<Vec<ArrayRef>> = arrays
            .into_iter()
            .zip(self.asked.schema.fields())
            .map(|(array, field)| {
                if array.data_type() == field.data_type() {
                    Ok(array)
                } else {
                    Ok(cast(&array, field.data_type())?)
                }
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.asked.schema),
            fitted?,
            &options,
        )?)
    }

    /// The measures of each group, by the DAX engine.
    fn measured(
        &self,
        asked: &Grouped,
        keys: &[ArrayRef],
        rows: usize,
    ) -> SqlResult<Vec<ArrayRef>> {
        let options = engine::Options {
            parameters: Vec::new(),
            limits: self.reader.limits.clone(),
        };
        let answer = engine::grouped(self.reader.scope(), asked, &options, &self.reader.control);
        let (answer, scans) = answer.map_err(carry)?;
        self.reader.asked(scans);
        beside(keys, rows, &answer.batch)
    }

    fn column(&self, result: &Result, groups: &Groups, wanted: &ArrowType) -> SqlResult<ArrayRef> {
        match result {
            Result::Count(place) => counted(counts(groups, *place)?.iter().copied()),
            Result::Sum(place) | Result::Extreme(place) => {
                self.values(found(groups, *place)?, wanted)
            }
            Result::Average { sum, count } => {
                average(found(groups, *sum)?, counts(groups, *count)?, wanted)
            }
            Result::Distinct {
                distinct,
                rows,
                count,
            } => {
                let distinct = counts(groups, *distinct)?.iter();
                let blank = counts(groups, *rows)?.iter().zip(counts(groups, *count)?);
                let blank = blank.map(|(rows, count)| u64::from(rows > count));
                counted(
                    distinct
                        .zip(blank)
                        .map(|(distinct, blank)| distinct.saturating_sub(blank)),
                )
            }
            Result::Measure(_) => Err(carry(unasked())),
        }
    }

    fn values(&self, found: &Aggregated, wanted: &ArrowType) -> SqlResult<ArrayRef> {
        Ok(match found {
            Aggregated::Count(counts) => counted(counts.iter().copied())?,
            Aggregated::Integer(values) => {
                let narrow = values
                    .iter()
                    .map(|value| value.map(i64::try_from).transpose());
                let narrow: std::result::Result<Int64Array, _> = narrow.collect();
                Arc::new(narrow.map_err(|_| carry_read(ReadError::Overflow))?)
            }
            Aggregated::Fixed(values) => {
                let fixed = Decimal128Array::from(values.clone());
                let precision = match wanted {
                    ArrowType::Decimal128(precision, _) => *precision,
                    _ => 38,
                };
                fixed.validate_decimal_precision(precision)?;
                Arc::new(fixed.with_precision_and_scale(precision, 4)?)
            }
            Aggregated::Double(values) => Arc::new(Float64Array::from(values.clone())),
            Aggregated::Codes(codes) => {
                types::decode(self.reader.scope(), codes, &self.reader.control)
                    .map_err(carry_read)?
            }
        })
    }
}

fn found(groups: &Groups, place: usize) -> SqlResult<&Aggregated> {
    groups.aggregates.get(place).ok_or_else(|| carry(unasked()))
}

fn counts(groups: &Groups, place: usize) -> SqlResult<&[u64]> {
    match found(groups, place)? {
        Aggregated::Count(counts) => Ok(counts),
        _ => Err(carry(unasked())),
    }
}

fn unasked() -> Error {
    fault("a scan answered what it was not asked")
}

fn counted(counts: impl Iterator<Item = u64>) -> SqlResult<ArrayRef> {
    let counts: std::result::Result<Vec<i64>, _> = counts.map(i64::try_from).collect();
    Ok(Arc::new(Int64Array::from(
        counts.map_err(|_| carry_read(ReadError::Overflow))?,
    )))
}

fn average(sums: &Aggregated, counts: &[u64], wanted: &ArrowType) -> SqlResult<ArrayRef> {
    let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
    Ok(match sums {
        Aggregated::Integer(sums) => {
            let pairs = sums.iter().zip(counts);
            let means = pairs.map(|(sum, count)| mean(sum.unwrap_or(0) as f64, *count));
            Arc::new(means.collect::<Float64Array>())
        }
        Aggregated::Double(sums) => {
            let pairs = sums.iter().zip(counts);
            let means = pairs.map(|(sum, count)| mean(sum.unwrap_or(0.0), *count));
            Arc::new(means.collect::<Float64Array>())
        }
        Aggregated::Fixed(sums) => {
            let ArrowType::Decimal128(precision, scale) = wanted else {
                return Err(carry(unasked()));
            };
            let further = u32::try_from(i32::from(*scale) - 4).unwrap_or(0);
            let places = 10i128.pow(further);
            let means: Option<Vec<Option<i128>>> = sums
                .iter()
                .zip(counts)
                .map(|(sum, count)| match (sum, *count) {
                    (Some(sum), 1..) => sum
                        .checked_mul(places)
                        .map(|sum| Some(sum / i128::from(*count))),
                    _ => Some(None),
                })
                .collect();
            let means = means.ok_or_else(|| carry_read(ReadError::Overflow))?;
            Arc::new(Decimal128Array::from(means).with_precision_and_scale(*precision, *scale)?)
        }
        Aggregated::Count(_) | Aggregated::Codes(_) => return Err(carry(unasked())),
    })
}
