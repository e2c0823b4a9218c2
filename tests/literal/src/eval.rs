//! An expression in one place: a filter context, a stack of rows, and the variables in sight.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use dax::{Expr, ExprKind, Name};
use model::{DataType, same_name};

use crate::context::Context;
use crate::data::{Col, Data};
use crate::value::{Failure, Result, Value, error, unknown};

/// A column of a table value. Columns of the model keep their lineage, whatever they are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub table: Option<String>,
    pub name: String,
    pub lineage: Option<Col>,
    pub data_type: Option<DataType>,
}

impl Field {
    pub fn computed(name: &str) -> Field {
        Field {
            table: None,
            name: name.to_owned(),
            lineage: None,
            data_type: None,
        }
    }
}

/// A table value. `base` is the model table whose rows these are; `at` then numbers them.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub fields: Rc<Vec<Field>>,
    pub rows: Vec<Vec<Value>>,
    pub base: Option<usize>,
    pub at: Vec<usize>,
    /// Where the table was made, if its rows are used elsewhere: they expand over the relationships in force there.
    pub under: Option<Rc<Context>>,
}

impl Table {
    pub fn of(fields: Vec<Field>, rows: Vec<Vec<Value>>) -> Table {
        Table {
            fields: Rc::new(fields),
            rows,
            base: None,
            at: Vec::new(),
            under: None,
        }
    }

    /// The table outside the context where it was made.
    pub fn made_under(mut self, context: &Rc<Context>) -> Table {
        if self.base.is_some() {
            self.under.get_or_insert_with(|| Rc::clone(context));
        }
        self
    }

    /// The rows at these positions.
    pub fn take(&self, positions: &[usize]) -> Table {
        Table {
            fields: Rc::clone(&self.fields),
            rows: positions.iter().map(|&p| self.rows[p].clone()).collect(),
            base: self.base,
            at: if self.base.is_some() {
                positions.iter().map(|&p| self.at[p]).collect()
            } else {
                Vec::new()
            },
            under: self.under.clone(),
        }
    }

    pub fn row(&self, position: usize) -> Row {
        Row {
            fields: Rc::clone(&self.fields),
            values: self.rows[position].clone(),
            base: self.base.map(|table| (table, self.at[position])),
            under: self.under.clone(),
        }
    }
}

/// A current row.
#[derive(Clone, Debug)]
pub struct Row {
    pub fields: Rc<Vec<Field>>,
    pub values: Vec<Value>,
    pub base: Option<(usize, usize)>,
    /// As of the table.
    pub under: Option<Rc<Context>>,
}

#[derive(Clone)]
pub enum Outcome {
    Scalar(Value),
    Table(Rc<Table>),
}

/// A variable: evaluated where it was defined, when it is first asked for.
pub struct Variable {
    name: String,
    is_table: bool,
    body: Expr,
    place: Place,
    known: RefCell<Option<Result<Outcome>>>,
}

#[derive(Clone, Default)]
pub struct Place {
    pub context: Rc<Context>,
    pub rows: Vec<Rc<Row>>,
    pub variables: Vec<Rc<Variable>>,
    /// The rows of the group of an enclosing GROUPBY.
    pub group: Option<Rc<Table>>,
}

impl Place {
    pub fn with_row(&self, row: Row) -> Place {
        let mut place = self.clone();
        place.rows.push(Rc::new(row));
        place
    }

    pub fn in_context(&self, context: Context) -> Place {
        Place {
            context: Rc::new(context),
            rows: Vec::new(),
            variables: self.variables.clone(),
            group: None,
        }
    }
}

pub struct Evaluator<'d> {
    pub data: &'d Data,
    /// By name in lower case: the expressions of the model's measures and of those that the query defines.
    pub measures: HashMap<String, Expr>,
    pub groups: Vec<Group>,
}

/// A calculation group: its table, and the expressions of its items.
pub struct Group {
    pub table: usize,
    pub precedence: i64,
    pub items: Vec<(String, Expr)>,
}

