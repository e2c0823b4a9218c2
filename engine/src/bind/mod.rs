//! Binding: names become handles of the view, tables get schemas, functions their shapes. Unknown, misspelled and
//! hidden names are one code path, because the view holds visible names only.

mod aggregates;
mod arguments;
mod beside;
mod calendars;
mod calls;
mod column_keys;
mod dates;
mod filters;
mod functions;
mod grouping;
mod items;
mod joins;
mod missing_items;
mod name_of;
mod names;
mod paths;
mod rowsets;
mod scalars;
mod shapes;
mod statistics;
mod tables;
mod window;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use dax::{Expr, Span};
use security::{Column, Control, Measure, Relationship, Scope, Table};

use crate::bound::{Field, FilterArgument, FrameId, MeasureRef, Scalar, ScalarKind, Schema, VarId};
use crate::error::{Error, ErrorKind};
use crate::value::{DataType, Value};
use crate::watch::Watch;

pub use functions::{MAX_CALLS, expanded, parts_of};
pub use items::{Groups, Wanted};
pub use rowsets::offers;

pub type Bound<T> = Result<T, Error>;

/// A row context that names can be found in.
pub struct RowScope {
    pub frame: FrameId,
    pub schema: Rc<Schema>,
}

/// What a bare word may stand for.
#[derive(Clone)]
pub enum Named {
    Scalar(VarId, DataType),
    Table(VarId, Rc<Schema>),
}

/// A measure that the query defines.
#[derive(Clone)]
pub struct QueryMeasure {
    pub name: String,
    pub table: Option<Table>,
    pub body: Rc<Expr>,
}

pub struct Binder<'a> {
    pub scope: &'a Scope,
    pub parameters: &'a [(String, Value)],
    /// Row contexts, outermost first.
    rows: Vec<RowScope>,
    /// Variables in scope, innermost last.
    names: Vec<(String, Named)>,
    /// The variables of the query itself. Its measures see these, and none that stand around a reference to them.
    query_names: Vec<(String, Named)>,
    next: u32,
    /// Expressions bound so far, those that functions repeat included.
    bound: usize,
    /// How deep the expression being bound stands, and the deepest so far, measures included.
    level: usize,
    deepest: usize,
    /// Levels of each measure bound, by its name without case.
    depths: HashMap<String, usize>,
    measures: HashMap<Measure, Rc<Scalar>>,
    /// By name without case.
    query_measures: HashMap<String, (QueryMeasure, Option<Rc<Scalar>>)>,
    /// Functions that the query defines, by name without case.
    functions: HashMap<String, Arc<dax::Function>>,
    /// Where binding looks at cancellation, if it does so for a query.
    watch: Option<Watch<'a>>,
    /// Tables that have been named.
    named: RefCell<HashSet<Table>>,
    /// What is being bound right now, for cycles.
    open: Vec<String>,
    /// The table whose expression is bound: `[Column]` alone may mean its columns.
    home: Option<Table>,
    /// Binding text of the model: spans would point into another text.
    in_model: bool,
    /// Inside a calculation item, SELECTEDMEASURE has a meaning.
    pub in_item: bool,
    /// What fails wherever it is evaluated is bound, and said beside the result, as it is in text of the model.
    pub lenient: bool,
    pub late: Vec<Error>,
    /// It is not bound, wherever it stands: so are the filters of roles read, which must not depend on what is evaluated.
    pub strict: bool,
    formats: beside::Formats,
    /// The relationships that filters around what is bound put in force.
    activated: Vec<Relationship>,
    /// The group of an enclosing GROUPBY: its frame and the schema of its rows.
    current_group: Vec<(FrameId, Rc<Schema>)>,
}

/// How deep measures may refer to measures.
const MAX_OPEN: usize = 64;

/// How deep expressions may nest, measures included: later stages walk the tree on a stack.
const MAX_LEVELS: usize = 2_000;

