//! Calls of user-defined functions. A parameter of mode VAL is evaluated before the call; one of mode EXPR, or a
//! reference, is put in its place, where it keeps the variables of the place that it was written in.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use dax::{Expr, ExprKind, Function, Name};

use super::{Binder, Bound, Named};
use crate::bound::Variable;
use crate::error::{Error, ErrorKind};

/// How deep functions may call functions.
pub const MAX_CALLS: usize = 32;

/// What the names of parameters stand for in the body.
type Names = Vec<(String, Named)>;

impl<'a> Binder<'a> {
    pub fn names_len(&self) -> usize {
        self.names.len()
    }

    pub fn truncate_names(&mut self, depth: usize) {
        self.names.truncate(depth);
    }

    pub fn user_function(&self, name: &str) -> Option<Arc<Function>> {
        let own = self.functions.get(&super::folded(name));
        own.or_else(|| self.scope.find_function(name))
            .map(Arc::clone)
    }

    fn is_of_model(&self, name: &str, function: &Function) -> bool {
        let known = self.scope.find_function(name);
        known.is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), function))
    }

    /// Binds text of the model, or of whatever is being bound.
    fn in_text<T>(&mut self, of_model: bool, bind: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<T> {
        let before = self.in_model;
        self.in_model |= of_model;
        let result = bind(self);
        self.in_model = before;
        result
    }

    /// Binds text of a function.
    fn inside<T>(&mut self, function: &str, bind: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<T> {
        self.open
            .push(format!("function {}", function.to_lowercase()));
        let result = bind(self);
        self.open.pop();
        result
    }

    /// The values of parameters: what the call says, and where it says nothing, what the function does. What the call says
    /// does not see the parameters, which may have the names of its own variables; what the function says sees none of the
    /// variables around the call, and of the parameters those that every call gives. The second list is their names.
    fn bind_arguments(
        &mut self,
        function: &str,
        arguments: &[Passed],
        of_model: bool,
    ) -> Bound<(Vec<Variable>, Names)> {
        let mut variables = Vec::with_capacity(arguments.len());
        let mut parameters: Vec<(String, Named)> = Vec::with_capacity(arguments.len());
        let mut seen = match of_model {
            true => Vec::new(),
            false => self.query_names.clone(),
        };
        for passed in arguments {
            let one = [(passed.name.clone(), passed.value.clone())];
            let (bound, own) = if passed.left_out {
                let outside = std::mem::replace(&mut self.names, seen.clone());
                let bound = self.inside(function, |b| {
                    b.in_text(of_model, |b| b.bind_variables(&one))
                });
                let own = self.names.split_off(seen.len().min(self.names.len()));
                self.names = outside;
                (bound, own)
            } else {
                // What the call says is a part of the text around it, however many calls it holds.
                let before = self.names_len();
                let bound = self.bind_variables(&one);
                (bound, self.names.split_off(before))
            };
            variables.extend(bound?);
            if !passed.optional {
                seen.extend(own.iter().cloned());
            }
            parameters.extend(own);
        }
        Ok((variables, parameters))
    }

    /// An argument that is put in the place of a parameter: each variable of the caller in it gets a name that no variable can
    /// have, so that none of the function's own is taken for it. `kept` gathers what these names mean.
    fn carry(&self, expr: &Expr, own: &mut Vec<String>, kept: &mut Vec<(String, Named)>) -> Expr {
        let kind = match &expr.kind {
            ExprKind::Identifier { name, quoted } => {
                let shadowed = own.iter().any(|known| model::same_name(known, &name.text));
                let table = *quoted && self.scope.find_table(&name.text).is_some();
                match self.variable(&name.text).filter(|_| !shadowed && !table) {
                    Some(named) => {
                        let text = format!("{}'", name.text);
                        if !kept.iter().any(|(known, _)| *known == text) {
                            kept.push((text.clone(), named));
                        }
                        let span = name.span;
                        ExprKind::Identifier {
                            name: Name { text, span },
                            quoted: false,
                        }
                    }
                    // Nor is a table of the model taken for a variable of the function.
                    None if !shadowed && self.scope.find_table(&name.text).is_some() => {
                        ExprKind::Identifier {
                            name: name.clone(),
                            quoted: true,
                        }
                    }
                    None => expr.kind.clone(),
                }
            }
            ExprKind::Call { name, args } => {
                let mut carried = Vec::with_capacity(args.len());
                for (at, argument) in args.iter().enumerate() {
                    carried.push(match unit_of_time(&name.text) == Some(at) {
                        true => argument.clone(),
                        false => self.carry(argument, own, kept),
                    });
                }
                ExprKind::Call {
                    name: name.clone(),
                    args: carried,
                }
            }
            ExprKind::Unary { op, operand } => ExprKind::Unary {
                op: *op,
                operand: Box::new(self.carry(operand, own, kept)),
            },
            ExprKind::Binary { op, left, right } => ExprKind::Binary {
                op: *op,
                left: Box::new(self.carry(left, own, kept)),
                right: Box::new(self.carry(right, own, kept)),
            },
            ExprKind::Row(parts) => ExprKind::Row(self.carry_all(parts, own, kept)),
            ExprKind::Table(parts) => ExprKind::Table(self.carry_all(parts, own, kept)),
            ExprKind::Let { vars, body } => {
                let depth = own.len();
                let mut carried = Vec::with_capacity(vars.len());
                for (name, value) in vars {
                    carried.push((name.clone(), self.carry(value, own, kept)));
                    own.push(name.text.clone());
                }
                let body = Box::new(self.carry(body, own, kept));
                own.truncate(depth);
                ExprKind::Let {
                    vars: carried,
                    body,
                }
            }
            other => other.clone(),
        };
        Expr {
            kind,
            span: expr.span,
        }
    }

    fn carry_all(
        &self,
        parts: &[Expr],
        own: &mut Vec<String>,
        kept: &mut Vec<(String, Named)>,
    ) -> Vec<Expr> {
        let mut carried = Vec::with_capacity(parts.len());
        for part in parts {
            carried.push(self.carry(part, own, kept));
        }
        carried
    }

    /// The body with arguments in the place of parameters, which counts as all that it comes to.
    pub(super) fn substituted(&mut self, body: &Expr, placed: &[Placed]) -> Bound<Expr> {
        self.count(size(body, &sizes(placed)))?;
        let in_call = |name: &str, args: &[Expr], at: usize| match self.user_function(name) {
            Some(function) => function.parameters.get(at).is_some_and(takes_reference),
            None => takes_name(name, args, at),
        };
        Ok(substitute(body, placed, &in_call))
    }

    pub fn call_user<T, R>(
        &mut self,
        name: &str,
        function: &Function,
        args: &[Expr],
        expr: &Expr,
        bind: impl FnOnce(&mut Self, &Expr) -> Bound<T>,
        wrap: impl FnOnce(&Self, Rc<Vec<Variable>>, T) -> R,
    ) -> Bound<R> {
        // What stands before a parameter that must be given is left out by a comma.
        let required = function
            .parameters
            .iter()
            .rposition(|p| p.default.is_none());
        let least = required.map_or(0, |last| last + 1);
        if args.len() < least || args.len() > function.parameters.len() {
            let names: Vec<&str> = function
                .parameters
                .iter()
                .map(|p| p.name.text.as_str())
                .collect();
            let message = format!(
                "{name} was given {} arguments; it is {name}({})",
                args.len(),
                names.join(", ")
            );
            return self.error(ErrorKind::Argument, expr.span, message);
        }
        let mut pairs = function.parameters.iter().zip(args);
        let missing = pairs.find(|(p, a)| p.default.is_none() && a.kind == ExprKind::Omitted);
        if let Some((parameter, _)) = missing {
            let parameter = &parameter.name.text;
            let message =
                format!("the parameter {parameter} of {name} is missing; it has no default");
            return self.error(ErrorKind::Argument, expr.span, message);
        }
        if self
            .open
            .iter()
            .filter(|o| o.starts_with("function "))
            .count()
            >= MAX_CALLS
        {
            return Err(Error::nowhere(
                ErrorKind::Cycle,
                format!("functions call one another more than {MAX_CALLS} levels deep"),
            ));
        }
        let mut by_value = Vec::new();
        let mut by_name: Vec<Placed> = Vec::new();
        let mut kept: Vec<(String, Named)> = Vec::new();
        for (at, parameter) in function.parameters.iter().enumerate() {
            let given = args
                .get(at)
                .filter(|argument| argument.kind != ExprKind::Omitted);
            let argument = match (given, &parameter.default) {
                (Some(argument), _) => argument.clone(),
                (None, Some(default)) => default.clone(),
                (None, None) => continue,
            };
            let left_out = given.is_none();
            let wanted = given.and_then(|given| {
                missing_reference(given, self.is_measure(given), &parameter.hints)
            });
            if let Some(wanted) = wanted {
                let message = format!("the parameter {} takes {wanted}", parameter.name.text);
                return self.error(ErrorKind::Argument, expr.span, message);
            }
            if in_place(parameter) {
                let argument = match left_out {
                    true => argument,
                    false => self.carry(&argument, &mut Vec::new(), &mut kept),
                };
                by_name.push(Placed::new(parameter, argument));
            } else {
                let argument = cast(argument, &parameter.hints);
                by_value.push(Passed {
                    name: parameter.name.clone(),
                    value: argument,
                    left_out,
                    optional: parameter.default.is_some(),
                });
            }
        }
        let body = self.substituted(&function.body, &by_name)?;
        let depth = self.names_len();
        let of_model = self.is_of_model(name, function);
        let result =
            self.bind_arguments(name, &by_value, of_model)
                .and_then(|(variables, parameters)| {
                    // The body sees its parameters and what arguments in its text refer to; in the text of a query also the
                    // variables of the query.
                    let mut seen = match of_model {
                        true => Vec::new(),
                        false => self.query_names.clone(),
                    };
                    seen.extend(kept);
                    seen.extend(parameters);
                    let outside = std::mem::replace(&mut self.names, seen);
                    let bound = self.inside(name, |b| b.in_text(of_model, |b| bind(b, &body)));
                    self.names = outside;
                    Ok((variables, bound?))
                });
        self.truncate_names(depth);
        let (variables, body) = result.map_err(|error| Error {
            span: self.span(expr.span),
            message: in_function(name, &error.message),
            ..error
        })?;
        Ok(wrap(self, Rc::new(variables), body))
    }
}

/// The text that a call stands for, written out: what is passed by its value becomes variables before it. None: the call does not fit
/// the function, an argument has a name that means something else in it, or the text comes to more expressions than `most`.
pub fn expanded(function: &Function, args: &[Expr], span: dax::Span, most: usize) -> Option<Expr> {
    let fits =
        args.len() == function.parameters.len() && args.iter().all(|a| a.kind != ExprKind::Omitted);
    let parameters = function.parameters.iter();
    let mut own: Vec<&str> = parameters.map(|p| p.name.text.as_str()).collect();
    variables_in(&function.body, &mut own);
    if !fits || args.iter().any(|argument| names_any(argument, &own)) {
        return None;
    }
    let mut by_name = Vec::new();
    let mut vars = Vec::new();
    for (parameter, argument) in function.parameters.iter().zip(args) {
        let argument = argument.clone();
        if in_place(parameter) {
            by_name.push(Placed::new(parameter, argument));
        } else {
            vars.push((parameter.name.clone(), cast(argument, &parameter.hints)));
        }
    }
    if size(&function.body, &sizes(&by_name)) > most {
        return None;
    }
    let body = substitute(&function.body, &by_name, &takes_name);
    if vars.is_empty() {
        return Some(body);
    }
    let body = Box::new(body);
    Some(Expr {
        kind: ExprKind::Let { vars, body },
        span,
    })
}

/// The names of the variables that an expression defines.
fn variables_in<'e>(expr: &'e Expr, out: &mut Vec<&'e str>) {
    if let ExprKind::Let { vars, .. } = &expr.kind {
        out.extend(vars.iter().map(|(name, _)| name.text.as_str()));
    }
    for part in parts_of(expr) {
        variables_in(part, out);
    }
}

