//! Texts that operators copy. A text is counted when it is made; but joins, windows and aggregates write it out again, once for each row, and tell
//! nobody before they are done. So what they may copy is counted before they are asked: the longest text of each column, as often as there may be rows.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion::common::{DFSchema, Result, exec_err};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::union::UnionExec;

use crate::error::carry;
use crate::reader::Texts;
use crate::types::is_text;

/// Rows of a batch.
pub(crate) const BATCH: usize = 8192;

/// The longest text that one place of a plan has seen so far.
#[derive(Debug, Default)]
pub(crate) struct Longest(AtomicUsize);

impl Longest {
    /// By how much a text of so many bytes is longer than all before it.
    pub fn grows_by(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.0.fetch_max(bytes, Ordering::Relaxed))
    }
}

/// Bytes of the longest text of an array; of a dictionary, of its longest value.
pub(crate) fn longest_text(array: &ArrayRef) -> usize {
    fn by_offsets<O: OffsetSizeTrait>(array: &ArrayRef) -> usize {
        let ends = array.as_string::<O>().value_offsets().windows(2);
        let lengths = ends.map(|pair| match pair {
            [from, to] => to.as_usize().saturating_sub(from.as_usize()),
            _ => 0,
        });
        lengths.max().unwrap_or(0)
    }
    match array.data_type() {
        ArrowType::Utf8 => by_offsets::<i32>(array),
        ArrowType::LargeUtf8 => by_offsets::<i64>(array),
        ArrowType::Utf8View => {
            let texts = array.as_string_view().iter().flatten();
            texts.map(str::len).max().unwrap_or(0)
        }
        ArrowType::Dictionary(..) => longest_text(array.as_any_dictionary().values()),
        _ => 0,
    }
}

/// How an operator copies the texts of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copying {
    /// Into rows of batches of its own; keys of a dictionary are as short as any number.
    Rows,
    /// Into so many states for each group.
    States(usize),
}

/// How an operator copies what it is given. None: it does not, or what it makes of it is counted otherwise.
pub(crate) fn copying(node: &Arc<dyn ExecutionPlan>) -> Option<Copying> {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        let schema = node.schema();
        let keys = aggregate.group_expr().expr().len();
        let given = schema.fields().iter().skip(keys);
        let texts = given.filter(|field| is_text(field.data_type()));
        // Where text compares as in the model, a state holds what is compared beside what is shown.
        let states = texts.count().saturating_mul(2);
        return (keys > 0 && states > 0).then_some(Copying::States(states));
    }
    let several = node.children().len() > 1 && node.downcast_ref::<UnionExec>().is_none();
    several.then_some(Copying::Rows)
}

/// What an operator may copy of one input, counted while its batches pass.
#[derive(Default)]
pub(crate) struct Copies {
    columns: Vec<Longest>,
}

impl Copies {
    pub fn see(&mut self, batch: &RecordBatch, copying: Copying, texts: &Texts) -> Result<()> {
        if self.columns.is_empty() {
            self.columns
                .resize_with(batch.num_columns(), Longest::default);
        }
        let columns = batch.columns().iter().zip(&self.columns);
        let more = match copying {
            Copying::Rows => {
                let whole = columns
                    .filter(|(column, _)| !matches!(column.data_type(), ArrowType::Dictionary(..)));
                let grown = whole.map(|(column, longest)| longest.grows_by(longest_text(column)));
                grown.fold(0usize, usize::saturating_add)
            }
            // A state holds one text, of whichever column.
            Copying::States(states) => {
                let found = batch.columns().iter().map(longest_text).max();
                let longest = self.columns.first().zip(found);
                let grown = longest.map_or(0, |(longest, found)| longest.grows_by(found));
                grown.saturating_mul(states)
            }
        };
        match more {
            0 => Ok(()),
            more => texts.hold(more.saturating_mul(BATCH)).map_err(carry),
        }
    }
}

/// A window function whose text is counted: the value that it gives for a row is a text of its own.
pub(crate) fn of_window(
    function: &mut WindowFunction,
    schema: &DFSchema,
    texts: &Texts,
) -> Result<bool> {
    let Some(first) = function.params.args.first_mut() else {
        return Ok(false);
    };
    let counted = matches!(first, Expr::ScalarFunction(call) if is_counted(&call.func));
    if function.fun.name() == "count" || counted || !is_text(&first.get_type(schema)?) {
        return Ok(false);
    }
    let copied = ScalarUDF::from(Copied {
        texts: texts.clone(),
        longest: Arc::default(),
        signature: Signature::any(1, Volatility::Immutable),
    });
    let bare = std::mem::take(first);
    *first = copied.call(vec![bare]);
    Ok(true)
}

/// Counts the constant texts that window functions of a plan may give, such as the default of LAG.
pub(crate) fn of_constants(plan: &LogicalPlan, texts: &Texts) -> Result<()> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    let mut bytes = 0usize;
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::Window(window) = node else {
            return Ok(TreeNodeRecursion::Continue);
        };
        for expr in &window.window_expr {
            expr.apply(|expr| {
                if let Expr::Literal(value, _) = expr {
                    let text = value.try_as_str().flatten().unwrap_or_default();
                    bytes = bytes.saturating_add(text.len());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    texts.longer_in_windows(bytes).map_err(carry)
}

pub(crate) fn is_counted(function: &ScalarUDF) -> bool {
    function.inner().is::<Copied>()
}

/// Gives its argument back, and counts what a window function makes of it.
struct Copied {
    texts: Texts,
    longest: Arc<Longest>,
    signature: Signature,
}

impl fmt::Debug for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Copied {
    /// All of one statement count for it.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Copied {}

impl Hash for Copied {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for Copied {
    fn name(&self) -> &str {
        "copied"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let words: Vec<String> = args.iter().map(ToString::to_string).collect();
        Ok(words.join(", "))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let words = args.iter().map(|arg| arg.schema_name().to_string());
        Ok(words.collect::<Vec<String>>().join(", "))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        match types {
            [only] => Ok(only.clone()),
            _ => exec_err!("a copy is of one text"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [only] => Ok(Arc::clone(only)),
            _ => exec_err!("a copy is of one text"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return exec_err!("a copy is of one text");
        };
        let found = match &value {
            ColumnarValue::Array(array) => longest_text(array),
            ColumnarValue::Scalar(scalar) => longest_text(&scalar.to_array()?),
        };
        let more = self.longest.grows_by(found);
        self.texts.longer_in_windows(more).map_err(carry)?;
        Ok(value)
    }
}
