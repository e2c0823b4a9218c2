//! Role filters by the values of columns. A part of a filter that reads one column of the row, and nothing else that differs from row to
//! row, says the same of all rows with one value: so it is evaluated once for each value, however many rows there are, and what it
//! admits is a set of values.

use std::collections::BTreeSet;
use std::rc::Rc;

use arrow::array::{BooleanArray, BooleanBuilder};
use arrow::buffer::BooleanBuffer;
use dax::{BinaryOp, Expr, ExprKind};
use security::{BuildView, Codes, Column, ColumnAnswer, Control, FilterAnswer, Scope, Table};

use crate::answer::Limits;
use crate::batch::Batch;
use crate::bind::{Binder, Wanted};
use crate::bound::{FrameId, Scalar, ScalarKind, Schema, TableExpr};
use crate::build::{ROWS_AT_ONCE, over_table};
use crate::context::FilterContext;
use crate::error::{Error, ErrorKind};
use crate::eval::{Evaluator, Steady};
use crate::query::{bind_row_expression, environment};
use crate::table::{ColumnRows, TableRows};
use crate::value::Value;
use crate::vector::{Data, Vector};

/// A filter is taken as an OR of so many ANDs of parts at most.
const MOST_TERMS: usize = 16;

/// An OR of ANDs of parts.
type Terms<'t> = Vec<Vec<&'t Expr>>;

/// A condition, bound over rows that have the one column it reads.
struct Part {
    /// None: it reads none, and holds for all rows or for no row.
    column: Option<Column>,
    frame: FrameId,
    schema: Rc<Schema>,
    condition: Scalar,
}

/// What a part says.
#[derive(Clone)]
enum Said {
    Always(bool),
    ByCode(ColumnAnswer),
}

/// What a filter says, part by part. None: it has to be asked row by row, as it also has to where a part fails for some value: whether
/// a row comes to that value depends on the other parts. An error is one of the work and not of a value, such as memory refused: the answer
/// does not take another shape for it.
pub fn by_columns(
    build: &BuildView<'_>,
    table: Table,
    tree: &Expr,
    control: &Control,
) -> Result<Option<FilterAnswer>, Error> {
    let Some((terms, trees)) = parts_of(tree) else {
        return Ok(None);
    };
    let scope = build.scope();
    let mut binder = Binder::new(scope, &[]);
    binder.enter_model();
    binder.strict = true;
    let tables = connected(scope, table);
    let steady = Steady::apart_from(&tables);
    let parts = trees
        .iter()
        .map(|tree| part_of(&mut binder, table, tree, &steady))
        .collect::<Option<Vec<Part>>>();
    let Some(parts) = parts else {
        return Ok(None);
    };
    let limits = Limits::default();
    let mut evaluator = Evaluator::new(scope, control, &limits, environment(scope));
    let _own = binder.find_table(&scope.table(table).name);
    let Ok(groups) = binder.calculation_groups(Wanted::InReach) else {
        return Ok(None);
    };
    evaluator.apply_groups(groups);
    let said = parts.iter().map(|part| part.said(build, &evaluator));
    let said = said.collect::<Result<Vec<Option<Said>>, Error>>();
    build.note(evaluator.environment.told());
    let said: Option<Vec<Said>> = said?.into_iter().collect();
    Ok(said.and_then(|said| joined(build, table, (&terms, &trees), &said)))
}

/// The terms of a filter, and each part once. None: too many terms.
fn parts_of(tree: &Expr) -> Option<(Terms<'_>, Vec<&Expr>)> {
    let terms = terms_of(tree)?;
    let mut trees: Vec<&Expr> = Vec::new();
    for tree in terms.iter().flatten() {
        if !trees.iter().any(|known| std::ptr::eq(*known, *tree)) {
            trees.push(tree);
        }
    }
    Some((terms, trees))
}

/// The answer of the terms, where the parts in `trees` say this.
fn joined(
    build: &BuildView<'_>,
    table: Table,
    (terms, trees): (&[Vec<&Expr>], &[&Expr]),
    said: &[Said],
) -> Option<FilterAnswer> {
    let of = |tree: &&Expr| {
        let at = trees.iter().position(|known| std::ptr::eq(*known, *tree))?;
        said.get(at).cloned()
    };
    let terms = terms
        .iter()
        .map(|term| term.iter().map(of).collect::<Option<Vec<Said>>>())
        .collect::<Option<Vec<_>>>()?;
    answer_of(build, table, terms)
}

fn answer_of(build: &BuildView<'_>, table: Table, terms: Vec<Vec<Said>>) -> Option<FilterAnswer> {
    let mut answer = Vec::new();
    for term in terms {
        if term.iter().any(|part| matches!(part, Said::Always(false))) {
            continue;
        }
        let parts = term.into_iter().filter_map(|part| match part {
            Said::Always(_) => None,
            Said::ByCode(part) => Some(part),
        });
        let parts: Vec<ColumnAnswer> = parts.collect();
        if parts.is_empty() {
            let every = BooleanBuffer::new_set(build.count_rows(table).ok()?);
            return Some(FilterAnswer::Rows(BooleanArray::new(every, None)));
        }
        answer.push(parts);
    }
    Some(FilterAnswer::AnyOf(answer))
}

/// An OR of ANDs of parts. None: of too many.
fn terms_of(tree: &Expr) -> Option<Terms<'_>> {
    let terms = match &tree.kind {
        ExprKind::Binary {
            op: BinaryOp::And,
            left,
            right,
        } => {
            let (left, right) = (terms_of(left)?, terms_of(right)?);
            let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
            pairs
                .map(|(a, b)| a.iter().chain(b).copied().collect())
                .collect()
        }
        ExprKind::Binary {
            op: BinaryOp::Or,
            left,
            right,
        } => {
            let mut terms = terms_of(left)?;
            terms.extend(terms_of(right)?);
            terms
        }
        _ => vec![vec![tree]],
    };
    (terms.len() <= MOST_TERMS).then_some(terms)
}

