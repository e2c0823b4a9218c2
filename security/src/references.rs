//! What an expression mentions, found without binding it: a syntactic walk that would rather name too much than too little,
//! because what it misses would stay visible.

use std::collections::BTreeSet;

use dax::{Expr, ExprKind};

/// Names as they are compared: without case.
pub(crate) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// The names that an expression mentions, folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    /// Words and quoted names that are not variables: tables, if there are such tables.
    pub tables: BTreeSet<String>,
    /// Words that are variables or parameters where they stand. In the place of a parameter they may come to mean tables.
    pub shadowed: BTreeSet<String>,
    /// Tables among these whose every column the value may depend on: `DISTINCT(Sales)`, not `COUNTROWS(Sales)`.
    pub whole: BTreeSet<String>,
    /// A call that gives the table in which a measure stands, and whose every column the value may depend on.
    pub whole_homes: bool,
    /// `Table[Name]`
    pub qualified: BTreeSet<(String, String)>,
    /// `[Name]`
    pub brackets: BTreeSet<String>,
    /// `'T'[C].[Level]`
    pub variations: BTreeSet<(String, String, String)>,
    /// Names of functions called.
    pub calls: BTreeSet<String>,
    /// Texts, which name the columns that an expression makes, and the names that tables without a text give theirs.
    pub made: BTreeSet<String>,
}

impl References {
    /// The mentions of an expression in which these names (of parameters) are bound.
    pub fn of(expr: &Expr, bound: &[String]) -> References {
        let mut walk = Walk {
            found: References::default(),
            bound: bound.iter().map(|name| fold(name)).collect(),
        };
        walk.expr(expr, true);
        walk.found
    }
}

/// Functions whose first argument is a table of which only the named columns, or the number of rows, come through.
const NARROWING: &[&str] = &[
    "averagex",
    "calculate",
    "concatenatex",
    "countax",
    "countrows",
    "countx",
    "firstnonblankvalue",
    "geomeanx",
    "groupby",
    "isempty",
    "lastnonblankvalue",
    "maxx",
    "medianx",
    "minx",
    "percentilex.exc",
    "percentilex.inc",
    "productx",
    "rankx",
    "selectcolumns",
    "stdevx.p",
    "stdevx.s",
    "sumx",
    "summarize",
    "summarizecolumns",
    "varx.p",
    "varx.s",
    "xirr",
    "xnpv",
];

/// Functions that give the rows of their first argument, with all its columns.
const PASSING: &[&str] = &[
    "addcolumns",
    "addmissingitems",
    "all",
    "allnoblankrow",
    "allselected",
    "calculatetable",
    "filter",
    "keepfilters",
    "relatedtable",
    "topn",
];

struct Walk {
    found: References,
    /// Variables and parameters in scope, innermost last.
    bound: Vec<String>,
}

impl Walk {
    /// `whole`: whether every column of a table that stands here may show in the value.
    fn expr(&mut self, expr: &Expr, whole: bool) {
        match &expr.kind {
            ExprKind::Identifier { name, quoted } => {
                let name = fold(&name.text);
                // A name in quotes is never a variable.
                if !quoted && self.bound.contains(&name) {
                    self.found.shadowed.insert(name);
                } else {
                    if whole {
                        self.found.whole.insert(name.clone());
                    }
                    self.found.tables.insert(name);
                }
            }
            ExprKind::Qualified { table, column } => {
                let (table, column) = (fold(&table.text), fold(&column.text));
                // A variable that has the name of a table hides it where a table is meant, and not before a bracket.
                if self.bound.contains(&table) {
                    self.found.brackets.insert(column.clone());
                }
                self.found.qualified.insert((table, column));
            }
            ExprKind::Bracket(name) => {
                self.found.brackets.insert(fold(&name.text));
            }
            ExprKind::Variation {
                table,
                column,
                level,
            } => {
                self.found.variations.insert((
                    fold(&table.text),
                    fold(&column.text),
                    fold(&level.text),
                ));
            }
            ExprKind::Call { name, args } => self.call(&fold(&name.text), args, whole),
            ExprKind::Unary { operand, .. } => self.expr(operand, true),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left, true);
                self.expr(right, true);
            }
            ExprKind::Row(parts) => parts.iter().for_each(|part| self.expr(part, true)),
            ExprKind::Table(parts) => {
                self.makes(&["value", "value1", "value2", "value3"]);
                parts.iter().for_each(|part| self.expr(part, true))
            }
            ExprKind::Text(text) => {
                self.found.made.insert(fold(text));
            }
            ExprKind::Let { vars, body } => {
                let before = self.bound.len();
                for (name, value) in vars {
                    self.expr(value, true);
                    self.bound.push(fold(&name.text));
                }
                self.expr(body, whole);
                self.bound.truncate(before);
            }
            ExprKind::Integer(_)
            | ExprKind::Double(_)
            | ExprKind::DateTime(_)
            | ExprKind::Parameter(_)
            | ExprKind::Omitted
            | ExprKind::Error => {}
        }
    }

    fn makes(&mut self, columns: &[&str]) {
        let names = columns.iter().map(|name| (*name).to_owned());
        self.found.made.extend(names);
    }

    fn call(&mut self, name: &str, args: &[Expr], whole: bool) {
        match name {
            "tableof" | "detailrows" => self.found.whole_homes |= whole,
            "generateseries" => self.makes(&["value"]),
            "calendar" | "calendarauto" => self.makes(&["date"]),
            _ => {}
        }
        self.found.calls.insert(name.to_owned());
        // TOPN has its table second.
        let table = usize::from(name == "topn");
        for (position, arg) in args.iter().enumerate() {
            let whole = if position == table && NARROWING.contains(&name) {
                false
            } else if position == table && PASSING.contains(&name) {
                whole
            } else {
                // An iterator's body is a scalar; CALCULATE's other arguments are filters, which only choose rows.
                name != "calculate" && name != "calculatetable"
            };
            self.expr(arg, whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let parsed = dax::parse_expression(text);
        assert!(parsed.errors.is_empty(), "{text}: {:?}", parsed.errors);
        let found = References::of(&parsed.tree, &[]);
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(",");
        let qualified: Vec<String> = found
            .qualified
            .iter()
            .map(|(t, c)| format!("{t}.{c}"))
            .collect();
        let shown = format!(
            "{}|{}|{}|{}",
            join(&found.tables),
            join(&found.whole),
            qualified.join(","),
            join(&found.brackets)
        );
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn mentions_are_found() {
        check("SUM(Sales[Amount])", "||sales.amount|");
        check("COUNTROWS(Sales)", "sales|||");
        check("COUNTROWS(DISTINCT(Sales))", "sales|sales||");
        check(
            "SELECTCOLUMNS(FILTER(Sales, [A] > 1), \"x\", [B])",
            "sales||| a,b".replace(' ', "").as_str(),
        );
        check("FILTER(Sales, [A] > 1)", "sales|sales||a");
        check("VAR Sales = 1 RETURN Sales + [M]", "|||m");
        check("VAR t = Sales RETURN COUNTROWS(t)", "sales|sales||");
        check("VAR Sales = 1 RETURN SUM(Sales[A])", "||sales.a|a");
        check("VAR Sales = 1 RETURN COUNTROWS('Sales')", "sales|||");
        check("TOPN(2, 'Big Table', [x])", "big table|big table||x");
    }
}
