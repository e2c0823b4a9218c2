//! Functions over the text that PATH gives: identifiers from the root down, with bars between them.

use super::arguments::{Outcome, argument, integer, text, undefined};
use super::registry::{Environment, Function, Types};
use crate::convert;
use crate::value::{DataType, Value};

super::scalars! { TABLE, "Parent and child":
    "PATHCONTAINS" "(path, item)" 2 2 Types::Always(DataType::Boolean) => contains;
    // The type argument decides between text and whole number.
    "PATHITEM" "(path, position, [type])" 2 3 Types::Bound => |a, _| item("PATHITEM", a, |count, position| position.checked_sub(1).filter(|i| *i < count));
    "PATHITEMREVERSE" "(path, position, [type])" 2 3 Types::Bound => |a, _| item("PATHITEMREVERSE", a, |count, position| if position == 0 { None } else { count.checked_sub(position) });
    "PATHLENGTH" "(path)" 1 1 Types::Always(DataType::Integer) => length;
}

fn contains(arguments: &[Value], _: &Environment) -> Outcome {
    let (path, wanted) = (text(arguments, 0), text(arguments, 1));
    Ok(Value::Boolean(
        !path.is_empty() && path.split('|').any(|item| item.trim() == wanted.trim()),
    ))
}

fn length(arguments: &[Value], _: &Environment) -> Outcome {
    let path = text(arguments, 0);
    if path.is_empty() {
        return Ok(Value::Blank);
    }
    Ok(Value::Integer(path.split('|').count() as i64))
}

fn item(
    function: &'static str,
    arguments: &[Value],
    index: fn(usize, usize) -> Option<usize>,
) -> Outcome {
    let path = text(arguments, 0);
    if path.is_empty() {
        return Ok(Value::Blank);
    }
    let position = usize::try_from(integer(function, arguments, 1)?).unwrap_or(0);
    let whole = match argument(arguments, 2) {
        Value::Blank => false,
        Value::Text(name) if name.eq_ignore_ascii_case("TEXT") => false,
        Value::Text(name) if name.eq_ignore_ascii_case("INTEGER") => true,
        other => match other.to_integer() {
            Some(0) => false,
            Some(1) => true,
            _ => {
                return Err(undefined(
                    function,
                    "the type is neither TEXT (0) nor INTEGER (1)",
                ));
            }
        },
    };
    let items: Vec<&str> = path.split('|').collect();
    let Some(found) = index(items.len(), position).and_then(|i| items.get(i)) else {
        return Ok(Value::Blank);
    };
    if !whole {
        return Ok(Value::text(*found));
    }
    convert::to_type(&Value::text(*found), DataType::Integer)
        .ok_or_else(|| undefined(function, "the item of the path is not a whole number"))
}
