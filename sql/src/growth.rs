//! Text that a statement makes is counted before it is made: what puts texts together is given the room first, or refused.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_dyn;
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use engine::{Error, ErrorKind};
use security::{Charge, Control, ReadError};

use crate::answer::array_text_bytes;
use crate::copies::{self, BATCH, Longest, longest_text};
use crate::error::carry;
use crate::reader::Texts;

/// Functions whose text may be longer than each of their arguments.
const GROWING: [&str; 5] = ["concat", "concat_ws", "overlay", "replace", "to_char"];
/// The most bytes that `to_char` makes of one byte of its format.
const FORMATTED: usize = 20;
/// The longest text that a statement may make, as in DAX.
const LONGEST: usize = 1 << 20;

fn grows(function: &ScalarUDF) -> bool {
    GROWING.contains(&function.name()) && !function.inner().is::<Counted>()
}

/// Whether a function counts the text of one statement, to which it belongs.
pub(crate) fn is_counted(function: &ScalarUDF) -> bool {
    let inner = function.inner();
    inner.is::<Counted>() || inner.is::<Join>() || copies::is_counted(function)
}

fn under_count(function: &Arc<ScalarUDF>, texts: &Texts) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Counted {
        inner: Arc::clone(function),
        texts: texts.clone(),
        longest: Arc::default(),
    }))
}

/// A function of DataFusion, given room for its answer before it is asked.
struct Counted {
    inner: Arc<ScalarUDF>,
    texts: Texts,
    longest: Arc<Longest>,
}

/// Counts a text that was made: in all, and as often as one batch may hold the longest of them, because whoever copies rows copies it.
fn count(made: &ColumnarValue, rows: usize, texts: &Texts, longest: &Longest) -> Result<()> {
    let found = longest_text(&array_of(made)?);
    if found > LONGEST {
        return Err(carry(Error::nowhere(
            ErrorKind::Limit,
            "the query makes a text of more than 1,048,576 bytes",
        )));
    }
    let more = longest.grows_by(found);
    texts.hold(more.saturating_mul(BATCH)).map_err(carry)?;
    texts.count(size(made, rows)?).map_err(carry)
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.name())
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Counted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        self.inner.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = if args.args.iter().any(is_array) {
            args.number_rows
        } else {
            1
        };
        let most = match (self.inner.name(), args.args.as_slice()) {
            ("replace", [text, from, to]) => replaced(text, from, to, rows)?,
            ("concat_ws", [between, rest @ ..]) => {
                let separators = size(between, rows)?.saturating_mul(rest.len());
                joined(rest, rows)?.saturating_add(separators)
            }
            ("to_char", [_, format]) => size(format, rows)?.saturating_mul(FORMATTED),
            (_, all) => joined(all, rows)?,
        };
        self.texts.room(most).map_err(carry)?;
        let made = self.inner.invoke_with_args(args)?;
        count(&made, rows, &self.texts, &self.longest)?;
        Ok(made)
    }
}

fn is_array(value: &ColumnarValue) -> bool {
    matches!(value, ColumnarValue::Array(_))
}

fn array_of(value: &ColumnarValue) -> Result<ArrayRef> {
    match value {
        ColumnarValue::Array(array) => Ok(Arc::clone(array)),
        ColumnarValue::Scalar(scalar) => scalar.to_array(),
    }
}

/// Bytes of text in so many rows of a value.
fn size(value: &ColumnarValue, rows: usize) -> Result<usize> {
    let array = array_of(value)?;
    Ok(match value {
        ColumnarValue::Array(_) => array_text_bytes(&array),
        ColumnarValue::Scalar(_) => array_text_bytes(&array).saturating_mul(rows),
    })
}

fn joined(values: &[ColumnarValue], rows: usize) -> Result<usize> {
    values.iter().try_fold(0usize, |sum, value| {
        Ok(sum.saturating_add(size(value, rows)?))
    })
}

/// The most that `replace` makes: every byte of the text gives way to the new one, or, where the old one is longer, as many as have room.
fn replaced(
    text: &ColumnarValue,
    from: &ColumnarValue,
    to: &ColumnarValue,
    rows: usize,
) -> Result<usize> {
    let bytes = size(text, rows)?;
    let least = match from {
        ColumnarValue::Scalar(_) => size(from, 1)?.max(1),
        ColumnarValue::Array(_) => 1,
    };
    let most = match to {
        ColumnarValue::Scalar(_) => size(to, 1)?,
        ColumnarValue::Array(_) => size(to, rows)?,
    };
    let times = (bytes / least).saturating_add(rows);
    Ok(bytes.saturating_add(times.saturating_mul(most)))
}

