//! Text dumps of the stages of a query. They show what follows from what the view shows, and no more.

use std::fmt::Write;

use security::{Control, Filter, PathColumn, Scan, Scope, Target};

use crate::answer::{Options, Stage};
use crate::bound::{Scalar, ScalarKind, TableExpr, TableKind, VariableBody};
use crate::define::define;
use crate::error::{Error, ErrorKind};
use crate::eval::Evaluator;
use crate::query::{BoundQuery, bind, environment, parse, run};

/// The dump of one stage.
pub fn explain(
    scope: &Scope,
    text: &str,
    stage: Stage,
    options: &Options,
    control: &Control,
) -> Result<String, Error> {
    if stage == Stage::Tokens {
        return Ok(dax::dump_tokens(text));
    }
    let parsed = parse(text)?;
    if stage == Stage::Tree {
        return Ok(dax::dump_query(&parsed));
    }
    let environment = environment(scope);
    let defined = define(scope, &parsed, options, control, &environment)?;
    let scope = defined.scope();
    let bound = bind(scope, &parsed, options, control)?;
    match stage {
        Stage::Bound => dump_bound(scope, &bound, false),
        Stage::Plan => dump_bound(scope, &bound, true),
        _ => {
            let mut evaluator = Evaluator::new(scope, control, &options.limits, environment);
            evaluator.trace = Some(Default::default());
            run(&mut evaluator, bound)?;
            let trace = evaluator
                .trace
                .take()
                .map(|t| t.into_inner())
                .unwrap_or_default();
            let mut out = String::new();
            if defined.trace.is_empty() && trace.is_empty() {
                out.push_str("no scans\n");
            }
            for (k, scan) in defined.trace.iter().chain(&trace).enumerate() {
                let _ = writeln!(out, "scan {}\n{scan}", k + 1);
            }
            Ok(out)
        }
    }
}

fn path_column(scope: &Scope, column: &PathColumn) -> String {
    match column.target {
        Target::Column(c) => format!(
            "'{}'[{}]",
            scope.table(c.table()).name,
            scope.column(c).name
        ),
        Target::Row(t) => format!("row of '{}'", scope.table(t).name),
    }
}

/// A scan as it is asked. The visibility that the gate adds is not shown: it is not the asker's to know.
pub fn dump_scan(scope: &Scope, scan: &Scan) -> String {
    let mut out = format!("  table '{}'\n", scope.table(scan.table).name);
    for filter in &scan.filters {
        let _ = match filter {
            // How many codes a filter admits would tell of values that only hidden rows hold.
            Filter::In { column, .. } => {
                writeln!(out, "  where {} is filtered", path_column(scope, column))
            }
            Filter::Tuples { columns, .. } => {
                let names: Vec<String> = columns.iter().map(|c| path_column(scope, c)).collect();
                writeln!(out, "  where ({}) are filtered together", names.join(", "))
            }
        };
    }
    for key in &scan.keys {
        let _ = writeln!(out, "  by {}", path_column(scope, key));
    }
    for aggregate in &scan.aggregates {
        let of = aggregate
            .argument
            .as_ref()
            .map_or_else(String::new, |e| format!(" of {}", expression(scope, e)));
        let _ = writeln!(out, "  {:?}{of}", aggregate.op);
    }
    out
}

fn expression(scope: &Scope, expr: &security::Expression) -> String {
    use security::Expression as E;
    match expr {
        E::Column(column) => path_column(scope, column),
        // A number may be one of the model's text, and that is not shown to an identity under roles.
        E::Integer(_) | E::Fixed(_) | E::Double(_) if !shows_text(scope) => "number".to_owned(),
        E::Integer(i) => i.to_string(),
        E::Fixed(f) => format!("{} ten-thousandths", f),
        E::Double(d) => d.to_string(),
        E::Arithmetic { op, left, right } => format!(
            "{op:?}({}, {})",
            expression(scope, left),
            expression(scope, right)
        ),
    }
}

/// An identity under roles sees the names of measures and functions, and not their expressions.
fn shows_text(scope: &Scope) -> bool {
    scope.identity().role_names().is_empty()
}

/// The longest explanation, in bytes: functions that call functions repeat their bodies.
const MAX_DUMP: usize = 4 << 20;

fn dump_bound(scope: &Scope, bound: &BoundQuery, plan: bool) -> Result<String, Error> {
    let expressions = shows_text(scope);
    let mut dump = Dump {
        scope,
        out: String::new(),
        plan,
        expressions,
        shown: Default::default(),
    };
    for variable in bound.variables.iter() {
        dump.line(0, &format!("variable {}", variable.name));
        match &variable.body {
            VariableBody::Scalar(body) => dump.scalar(1, body),
            VariableBody::Table(body) => dump.table(1, body),
        }
    }
    for evaluate in &bound.evaluates {
        dump.line(0, "evaluate");
        dump.table(1, &evaluate.table);
        for order in &evaluate.order {
            dump.line(
                1,
                if order.descending {
                    "order by, descending"
                } else {
                    "order by"
                },
            );
            dump.scalar(2, &order.expr);
        }
    }
    if dump.is_full() {
        let message = format!("the explanation would be longer than {MAX_DUMP} bytes");
        return Err(Error::nowhere(ErrorKind::Limit, message));
    }
    Ok(dump.out)
}