impl Part {
    /// None: it fails, or is not true or false for some value.
    fn said(
        &self,
        build: &BuildView<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Option<Said>, Error> {
        let Some(column) = self.column else {
            let holds = self.evaluate(evaluator, None)?;
            return Ok(
                holds.map(|holds| Said::Always(holds.iter().all(|holds| holds == Some(true))))
            );
        };
        let codes = build.every_code(column, evaluator.control)?;
        let mut holds = BooleanBuilder::with_capacity(codes.len());
        for first in (0..codes.len()).step_by(ROWS_AT_ONCE) {
            let end = codes.len().min(first + ROWS_AT_ONCE);
            let some = codes.take(&(first as u32..end as u32).collect::<Vec<_>>());
            match self.evaluate(evaluator, Some(some))? {
                Some(some) => some.iter().for_each(|one| holds.append_option(one)),
                None => return Ok(None),
            }
        }
        let holds = holds.finish();
        Ok(Some(Said::ByCode(ColumnAnswer {
            column,
            codes,
            holds,
        })))
    }

    /// For each of the codes, or for one row without columns.
    fn evaluate(
        &self,
        evaluator: &Evaluator<'_>,
        codes: Option<Codes>,
    ) -> Result<Option<BooleanArray>, Error> {
        let count = codes.as_ref().map_or(1, Codes::len);
        let columns = codes.map(ColumnRows::Coded).into_iter().collect();
        let rows = Rc::new(TableRows::shared(1, count, None, columns));
        let root = Batch::root(FilterContext::default());
        let place = (self.frame, Rc::clone(&self.schema));
        match over_table(evaluator, place, rows, &self.condition, &root) {
            Ok(vector) => Ok(truth(&vector)),
            Err(error) if is_of_the_work(error.kind) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Whether an error says nothing of the values that were asked for.
fn is_of_the_work(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Limit
            | ErrorKind::Cancelled
            | ErrorKind::TimedOut
            | ErrorKind::Unreadable
            | ErrorKind::Internal
    )
}

/// True and false as they stand. None: some value is neither.
fn truth(vector: &Vector) -> Option<BooleanArray> {
    match &vector.data {
        Data::Boolean(values) => Some(values.clone()),
        Data::Constant(Value::Boolean(value), count) => {
            let values = if *value {
                BooleanBuffer::new_set(*count)
            } else {
                BooleanBuffer::new_unset(*count)
            };
            Some(BooleanArray::new(values, None))
        }
        _ => None,
    }
}

/// Binds a condition over the whole row, to see what it reads, and again over the one column that this is.
fn part_of(binder: &mut Binder, table: Table, tree: &Expr, steady: &Steady) -> Option<Part> {
    let (frame, condition) = bind_row_expression(binder, table, tree).ok()?;
    let whole = binder.schema_of(table);
    let column = match fields_of(&condition, frame, steady)?.as_slice() {
        [] => None,
        [index] => Some(whole.fields.get(*index)?.lineage?),
        _ => return None,
    };
    let schema = match column {
        Some(column) => binder.schema_of_columns(&[column]),
        None => binder.schema_of_columns(&[]),
    };
    let frame = binder.fresh();
    let bound = binder.with_rows(frame, Rc::clone(&schema), |binder| binder.bind_scalar(tree));
    let condition = bound.ok()?;
    // Over fewer columns nothing may have got another meaning.
    let read = fields_of(&condition, frame, steady)?;
    (read.len() == schema.fields.len()).then_some(Part {
        column,
        frame,
        schema,
        condition,
    })
}

/// The columns of the row that an expression reads. None: it reads more of the row, or what may differ between rows that are alike
/// in these.
fn fields_of(condition: &Scalar, frame: FrameId, steady: &Steady) -> Option<Vec<usize>> {
    let mut fields = BTreeSet::new();
    let only_fields = steady.scalar(condition) && collect(condition, frame, &mut fields);
    only_fields.then(|| fields.into_iter().collect())
}

fn collect(scalar: &Scalar, own: FrameId, fields: &mut BTreeSet<usize>) -> bool {
    match &scalar.kind {
        ScalarKind::Field { frame, index } if *frame == own => {
            fields.insert(*index);
        }
        ScalarKind::Related { frame, .. } | ScalarKind::Path { frame, .. } if *frame == own => {
            return false;
        }
        _ => {}
    }
    let (scalars, tables) = scalar.parts();
    scalars.iter().all(|scalar| collect(scalar, own, fields))
        && tables.iter().all(|table| collect_in(table, own, fields))
}

fn collect_in(table: &TableExpr, own: FrameId, fields: &mut BTreeSet<usize>) -> bool {
    let (scalars, tables) = table.parts();
    scalars.iter().all(|scalar| collect(scalar, own, fields))
        && tables.iter().all(|table| collect_in(table, own, fields))
}

/// A table and all that relationships lead to from it, whatever their state and direction: nowhere else can filters on its rows get to.
fn connected(scope: &Scope, table: Table) -> BTreeSet<Table> {
    let mut reached = BTreeSet::from([table]);
    loop {
        let before = reached.len();
        for relationship in scope.relationships() {
            if reached.contains(&relationship.from) || reached.contains(&relationship.to) {
                reached.extend([relationship.from, relationship.to]);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}