pub const TABLE_FUNCTIONS: &[&str] = &[
    "ADDCOLUMNS",
    "ALL",
    "ALLEXCEPT",
    "ALLNOBLANKROW",
    "ALLSELECTED",
    "CALCULATETABLE",
    "CROSSJOIN",
    "CURRENTGROUP",
    "DATEADD",
    "DATESBETWEEN",
    "DATESINPERIOD",
    "DATESMTD",
    "DATESQTD",
    "DATESYTD",
    "DISTINCT",
    "EXCEPT",
    "FILTER",
    "FIRSTDATE",
    "GENERATE",
    "GENERATEALL",
    "GROUPBY",
    "INTERSECT",
    "KEEPFILTERS",
    "LASTDATE",
    "NEXTMONTH",
    "NEXTYEAR",
    "PARALLELPERIOD",
    "PREVIOUSMONTH",
    "PREVIOUSYEAR",
    "RELATEDTABLE",
    "ROW",
    "SAMEPERIODLASTYEAR",
    "SELECTCOLUMNS",
    "SUMMARIZE",
    "SUMMARIZECOLUMNS",
    "TOPN",
    "TREATAS",
    "UNION",
    "VALUES",
    "FIRSTNONBLANK",
    "LASTNONBLANK",
    "GENERATESERIES",
];

/// Refuses a call with fewer arguments than the function must have.
pub fn check_arguments(name: &str, args: &[Expr]) -> Result<()> {
    let least = match name {
        "TRUE" | "FALSE" | "BLANK" | "SELECTEDMEASURE" | "ALL" | "REMOVEFILTERS"
        | "ALLSELECTED" | "CURRENTGROUP" | "ERROR" | "SUMMARIZECOLUMNS" => 0,
        "SWITCH" | "CROSSFILTER" | "ADDCOLUMNS" | "DATEADD" | "PARALLELPERIOD" | "LOOKUPVALUE"
        | "CONTAINS" | "DATE" => 3,
        "AND" | "OR" | "IF" | "IFERROR" | "DIVIDE" | "COALESCE" | "RANKX" | "CONCATENATEX"
        | "FILTER" | "GENERATE" | "GENERATEALL" | "EXCEPT" | "INTERSECT" | "TOPN" | "TREATAS"
        | "UNION" | "CROSSJOIN" | "ALLEXCEPT" | "USERELATIONSHIP" | "SELECTCOLUMNS" | "ROW"
        | "TOTALYTD" | "TOTALQTD" | "TOTALMTD" | "FIRSTNONBLANK" | "LASTNONBLANK"
        | "GENERATESERIES" => 2,
        name if name.ends_with('X') && name != "MAX" => 2,
        _ => 1,
    };
    if args.len() < least {
        error(format!("{name} with too few arguments"))
    } else {
        Ok(())
    }
}

impl<'d> Evaluator<'d> {
    pub fn is_table(&self, expr: &Expr, place: &Place) -> bool {
        match &expr.kind {
            ExprKind::Identifier { name, .. } => match self.variable(name, place) {
                Some(variable) => variable.is_table,
                None => self.data.table(&name.text).is_some(),
            },
            ExprKind::Table(_) => true,
            ExprKind::Call { name, .. } => {
                TABLE_FUNCTIONS.contains(&name.text.to_uppercase().as_str())
            }
            ExprKind::Let { vars, body } => {
                let place = self.with_variables(vars, place);
                self.is_table(body, &place)
            }
            _ => false,
        }
    }

