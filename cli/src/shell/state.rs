//! What the prompt remembers between statements, and how it carries them out.

use std::io::{self, Write};
use std::time::Instant;

use peristyle::{Catalog, Database, QueryOptions, Session, Stage, explain_text};

use crate::access;
use crate::args::{Format, IdentityArgs, StageName};
use crate::failure::Failure;
use crate::input::Input;
use crate::query;
use crate::report;
use crate::shell::command::{Command, help, parse};

pub struct Shell {
    database: Database,
    asks_as: IdentityArgs,
    /// None after a refusal: the shell never goes on with the rights of an identity that is no longer asked for.
    session: Option<Session>,
    catalog: Catalog,
    format: Format,
    timing: bool,
    last_query: Option<String>,
}

/// What the prompt does after a statement.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Go,
    Quit,
}

impl Shell {
    /// Admits the identity at once; a refusal is told and can be mended with `.as` and `.user`.
    pub fn new(database: Database, asks_as: IdentityArgs) -> Shell {
        let mut shell = Shell {
            database,
            asks_as,
            session: None,
            catalog: Catalog::default(),
            format: Format::Table,
            timing: false,
            last_query: None,
        };
        // The refusal has been told, and the first query will tell of it again.
        let _ = shell.admit();
        shell
    }

    /// The names that the session may use; none without a session.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Carries out one statement. An error has been told when it comes back; the prompt goes on.
    pub fn run(&mut self, statement: &str) -> Result<Next, Failure> {
        let command =
            parse(statement).map_err(|message| report::refusal("usage", &message, false))?;
        match command {
            Command::Nothing => {}
            Command::Query(dax) => self.query(dax)?,
            Command::Tables => self.tables()?,
            Command::Columns(table) => self.columns(&table)?,
            Command::Measures(table) => self.measures(table.as_deref())?,
            Command::As(roles) => {
                self.named_by_hand()?;
                self.asks_as.roles = roles;
                self.admit()?;
            }
            Command::User(user) => {
                self.named_by_hand()?;
                self.asks_as.user = user;
                self.admit()?;
            }
            Command::Explain(stage, dax) => self.explain(stage, dax)?,
            Command::Timing => {
                self.timing = !self.timing;
                print(if self.timing {
                    "timing is on\n"
                } else {
                    "timing is off\n"
                })?;
            }
            Command::Format(format) => self.format = format,
            Command::Help => print(&help())?,
            Command::Quit => return Ok(Next::Quit),
        }
        Ok(Next::Go)
    }

    /// What a token says cannot be changed beside it.
    fn named_by_hand(&self) -> Result<(), Failure> {
        if self.asks_as.token.is_none() {
            return Ok(());
        }
        let message = "the identity comes from a token; start the shell with another one";
        Err(report::refusal("usage", message, false))
    }

    fn admit(&mut self) -> Result<(), Failure> {
        self.session = None;
        self.catalog = Catalog::default();
        let session = access::session(&self.database, &self.asks_as, false)?;
        self.catalog = session.catalog();
        self.session = Some(session);
        Ok(())
    }

    /// The session; a new one where the old one has come to its end.
    fn session(&mut self) -> Result<Session, Failure> {
        match &self.session {
            Some(session) if Instant::now() < session.ends() => {}
            Some(_) => self.admit()?,
            None => {
                let message = "there is no session, because the last identity was refused; use .as ROLE or .user NAME";
                return Err(report::refusal("denied", message, false));
            }
        }
        self.session.clone().ok_or(Failure::Reported)
    }

    fn query(&mut self, dax: String) -> Result<(), Failure> {
        let session = self.session()?;
        let input = Input::typed(&dax);
        self.last_query = Some(dax);
        let begun = Instant::now();
        let options = QueryOptions::default().time_limit(None);
        let before = self.database.rows_scanned();
        let answer = session
            .query_with(&input.text, &options)
            .map_err(|error| report::error(&error, Some(&input), self.format == Format::Json))?;
        let time = begun.elapsed();
        let culture = self
            .asks_as
            .culture
            .as_deref()
            .unwrap_or(&self.catalog.culture);
        query::print(&answer, self.format, culture)?;
        if self.timing {
            eprint!(
                "time: {:.3} ms\n{}",
                time.as_secs_f64() * 1000.0,
                query::figures(&answer.statistics, self.database.rows_scanned() - before)
            );
        }
        Ok(())
    }

    fn explain(&mut self, stage: StageName, dax: Option<String>) -> Result<(), Failure> {
        let Some(dax) = dax.or_else(|| self.last_query.clone()) else {
            return Err(report::refusal(
                "usage",
                "there is no query yet to explain",
                false,
            ));
        };
        let input = Input::typed(&dax);
        let stage = Stage::from(stage);
        let explained = match stage {
            Stage::Tokens | Stage::Tree => explain_text(stage, &input.text),
            Stage::Bound | Stage::Plan | Stage::Scans => {
                self.session()?.explain(stage, &input.text)
            }
        };
        let text = explained.map_err(|error| report::error(&error, Some(&input), false))?;
        print(&text)?;
        if text.ends_with('\n') {
            Ok(())
        } else {
            print("\n")
        }
    }

    fn tables(&mut self) -> Result<(), Failure> {
        self.session()?;
        let lines = self
            .catalog
            .tables
            .iter()
            .map(|table| line(&table.name, "", table.hidden));
        print(&lines.collect::<String>())
    }

    fn columns(&mut self, name: &str) -> Result<(), Failure> {
        self.session()?;
        let table = self.catalog.table(name).ok_or_else(|| no_table(name))?;
        let lines = table.columns.iter().map(|column| {
            let name = format!(
                "'{}'[{}]",
                table.name.replace('\'', "''"),
                column.name.replace(']', "]]")
            );
            line(&name, type_name(column.data_type), column.hidden)
        });
        print(&lines.collect::<String>())
    }

    fn measures(&mut self, name: Option<&str>) -> Result<(), Failure> {
        self.session()?;
        let tables: Vec<_> = match name {
            Some(name) => vec![self.catalog.table(name).ok_or_else(|| no_table(name))?],
            None => self.catalog.tables.iter().collect(),
        };
        let measures = tables.iter().flat_map(|table| &table.measures);
        let lines = measures.map(|measure| {
            line(
                &format!("[{}]", measure.name.replace(']', "]]")),
                &measure.description,
                measure.hidden,
            )
        });
        print(&lines.collect::<String>())
    }
}

fn no_table(name: &str) -> Failure {
    report::refusal(
        "unknown_name",
        &format!("there is no table '{name}'; .tables lists the tables"),
        false,
    )
}

fn line(name: &str, about: &str, hidden: bool) -> String {
    let about = about.lines().next().unwrap_or("");
    let hidden = if hidden { "(hidden)" } else { "" };
    let line = format!("{name:<40} {about} {hidden}");
    format!("{}\n", line.trim_end())
}

fn type_name(data_type: peristyle::DataType) -> &'static str {
    use peristyle::DataType;
    match data_type {
        DataType::Text => "text",
        DataType::Integer => "whole number",
        DataType::Double => "decimal number",
        DataType::Fixed => "fixed decimal number",
        DataType::DateTime => "date and time",
        DataType::Boolean => "true/false",
        DataType::Binary => "binary",
        DataType::Unknown => "not known",
        DataType::Variant => "of several types",
    }
}

fn print(text: &str) -> Result<(), Failure> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
