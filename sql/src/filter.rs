//! A condition on one column, as the set of the codes that pass it.
//!
//! Comparisons with a literal are found in the order of the column's values. Any other condition that reads one column and nothing else is evaluated
//! once for each of its distinct visible values, which is never more work than once for each row.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column as SqlColumn, DFSchema, Result, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::physical_expr::create_physical_expr;
use model::DataType;
use roaring::RoaringBitmap;
use security::{BLANK, Column, ReadError};

use crate::collate;
use crate::error::{carry, carry_read};
use crate::ordering::{self, Asked};
use crate::reader::Reader;
use crate::types;

/// The name of the one column that a condition reads; None when it reads several, or anything that may differ from row to row.
pub(crate) fn only_column(condition: &Expr) -> Option<String> {
    if condition.is_volatile() {
        return None;
    }
    let mut names: HashSet<&SqlColumn> = HashSet::new();
    let mut closed = true;
    let walk = condition.apply(|expr| {
        match expr {
            Expr::Column(column) => {
                names.insert(column);
            }
            Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::Placeholder(_)
            | Expr::ScalarVariable(..)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::GroupingSet(_)
            | Expr::Unnest(_) => closed = false,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    let mut names = names.into_iter();
    match (walk, closed, names.next(), names.next()) {
        (Ok(_), true, Some(column), None) => Some(column.name.clone()),
        _ => None,
    }
}

/// The condition with its columns named without their tables.
pub(crate) fn unqualified(condition: Expr) -> Result<Expr> {
    let bare = condition.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(SqlColumn::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(bare.data)
}

/// The codes of a column that pass a condition on it alone; BLANK is among them when NULL passes.
pub(crate) fn passing(reader: &Reader, column: Column, condition: &Expr) -> Result<RoaringBitmap> {
    match compared(reader, column, condition)? {
        Some(set) => Ok(set),
        None => evaluated(reader, column, condition),
    }
}

/// Conditions that the order of the values decides. None: another kind.
fn compared(reader: &Reader, column: Column, condition: &Expr) -> Result<Option<RoaringBitmap>> {
    Ok(match condition {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => {
            let left = compared(reader, column, left)?;
            let right = compared(reader, column, right)?;
            left.zip(right).map(|(left, right)| left & right)
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => {
            let left = compared(reader, column, left)?;
            let right = compared(reader, column, right)?;
            left.zip(right).map(|(left, right)| left | right)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            against(reader, column, [left, right], *op, false)?
        }
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => between(reader, column, [expr, low, high], false)?,
        // What compares texts in the order of the collation folds them itself.
        Expr::ScalarFunction(call) => match (ordering::asked(&call.func), call.args.as_slice()) {
            (Some(Asked::Comparison(op)), [left, right]) => {
                against(reader, column, [left, right], op, true)?
            }
            (Some(Asked::Between), [text, low, high]) => {
                between(reader, column, [text, low, high], true)?
            }
            _ => None,
        },
        Expr::InList(list) if !list.negated => {
            let Some(Operand::Column(folded)) = operand(&list.expr) else {
                return Ok(None);
            };
            let mut set = RoaringBitmap::new();
            for value in &list.list {
                let Some(Operand::Literal(value)) = operand(value) else {
                    return Ok(None);
                };
                match range(reader, column, Operator::Eq, value, folded)? {
                    Some(found) => set |= found,
                    None => return Ok(None),
                }
            }
            Some(set)
        }
        Expr::IsNull(inner) if matches!(operand(inner), Some(Operand::Column(_))) => {
            Some(RoaringBitmap::from_iter([BLANK]))
        }
        Expr::IsNotNull(inner) if matches!(operand(inner), Some(Operand::Column(_))) => {
            let end = reader
                .scope()
                .code_end(column, &reader.control)
                .map_err(carry_read)?;
            Some(run(1, end))
        }
        _ => None,
    })
}

/// The column on one side and a literal on the other. `folds`: whoever compares them does so by the collation, however they are written.
fn against(
    reader: &Reader,
    column: Column,
    [left, right]: [&Expr; 2],
    op: Operator,
    folds: bool,
) -> Result<Option<RoaringBitmap>> {
    let (op, value, folded) = match (operand(left), operand(right)) {
        (Some(Operand::Column(folded)), Some(Operand::Literal(value))) => (Some(op), value, folded),
        (Some(Operand::Literal(value)), Some(Operand::Column(folded))) => {
            (op.swap(), value, folded)
        }
        _ => return Ok(None),
    };
    match op {
        Some(op) => range(reader, column, op, value, folded || folds),
        None => Ok(None),
    }
}

/// The column between two literals; `folds` as above.
fn between(
    reader: &Reader,
    column: Column,
    [within, low, high]: [&Expr; 3],
    folds: bool,
) -> Result<Option<RoaringBitmap>> {
    let low = against(reader, column, [within, low], Operator::GtEq, folds)?;
    let high = against(reader, column, [within, high], Operator::LtEq, folds)?;
    Ok(low.zip(high).map(|(low, high)| low & high))
}

enum Operand<'a> {
    /// The column, bare or as its collation folds it.
    Column(bool),
    Literal(&'a ScalarValue),
}

fn operand(expr: &Expr) -> Option<Operand<'_>> {
    match expr {
        Expr::Column(_) => Some(Operand::Column(false)),
        Expr::Literal(value, _) => Some(Operand::Literal(value)),
        Expr::ScalarFunction(call) if collate::is_fold(&call.func) => match call.args.as_slice() {
            [Expr::Column(_)] => Some(Operand::Column(true)),
            _ => None,
        },
        _ => None,
    }
}

/// The codes that compare so with a literal of the column's own type.
fn range(
    reader: &Reader,
    column: Column,
    op: Operator,
    literal: &ScalarValue,
    folded: bool,
) -> Result<Option<RoaringBitmap>> {
    let scope = reader.scope();
    let data_type = scope.column_type(column);
    // The order of codes is that of the collation; letter by letter it says nothing.
    if (data_type == DataType::Text) != folded {
        return Ok(None);
    }
    let Some(value) = types::canonical(literal, data_type) else {
        return Ok(None);
    };
    let bounds = scope
        .bounds(column, &value, &reader.control)
        .map_err(carry_read)?;
    let Some((low, high)) = bounds.first().copied() else {
        return Ok(None);
    };
    let end = scope
        .code_end(column, &reader.control)
        .map_err(carry_read)?;
    Ok(Some(match op {
        Operator::Eq => {
            let codes = scope
                .encode(column, &value, &reader.control)
                .map_err(carry_read)?;
            codes
                .into_iter()
                .filter(|code| *code != security::ABSENT)
                .collect()
        }
        Operator::NotEq => {
            let codes = scope
                .encode(column, &value, &reader.control)
                .map_err(carry_read)?;
            let mut set = run(1, end);
            for code in codes {
                set.remove(code);
            }
            set
        }
        Operator::Lt => run(1, low),
        Operator::LtEq => run(1, high),
        Operator::Gt => run(high, end),
        Operator::GtEq => run(low, end),
        _ => return Ok(None),
    }))
}

fn run(from: u32, to: u32) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    if from < to {
        set.insert_range(from..to);
    }
    set
}

/// Distinct values that a condition is evaluated over at a time, as many as a batch has rows: what functions make of one batch is counted, and
/// each is where the statement may stop.
const BLOCK: usize = 8192;

fn evaluated(reader: &Reader, column: Column, condition: &Expr) -> Result<RoaringBitmap> {
    let known = reader.values(column).map_err(carry_read)?;
    let condition = condition.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(_) => Transformed::yes(Expr::Column(SqlColumn::new_unqualified("c"))),
            other => Transformed::no(other),
        })
    })?;
    let data_type = types::sql_type(reader.scope().column_type(column)).ok_or_else(|| {
        carry(types::fault(
            "a condition on a column that SQL does not show",
        ))
    })?;
    let schema = Arc::new(Schema::new(vec![Field::new("c", data_type.clone(), true)]));
    let names = DFSchema::try_from(Arc::clone(&schema))?;
    let condition = create_physical_expr(
        &condition.data,
        &names,
        &ExecutionProps::new(),
        &Default::default(),
    )?;
    let truth = |values: ArrayRef| -> Result<Vec<bool>> {
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![values])?;
        let rows = batch.num_rows();
        let answer = condition.evaluate(&batch)?.into_array(rows)?;
        let answer = answer.as_boolean();
        Ok((0..rows)
            .map(|row| answer.is_valid(row) && answer.value(row))
            .collect())
    };
    let mut set = RoaringBitmap::new();
    let end = u32::try_from(known.len()).map_err(|_| carry_read(ReadError::Overflow))?;
    for from in (0..end).step_by(BLOCK) {
        let stopped = |stopped| carry_read(ReadError::Stopped(stopped));
        reader.control.check().map_err(stopped)?;
        let places: Vec<u32> = (from..end).take(BLOCK).collect();
        let block = known.take(&places);
        let values = types::decode(reader.scope(), &block, &reader.control).map_err(carry_read)?;
        let _held = reader
            .control
            .charge(values.get_array_memory_size())
            .map_err(stopped)?;
        let found = truth(values)?;
        let passed = block.as_slice().iter().zip(found).filter(|(_, pass)| *pass);
        set.extend(passed.map(|(code, _)| *code));
    }
    let blank = truth(new_null_array(&data_type, 1))?;
    if blank.first() == Some(&true) {
        set.insert(BLANK);
    }
    Ok(set)
}