    fn variable<'p>(&self, name: &Name, place: &'p Place) -> Option<&'p Rc<Variable>> {
        place
            .variables
            .iter()
            .rev()
            .find(|v| same_name(&v.name, &name.text))
    }

    pub fn with_variables(&self, vars: &[(Name, Expr)], place: &Place) -> Place {
        let mut place = place.clone();
        for (name, body) in vars {
            let variable = Variable {
                name: name.text.clone(),
                is_table: self.is_table(body, &place),
                body: body.clone(),
                place: place.clone(),
                known: RefCell::new(None),
            };
            place.variables.push(Rc::new(variable));
        }
        place
    }

    pub fn variable_value(&self, name: &Name, place: &Place) -> Option<Result<Outcome>> {
        let variable = Rc::clone(self.variable(name, place)?);
        if let Some(known) = &*variable.known.borrow() {
            return Some(known.clone());
        }
        let value = if variable.is_table {
            self.table(&variable.body, &variable.place)
                .map(|table| table.made_under(&variable.place.context))
                .map(|table| Outcome::Table(Rc::new(table)))
        } else {
            self.scalar(&variable.body, &variable.place)
                .map(Outcome::Scalar)
        };
        *variable.known.borrow_mut() = Some(value.clone());
        Some(value)
    }

    pub fn variable_type(&self, name: &Name, place: &Place) -> Option<DataType> {
        let variable = self.variable(name, place)?;
        self.data_type(&variable.body, &variable.place)
    }

    /// The column that an argument names.
    pub fn column(&self, expr: &Expr) -> Result<Col> {
        match &expr.kind {
            ExprKind::Qualified { table, column } => {
                match self.data.column(&table.text, &column.text) {
                    Some(found) => Ok(found),
                    None => error(format!(
                        "there is no column {}[{}]",
                        table.text, column.text
                    )),
                }
            }
            other => unknown(other),
        }
    }

    /// `T[c]` as a value.
    pub fn qualified(&self, table: &Name, column: &Name, place: &Place) -> Result<Value> {
        let named = |field: &Field| {
            same_name(&field.name, &column.text)
                && field
                    .table
                    .as_deref()
                    .is_some_and(|t| same_name(t, &table.text))
        };
        for row in place.rows.iter().rev() {
            if let Some(index) = row.fields.iter().position(named) {
                return Ok(row.values[index].clone());
            }
        }
        if self.data.column(&table.text, &column.text).is_some() {
            return error(format!(
                "no single value of {}[{}] here",
                table.text, column.text
            ));
        }
        self.measure(&column.text, place)
    }

    /// `[x]`: a computed column of a current row, a measure, or another column of a current row.
    pub fn bracket(&self, name: &Name, place: &Place) -> Result<Value> {
        let find = |computed: bool| {
            place.rows.iter().rev().find_map(|row| {
                let index = row.fields.iter().position(|f| {
                    same_name(&f.name, &name.text) && (!computed || f.table.is_none())
                })?;
                Some(row.values[index].clone())
            })
        };
        if let Some(value) = find(true) {
            return Ok(value);
        }
        if self.measures.contains_key(&name.text.to_lowercase()) {
            return self.measure(&name.text, place);
        }
        match find(false) {
            Some(value) => Ok(value),
            None => error(format!("there is no [{}] here", name.text)),
        }
    }

    /// A measure: its current rows become filters, calculation items apply, then its expression is evaluated.
    pub fn measure(&self, name: &str, place: &Place) -> Result<Value> {
        if !self.measures.contains_key(&name.to_lowercase()) {
            return error(format!("there is no measure [{name}]"));
        }
        let context = self.transition(place)?;
        self.with_items(name, context)
    }

    /// Applies the calculation groups of which one item is selected, the highest precedence first.
    pub fn with_items(&self, name: &str, context: Context) -> Result<Value> {
        for group in &self.groups {
            let filtered = context
                .filters
                .iter()
                .any(|f| f.columns.iter().any(|c| c.0 == group.table));
            if context.applied.contains(&group.table) || !filtered {
                continue;
            }
            let selected = self.data.tuples(&[Col(group.table, 0)], &context, false);
            let [only] = selected.as_slice() else {
                continue;
            };
            let Some((_, body)) = group
                .items
                .iter()
                .find(|(item, _)| only[0] == Value::Text(item.clone()))
            else {
                continue;
            };
            let mut inner = context;
            inner.applied.push(group.table);
            inner.selected = Some(name.to_owned());
            return self.scalar(
                body,
                &Place {
                    context: Rc::new(inner),
                    ..Place::default()
                },
            );
        }
        let Some(body) = self.measures.get(&name.to_lowercase()) else {
            return Err(Failure::Error(format!("there is no measure [{name}]")));
        };
        let mut inner = context;
        inner.selected = None;
        self.scalar(
            body,
            &Place {
                context: Rc::new(inner),
                ..Place::default()
            },
        )
    }

    /// The table of one column, where several values are an error.
    pub fn single(&self, table: &Table) -> Result<Value> {
        match (table.fields.len(), table.rows.as_slice()) {
            (1, []) => Ok(Value::Blank),
            (1, [row]) => Ok(row[0].clone()),
            _ => error("a table of several values where one is expected"),
        }
    }
}
