//! The collation of the model as functions of SQL: `fold` gives the form in which equal text is equal byte by byte. MIN and MAX of text go by
//! the order of the collation; `ordering.rs` has the other functions that do.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, LargeStringArray, Scalar, StringArray, StringViewArray,
};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::nullif;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use security::{compare_text, fold_text};

static FOLD: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(Fold { signature: any(1) })));

static MIN: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| extreme(Keep::Least));
static MAX: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| extreme(Keep::Greatest));

static NULL_IF: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(NullIf { signature: any(2) })));

pub(crate) fn any(arguments: usize) -> Signature {
    Signature::any(arguments, Volatility::Immutable)
}

/// The folded form of a text expression.
pub(crate) fn fold(expr: Expr) -> Expr {
    FOLD.call(vec![expr])
}

pub(crate) fn is_fold(function: &ScalarUDF) -> bool {
    function.name() == "fold"
}

/// NULLIF of two texts of one type. It is a function and no CASE, because a CASE says the first twice, and one NULLIF in the other would double
/// with each level.
pub(crate) fn null_if(value: Expr, other: Expr) -> Expr {
    NULL_IF.call(vec![value, other])
}

/// MIN or MAX of text by the collation.
pub(crate) fn extreme_of(name: &str) -> Option<Arc<AggregateUDF>> {
    match name {
        "min" => Some(Arc::clone(&MIN)),
        "max" => Some(Arc::clone(&MAX)),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fold {
    signature: Signature,
}

impl ScalarUDFImpl for Fold {
    fn name(&self) -> &str {
        "fold"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        match types {
            [only] => Ok(only.clone()),
            _ => exec_err!("fold takes one text"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(fold_array(&array)?)),
            Some(ColumnarValue::Scalar(scalar)) => {
                let folded = fold_array(&scalar.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                    &folded, 0,
                )?))
            }
            None => exec_err!("fold takes one text"),
        }
    }
}

fn fold_array(array: &ArrayRef) -> Result<ArrayRef> {
    let folded = |text: Option<&str>| text.map(fold_text).map(|text| text.into_owned());
    Ok(match array.data_type() {
        ArrowType::Utf8 => Arc::new(
            array
                .as_string::<i32>()
                .iter()
                .map(folded)
                .collect::<StringArray>(),
        ),
        ArrowType::LargeUtf8 => Arc::new(
            array
                .as_string::<i64>()
                .iter()
                .map(folded)
                .collect::<LargeStringArray>(),
        ),
        ArrowType::Utf8View => Arc::new(
            array
                .as_string_view()
                .iter()
                .map(folded)
                .collect::<StringViewArray>(),
        ),
        ArrowType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            dictionary.with_values(fold_array(dictionary.values())?)
        }
        _ => return exec_err!("fold takes text"),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NullIf {
    signature: Signature,
}

impl ScalarUDFImpl for NullIf {
    fn name(&self) -> &str {
        "nullif"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        match types {
            [value, _] => Ok(value.clone()),
            _ => exec_err!("nullif takes two texts"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, other] = args.args.as_slice() else {
            return exec_err!("nullif takes two texts");
        };
        let constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let alone = constant(value) && constant(other);
        let rows = if alone { 1 } else { args.number_rows };
        let value = value.to_array(rows)?;
        let folded = fold_array(&value)?;
        let equal = match other {
            ColumnarValue::Array(other) => eq(&folded, &fold_array(other)?)?,
            ColumnarValue::Scalar(other) => {
                eq(&folded, &Scalar::new(fold_array(&other.to_array()?)?))?
            }
        };
        let left = nullif(&value, &equal)?;
        Ok(if alone {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&left, 0)?)
        } else {
            ColumnarValue::Array(left)
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Keep {
    Least,
    Greatest,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    keep: Keep,
    signature: Signature,
}

fn extreme(keep: Keep) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Extreme {
        keep,
        signature: any(1),
    }))
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        match self.keep {
            Keep::Least => "min",
            Keep::Greatest => "max",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[ArrowType]) -> Result<ArrowType> {
        Ok(ArrowType::Utf8)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Kept {
            keep: self.keep,
            best: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<arrow::datatypes::FieldRef>> {
        let field = arrow::datatypes::Field::new(args.name, ArrowType::Utf8, true);
        Ok(vec![Arc::new(field)])
    }
}

/// The best text so far.
#[derive(Debug)]
struct Kept {
    keep: Keep,
    best: Option<String>,
}

impl Kept {
    fn offer(&mut self, text: &str) {
        let better = self.best.as_ref().is_none_or(|best| {
            let order = match self.keep {
                Keep::Least => compare_text(text, best),
                Keep::Greatest => compare_text(best, text),
            };
            // Of equal texts the least in bytes is kept, so that the order of rows decides nothing.
            order.then_with(|| text.cmp(best)).is_lt()
        });
        if better {
            self.best = Some(text.to_owned());
        }
    }
}

impl Accumulator for Kept {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else {
            return Ok(());
        };
        let plain = arrow::compute::cast(values, &ArrowType::Utf8)?;
        for text in plain.as_string::<i32>().iter().flatten() {
            self.offer(text);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Utf8(self.best.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.best.as_ref().map_or(0, String::capacity)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