struct Dump<'a> {
    scope: &'a Scope,
    out: String,
    plan: bool,
    /// Whether the expressions of the model's measures and functions are shown.
    expressions: bool,
    shown: std::collections::HashSet<crate::bound::MeasureRef>,
}

impl Dump<'_> {
    /// An explanation as long as this is given up.
    fn is_full(&self) -> bool {
        self.out.len() > MAX_DUMP
    }

    /// What has no place in the query's text stands in the model's.
    fn withholds(&self, place: Option<dax::Span>) -> bool {
        !self.expressions && place.is_none()
    }

    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "  ".repeat(depth));
    }

    fn scalar(&mut self, depth: usize, expr: &Scalar) {
        if self.is_full() || self.withholds(expr.span) {
            return;
        }
        let label = self.scalar_label(expr);
        let text = format!(
            "{label} : {:?}{}",
            expr.data_type,
            if self.plan { self.step(expr) } else { "" }
        );
        self.line(depth, &text);
        if let ScalarKind::Measure { measure, .. } = &expr.kind
            && ((measure.handle.is_some() && !self.expressions)
                || !self.shown.insert(measure.clone()))
        {
            // The body of a measure is shown where it is first used.
            return;
        }
        let (scalars, tables) = expr.parts();
        for table in tables {
            self.table(depth + 1, table);
        }
        for scalar in scalars {
            self.scalar(depth + 1, scalar);
        }
    }

    /// How the plan computes an expression.
    fn step(&self, expr: &Scalar) -> &'static str {
        match &expr.kind {
            ScalarKind::Reduce { table, body, .. } => match &table.kind {
                TableKind::Base {
                    blank_row: false, ..
                } if body.as_ref().is_none_or(|b| b.is_of_row()) => {
                    "  <- one scan for all contexts"
                }
                _ => "  <- rows become contexts, then reduce by segment",
            },
            ScalarKind::Measure { .. } => "  <- once for the batch",
            ScalarKind::Calculate { .. } => "  <- edits the filter context",
            ScalarKind::If { .. } | ScalarKind::Switch { .. } => {
                "  <- each branch for the contexts that take it"
            }
            _ => "",
        }
    }

    fn scalar_label(&self, expr: &Scalar) -> String {
        use ScalarKind as K;
        match &expr.kind {
            K::Constant(value) => format!("constant {value:?}"),
            K::Field { frame, index } => format!("column {index} of row {frame}"),
            K::Related { frame, column } => {
                format!("related {} of row {frame}", path_column(self.scope, column))
            }
            K::Variable(id) => format!("variable {id}"),
            K::Call { function, .. } => format!("call {}", function.name),
            K::Binary { op, .. } => format!("operator {}", op.symbol()),
            K::Reduce { op, frame, .. } => format!("reduce {op:?} over rows {frame}"),
            K::Measure { measure, .. } => format!("measure [{}]", measure.name),
            K::MeasureFormat { measure, .. } => format!("format string of [{}]", measure.name),
            K::Calculate { filters, .. } => format!("calculate with {} filters", filters.len()),
            K::Filtered { test, .. } => format!("test {test:?}"),
            other => variant_name(other),
        }
    }

    fn table(&mut self, depth: usize, expr: &TableExpr) {
        if self.is_full() || self.withholds(expr.span) {
            return;
        }
        let fields: Vec<String> = expr
            .schema
            .fields
            .iter()
            .map(|f| format!("{} : {:?}", f.full_name(), f.data_type))
            .collect();
        let label = match &expr.kind {
            TableKind::Base { table, .. } => format!("rows of '{}'", self.scope.table(*table).name),
            other => variant_name(other),
        };
        let fields = if matches!(expr.kind, TableKind::Base { .. }) {
            String::new()
        } else {
            format!(" ({})", fields.join(", "))
        };
        self.line(depth, &format!("table {label}{fields}"));
        let (scalars, tables) = expr.parts();
        for table in tables {
            self.table(depth + 1, table);
        }
        for scalar in scalars {
            self.scalar(depth + 1, scalar);
        }
    }
}

/// The name of a variant: the head of its debug text, and no more of it, because the rest holds whole trees.
fn variant_name(variant: &impl std::fmt::Debug) -> String {
    struct Head(String);
    impl Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            for c in text.chars() {
                if !c.is_alphanumeric() {
                    return Err(std::fmt::Error);
                }
                self.0.push(c);
            }
            Ok(())
        }
    }
    let mut head = Head(String::new());
    let _ = write!(head, "{variant:?}");
    head.0
}