/// Whether one of these names stands by itself in an expression.
fn names_any(expr: &Expr, names: &[&str]) -> bool {
    match &expr.kind {
        ExprKind::Identifier {
            name,
            quoted: false,
        } => names
            .iter()
            .any(|known| model::same_name(known, &name.text)),
        _ => parts_of(expr)
            .into_iter()
            .any(|part| names_any(part, names)),
    }
}

/// The expressions that one is made of.
pub fn parts_of(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Call { args, .. } => args.iter().collect(),
        ExprKind::Row(parts) | ExprKind::Table(parts) => parts.iter().collect(),
        ExprKind::Unary { operand, .. } => vec![&**operand],
        ExprKind::Binary { left, right, .. } => vec![&**left, &**right],
        ExprKind::Let { vars, body } => {
            let values = vars.iter().map(|(_, value)| value);
            values.chain(std::iter::once(&**body)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an argument takes the place of the parameter, and is not evaluated before the call.
pub(super) fn in_place(parameter: &dax::FunctionParameter) -> bool {
    parameter.hints.iter().any(|hint| {
        matches!(
            hint.text.as_str(),
            "EXPR" | "ANYREF" | "COLUMNREF" | "TABLEREF" | "MEASUREREF" | "CALENDARREF"
        )
    })
}

/// An argument in the place of a parameter.
#[derive(Clone)]
pub(super) struct Placed {
    parameter: String,
    /// As the call says it, where the text needs the name of a thing.
    named: Expr,
    /// In the type that the parameter asks for, everywhere else.
    value: Expr,
}

impl Placed {
    pub(super) fn new(parameter: &dax::FunctionParameter, argument: Expr) -> Self {
        Placed {
            parameter: parameter.name.text.clone(),
            value: cast(argument.clone(), &parameter.hints),
            named: argument,
        }
    }
}

/// Whether a parameter takes the name of a thing.
fn takes_reference(parameter: &dax::FunctionParameter) -> bool {
    let mut hints = parameter.hints.iter();
    hints.any(|hint| hint.text.ends_with("REF"))
}

/// Whether a function of the language takes the name of a column or of a measure at this place of its arguments, as its
/// signature says. What stands behind a text is the value of the column that the text names.
fn takes_name(function: &str, args: &[Expr], at: usize) -> bool {
    let Some(function) = crate::functions::find(function) else {
        return false;
    };
    let behind_text = at
        .checked_sub(1)
        .and_then(|before| args.get(before))
        .is_some_and(|before| matches!(before.kind, ExprKind::Text(_)));
    if behind_text || !matches!(function.body, crate::functions::Body::Bound(_)) {
        return false;
    }
    let is_name = |parameter: &str| {
        ["column", "dates or calendar", "measure"]
            .iter()
            .any(|word| parameter.contains(word))
    };
    let listed = function.signature.split(',').map(str::trim);
    let parameters: Vec<&str> = listed.take_while(|part| !part.starts_with("...")).collect();
    match parameters.get(at) {
        // NAMEOF lists what it takes.
        _ if matches!(function.name, "NAMEOF" | "TABLEOF") => at == 0,
        Some(parameter) => is_name(parameter),
        None => parameters.iter().skip(1).any(|part| is_name(part)),
    }
}

/// The argument that a function gives back as it is.
pub(super) fn given_back<'e>(function: &'e Function, args: &'e [Expr]) -> Option<&'e Expr> {
    let ExprKind::Identifier {
        name,
        quoted: false,
    } = &function.body.kind
    else {
        return None;
    };
    let mut parameters = function.parameters.iter();
    let at = parameters.position(|p| model::same_name(&p.name.text, &name.text))?;
    let given = args.get(at).filter(|a| a.kind != ExprKind::Omitted);
    given.or_else(|| function.parameters.get(at)?.default.as_ref())
}

/// What a parameter is given by its value.
struct Passed {
    name: Name,
    value: Expr,
    /// The call leaves it to the function.
    left_out: bool,
    /// A call may leave it to the function.
    optional: bool,
}

/// What a parameter asks for that takes only the names of things, where an argument is something else.
fn missing_reference(argument: &Expr, is_measure: bool, hints: &[Name]) -> Option<&'static str> {
    use ExprKind as K;
    let is_variation = matches!(argument.kind, K::Variation { .. });
    let is_bracketed = matches!(argument.kind, K::Qualified { .. } | K::Bracket(_));
    let is_named = matches!(argument.kind, K::Identifier { .. });
    let is_home =
        matches!(&argument.kind, K::Call { name, .. } if name.text.eq_ignore_ascii_case("TABLEOF"));
    hints.iter().find_map(|hint| match hint.text.as_str() {
        "COLUMNREF" if is_measure || !is_bracketed && !is_variation => Some("a column"),
        "MEASUREREF" if !is_measure => Some("a measure"),
        "TABLEREF" if !is_named && !is_home => Some("a table of the model"),
        "CALENDARREF" if !is_named => Some("a calendar"),
        _ => None,
    })
}

/// A value in the type that its parameter asks for.
fn cast(argument: Expr, hints: &[Name]) -> Expr {
    let wanted = hints.iter().find_map(|hint| match hint.text.as_str() {
        "INT64" => Some("INTEGER"),
        "DECIMAL" => Some("CURRENCY"),
        "DOUBLE" => Some("DOUBLE"),
        "STRING" => Some("STRING"),
        "DATETIME" => Some("DATETIME"),
        "BOOLEAN" => Some("BOOLEAN"),
        "NUMERIC" => Some("NUMERIC"),
        _ => None,
    });
    let Some(wanted) = wanted else {
        return argument;
    };
    // A comparison has its type already, and is read as a filter.
    if wanted == "BOOLEAN" && matches!(&argument.kind, ExprKind::Binary { op, .. } if compares(*op))
    {
        return argument;
    }
    let span = argument.span;
    let kind = match wanted {
        // A number of any type stays as it is, and all else becomes one as beside an operator.
        "NUMERIC" => ExprKind::Binary {
            op: dax::BinaryOp::Multiply,
            left: Box::new(Expr {
                kind: ExprKind::Integer(1),
                span,
            }),
            right: Box::new(argument),
        },
        word => {
            let named = |text: &str| Name {
                text: text.to_string(),
                span,
            };
            let word = Expr {
                kind: ExprKind::Identifier {
                    name: named(word),
                    quoted: false,
                },
                span,
            };
            ExprKind::Call {
                name: named("CONVERT"),
                args: vec![argument, word],
            }
        }
    };
    Expr { kind, span }
}

fn compares(op: dax::BinaryOp) -> bool {
    use dax::BinaryOp as B;
    matches!(
        op,
        B::Equal
            | B::StrictEqual
            | B::NotEqual
            | B::Less
            | B::LessEqual
            | B::Greater
            | B::GreaterEqual
            | B::In
    )
}

/// Which argument is a unit of time: MONTH stands there for itself, also where a variable has this name.
fn unit_of_time(function: &str) -> Option<usize> {
    match function.to_ascii_uppercase().as_str() {
        "DATEADD" | "DATEDIFF" | "PARALLELPERIOD" => Some(2),
        "DATESINPERIOD" => Some(3),
        _ => None,
    }
}

fn in_function(name: &str, message: &str) -> String {
    if message.starts_with("in the function ") {
        message.to_string()
    } else {
        format!("in the function {name}: {message}")
    }
}

/// Whether a function takes the name of a thing at this place of its arguments.
type TakesName<'f> = dyn Fn(&str, &[Expr], usize) -> bool + 'f;

/// The argument that stands in the place of an expression, which is the name of a parameter.
fn placed<'p>(expr: &Expr, arguments: &'p [Placed]) -> Option<&'p Placed> {
    match &expr.kind {
        ExprKind::Identifier {
            name,
            quoted: false,
        } => arguments
            .iter()
            .find(|known| model::same_name(&known.parameter, &name.text)),
        _ => None,
    }
}

