//! Whether a call has the arguments that its function needs: how many, which of them must not be left out, and which must be
//! constant.

use dax::{Expr, ExprKind, Span};

use super::dates::is_constant;
use super::{Binder, Bound};
use crate::bound::Scalar;
use crate::error::ErrorKind;
use crate::functions::Function;

/// Whether a comma or a bracket stands where an argument could.
fn left_out(argument: &Expr) -> bool {
    argument.kind == ExprKind::Omitted
}

/// The arguments up to the last that is written out: what is left out behind it takes its default, as if its comma did not stand
/// there.
pub(super) fn written_out<'e>(function: &Function, args: &'e [Expr]) -> &'e [Expr] {
    let last = args.iter().rposition(|argument| !left_out(argument));
    let written = last.map_or(0, |last| last + 1);
    let most = written.max(function.parameters.least);
    args.get(..most).unwrap_or(args)
}

/// A variable may hold a constant.
fn may_be_constant(expr: &Expr) -> bool {
    is_constant(expr) || matches!(expr.kind, ExprKind::Identifier { .. })
}

impl Binder<'_> {
    /// What START AT takes: no column, no measure, and nothing computed from them.
    pub fn bind_constant(&mut self, expr: &Expr) -> Bound<Scalar> {
        if !may_be_constant(expr) {
            let message = "START AT takes constants and parameters";
            return self.error(ErrorKind::Argument, expr.span, message);
        }
        self.bind_scalar(expr)
    }

    pub(super) fn check_arguments(
        &self,
        function: &Function,
        args: &[Expr],
        span: Span,
    ) -> Bound<()> {
        let Function {
            name, signature, ..
        } = function;
        let count = args.len();
        if count < function.parameters.least || count > function.parameters.most {
            let message = format!("{name} was given {count} arguments; it is {signature}");
            return self.error(ErrorKind::Argument, span, message);
        }
        let required = match *name {
            // Values and results stand in pairs, and only what stands alone behind them is optional.
            "SWITCH" if count.is_multiple_of(2) => count - 1,
            "SWITCH" => count,
            _ => function.required(count),
        };
        if let Some(at) = args.iter().take(required).position(left_out) {
            let message = format!(
                "argument {} of {name} is missing; it is {signature}",
                at + 1
            );
            return self.error(ErrorKind::Argument, span, message);
        }
        if *name == "COMBINEVALUES" && !args.first().is_some_and(may_be_constant) {
            let message = "the delimiter of COMBINEVALUES is a constant";
            return self.error(ErrorKind::Argument, span, message);
        }
        Ok(())
    }
}
