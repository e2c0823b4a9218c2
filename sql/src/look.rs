//! Joins that look at the control while they compare: a join may go through more pairs of rows than it gives, so that nothing above it
//! is asked for a long time.

use std::fmt;
use std::hash::{Hash, Hasher};

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, JoinType, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use security::{Control, ReadError};

use crate::error::carry_read;

/// The plan, with a look in the condition of each join, which is asked for every batch of pairs.
pub(crate) fn into_joins(plan: LogicalPlan, control: &Control) -> Result<LogicalPlan> {
    let look = ScalarUDF::from(Look {
        control: control.clone(),
        signature: Signature::any(1, Volatility::Volatile),
    });
    let looking = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Join(mut join) = node else {
            return Ok(Transformed::no(node));
        };
        // These give a row for many pairs; all others, where they have no condition, give one for each.
        let condenses = matches!(
            join.join_type,
            JoinType::LeftSemi
                | JoinType::RightSemi
                | JoinType::LeftAnti
                | JoinType::RightAnti
                | JoinType::LeftMark
                | JoinType::RightMark
        );
        join.filter = match (join.filter.take(), join.on.first()) {
            (Some(filter), _) => Some(look.call(vec![filter])),
            (None, Some((key, _))) if condenses && !join.null_aware => {
                Some(look.call(vec![key.clone().is_null().or(lit(true))]))
            }
            (None, _) => None,
        };
        Ok(Transformed::yes(LogicalPlan::Join(join)))
    })?;
    Ok(looking.data)
}

/// Gives its argument back, or ends the statement where it has to stop.
struct Look {
    control: Control,
    signature: Signature,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Look {
    /// All looks of one statement are at one control.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Look {}

impl Hash for Look {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for Look {
    fn name(&self) -> &str {
        "look"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        match types {
            [only] => Ok(only.clone()),
            _ => exec_err!("a look takes one condition"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.control
            .check()
            .map_err(|stopped| carry_read(ReadError::Stopped(stopped)))?;
        match args.args.into_iter().next() {
            Some(condition) => Ok(condition),
            None => exec_err!("a look takes one condition"),
        }
    }
}
