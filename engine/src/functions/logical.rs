//! Logical functions of values, and BLANK.

use super::arguments::boolean;
use super::registry::{Function, Types};
use crate::value::{DataType, Value};

const BOOLEAN: Types = Types::Always(DataType::Boolean);

super::scalars! { TABLE, "Logical":
    "FALSE" "()" 0 0 BOOLEAN => |_, _| Ok(Value::Boolean(false));
    "NOT" "(condition)" 1 1 BOOLEAN => |a, _| Ok(Value::Boolean(!boolean("NOT", a, 0)?));
    "TRUE" "()" 0 0 BOOLEAN => |_, _| Ok(Value::Boolean(true));
}

super::scalars! { OTHER, "Other":
    "BLANK" "()" 0 0 Types::Always(DataType::Unknown) => |_, _| Ok(Value::Blank);
}