/// The body with arguments in the place of parameters.
fn substitute(expr: &Expr, arguments: &[Placed], takes_name: &TakesName<'_>) -> Expr {
    if arguments.is_empty() {
        return expr.clone();
    }
    if let Some(argument) = placed(expr, arguments) {
        return argument.value.clone();
    }
    let go = |e: &Expr| substitute(e, arguments, takes_name);
    let boxed = |e: &Expr| Box::new(go(e));
    let kind = match &expr.kind {
        ExprKind::Call { name, args } => {
            let argument = |(at, argument): (usize, &Expr)| match placed(argument, arguments) {
                Some(placed) if takes_name(&name.text, args, at) && is_bare(&placed.named) => {
                    placed.named.clone()
                }
                _ => go(argument),
            };
            ExprKind::Call {
                name: name.clone(),
                args: args.iter().enumerate().map(argument).collect(),
            }
        }
        ExprKind::Unary { op, operand } => ExprKind::Unary {
            op: *op,
            operand: boxed(operand),
        },
        ExprKind::Binary { op, left, right } => ExprKind::Binary {
            op: *op,
            left: boxed(left),
            right: boxed(right),
        },
        ExprKind::Row(parts) => ExprKind::Row(parts.iter().map(go).collect()),
        ExprKind::Table(parts) => ExprKind::Table(parts.iter().map(go).collect()),
        ExprKind::Let { vars, body } => {
            // A variable takes the name of a parameter for what follows it.
            let mut left = Cow::Borrowed(arguments);
            let mut replaced = Vec::with_capacity(vars.len());
            for (name, value) in vars {
                replaced.push((name.clone(), substitute(value, &left, takes_name)));
                let hidden = |known: &Placed| model::same_name(&known.parameter, &name.text);
                if left.iter().any(hidden) {
                    left.to_mut().retain(|known| !hidden(known));
                }
            }
            ExprKind::Let {
                vars: replaced,
                body: Box::new(substitute(body, &left, takes_name)),
            }
        }
        other => other.clone(),
    };
    Expr {
        kind,
        span: expr.span,
    }
}