/// How many expressions a query may come to.
const MAX_BOUND: usize = 1_000_000;

/// Binding one expression takes the time of so many rows of a scan.
const BIND_STEPS: usize = 1 << 8;

/// Names that are the same by [`model::same_name`] become the same text.
pub fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// The field of a model column.
pub fn field_of(scope: &Scope, column: Column) -> Field {
    let info = scope.column(column);
    Field {
        table: Some(scope.table(column.table()).name.clone()),
        name: info.name.clone(),
        data_type: scope.column_type(column),
        lineage: Some(column),
        format_string: info.format_string.clone(),
    }
}

impl<'a> Binder<'a> {
    pub fn new(scope: &'a Scope, parameters: &'a [(String, Value)]) -> Self {
        Binder {
            scope,
            parameters,
            rows: Vec::new(),
            names: Vec::new(),
            query_names: Vec::new(),
            next: 0,
            bound: 0,
            level: 0,
            deepest: 0,
            depths: HashMap::new(),
            measures: HashMap::new(),
            query_measures: HashMap::new(),
            functions: HashMap::new(),
            watch: None,
            named: RefCell::default(),
            open: Vec::new(),
            home: None,
            in_model: false,
            in_item: false,
            lenient: false,
            late: Vec::new(),
            strict: false,
            formats: beside::Formats::default(),
            activated: Vec::new(),
            current_group: Vec::new(),
        }
    }

    /// Binds on behalf of a query, which may have to stop.
    pub fn under(self, control: &'a Control) -> Self {
        Binder {
            watch: Some(Watch::new(control)),
            ..self
        }
    }

    /// Counts expressions, and refuses a query that repeats them without end: functions that call functions can double their
    /// arguments at every level.
    pub fn count(&mut self, expressions: usize) -> Bound<()> {
        self.bound = self.bound.saturating_add(expressions);
        if self.bound > MAX_BOUND {
            let message = format!(
                "the query comes to more than {MAX_BOUND} expressions, those that functions repeat included"
            );
            return Err(Error::nowhere(ErrorKind::Limit, message));
        }
        // Each may go through the names that stand around it.
        if let Some(watch) = &self.watch {
            watch.step(expressions.saturating_mul(BIND_STEPS + self.names.len()))?;
        }
        Ok(())
    }

    /// Refuses expressions that nest too deep, `below` levels further down counted.
    fn admit_depth(&mut self, below: usize) -> Bound<()> {
        let deepest = self.level.saturating_add(below);
        if deepest > MAX_LEVELS {
            let message =
                format!("expressions nest more than {MAX_LEVELS} levels deep, measures included");
            return Err(Error::nowhere(ErrorKind::Limit, message));
        }
        self.deepest = self.deepest.max(deepest);
        Ok(())
    }

