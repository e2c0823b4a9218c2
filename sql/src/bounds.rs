//! How much a statement may grow while it is planned. A few lines of SQL can stand for a plan without end: CTEs that name the one before them
//! twice, `SELECT *, *` in subqueries, sums of sums. So what a statement unfolds to is estimated from its text, before anything is planned.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, Query, Select, SelectItem, SetExpr, Statement,
    TableFactor, TableWithJoins, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use engine::{Error, ErrorKind};

/// Bytes of a statement.
const TEXT: usize = 1 << 20;
/// Operators of a statement; as many may stand in one expression, each a level deep.
const OPERATORS: usize = 5_000;
/// Columns of a table or subquery.
const COLUMNS: u64 = 10_000;
/// Tables, columns and expressions of the whole, where each CTE counts as often as it is named.
const SIZE: u64 = 100_000;
/// Terms of one expression, where each column of a subquery counts as the expression that it stands for.
const TERMS: u64 = 50_000;
/// Groupings that CUBE and ROLLUP make.
const GROUPINGS: u64 = 512;

fn too_large(what: &str) -> Error {
    Error::nowhere(
        ErrorKind::Limit,
        format!("the statement is too large: {what}"),
    )
}

/// Refuses texts that are too long to plan.
pub(crate) fn of_text(text: &str) -> Result<(), Error> {
    if text.len() > TEXT {
        return Err(too_large(&format!("it has more than {TEXT} bytes")));
    }
    Ok(())
}

/// Refuses chains of operators that are too long to plan.
pub(crate) fn of_tokens(tokens: &[TokenWithSpan]) -> Result<(), Error> {
    let operators = tokens.iter().filter(|token| match &token.token {
        Token::Word(word) => {
            word.quote_style.is_none()
                && ["and", "or", "not", "is", "union", "except", "intersect"]
                    .iter()
                    .any(|known| word.value.eq_ignore_ascii_case(known))
        }
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::Whitespace(_)
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon => false,
        _ => true,
    });
    if operators.count() > OPERATORS {
        return Err(too_large(&format!(
            "it has more than {OPERATORS} operators"
        )));
    }
    Ok(())
}

/// Refuses statements that unfold to too much. `columns_of` counts the columns of a table of the view.
pub(crate) fn of_statement(
    statement: &Statement,
    columns_of: &dyn Fn(&str) -> usize,
) -> Result<(), Error> {
    let Statement::Query(query) = statement else {
        return Ok(());
    };
    let mut estimate = Estimate {
        columns_of,
        named: Vec::new(),
    };
    estimate.query(query).map(drop)
}

/// What a query unfolds to.
#[derive(Clone, Copy, Debug)]
struct Weight {
    columns: u64,
    size: u64,
    /// Of its largest column.
    terms: u64,
}

impl Weight {
    const NOTHING: Weight = Weight {
        columns: 0,
        size: 1,
        terms: 1,
    };

    fn beside(self, other: Weight) -> Weight {
        Weight {
            columns: self.columns.saturating_add(other.columns),
            size: self.size.saturating_add(other.size),
            terms: self.terms.max(other.terms),
        }
    }

    fn checked(self) -> Result<Weight, Error> {
        if self.columns > COLUMNS {
            return Err(too_large(&format!(
                "a part of it has more than {COLUMNS} columns"
            )));
        }
        if self.size > SIZE {
            return Err(too_large(&format!(
                "it unfolds to more than {SIZE} tables, columns and expressions"
            )));
        }
        if self.terms > TERMS {
            return Err(too_large(&format!(
                "an expression unfolds to more than {TERMS} terms"
            )));
        }
        Ok(self)
    }
}

struct Estimate<'a> {
    columns_of: &'a dyn Fn(&str) -> usize,
    /// The CTEs in reach, the nearest last.
    named: Vec<(String, Weight)>,
}

