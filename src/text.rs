//! What can be done with DAX as text alone, without a model and without an identity.

use dax::TokenKind;
use engine::{ErrorKind, Stage};

use crate::error::Error;

/// A function that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// In upper case, dots included.
    pub name: &'static str,
    /// `LEFT(text, [count])`.
    pub signature: &'static str,
}

/// The functions that this version can evaluate.
pub fn functions() -> impl Iterator<Item = FunctionName> {
    use engine::functions::{Body, State, all};
    all()
        .filter(|function| !matches!(function.body, Body::Bound(State::Refused(_))))
        .map(|function| FunctionName {
            name: function.name,
            signature: function.signature,
        })
}

/// The tokens or the tree of a query. The later stages need a session: [`Session::explain`](crate::Session::explain).
pub fn explain_text(stage: Stage, dax: &str) -> Result<String, Error> {
    match stage {
        Stage::Tokens => Ok(dax::dump_tokens(dax)),
        Stage::Tree => {
            let parsed = dax::parse_query(dax);
            first_error(parsed.errors)?;
            Ok(dax::dump_query(&parsed.tree))
        }
        Stage::Bound | Stage::Plan | Stage::Scans => Err(Error::Query(engine::Error::nowhere(
            ErrorKind::Argument,
            "this stage depends on the model and on who asks: explain it through a session",
        ))),
    }
}

/// A query or an expression, laid out anew.
///
/// Comments are kept: those behind something at the end of its line, others above the line of what follows them.
pub fn format_dax(dax: &str) -> Result<String, Error> {
    let text = if is_query(dax) {
        let parsed = dax::parse_query(dax);
        first_error(parsed.errors)?;
        dax::format_query(&parsed.tree)
    } else {
        let parsed = dax::parse_expression(dax);
        first_error(parsed.errors)?;
        dax::format_expression(&parsed.tree)
    };
    dax::keep_comments(dax, &text).ok_or_else(|| {
        let place = dax::comments(dax).first().copied().unwrap_or_default();
        let message = "a comment has no place in the new layout; move it to a line of its own";
        Error::Query(engine::Error::new(ErrorKind::Argument, place, message))
    })
}

/// The names of the parameters that a query has, without their signs.
pub fn parameters_of(dax: &str) -> Vec<String> {
    let (tokens, _) = dax::lex(dax);
    let parameters = tokens
        .into_iter()
        .filter(|token| token.kind == TokenKind::Parameter);
    parameters
        .filter_map(|token| {
            let text = dax.get(token.span.start as usize..token.span.end as usize)?;
            Some(text.trim_start_matches('@').to_owned())
        })
        .collect()
}

/// Queries begin with DEFINE or EVALUATE; everything else is an expression.
fn is_query(dax: &str) -> bool {
    let (tokens, _) = dax::lex(dax);
    let Some(first) = tokens.first() else {
        return false;
    };
    let word = dax
        .get(first.span.start as usize..first.span.end as usize)
        .unwrap_or("");
    first.kind == TokenKind::Identifier
        && (word.eq_ignore_ascii_case("EVALUATE") || word.eq_ignore_ascii_case("DEFINE"))
}

fn first_error(errors: Vec<dax::Error>) -> Result<(), Error> {
    match errors.into_iter().next() {
        Some(first) => Err(Error::Query(engine::Error::new(
            ErrorKind::Syntax,
            first.span,
            first.message,
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_expressions_are_told_apart() {
        for (text, expected) in [
            ("evaluate T", true),
            (" DEFINE VAR x = 1 EVALUATE {x}", true),
            ("1 + 2", false),
            ("'EVALUATE'", false),
            ("", false),
        ] {
            assert_eq!(is_query(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_laid_out_means_the_same() {
        for text in [
            "EVALUATE FILTER(T,T[a]>1) ORDER BY T[a] DESC",
            "SUM(Sales[x])+ 2*3",
            "1 // one",
        ] {
            let once = format_dax(text).unwrap();
            assert_eq!(format_dax(&once).unwrap(), once);
        }
        assert!(format_dax("1 + ").is_err());
        assert!(format_dax("1 // one").unwrap().contains("// one"));
    }

    #[test]
    fn later_stages_are_not_texts_alone() {
        assert!(
            explain_text(Stage::Tokens, "EVALUATE T")
                .unwrap()
                .contains("EVALUATE")
        );
        assert!(explain_text(Stage::Tree, "EVALUATE T").is_ok());
        assert_eq!(
            explain_text(Stage::Tree, "EVALUATE (").unwrap_err().code(),
            "syntax"
        );
        assert_eq!(
            explain_text(Stage::Plan, "EVALUATE T").unwrap_err().code(),
            "argument"
        );
    }
}
