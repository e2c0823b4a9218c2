//! How much a statement may grow while it is planned. A few lines of SQL can stand for a plan without end: CTEs that name the one before them
//! twice, `SELECT *, *` in subqueries, sums of sums, and whatever the planner writes out twice. So what a statement unfolds to is estimated from its
//! text, before anything is planned. `terms` weighs the expressions.

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, NamedWindowDefinition, NamedWindowExpr, Query, Select,
    SelectItem, SetExpr, SetOperator, Statement, TableFactor, TableWithJoins, WindowSpec,
};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use engine::{Error, ErrorKind};

use crate::terms::Within;

/// Bytes of a statement.
const TEXT: usize = 1 << 20;
/// Operators of a statement; as many may stand in one expression, each a level deep.
const OPERATORS: usize = 5_000;
/// Columns of a table or subquery.
const COLUMNS: u64 = 10_000;
/// Tables, columns and expressions of the whole, where each CTE counts as often as it is named, and a query in an expression twice: the planner
/// walks it once more for each level that it stands below.
const SIZE: u64 = 100_000;
/// Terms of one expression, where each column of a subquery counts as the expression that it stands for.
const TERMS: u64 = 50_000;
/// Groupings that CUBE and ROLLUP make.
const GROUPINGS: u64 = 512;
/// Tables that meet in joins, those within subqueries too: planning takes the cube of their number.
const TABLES: u64 = 100;
/// Queries that stand in the FROM of each other.
const DEPTH: u64 = 64;
/// Queries that stand in expressions of each other.
const LEVELS: u64 = 8;
/// Keys of one ORDER BY or GROUP BY, aggregates of one SELECT, branches of one UNION, CTEs of one WITH: planning takes the square of their number.
const KEYS: u64 = 500;
/// Window functions of one SELECT: planning takes the square of their number, and longer.
const WINDOWS: u64 = 100;
/// Keys of one window: planning takes the cube of their number, and longer.
const WINDOW_KEYS: u64 = 16;
/// Keys of all windows of one SELECT.
const ALL_WINDOW_KEYS: u64 = 300;
/// Expressions that one SELECT lists.
const LISTED: u64 = 1_000;

/// Words that join two expressions or stand behind one, so that a chain of them is an expression as deep as it is long.
const INFIX: [&str; 27] = [
    "and",
    "at",
    "between",
    "collate",
    "div",
    "except",
    "ilike",
    "in",
    "intersect",
    "is",
    "isnull",
    "like",
    "match",
    "member",
    "minus",
    "mod",
    "not",
    "notnull",
    "operator",
    "or",
    "overlaps",
    "prior",
    "regexp",
    "rlike",
    "similar",
    "union",
    "xor",
];

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
                && INFIX
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
pub(crate) struct Weight {
    pub columns: u64,
    pub size: u64,
    /// Of its largest column.
    pub terms: u64,
    /// That meet in joins.
    pub tables: u64,
    /// Of queries in FROM.
    pub depth: u64,
    /// Of queries in expressions.
    pub levels: u64,
    /// Of a UNION.
    pub branches: u64,
}

impl Weight {
    const NOTHING: Weight = Weight {
        columns: 0,
        size: 1,
        terms: 1,
        tables: 0,
        depth: 0,
        levels: 0,
        branches: 1,
    };

    fn of_table(columns: usize) -> Weight {
        let columns = u64::try_from(columns).unwrap_or(u64::MAX);
        Weight {
            columns,
            size: columns.saturating_add(1),
            tables: 1,
            ..Weight::NOTHING
        }
    }

    fn beside(self, other: Weight) -> Weight {
        Weight {
            columns: self.columns.saturating_add(other.columns),
            size: self.size.saturating_add(other.size),
            terms: self.terms.max(other.terms),
            tables: self.tables.saturating_add(other.tables),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            branches: self.branches.max(other.branches),
        }
    }

    /// The weight with what stands in expressions of its query.
    fn with(self, within: &Within<'_, '_>) -> Weight {
        Weight {
            size: self.size.saturating_add(within.size),
            tables: self.tables.saturating_add(within.tables),
            levels: self.levels.max(within.levels),
            ..self
        }
    }

    fn checked(self) -> Result<Weight, Error> {
        let found = [
            (
                self.columns,
                COLUMNS,
                "a part of it has more than # columns",
            ),
            (
                self.terms,
                TERMS,
                "an expression unfolds to more than # terms",
            ),
            (
                self.size,
                SIZE,
                "it unfolds to more than # tables, columns and expressions",
            ),
            (self.tables, TABLES, "it joins more than # tables"),
            (
                self.depth,
                DEPTH,
                "queries stand in the FROM of each other more than # deep",
            ),
            (
                self.levels,
                LEVELS,
                "queries stand in expressions of each other more than # deep",
            ),
            (
                self.branches,
                KEYS,
                "a UNION of it has more than # branches",
            ),
        ];
        for (found, most, what) in found {
            few(found, most, what)?;
        }
        Ok(self)
    }
}