    /// Binds one level further down.
    pub fn descend<T>(&mut self, bind: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<T> {
        self.count(1)?;
        self.admit_depth(1)?;
        self.level += 1;
        let result = bind(self);
        self.level -= 1;
        result
    }

    /// The levels of a measure that was bound before count where it is used again.
    fn admit_measure(&mut self, name: &str) -> Bound<()> {
        let below = self.depths.get(&name.to_lowercase()).copied();
        self.admit_depth(below.unwrap_or(0))
    }

    pub fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub fn span(&self, span: Span) -> Option<Span> {
        (!self.in_model).then_some(span)
    }

    pub fn error<T>(&self, kind: ErrorKind, span: Span, message: impl Into<String>) -> Bound<T> {
        Err(match self.span(span) {
            Some(span) => Error::new(kind, span, message),
            None => Error::nowhere(kind, message),
        })
    }

    pub fn scalar(&self, kind: ScalarKind, data_type: DataType, span: Span) -> Scalar {
        Scalar {
            kind,
            data_type,
            span: self.span(span),
        }
    }

    /// Binds with one more row context.
    pub fn with_rows<T>(
        &mut self,
        frame: FrameId,
        schema: Rc<Schema>,
        bind: impl FnOnce(&mut Self) -> Bound<T>,
    ) -> Bound<T> {
        self.rows.push(RowScope { frame, schema });
        let result = bind(self);
        self.rows.pop();
        result
    }

    /// Binds without row contexts: inside CALCULATE they have become filters.
    pub fn without_rows<T>(&mut self, bind: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<T> {
        let rows = std::mem::take(&mut self.rows);
        let result = bind(self);
        self.rows = rows;
        result
    }

    /// Binds what CALCULATE evaluates under these filters. The rows that begin there lead along the relationships that the filters
    /// put in force.
    pub fn under_filters<T>(
        &mut self,
        filters: &[FilterArgument],
        bind: impl FnOnce(&mut Self) -> Bound<T>,
    ) -> Bound<T> {
        let before = self.activated.len();
        let activated = filters.iter().filter_map(|filter| match filter {
            FilterArgument::UseRelationship(relationship, _) => Some(*relationship),
            _ => None,
        });
        self.activated.extend(activated);
        let result = self.without_rows(bind);
        self.activated.truncate(before);
        result
    }

    pub fn set_home(&mut self, table: Option<Table>) {
        self.home = table;
    }

    /// Starts binding text of the model.
    pub fn enter_model(&mut self) {
        self.in_model = true;
    }

    pub fn define_variable(&mut self, name: &str, named: Named) {
        self.names.push((name.to_string(), named));
    }

    /// Takes the variables in scope for those of the query. Those that were taken before are the first of them still, so a query
    /// of many variables does not take each of them once for every later one.
    pub fn keep_query_variables(&mut self) {
        let taken = self.query_names.len();
        let new = self.names.iter().skip(taken).cloned();
        self.query_names.extend(new);
    }

    pub fn define_measure(&mut self, measure: QueryMeasure) {
        self.query_measures
            .insert(folded(&measure.name), (measure, None));
    }

    /// Whether the query has no other function of this name.
    pub fn define_function(&mut self, name: &str, function: dax::Function) -> bool {
        let before = self.functions.insert(folded(name), Arc::new(function));
        before.is_none()
    }

    /// Whether the query defines a measure of this name.
    pub fn defines_measure(&self, name: &str) -> bool {
        self.query_measures.contains_key(&folded(name))
    }

    /// The table that the query defines a measure in, and the name as it stands there.
    pub fn defined_measure(&self, name: &str) -> Option<(Option<Table>, &str)> {
        let (measure, _) = self.query_measures.get(&folded(name))?;
        Some((measure.table, measure.name.as_str()))
    }

    /// A measure of the query or the model by its name.
    pub fn measure_named(&mut self, name: &str, span: Span) -> Bound<Option<Scalar>> {
        let key = folded(name);
        if let Some((measure, known)) = self.query_measures.get(&key).cloned() {
            self.whole_rows(span)?;
            let reference = MeasureRef {
                handle: None,
                name: measure.name.as_str().into(),
                format: None,
                computed_format: None,
            };
            let body = match known {
                Some(body) => body,
                None => {
                    let body = self.bind_apart(&measure.name, measure.table, false, |b| {
                        b.bind_scalar(&measure.body)
                    })?;
                    let body = Rc::new(body);
                    if let Some((_, slot)) = self.query_measures.get_mut(&key) {
                        *slot = Some(Rc::clone(&body));
                    }
                    body
                }
            };
            self.admit_measure(&measure.name)?;
            let data_type = body.data_type;
            return Ok(Some(self.scalar(
                ScalarKind::Measure {
                    measure: reference,
                    body,
                },
                data_type,
                span,
            )));
        }
        match self.scope.find_measure(name) {
            Some(handle) => {
                self.whole_rows(span)?;
                self.measure(handle, span).map(Some)
            }
            None => self.measure_beside(name, span),
        }
    }

    pub fn measure(&mut self, handle: Measure, span: Span) -> Bound<Scalar> {
        let info = self.scope.measure(handle);
        let reference = MeasureRef {
            handle: Some(handle),
            name: info.name.as_str().into(),
            format: info.format_string.as_deref().map(Into::into),
            computed_format: self.asked_format(handle)?,
        };
        let body = match self.measures.get(&handle) {
            Some(body) => Rc::clone(body),
            None => {
                let Some(tree) = self.scope.measure_tree(handle) else {
                    let parsed = dax::parse_expression(&info.expression);
                    let why = parsed.errors.first().map(|e| format!(": {}", e.message));
                    return self.error(
                        ErrorKind::Syntax,
                        span,
                        format!(
                            "the expression of the measure [{}] is not valid DAX{}",
                            info.name,
                            why.unwrap_or_default()
                        ),
                    );
                };
                let table = self.scope.measure_table(handle);
                let bound = self
                    .bind_apart(&info.name, Some(table), true, |b| b.bind_scalar(tree))
                    .map_err(|error| self.inside_measure(error, &info.name, span))?;
                let body = Rc::new(bound);
                self.measures.insert(handle, Rc::clone(&body));
                body
            }
        };
        self.admit_measure(&info.name)?;
        let data_type = body.data_type;
        Ok(self.scalar(
            ScalarKind::Measure {
                measure: reference,
                body,
            },
            data_type,
            span,
        ))
    }

    fn inside_measure(&self, error: Error, name: &str, span: Span) -> Error {
        if error.message.starts_with("in the measure ") || error.kind == ErrorKind::Cycle {
            return Error {
                span: self.span(span),
                ..error
            };
        }
        Error {
            kind: error.kind,
            message: format!("in the measure [{name}]: {}", error.message),
            span: self.span(span),
        }
    }

    /// Binds text of the model that stands by itself.
    pub fn apart<T>(
        &mut self,
        name: &str,
        home: Table,
        bind: impl FnOnce(&mut Self) -> Bound<T>,
    ) -> Bound<T> {
        self.bind_apart(name, Some(home), true, bind)
    }

    /// Binds an expression that stands by itself: no row contexts, no variables of the place that refers to it.
    fn bind_apart<T>(
        &mut self,
        name: &str,
        home: Option<Table>,
        in_model: bool,
        bind: impl FnOnce(&mut Self) -> Bound<T>,
    ) -> Bound<T> {
        let same = |open: &String| model::same_name(open, name);
        if let Some(at) = self.open.iter().position(same) {
            let mut cycle: Vec<String> = self.open[at..].iter().map(|n| format!("[{n}]")).collect();
            cycle.push(format!("[{name}]"));
            return Err(Error::nowhere(
                ErrorKind::Cycle,
                format!("measures that need themselves: {}", cycle.join(" -> ")),
            ));
        }
        if self.open.len() >= MAX_OPEN {
            return Err(Error::nowhere(
                ErrorKind::Limit,
                format!("measures refer to measures more than {MAX_OPEN} levels deep"),
            ));
        }
        self.open.push(name.to_string());
        let rows = std::mem::take(&mut self.rows);
        let seen = if in_model {
            Vec::new()
        } else {
            self.query_names.clone()
        };
        let hidden = std::mem::replace(&mut self.names, seen);
        let groups = std::mem::take(&mut self.current_group);
        let activated = std::mem::take(&mut self.activated);
        let old_home = std::mem::replace(&mut self.home, home);
        let old_model = self.in_model;
        self.in_model |= in_model;
        let outside = std::mem::replace(&mut self.deepest, self.level);
        let result = bind(self);
        let depth = self.deepest - self.level;
        self.depths.insert(name.to_lowercase(), depth);
        self.deepest = self.deepest.max(outside);
        self.in_model = old_model;
        self.home = old_home;
        self.activated = activated;
        self.current_group = groups;
        self.names = hidden;
        self.rows = rows;
        self.open.pop();
        result
    }
}