/// `a || b`, counted like the functions, and functions that the planner makes of other words, such as OVERLAY ... PLACING. The rule stands
/// behind those that settle types.
#[derive(Debug)]
pub(crate) struct CountJoined(pub Texts);

impl AnalyzerRule for CountJoined {
    fn name(&self) -> &str {
        "count_joined"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan
            .transform_up_with_subqueries(|plan| self.of_node(plan))?
            .data)
    }
}

impl CountJoined {
    fn of_node(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        let counted = plan.map_expressions(|expr| {
            let saved = names.save(&expr);
            let counted = expr.transform_up(|expr| {
                if let Expr::ScalarFunction(mut call) = expr {
                    if !grows(&call.func) {
                        return Ok(Transformed::no(Expr::ScalarFunction(call)));
                    }
                    call.func = under_count(&call.func, &self.0);
                    return Ok(Transformed::yes(Expr::ScalarFunction(call)));
                }
                if let Expr::WindowFunction(mut function) = expr {
                    let changed = copies::of_window(&mut function, &schema, &self.0)?;
                    let expr = Expr::WindowFunction(function);
                    return Ok(Transformed::new_transformed(expr, changed));
                }
                let wanted = match &expr {
                    Expr::BinaryExpr(BinaryExpr {
                        op: Operator::StringConcat,
                        ..
                    }) => expr.get_type(&schema)?,
                    _ => return Ok(Transformed::no(expr)),
                };
                let Expr::BinaryExpr(BinaryExpr { left, right, .. }) = expr else {
                    return Ok(Transformed::no(expr));
                };
                let function = ScalarUDF::from(Join {
                    wanted,
                    texts: self.0.clone(),
                    longest: Arc::default(),
                    signature: Signature::any(2, Volatility::Immutable),
                });
                Ok(Transformed::yes(function.call(vec![*left, *right])))
            })?;
            Ok(if counted.transformed {
                counted.update_data(|expr| saved.restore(expr))
            } else {
                counted
            })
        })?;
        counted.map_data(|plan| plan.recompute_schema())
    }
}

struct Join {
    wanted: ArrowType,
    texts: Texts,
    longest: Arc<Longest>,
    signature: Signature,
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Join {
    fn eq(&self, other: &Self) -> bool {
        self.wanted == other.wanted
    }
}

impl Eq for Join {}

impl Hash for Join {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.wanted.hash(state);
    }
}

impl ScalarUDFImpl for Join {
    fn name(&self) -> &str {
        "joined"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let words: Vec<String> = args.iter().map(ToString::to_string).collect();
        Ok(words.join(" || "))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let words = args.iter().map(|arg| arg.schema_name().to_string());
        Ok(words.collect::<Vec<String>>().join(" || "))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[ArrowType]) -> Result<ArrowType> {
        Ok(self.wanted.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return exec_err!("|| takes two texts");
        };
        let constant = !is_array(left) && !is_array(right);
        let rows = if constant { 1 } else { args.number_rows };
        let most = joined(&args.args, rows)?;
        self.texts.room(most).map_err(carry)?;
        let plain = |value: &ColumnarValue| -> Result<ArrayRef> {
            Ok(cast(&value.clone().into_array(rows)?, &self.wanted)?)
        };
        let both = concat_elements_dyn(&plain(left)?, &plain(right)?)?;
        let made = match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&both, 0)?),
            false => ColumnarValue::Array(both),
        };
        count(&made, rows, &self.texts, &self.longest)?;
        Ok(made)
    }
}

/// Room for what the expressions of a plan make of one batch: sixteen bytes a value, and a constant text as often as there are rows. Lists
/// that are only compared with, and rows that are written out, are not made again for each row.
pub(crate) fn expressions(
    plan: &LogicalPlan,
    rows: usize,
    control: &Control,
) -> std::result::Result<Charge, ReadError> {
    let mut bytes = 0usize;
    let walk = plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::Values(_)) {
            return Ok(TreeNodeRecursion::Continue);
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                bytes = bytes.saturating_add(match expr {
                    Expr::Literal(value, _) => {
                        let text = value.try_as_str().flatten().unwrap_or_default();
                        text.len().saturating_add(16).saturating_mul(rows)
                    }
                    _ => rows.saturating_mul(16),
                });
                Ok(match expr {
                    Expr::InList(_) => TreeNodeRecursion::Jump,
                    _ => TreeNodeRecursion::Continue,
                })
            })
        })
    });
    walk.map_err(|_| ReadError::Internal("a plan that cannot be walked".to_owned()))?;
    Ok(control.charge(bytes)?)
}
