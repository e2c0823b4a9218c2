//! Which statements there are: queries, EXPLAIN of queries, and lists of what is visible. All else is refused by its name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DescribeAlias, ObjectName, Query, Select, ShowStatementFilterPosition, ShowStatementOptions,
    Statement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use engine::{Error, ErrorKind};

use crate::bounds;
use crate::error::refused;
use crate::names::Names;

/// Levels of brackets and subqueries that a text may have.
const NESTING: usize = 100;

/// A statement that may run.
pub(crate) enum Request {
    Query(Box<Statement>),
    Explain(Box<Statement>),
    ShowTables,
    ShowColumns(ObjectName),
}

/// Parses a text, and refuses what is not on the list.
pub(crate) fn read(text: &str, names: &mut Names) -> Result<Request, Error> {
    bounds::of_text(text)?;
    let mut tokens = Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| Error::nowhere(ErrorKind::Syntax, error.to_string()))?;
    let first = first_word(&tokens)?;
    bounds::of_tokens(&tokens)?;
    names.spell_tokens(&mut tokens);
    let mut statements = Parser::new(&GenericDialect {})
        .with_recursion_limit(NESTING)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| Error::nowhere(ErrorKind::Syntax, error.to_string()))?;
    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(Error::nowhere(ErrorKind::Syntax, "there is no statement")),
        (Some(_), false) => return Err(refused("one statement at a time is answered")),
    };
    let request = match statement {
        Statement::Query(_) => Request::Query(Box::new(statement)),
        Statement::Explain {
            describe_alias: DescribeAlias::Explain,
            analyze: false,
            verbose: false,
            query_plan: false,
            estimate: false,
            statement,
            format: None,
            options: None,
        } if matches!(*statement, Statement::Query(_)) => Request::Explain(statement),
        Statement::Explain { .. } => {
            return Err(refused(
                "EXPLAIN takes a query alone; ANALYZE, VERBOSE and formats are not offered",
            ));
        }
        Statement::ShowTables {
            terse: false,
            history: false,
            extended: false,
            full: false,
            external: false,
            show_options,
        } if is_bare(&show_options) => Request::ShowTables,
        Statement::ShowColumns {
            extended: false,
            full: false,
            show_options,
        } => Request::ShowColumns(table_shown(show_options)?),
        Statement::ExplainTable { table_name, .. } => Request::ShowColumns(table_name),
        _ => return Err(not_offered(&first)),
    };
    if let Request::Query(statement) | Request::Explain(statement) = &request
        && let ControlFlow::Break(error) = statement.visit(&mut Allowed)
    {
        return Err(error);
    }
    Ok(request)
}

/// What begins the statement decides before anything is parsed, so that a refusal names it whatever follows.
fn first_word(tokens: &[TokenWithSpan]) -> Result<String, Error> {
    let first = tokens
        .iter()
        .map(|token| &token.token)
        .find(|token| !matches!(token, Token::Whitespace(_) | Token::SemiColon));
    match first {
        Some(Token::Word(word)) => match word.keyword {
            Keyword::SELECT
            | Keyword::WITH
            | Keyword::VALUES
            | Keyword::EXPLAIN
            | Keyword::SHOW
            | Keyword::DESCRIBE
            | Keyword::DESC => Ok(word.value.to_uppercase()),
            Keyword::NoKeyword => Err(Error::nowhere(
                ErrorKind::Syntax,
                "a statement begins with SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE",
            )),
            _ => Err(not_offered(&word.value.to_uppercase())),
        },
        Some(Token::LParen) => Ok("the statement".to_owned()),
        Some(_) => Err(Error::nowhere(
            ErrorKind::Syntax,
            "a statement begins with SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE",
        )),
        None => Err(Error::nowhere(ErrorKind::Syntax, "there is no statement")),
    }
}

fn not_offered(what: &str) -> Error {
    refused(format!(
        "{what} is refused: only queries, EXPLAIN of a query, SHOW TABLES, SHOW COLUMNS and DESCRIBE are answered"
    ))
}

fn is_bare(options: &ShowStatementOptions) -> bool {
    options.show_in.is_none()
        && options.starts_with.is_none()
        && options.limit.is_none()
        && options.limit_from.is_none()
        && options.filter_position.is_none()
}

fn table_shown(options: ShowStatementOptions) -> Result<ObjectName, Error> {
    let filtered = matches!(
        options.filter_position,
        Some(ShowStatementFilterPosition::Infix(_) | ShowStatementFilterPosition::Suffix(_))
    );
    let name = options.show_in.and_then(|place| place.parent_name);
    match name {
        Some(name) if !filtered && options.starts_with.is_none() && options.limit.is_none() => {
            Ok(name)
        }
        _ => Err(refused(
            "SHOW COLUMNS takes FROM and a table, and nothing else",
        )),
    }
}

/// Finds what a query may not hold, wherever it stands.
struct Allowed;

impl Visitor for Allowed {
    type Break = Error;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Error> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => {
                let text = other.to_string();
                let word = text.split_whitespace().next().unwrap_or("the statement");
                ControlFlow::Break(not_offered(&word.to_uppercase()))
            }
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let what = if !query.locks.is_empty() {
            "FOR UPDATE"
        } else if query.for_clause.is_some() {
            "FOR XML, JSON or BROWSE"
        } else if query.settings.is_some() {
            "SETTINGS"
        } else if query.format_clause.is_some() {
            "FORMAT"
        } else if !query.pipe_operators.is_empty() {
            "a pipe operator"
        } else {
            return ControlFlow::Continue(());
        };
        ControlFlow::Break(not_offered(what))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        let what = if select.into.is_some() {
            "SELECT INTO"
        } else if !select.lateral_views.is_empty() {
            "LATERAL VIEW"
        } else {
            return ControlFlow::Continue(());
        };
        ControlFlow::Break(not_offered(what))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        let what = match factor {
            TableFactor::Table {
                args: None,
                version: None,
                sample: None,
                ..
            }
            | TableFactor::Derived { sample: None, .. }
            | TableFactor::NestedJoin { .. } => return ControlFlow::Continue(()),
            TableFactor::Table {
                args: Some(_),
                name,
                ..
            } => {
                return ControlFlow::Break(refused(format!(
                    "the table function {name} is refused: a query reads the tables of the model alone"
                )));
            }
            TableFactor::Function { name, .. } => {
                return ControlFlow::Break(refused(format!(
                    "the table function {name} is refused: a query reads the tables of the model alone"
                )));
            }
            TableFactor::UNNEST { .. } => "UNNEST",
            TableFactor::TableFunction { .. } => "a table function",
            TableFactor::Pivot { .. } => "PIVOT",
            TableFactor::Unpivot { .. } => "UNPIVOT",
            TableFactor::Table { .. } | TableFactor::Derived { .. } => "TABLESAMPLE or a version",
            _ => "this kind of table",
        };
        ControlFlow::Break(not_offered(what))
    }
}