impl Estimate<'_> {
    fn query(&mut self, query: &Query) -> Result<Weight, Error> {
        let before = self.named.len();
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                let name = cte.alias.name.value.clone();
                if with.recursive {
                    // The columns of the part that does not recur are those of all.
                    self.named.push((name.clone(), Weight::NOTHING));
                }
                let weight = self.query(&cte.query)?;
                self.named.push((name, weight));
            }
        }
        let mut weight = self.body(&query.body)?;
        let mut sorted = Within::new(self, weight.terms);
        sorted.see(&query.order_by)?;
        sorted.see(&query.limit_clause)?;
        sorted.see(&query.fetch)?;
        weight.size = weight.size.saturating_add(sorted.size);
        self.named.truncate(before);
        weight.checked()
    }

    fn body(&mut self, body: &SetExpr) -> Result<Weight, Error> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let (left, right) = (self.body(left)?, self.body(right)?);
                let both = left.beside(right);
                let columns = left.columns.max(right.columns);
                Weight { columns, ..both }.checked()
            }
            SetExpr::Values(values) => {
                let mut within = Within::new(self, 1);
                within.see(values)?;
                Weight {
                    columns: 1,
                    size: within.size,
                    terms: within.terms(),
                }
                .checked()
            }
            _ => Ok(Weight::NOTHING),
        }
    }

    fn select(&mut self, select: &Select) -> Result<Weight, Error> {
        let mut inputs = Weight::NOTHING;
        for from in &select.from {
            inputs = inputs.beside(self.joined(from)?);
        }
        let (mut columns, mut terms, mut size) = (0u64, 1u64, inputs.size);
        for item in &select.projection {
            let wild = matches!(
                item,
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
            );
            columns = columns.saturating_add(if wild { inputs.columns } else { 1 });
            let mut within = Within::new(self, inputs.terms);
            within.see(item)?;
            terms = terms.max(if wild { inputs.terms } else { within.terms() });
            size = size.saturating_add(within.size);
        }
        let mut within = Within::new(self, inputs.terms);
        within.see(&select.distinct)?;
        within.see(&select.selection)?;
        within.see(&select.group_by)?;
        within.see(&select.having)?;
        within.see(&select.qualify)?;
        within.see(&select.named_window)?;
        for join in select.from.iter().flat_map(|from| &from.joins) {
            within.see(&join.join_operator)?;
        }
        let conditions = within.terms();
        Weight {
            columns,
            size: size.saturating_add(within.size).saturating_add(columns),
            terms: terms.max(conditions),
        }
        .checked()?;
        if groupings(&select.group_by) > GROUPINGS {
            return Err(too_large(&format!(
                "CUBE and ROLLUP make more than {GROUPINGS} groupings"
            )));
        }
        Ok(Weight {
            columns,
            size: size.saturating_add(within.size).saturating_add(columns),
            terms,
        })
    }

    fn joined(&mut self, from: &TableWithJoins) -> Result<Weight, Error> {
        let mut weight = self.factor(&from.relation)?;
        for join in &from.joins {
            weight = weight.beside(self.factor(&join.relation)?);
        }
        weight.checked()
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<Weight, Error> {
        match factor {
            TableFactor::Table { name, .. } => {
                let last = name.0.last().and_then(|part| part.as_ident());
                let name = last.map_or("", |ident| ident.value.as_str());
                let known = self.named.iter().rev().find(|(known, _)| known == name);
                Ok(known.map_or_else(
                    || {
                        let columns = u64::try_from((self.columns_of)(name)).unwrap_or(u64::MAX);
                        Weight {
                            columns,
                            size: columns.saturating_add(1),
                            terms: 1,
                        }
                    },
                    |(_, weight)| *weight,
                ))
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => self.joined(table_with_joins),
            _ => Ok(Weight::NOTHING),
        }
    }
}

/// Counts the expressions of a part of a query, and the queries that stand in them.
struct Within<'e, 'a> {
    estimate: &'e mut Estimate<'a>,
    of_column: u64,
    columns: u64,
    nodes: u64,
    size: u64,
    /// Levels of queries below the part that is counted.
    below: usize,
}

impl<'e, 'a> Within<'e, 'a> {
    fn new(estimate: &'e mut Estimate<'a>, of_column: u64) -> Within<'e, 'a> {
        Within {
            estimate,
            of_column,
            columns: 0,
            nodes: 0,
            size: 0,
            below: 0,
        }
    }

    fn see(&mut self, part: &impl Visit) -> Result<(), Error> {
        match part.visit(self) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn terms(&self) -> u64 {
        let columns = self.columns.saturating_mul(self.of_column);
        columns.saturating_add(self.nodes)
    }
}

impl Visitor for Within<'_, '_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.below += 1;
        if self.below > 1 {
            return ControlFlow::Continue(());
        }
        match self.estimate.query(query) {
            Ok(weight) => {
                self.size = self.size.saturating_add(weight.size);
                self.nodes = self.nodes.saturating_add(weight.terms);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.below = self.below.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if self.below == 0 {
            self.nodes = self.nodes.saturating_add(1);
            self.size = self.size.saturating_add(1);
            if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                self.columns = self.columns.saturating_add(1);
            }
        }
        ControlFlow::Continue(())
    }
}

/// How many groupings stand in a GROUP BY: those of each CUBE and ROLLUP times those of all others.
fn groupings(group_by: &GroupByExpr) -> u64 {
    let cube = |columns: usize| match u32::try_from(columns) {
        Ok(columns) => 2u64.saturating_pow(columns),
        Err(_) => u64::MAX,
    };
    let count = |columns: usize| u64::try_from(columns).unwrap_or(u64::MAX);
    let (exprs, modifiers) = match group_by {
        GroupByExpr::All(modifiers) => (&[] as &[Expr], modifiers),
        GroupByExpr::Expressions(exprs, modifiers) => (exprs.as_slice(), modifiers),
    };
    let mut all = 1u64;
    for expr in exprs {
        all = all.saturating_mul(match expr {
            Expr::Cube(sets) => cube(sets.len()),
            Expr::Rollup(sets) => count(sets.len()).saturating_add(1),
            Expr::GroupingSets(sets) => count(sets.len()).max(1),
            _ => 1,
        });
    }
    for modifier in modifiers {
        all = all.saturating_mul(match modifier {
            GroupByWithModifier::Cube => cube(exprs.len()),
            GroupByWithModifier::Rollup => count(exprs.len()).saturating_add(1),
            _ => 1,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let statements = Parser::parse_sql(&GenericDialect {}, text).unwrap();
        let found = of_statement(&statements[0], &|_| 10);
        match (found, expected) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => {
                assert_eq!(error.kind, ErrorKind::Limit);
                assert!(error.message.contains(expected), "{text}: {error}");
            }
            (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
        }
    }

    /// `WITH c0 AS (first), c1 AS (next over c0), ...`, and a query over the last.
    fn chain(first: &str, next: &str, length: usize) -> String {
        let mut text = format!("WITH c0 AS ({first})");
        for n in 1..length {
            text += &format!(", c{n} AS ({})", next.replace('#', &(n - 1).to_string()));
        }
        text + &format!(" SELECT count(*) FROM c{}", length - 1)
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        check("SELECT a, sum(b) FROM t WHERE c > 1 GROUP BY a", None);
        let twice = "SELECT 1 FROM c# x, c# y";
        check(&chain("SELECT 1 FROM t", twice, 5), None);
        check(
            &chain("SELECT 1 FROM t", twice, 40),
            Some("unfolds to more"),
        );
        check(
            &chain("SELECT * FROM t", "SELECT *, * FROM c#", 40),
            Some("columns"),
        );
        check(
            &chain("SELECT a FROM t", "SELECT a + a AS a FROM c#", 10),
            None,
        );
        check(
            &chain("SELECT a FROM t", "SELECT a + a AS a FROM c#", 40),
            Some("terms"),
        );
        check(
            &chain(
                "SELECT 1 FROM t",
                "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM c#) OR EXISTS (SELECT 1 FROM c#)",
                40,
            ),
            Some("unfolds to more"),
        );
    }

    #[test]
    fn groupings_are_counted() {
        check("SELECT 1 FROM t GROUP BY CUBE (a, b, c)", None);
        let columns: Vec<String> = (0..12).map(|n| format!("a{n}")).collect();
        let columns = columns.join(", ");
        check(
            &format!("SELECT 1 FROM t GROUP BY CUBE ({columns})"),
            Some("groupings"),
        );
        check(
            &format!("SELECT 1 FROM t GROUP BY ROLLUP ({columns})"),
            None,
        );
    }

    #[test]
    fn names_of_other_queries_are_out_of_reach() {
        check(
            "SELECT 1 FROM (WITH c AS (SELECT * FROM t) SELECT 1 FROM c) x, c",
            None,
        );
    }
}
