//! Patterns of LIKE and of regular expressions. A pattern of a few bytes compiles to megabytes, and each row may bring another, so a regular
//! expression takes one that is known before a row is read, and all are short.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Like, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use engine::{Error, ErrorKind};

use crate::analyze::map_named;
use crate::copies::longest_text;
use crate::error::{carry, of_planning, refused};

/// Bytes of a regular expression. Each of them may become some kilobytes while it is compiled.
const REGULAR: usize = 4_096;
/// Bytes of a pattern of LIKE that is written in the statement.
const WRITTEN: usize = 32_768;
/// Bytes of a pattern of LIKE that rows bring: it is compiled for each of them.
const BROUGHT: usize = 256;
/// Regular expressions of a statement: each is compiled anew for every batch.
const EXPRESSIONS: usize = 64;

/// Puts a bound around each pattern. The rule stands behind those that settle types.
#[derive(Debug)]
pub(crate) struct BoundPatterns;

impl AnalyzerRule for BoundPatterns {
    fn name(&self) -> &str {
        "bound_patterns"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let bounded = plan.transform_up_with_subqueries(|node| {
            map_named(node, of_expr)?.map_data(|node| node.recompute_schema())
        });
        Ok(bounded?.data)
    }
}

fn of_expr(expr: Expr) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Like(like) => {
            let most = match *like.pattern {
                Expr::Literal(..) => WRITTEN,
                _ => BROUGHT,
            };
            let pattern = Box::new(bounded(*like.pattern, most)?);
            Transformed::yes(Expr::Like(Like { pattern, ..like }))
        }
        Expr::SimilarTo(like) => {
            let pattern = Box::new(bounded(*like.pattern, REGULAR)?);
            Transformed::yes(Expr::SimilarTo(Like { pattern, ..like }))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if most_of(op).is_some() => {
            let most = most_of(op).unwrap_or(BROUGHT);
            let right = Box::new(bounded(*right, most)?);
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if is_regular(&func) => {
            let (mut bound, mut rest) = (Vec::new(), args.into_iter());
            bound.extend(rest.next());
            for arg in rest {
                bound.push(bounded(arg, REGULAR)?);
            }
            Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args: bound }))
        }
        other => Transformed::no(other),
    })
}

fn is_regular(function: &ScalarUDF) -> bool {
    function.name().starts_with("regexp_")
}

fn most_of(op: Operator) -> Option<usize> {
    match op {
        Operator::RegexMatch
        | Operator::RegexIMatch
        | Operator::RegexNotMatch
        | Operator::RegexNotIMatch => Some(REGULAR),
        Operator::LikeMatch
        | Operator::ILikeMatch
        | Operator::NotLikeMatch
        | Operator::NotILikeMatch => Some(BROUGHT),
        _ => None,
    }
}

/// The regular expressions of a plan that is about to run: each must be written in the statement, or follow from what is.
pub(crate) fn check(plan: &LogicalPlan) -> std::result::Result<(), Error> {
    let mut found = 0usize;
    let walk = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| expr.apply(|expr| known(expr, &mut found)))
    });
    walk.map_err(of_planning)?;
    if found > EXPRESSIONS {
        return Err(Error::nowhere(
            ErrorKind::Limit,
            format!("the statement has more than {EXPRESSIONS} regular expressions"),
        ));
    }
    Ok(())
}

fn known(expr: &Expr, found: &mut usize) -> Result<TreeNodeRecursion> {
    let patterns: &[Expr] = match expr {
        Expr::SimilarTo(like) => std::slice::from_ref(&like.pattern),
        Expr::BinaryExpr(BinaryExpr { op, right, .. }) if most_of(*op) == Some(REGULAR) => {
            std::slice::from_ref(right)
        }
        Expr::ScalarFunction(call) if is_regular(&call.func) => {
            call.args.get(1..).unwrap_or_default()
        }
        _ => return Ok(TreeNodeRecursion::Continue),
    };
    *found = found.saturating_add(1);
    match patterns
        .iter()
        .all(|part| matches!(part, Expr::Literal(..)))
    {
        true => Ok(TreeNodeRecursion::Continue),
        false => Err(carry(refused(
            "a regular expression takes a pattern that is written in the statement, not one that differs from row to row",
        ))),
    }
}

fn bounded(pattern: Expr, most: usize) -> Result<Expr> {
    if let Expr::Literal(value, _) = &pattern {
        let text = value.try_as_str().flatten().unwrap_or_default();
        return admit(text.len(), most).map(|()| pattern);
    }
    let function = match most {
        REGULAR => &*BY_REGULAR,
        _ => &*BY_BROUGHT,
    };
    Ok(function.call(vec![pattern]))
}

fn admit(bytes: usize, most: usize) -> Result<()> {
    if bytes > most {
        return Err(carry(Error::nowhere(
            ErrorKind::Limit,
            format!("a pattern of the statement has more than {most} bytes"),
        )));
    }
    Ok(())
}

static BY_REGULAR: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| bound(REGULAR));
static BY_BROUGHT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| bound(BROUGHT));

fn bound(most: usize) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Bound {
        most,
        signature: Signature::any(1, Volatility::Immutable),
    }))
}

/// Gives a pattern back, if it is short enough.
#[derive(PartialEq, Eq, Hash)]
struct Bound {
    most: usize,
    signature: Signature,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        "pattern"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        match types {
            [only] => Ok(only.clone()),
            _ => exec_err!("there is one pattern"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [only] => Ok(Arc::clone(only)),
            _ => exec_err!("there is one pattern"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(pattern) = args.args.into_iter().next() else {
            return exec_err!("there is one pattern");
        };
        let array: ArrayRef = match &pattern {
            ColumnarValue::Array(array) => Arc::clone(array),
            ColumnarValue::Scalar(scalar) => scalar.to_array()?,
        };
        admit(longest_text(&array), self.most)?;
        Ok(pattern)
    }
}
