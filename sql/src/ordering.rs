//! The order of the collation as functions of SQL: what stands in the order of texts for ORDER BY, and whether a text stands before another, as a
//! comparison that the codes of a column can answer too.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray, LargeBinaryBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use engine::{Error, ErrorKind};
use security::{compare_text, order_text};

use crate::answer::array_text_bytes;
use crate::collate::any;
use crate::error::carry;

/// What orders texts takes about three bytes for each of theirs; some letters stand for many, and texts of nothing else are not sorted.
const LONGEST: usize = 6;
/// However short the texts are.
const SHORT: usize = 1 << 20;

static KEY: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(Key { signature: any(1) })));

static COMPARISONS: LazyLock<[(Operator, Arc<ScalarUDF>); 4]> = LazyLock::new(|| {
    [
        (Operator::Lt, "text_lt"),
        (Operator::LtEq, "text_lteq"),
        (Operator::Gt, "text_gt"),
        (Operator::GtEq, "text_gteq"),
    ]
    .map(|(op, name)| {
        let signature = any(2);
        let function = Compared {
            op,
            name,
            signature,
        };
        (op, Arc::new(ScalarUDF::from(function)))
    })
});

static BETWEEN: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(Between { signature: any(3) })));

/// What stands in the order of a text.
pub(crate) fn key(expr: Expr) -> Expr {
    KEY.call(vec![expr])
}

/// The function that says how one text stands against another. None: the operator asks for no order.
pub(crate) fn comparison(op: Operator) -> Option<&'static ScalarUDF> {
    let mut known = COMPARISONS.iter();
    let (_, function) = known.find(|(known, _)| *known == op)?;
    Some(function)
}

/// Whether a text stands in a range. A function and not two comparisons, which would say it twice.
pub(crate) fn between(text: Expr, low: Expr, high: Expr) -> Expr {
    BETWEEN.call(vec![text, low, high])
}

/// What a call of one of these functions asks, of its arguments in turn.
pub(crate) enum Asked {
    Comparison(Operator),
    Between,
}

pub(crate) fn asked(function: &ScalarUDF) -> Option<Asked> {
    if function.name() == BETWEEN.name() {
        return Some(Asked::Between);
    }
    let mut known = COMPARISONS.iter();
    let (op, _) = known.find(|(_, known)| known.name() == function.name())?;
    Some(Asked::Comparison(*op))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    signature: Signature,
}

impl ScalarUDFImpl for Key {
    fn name(&self) -> &str {
        "text_order"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        match types {
            [ArrowType::Dictionary(key, _)] => Ok(ArrowType::Dictionary(
                key.clone(),
                Box::new(ArrowType::LargeBinary),
            )),
            [_] => Ok(ArrowType::LargeBinary),
            _ => exec_err!("text_order takes one text"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(keys(&array)?)),
            Some(ColumnarValue::Scalar(scalar)) => {
                let keys = keys(&scalar.to_array()?)?;
                let scalar = ScalarValue::try_from_array(&keys, 0)?;
                Ok(ColumnarValue::Scalar(scalar))
            }
            None => exec_err!("text_order takes one text"),
        }
    }
}

fn keys(array: &ArrayRef) -> Result<ArrayRef> {
    let most = array_text_bytes(array)
        .saturating_mul(LONGEST)
        .saturating_add(SHORT);
    Ok(match array.data_type() {
        ArrowType::Utf8 => Arc::new(keys_of(array.as_string::<i32>().iter(), most)?),
        ArrowType::LargeUtf8 => Arc::new(keys_of(array.as_string::<i64>().iter(), most)?),
        ArrowType::Utf8View => Arc::new(keys_of(array.as_string_view().iter(), most)?),
        ArrowType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            dictionary.with_values(keys(dictionary.values())?)
        }
        _ => return exec_err!("text_order takes text"),
    })
}

