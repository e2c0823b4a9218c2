//! SQL over the same session: feature `sql` of this crate.

use crate::error::Error;
use crate::session::{Kind, QueryOptions, Session};

pub use sql::{Answer as SqlAnswer, Collation};

const SQL: Kind = Kind {
    name: "sql",
    in_dax: Some(sql::mentioned),
};

/// What a statement takes besides its text.
#[derive(Clone, Debug, Default)]
pub struct SqlOptions {
    /// Parameters are `$name` or `$1` in the text; limits and time are those of DAX.
    pub query: QueryOptions,
    pub collation: Collation,
}

impl From<QueryOptions> for SqlOptions {
    fn from(query: QueryOptions) -> Self {
        SqlOptions {
            query,
            collation: Collation::default(),
        }
    }
}

impl Session {
    /// Answers a SQL statement: a query, EXPLAIN of a query, or a list of what is visible.
    pub fn sql(&self, text: &str) -> Result<SqlAnswer, Error> {
        self.sql_with(text, &SqlOptions::default())
    }

    /// Answers a SQL statement with parameters, limits, a time limit or another collation.
    pub fn sql_with(&self, text: &str, options: &SqlOptions) -> Result<SqlAnswer, Error> {
        let collation = options.collation;
        let counted = |answer: &SqlAnswer| (u64::try_from(answer.rows()).ok(), "ok");
        self.over_view(
            SQL,
            text,
            &options.query,
            counted,
            move |admitted, text, options, control| {
                let options = sql::Options {
                    parameters: options.parameters.clone(),
                    limits: options.limits.clone(),
                    collation,
                };
                sql::query(&admitted.view, &admitted.plans, text, &options, control)
            },
        )
    }
}
