//! What a statement may read, told to the audit as DAX that mentions the same names: rather too many than too few.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Select, SelectItem, Visit, Visitor,
};
use security::{Measure, Scope, Table, View};

use crate::measure;
use crate::names::Names;
use crate::statement::{self, Request};

/// A DAX query that mentions the tables, columns and measures of a statement. Empty where the statement is no query.
pub fn mentioned(view: &View, text: &str) -> String {
    let scope = view.scope();
    let statement = match statement::read(text, &mut Names::of(scope)) {
        Ok(Request::Query(statement) | Request::Explain(statement)) => statement,
        _ => return String::new(),
    };
    let mut found = Found {
        scope,
        tables: BTreeSet::new(),
        words: BTreeSet::new(),
        measures: BTreeSet::new(),
        everything: false,
    };
    // Nothing in it breaks off.
    let _ = statement.visit(&mut found);
    found.as_dax()
}

struct Found<'a> {
    scope: &'a Scope,
    tables: BTreeSet<Table>,
    /// Words that may be columns, in small letters.
    words: BTreeSet<String>,
    measures: BTreeSet<Measure>,
    /// Whether a `*` stands for columns, or a join takes those of one name.
    everything: bool,
}

impl Visitor for Found<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let last = relation.0.last().and_then(|part| part.as_ident());
        self.tables
            .extend(last.and_then(|name| self.scope.find_table(&name.value)));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let wild = |item: &SelectItem| {
            matches!(
                item,
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
            )
        };
        // USING and NATURAL name columns without being expressions.
        let joined = select.from.iter().any(|from| !from.joins.is_empty());
        self.everything |= joined || select.projection.iter().any(wild);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let word = |ident: &Ident| ident.value.to_lowercase();
        match expr {
            Expr::Identifier(name) => {
                self.words.insert(word(name));
            }
            Expr::CompoundIdentifier(parts) => self.words.extend(parts.last().map(word)),
            Expr::Function(function) => {
                let name = measure::named_by(function);
                let known = name.and_then(|name| self.scope.find_measure(&name));
                self.measures.extend(known);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Found<'_> {
    fn as_dax(&self) -> String {
        let mut text = String::from("EVALUATE { 0");
        for table in &self.tables {
            let name = self.scope.table(*table).name.replace('\'', "''");
            let _ = write!(text, ", COUNTROWS('{name}')");
            for column in self.scope.columns(*table) {
                let column = &self.scope.column(column).name;
                if self.everything || self.words.contains(&column.to_lowercase()) {
                    let _ = write!(text, ", '{name}'[{}]", column.replace(']', "]]"));
                }
            }
        }
        for measure in &self.measures {
            let name = self.scope.measure(*measure).name.replace(']', "]]");
            let _ = write!(text, ", [{name}]");
        }
        text.push_str(" }");
        text
    }
}
