//! The model's calculation groups. A group bears on a query that evaluates measures and can filter the group's table; the items of
//! all others are left alone, because binding them would cost every query the same again.

use std::rc::Rc;

use model::SelectionExpressionBehavior;
use security::{Column, Table};

use super::{Binder, Bound};
use crate::bound::{Scalar, ScalarKind};
use crate::error::{Error, ErrorKind};
use crate::eval::{CalculationGroup, CalculationItem};
use crate::value::{DataType, Value};

/// Which groups are bound.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// Those that what is bound so far can apply.
    InReach,
}

/// The calculation groups of a query.
#[derive(Default)]
pub struct Groups {
    /// Highest precedence first.
    pub bound: Vec<CalculationGroup>,
    /// The tables of those that nothing in the query filters.
    pub out_of_reach: Vec<Table>,
}

impl<'a> Binder<'a> {
    /// The table of this name. What is named can be filtered.
    pub fn find_table(&self, name: &str) -> Option<Table> {
        let table = self.scope.find_table(name)?;
        self.named.borrow_mut().insert(table);
        Some(table)
    }

    /// To be asked when all else is bound: what is bound later may reach further.
    pub fn calculation_groups(&mut self, wanted: Wanted) -> Bound<Groups> {
        let scope = self.scope;
        let mut waiting: Vec<(Table, Column)> = scope
            .tables()
            .filter(|table| scope.table(*table).calculation_group.is_some())
            .filter_map(|table| {
                let mut columns = scope.columns(table).into_iter();
                let names = columns.find(|c| scope.column_type(*c) == DataType::Text)?;
                Some((table, names))
            })
            .collect();
        let mut groups = Groups::default();
        // The items of one group may name the table of another.
        while let Some(at) = waiting
            .iter()
            .position(|(table, _)| wanted == Wanted::All || self.reaches(*table))
        {
            let (table, column) = waiting.remove(at);
            groups.bound.extend(self.group(table, column)?);
        }
        let place = |table: &Table| scope.tables().position(|t| t == *table);
        groups.bound.sort_by_key(|g| place(&g.table));
        groups
            .bound
            .sort_by_key(|g| std::cmp::Reverse(g.precedence));
        groups.out_of_reach = waiting.into_iter().map(|(table, _)| table).collect();
        Ok(groups)
    }

    /// Whether an item of the group may come to apply: to a measure, where the group's table is filtered, or where it has an expression
    /// for no filter.
    fn reaches(&self, table: Table) -> bool {
        let applied_without_filter = || {
            let group = &self.scope.table(table).calculation_group;
            group.as_ref().is_some_and(|g| g.no_selection.is_some())
        };
        let related = || {
            let mut relationships = self.scope.relationships().iter();
            relationships.any(|r| r.from == table || r.to == table)
        };
        self.binds_measures()
            && (self.named.borrow().contains(&table) || applied_without_filter() || related())
    }

    fn binds_measures(&self) -> bool {
        !self.measures.is_empty() || self.query_measures.values().any(|(_, body)| body.is_some())
    }

    fn group(&mut self, table: Table, column: Column) -> Bound<Option<CalculationGroup>> {
        let scope = self.scope;
        let Some(group) = &scope.table(table).calculation_group else {
            return Ok(None);
        };
        let (none, several) = (&group.no_selection, &group.multiple_selection);
        let mut format =
            |text: Option<&str>, what: &str| text.map(|text| self.format_text(table, text, what));
        let of = |selection: &'a Option<model::SelectionExpression>| {
            selection.as_ref()?.format_expression.as_deref()
        };
        let none_selected_format = format(of(none), "format of no selection");
        let several_selected_format = format(of(several), "format of several selected");
        let mut items = Vec::with_capacity(group.items.len());
        for item in &group.items {
            let format = item.format_expression.as_deref();
            let bound = self.item_or_failure(table, &item.expression, &item.name);
            let (body, refused) = match bound {
                Err(error) if error.kind == ErrorKind::InError => {
                    (Rc::new(Scalar::failing(&error.message)), Some(error))
                }
                bound => (bound?, None),
            };
            items.push(CalculationItem {
                name: item.name.clone(),
                body,
                format: format.map(|text| self.format_text(table, text, &item.name)),
                refused,
            });
        }
        let mut body = |selection: &Option<model::SelectionExpression>, what: &str| {
            let text = selection.as_ref().map(|s| &s.expression);
            text.map(|text| self.item_text(table, text, what))
                .transpose()
        };
        Ok(Some(CalculationGroup {
            table,
            column,
            precedence: group.precedence,
            items,
            none_selected: body(none, "no selection")?,
            several_selected: body(several, "several selected")?.or_else(|| self.several_blank()),
            none_selected_format,
            several_selected_format,
        }))
    }

    /// What several items give where the group does not say, and the model says that they give BLANK.
    fn several_blank(&self) -> Option<Rc<Scalar>> {
        let visual = SelectionExpressionBehavior::Visual;
        let blank = || Scalar {
            kind: ScalarKind::Constant(Value::Blank),
            data_type: DataType::Variant,
            span: None,
        };
        (self.scope.model().selection_expression_behavior == visual).then(|| Rc::new(blank()))
    }

    /// An item that does not bind is an error to whoever selects it, and the others can be selected.
    fn item_or_failure(&mut self, table: Table, text: &str, what: &str) -> Bound<Rc<Scalar>> {
        use ErrorKind::{Argument, Syntax, Type, UnknownFunction, UnknownName};
        match self.item_text(table, text, what) {
            Err(error)
                if matches!(
                    error.kind,
                    Syntax | UnknownName | UnknownFunction | Argument | Type
                ) =>
            {
                Ok(Rc::new(Scalar::failing(&error.message)))
            }
            found => found,
        }
    }

    /// A format string that does not bind is an error to whoever asks for it, and to nobody else.
    fn format_text(&mut self, table: Table, text: &str, what: &str) -> Rc<Scalar> {
        let bound = self.item_text(table, text, what);
        bound.unwrap_or_else(|error| Rc::new(Scalar::failing(&error.message)))
    }

    fn item_text(&mut self, table: Table, text: &str, what: &str) -> Bound<Rc<Scalar>> {
        let scope = self.scope;
        let place = |message: &str| {
            format!(
                "in the calculation item '{}'[{what}]: {message}",
                scope.table(table).name
            )
        };
        let Some(tree) = scope.group_expression(text) else {
            let errors = dax::parse_expression(text).errors;
            let first = errors.first().map_or("not an expression", |e| &e.message);
            return Err(Error::nowhere(ErrorKind::Syntax, place(first)));
        };
        self.item(table, tree).map(Rc::new).map_err(|e| Error {
            span: None,
            message: place(&e.message),
            ..e
        })
    }

    /// An expression of a calculation item: SELECTEDMEASURE has a meaning in it.
    fn item(&mut self, home: Table, tree: &dax::Expr) -> Bound<Scalar> {
        let before = std::mem::replace(&mut self.in_item, true);
        let result = self.apart("calculation item", home, |b| b.bind_scalar(tree));
        self.in_item = before;
        result
    }
}