/// Refuses more than the most, in words in which # stands for that.
fn few(found: u64, most: u64, what: &str) -> Result<(), Error> {
    match found > most {
        true => Err(too_large(&what.replace('#', &most.to_string()))),
        false => Ok(()),
    }
}

/// The keys of a window; refused where they are too many.
pub(crate) fn keys_of(window: &WindowSpec) -> Result<u64, Error> {
    let keys = count(&window.partition_by).saturating_add(count(&window.order_by));
    few(keys, WINDOW_KEYS, "a window of it has more than # keys")?;
    Ok(keys)
}

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// The columns of a SELECT, and the terms of its largest, here and as a query above sees it.
struct Listed {
    columns: u64,
    terms: u64,
    above: u64,
}

/// Aggregates and windows of a SELECT.
#[derive(Default)]
struct Calls {
    aggregates: u64,
    windows: u64,
    window_keys: u64,
}

impl Calls {
    fn add(&mut self, within: &Within<'_, '_>) {
        self.aggregates = self.aggregates.saturating_add(within.aggregates);
        self.windows = self.windows.saturating_add(within.windows);
        self.window_keys = self.window_keys.saturating_add(within.window_keys);
    }

    fn checked(&self, named: &[NamedWindowDefinition]) -> Result<(), Error> {
        let mut keys = self.window_keys;
        for window in named {
            if let NamedWindowExpr::WindowSpec(window) = &window.1 {
                let each = keys_of(window)?.saturating_mul(self.windows);
                keys = keys.saturating_add(each);
            }
        }
        let what = "a SELECT of it has more than # aggregates";
        few(self.aggregates, KEYS, what)?;
        let what = "a SELECT of it has more than # window functions";
        few(self.windows, WINDOWS, what)?;
        let what = "the windows of a SELECT have more than # keys";
        few(keys, ALL_WINDOW_KEYS, what)
    }
}

struct Named {
    name: String,
    weight: Weight,
    used: bool,
}

pub(crate) struct Estimate<'a> {
    columns_of: &'a dyn Fn(&str) -> usize,
    /// The CTEs in reach, the nearest last.
    named: Vec<Named>,
}