fn keys_of<'a>(
    texts: impl Iterator<Item = Option<&'a str>>,
    most: usize,
) -> Result<LargeBinaryArray> {
    let mut keys = LargeBinaryBuilder::new();
    let mut made = 0usize;
    for text in texts {
        let key = text.map(order_text);
        made = made.saturating_add(key.as_ref().map_or(0, Vec::len));
        if made > most {
            return Err(carry(Error::nowhere(
                ErrorKind::Limit,
                "what orders these texts is more than six times as long as they are",
            )));
        }
        keys.append_option(key);
    }
    Ok(keys.finish())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Compared {
    op: Operator,
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Compared {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[ArrowType]) -> Result<ArrowType> {
        Ok(ArrowType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        over_rows(args, |texts| match texts {
            [Some(left), Some(right)] => {
                let order = compare_text(left, right);
                Some(match self.op {
                    Operator::Lt => order.is_lt(),
                    Operator::LtEq => order.is_le(),
                    Operator::Gt => order.is_gt(),
                    _ => order.is_ge(),
                })
            }
            _ => None,
        })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Between {
    signature: Signature,
}

impl ScalarUDFImpl for Between {
    fn name(&self) -> &str {
        "text_between"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[ArrowType]) -> Result<ArrowType> {
        Ok(ArrowType::Boolean)
    }

    /// As `text >= low AND text <= high`: where one of them is false, a NULL in the other does not matter.
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        over_rows(args, |texts| {
            let [Some(text), low, high] = *texts else {
                return None;
            };
            let above = low.map(|low| compare_text(text, low).is_ge());
            let below = high.map(|high| compare_text(text, high).is_le());
            match (above, below) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        })
    }
}

/// What a function says of each row of texts; of constants alone it is asked once.
fn over_rows<const N: usize>(
    args: ScalarFunctionArgs,
    says: impl Fn(&[Option<&str>; N]) -> Option<bool>,
) -> Result<ColumnarValue> {
    let alone = args
        .args
        .iter()
        .all(|value| matches!(value, ColumnarValue::Scalar(_)));
    let rows = if alone { 1 } else { args.number_rows };
    let sides: Vec<Side> = args.args.into_iter().map(Side::of).collect::<Result<_>>()?;
    let Ok(sides) = <[Side; N]>::try_from(sides) else {
        return exec_err!("texts are compared with as many as there are");
    };
    let found: BooleanArray = (0..rows)
        .map(|row| says(&std::array::from_fn(|side| text_of(&sides, side, row))))
        .collect();
    Ok(if alone {
        ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?)
    } else {
        ColumnarValue::Array(Arc::new(found))
    })
}

fn text_of(sides: &[Side], side: usize, row: usize) -> Option<&str> {
    sides.get(side).and_then(|side| side.at(row))
}

/// The texts of one argument: as many as there are rows, or one for all.
enum Side {
    One(ArrayRef),
    Each(ArrayRef),
}

impl Side {
    fn of(value: ColumnarValue) -> Result<Side> {
        Ok(match value {
            ColumnarValue::Scalar(scalar) => Side::One(plain(&scalar.to_array()?)?),
            ColumnarValue::Array(array) => Side::Each(plain(&array)?),
        })
    }

    fn at(&self, row: usize) -> Option<&str> {
        let (texts, row) = match self {
            Side::One(texts) => (texts, 0),
            Side::Each(texts) => (texts, row),
        };
        let texts = texts.as_string_opt::<i64>()?;
        texts.is_valid(row).then(|| texts.value(row))
    }
}

/// Whatever kind of text, or of nothing, as one kind.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(array, &ArrowType::LargeUtf8)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;
    use arrow::compute::{SortOptions, sort_to_indices};

    fn texts(list: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(list.to_vec()))
    }

    #[test]
    fn keys_stand_in_the_order_of_texts() {
        let plain = texts(&[
            Some("zebra"),
            Some("Über"),
            None,
            Some("e"),
            Some("É"),
            Some("f"),
        ]);
        let dictionary = cast(
            &plain,
            &ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8)),
        )
        .unwrap();
        for array in [plain, dictionary] {
            let keys = keys(&array).unwrap();
            let order = sort_to_indices(&keys, Some(SortOptions::default()), None).unwrap();
            assert_eq!(order.values().to_vec(), [2, 3, 4, 5, 1, 0]);
        }
    }

    #[test]
    fn letters_that_stand_for_many_are_not_sorted_without_end() {
        // Of one text so many letters are ordered that only many texts come to much.
        let long = "\u{fdfa}".repeat(250);
        assert!(keys(&texts(&[Some(long.as_str()); 2_000])).is_err());
        assert!(keys(&texts(&[Some(&long.repeat(800))])).is_ok());
        assert!(keys(&texts(&[Some(&"x".repeat(600_000))])).is_ok());
    }
}
