//! Functions about a value's type and about who asks.

use super::arguments::{Outcome, argument, number, text};
use super::registry::{Environment, Function, Types};
use super::wildcard;
use crate::value::{DataType, Value};

const BOOLEAN: Types = Types::Always(DataType::Boolean);
const TEXT: Types = Types::Always(DataType::Text);

super::scalars! { TABLE, "Information":
    "CONTAINSSTRING" "(within text, find text)" 2 2 BOOLEAN => contains_string;
    "CONTAINSSTRINGEXACT" "(within text, find text)" 2 2 BOOLEAN => |a, _| Ok(Value::Boolean(text(a, 0).contains(&*text(a, 1))));
    "CUSTOMDATA" "()" 0 0 TEXT => |_, e| Ok(optional(e.custom_data()));
    "ISBLANK" "(value)" 1 1 BOOLEAN => |a, _| Ok(Value::Boolean(argument(a, 0).is_blank()));
    "ISBOOLEAN" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Boolean]);
    "ISCURRENCY" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Fixed]);
    "ISDATETIME" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::DateTime]);
    "ISDECIMAL" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Fixed]);
    "ISDOUBLE" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Double]);
    "ISEVEN" "(number)" 1 1 BOOLEAN => |a, _| Ok(Value::Boolean(number("ISEVEN", a, 0)?.trunc() % 2.0 == 0.0));
    "ISINT64" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Integer]);
    "ISINTEGER" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Integer]);
    "ISLOGICAL" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Boolean]);
    "ISNONTEXT" "(value)" 1 1 BOOLEAN => |a, _| Ok(Value::Boolean(!matches!(argument(a, 0), Value::Text(_))));
    "ISNUMBER" "(value)" 1 1 BOOLEAN => |a, _| is(a, NUMERIC);
    "ISNUMERIC" "(value)" 1 1 BOOLEAN => |a, _| is(a, NUMERIC);
    "ISODD" "(number)" 1 1 BOOLEAN => |a, _| Ok(Value::Boolean(number("ISODD", a, 0)?.trunc() % 2.0 != 0.0));
    "ISSTRING" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Text]);
    "ISTEXT" "(value)" 1 1 BOOLEAN => |a, _| is(a, &[DataType::Text]);
    "USERCULTURE" "()" 0 0 TEXT => |_, e| Ok(Value::text(e.culture()));
    "USERNAME" "()" 0 0 TEXT => |_, e| Ok(optional(e.user_name()));
    "USEROBJECTID" "()" 0 0 TEXT => |_, e| Ok(optional(e.user_object_id()));
    "USERPRINCIPALNAME" "()" 0 0 TEXT => |_, e| Ok(optional(e.user_principal_name()));
}

/// Dates are numbers of days in arithmetic, but a type of their own here.
const NUMERIC: &[DataType] = &[DataType::Integer, DataType::Fixed, DataType::Double];

/// BLANK is of no type.
fn is(arguments: &[Value], types: &[DataType]) -> Outcome {
    Ok(Value::Boolean(
        argument(arguments, 0)
            .data_type()
            .is_some_and(|t| types.contains(&t)),
    ))
}

fn optional(text: &Option<String>) -> Value {
    text.as_deref().map_or(Value::Blank, Value::text)
}

fn contains_string(arguments: &[Value], environment: &Environment) -> Outcome {
    Ok(Value::Boolean(
        wildcard::find(&text(arguments, 1), &text(arguments, 0), 0, environment)?.is_some(),
    ))
}