impl Estimate<'_> {
    pub fn query(&mut self, query: &Query) -> Result<Weight, Error> {
        let before = self.named.len();
        if let Some(with) = &query.with {
            few(
                count(&with.cte_tables),
                KEYS,
                "a WITH of it names more than # queries",
            )?;
            for cte in &with.cte_tables {
                let name = cte.alias.name.value.clone();
                if with.recursive {
                    // The columns of the part that does not recur are those of all.
                    self.name(name.clone(), Weight::NOTHING);
                }
                let weight = self.query(&cte.query)?;
                self.name(name, weight);
            }
        }
        let mut weight = self.body(&query.body)?;
        let mut sorted = Within::new(self, weight.terms);
        sorted.see(&query.order_by)?;
        sorted.see(&query.limit_clause)?;
        sorted.see(&query.fetch)?;
        few(
            sorted.terms,
            TERMS,
            "an ORDER BY of it has more than # terms",
        )?;
        few(sorted.keys, KEYS, "an ORDER BY of it has more than # keys")?;
        weight = weight.with(&sorted);
        weight.depth = weight.depth.saturating_add(1);
        // What nobody names is planned all the same.
        for named in self.named.drain(before..).filter(|named| !named.used) {
            weight.size = weight.size.saturating_add(named.weight.size);
        }
        weight.checked()
    }

    fn name(&mut self, name: String, weight: Weight) {
        self.named.push(Named {
            name,
            weight,
            used: false,
        });
    }

    fn body(&mut self, body: &SetExpr) -> Result<Weight, Error> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation {
                left, right, op, ..
            } => {
                let (left, right) = (self.body(left)?, self.body(right)?);
                let mut both = left.beside(right);
                both.columns = left.columns.max(right.columns);
                // All others are joins.
                if *op == SetOperator::Union {
                    both.tables = left.tables.max(right.tables);
                    both.branches = left.branches.saturating_add(right.branches);
                }
                both.checked()
            }
            SetExpr::Values(values) => {
                let mut within = Within::new(self, 1);
                within.see(values)?;
                let widest = values.rows.iter().map(|row| count(&row.content)).max();
                Weight {
                    columns: widest.unwrap_or(0),
                    terms: within.terms,
                    ..Weight::NOTHING
                }
                .with(&within)
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
        let mut keys = Within::new(self, inputs.terms);
        keys.see(&select.distinct)?;
        keys.see(&select.group_by)?;
        few(keys.keys, KEYS, "a SELECT of it has more than # keys")?;
        let mut weight = inputs.with(&keys);
        let mut conditions = keys.terms;
        let mut within = Within::new(self, inputs.terms);
        within.see(&select.selection)?;
        within.see(&select.having)?;
        within.see(&select.qualify)?;
        for join in select.from.iter().flat_map(|from| &from.joins) {
            within.see(&join.join_operator)?;
        }
        conditions = conditions.saturating_add(within.terms);
        weight = weight.with(&within);
        let mut calls = Calls::default();
        calls.add(&within);
        let mut named = Within::new(self, inputs.terms);
        named.see(&select.named_window)?;
        conditions = conditions.saturating_add(named.terms);
        weight = weight.with(&named);
        let of_windows = named.size;
        let listed = self.list(select, inputs, &mut weight, &mut calls)?;
        calls.checked(&select.named_window)?;
        // Whoever names a window stands for all of it.
        let copies = of_windows.saturating_mul(calls.windows);
        weight.size = weight.size.saturating_add(copies);
        weight.columns = listed.columns;
        weight.size = weight.size.saturating_add(listed.columns);
        weight.terms = listed.terms.max(conditions);
        weight.checked()?;
        few(
            groupings(&select.group_by),
            GROUPINGS,
            "CUBE and ROLLUP make more than # groupings",
        )?;
        weight.terms = listed.above;
        Ok(weight)
    }

    /// What a SELECT lists.
    fn list(
        &mut self,
        select: &Select,
        inputs: Weight,
        weight: &mut Weight,
        calls: &mut Calls,
    ) -> Result<Listed, Error> {
        few(
            count(&select.projection),
            LISTED,
            "a SELECT of it lists more than # expressions",
        )?;
        let mut listed = Listed {
            columns: 0,
            terms: 1,
            above: 1,
        };
        for item in &select.projection {
            let wild = matches!(
                item,
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
            );
            let mut within = Within::new(self, inputs.terms);
            within.see(item)?;
            let (columns, terms, above) = match wild {
                true => (inputs.columns, inputs.terms, inputs.terms),
                false => (1, within.terms, within.above),
            };
            listed.columns = listed.columns.saturating_add(columns);
            listed.terms = listed.terms.max(terms);
            listed.above = listed.above.max(above);
            calls.add(&within);
            *weight = weight.with(&within);
        }
        Ok(listed)
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
                let mut known = self.named.iter_mut().rev();
                Ok(match known.find(|known| known.name == name) {
                    Some(known) => {
                        known.used = true;
                        known.weight.beside(Weight {
                            tables: u64::from(known.weight.tables == 0),
                            size: 0,
                            ..Weight::NOTHING
                        })
                    }
                    None => Weight::of_table((self.columns_of)(name)),
                })
            }
            TableFactor::Derived {
                subquery, lateral, ..
            } => {
                let mut weight = self.query(subquery)?;
                weight.tables = weight.tables.max(1);
                // It is taken apart as a query in an expression is.
                if *lateral {
                    weight.size = weight.size.saturating_mul(2);
                    weight.levels = weight.levels.saturating_add(1);
                }
                weight.checked()
            }
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => self.joined(table_with_joins),
            _ => Ok(Weight::NOTHING),
        }
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
        check(&chain("SELECT 1 FROM t", twice, 40), Some("joins"));
        let wide = vec!["a"; 200].join(", ");
        let many = vec!["SELECT * FROM c"; 400].join(" UNION ALL ");
        check(
            &format!("WITH c AS (SELECT {wide} FROM t) {many}"),
            Some("unfolds to more"),
        );
        check(
            &chain("SELECT * FROM t", "SELECT *, * FROM c#", 40),
            Some("columns"),
        );
        // One such expression may stand in a statement, and not many.
        let nested = (0..12).fold("a".to_owned(), |text, n| format!("coalesce({text}, {n})"));
        check(&format!("SELECT {nested} FROM t"), None);
        check(
            &format!("SELECT {} FROM t", vec![nested.as_str(); 30].join(", ")),
            Some("unfolds to more"),
        );
        check(
            &chain("SELECT a FROM t", "SELECT a + a AS a FROM c#", 10),
            None,
        );
        check(
            &chain("SELECT a FROM t", "SELECT a + a AS a FROM c#", 40),
            Some("terms"),
        );
        // What an aggregate gives is a column like any other.
        let summed = "SELECT sum(a) + max(a) AS a FROM c# GROUP BY b";
        check(&chain("SELECT a FROM t", summed, 40), None);
        check(
            &chain(
                "SELECT 1 FROM t",
                "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM c#) OR EXISTS (SELECT 1 FROM c#)",
                40,
            ),
            Some("joins"),
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
