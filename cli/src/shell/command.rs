//! The commands of the prompt, as they are typed.

use clap::ValueEnum;

use crate::args::{Format, StageName};
use crate::shell::statement::words;

/// One statement.
#[derive(Debug, PartialEq)]
pub enum Command {
    Nothing,
    Query(String),
    Tables,
    Columns(String),
    Measures(Option<String>),
    As(Vec<String>),
    User(Option<String>),
    /// Of the query given, or of the last one.
    Explain(StageName, Option<String>),
    Timing,
    Format(Format),
    Help,
    Quit,
}

/// Name, arguments, and what it does: the table that `.help` and completion read.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    (".tables", "", "the tables that exist for this session"),
    (".columns", "TABLE", "the columns of a table"),
    (
        ".measures",
        "[TABLE]",
        "the measures, of one table or of all",
    ),
    (
        ".as",
        "[ROLE]...",
        "ask as these roles from now on; names with spaces in quotes",
    ),
    (".user", "[NAME]", "ask as this user from now on"),
    (
        ".explain",
        "STAGE [QUERY]",
        "show tokens, tree, bound, plan or scans of a query, or of the last one",
    ),
    (".timing", "", "print the time of every query, or stop it"),
    (".format", "FORMAT", "print results as table, csv or json"),
    (".help", "", "this list"),
    (".quit", "", "leave (so does Ctrl-D)"),
];

/// What `.help` prints.
pub fn help() -> String {
    let mut text = String::from(
        "A query begins with EVALUATE or DEFINE, may take several lines, and ends with `;` at the end of a line or with an\n\
         empty line. Commands take one line:\n",
    );
    for (name, arguments, what) in COMMANDS {
        text.push_str(&format!("  {:<26} {what}\n", format!("{name} {arguments}")));
    }
    text.push_str("Tab completes names and functions that this session may use.\n");
    text
}

/// Reads a statement, without what ended it.
pub fn parse(statement: &str) -> Result<Command, String> {
    let text = statement.trim();
    if text.is_empty() {
        return Ok(Command::Nothing);
    }
    if !text.starts_with('.') {
        return Ok(Command::Query(text.to_owned()));
    }
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let arguments = words(rest);
    let needs = |what: &str| format!("{name} needs {what}; .help lists the commands");
    match name {
        ".tables" => Ok(Command::Tables),
        ".columns" => match arguments.as_slice() {
            [table] => Ok(Command::Columns(table.clone())),
            _ => Err(needs("one table (a name with spaces in quotes)")),
        },
        ".measures" => match arguments.as_slice() {
            [] => Ok(Command::Measures(None)),
            [table] => Ok(Command::Measures(Some(table.clone()))),
            _ => Err(needs("one table at most (a name with spaces in quotes)")),
        },
        ".as" => Ok(Command::As(arguments)),
        ".user" => match arguments.as_slice() {
            [] => Ok(Command::User(None)),
            [user] => Ok(Command::User(Some(user.clone()))),
            _ => Err(needs("one name at most (a name with spaces in quotes)")),
        },
        ".explain" => {
            explain(rest).ok_or_else(|| needs("a stage: tokens, tree, bound, plan or scans"))
        }
        ".timing" => Ok(Command::Timing),
        ".format" => match arguments.as_slice() {
            [format] => match Format::from_str(format, true) {
                Ok(format) if format != Format::Arrow => Ok(Command::Format(format)),
                _ => Err(needs("table, csv or json")),
            },
            _ => Err(needs("table, csv or json")),
        },
        ".help" => Ok(Command::Help),
        ".quit" | ".exit" => Ok(Command::Quit),
        _ => Err(format!(
            "there is no command {name}; .help lists the commands"
        )),
    }
}

fn explain(rest: &str) -> Option<Command> {
    let (stage, query) = rest
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((rest.trim(), ""));
    let stage = StageName::from_str(stage, true).ok()?;
    let query = query.trim().trim_end_matches(';');
    Some(Command::Explain(
        stage,
        (!query.is_empty()).then(|| query.to_owned()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let check = |text: &str, expected: Command| assert_eq!(parse(text), Ok(expected), "{text}");
        check("", Command::Nothing);
        check("EVALUATE T", Command::Query("EVALUATE T".into()));
        check(".tables", Command::Tables);
        check(
            ".columns 'Sales Order'",
            Command::Columns("Sales Order".into()),
        );
        check(".measures", Command::Measures(None));
        check(
            ".as Europe \"No cost\"",
            Command::As(vec!["Europe".into(), "No cost".into()]),
        );
        check(".as", Command::As(vec![]));
        check(
            ".user ana@contoso.com",
            Command::User(Some("ana@contoso.com".into())),
        );
        check(".explain plan", Command::Explain(StageName::Plan, None));
        check(
            ".explain Tree EVALUATE T",
            Command::Explain(StageName::Tree, Some("EVALUATE T".into())),
        );
        check(".format JSON", Command::Format(Format::Json));
        check(".quit", Command::Quit);
        for wrong in [
            ".columns",
            ".explain",
            ".explain everything",
            ".format arrow",
            ".format",
            ".nothing",
            ".user a b",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_command_of_the_list_is_known() {
        for (name, _, _) in COMMANDS {
            let error = parse(name).err().unwrap_or_default();
            assert!(!error.contains("there is no command"), "{name}");
        }
    }
}