/// Whether an expression is the name of a column or of a measure.
fn is_bare(expr: &Expr) -> bool {
    use ExprKind as K;
    matches!(
        expr.kind,
        K::Qualified { .. } | K::Bracket(_) | K::Variation { .. }
    )
}

fn sizes(arguments: &[Placed]) -> Vec<(String, usize)> {
    let size_of = |placed: &Placed| (placed.parameter.clone(), size(&placed.value, &[]));
    arguments.iter().map(size_of).collect()
}

/// How many expressions a tree has, where names stand for arguments of these sizes.
fn size(expr: &Expr, arguments: &[(String, usize)]) -> usize {
    let of = |parts: &[Expr]| {
        parts
            .iter()
            .map(|p| size(p, arguments))
            .fold(1, usize::saturating_add)
    };
    match &expr.kind {
        ExprKind::Identifier {
            name,
            quoted: false,
        } => arguments
            .iter()
            .find(|(known, _)| model::same_name(known, &name.text))
            .map_or(1, |(_, size)| *size),
        ExprKind::Call { args, .. } => of(args),
        ExprKind::Row(parts) | ExprKind::Table(parts) => of(parts),
        ExprKind::Unary { operand, .. } => size(operand, arguments).saturating_add(1),
        ExprKind::Binary { left, right, .. } => size(left, arguments)
            .saturating_add(size(right, arguments))
            .saturating_add(1),
        ExprKind::Let { vars, body } => vars
            .iter()
            .map(|(_, value)| size(value, arguments))
            .fold(size(body, arguments), usize::saturating_add),
        _ => 1,
    }
}
