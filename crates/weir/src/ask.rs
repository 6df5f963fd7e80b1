//! Questions of commands, put to whoever answers: a running Weir, or the data folder.

use std::time::Duration;

use serde_json::json;
use weir_api::wire::InstantQueryAnswer;
use weir_query::{Query, QueryContext, QueryError};
use weir_types::{SqlLimits, Table, TimeRange};

use crate::client::{Backend, Local};

/// The longest a statement may run when this process answers it.
const TIME_MAX: Duration = Duration::from_mins(1);
/// The most rows that are printed when this process answers.
const ROWS_MAX: usize = 1_000_000;

impl Backend {
    /// One value for each group of an expression over a time.
    pub fn values(&self, expression: &str, range: TimeRange) -> anyhow::Result<InstantQueryAnswer> {
        match self {
            Self::Remote(client) => {
                let [from, to] = [range.from, range.to].map(|at| (at.0 / 1_000).to_string());
                client.get("/api/query/instant", &[("expr", expression), ("from", &from), ("to", &to)])
            }
            Self::Local(local) => values_here(local, expression, range),
        }
    }

    /// The rows of one statement that reads.
    pub fn sql(&self, statement: &str) -> anyhow::Result<Table> {
        match self {
            Self::Remote(client) => client.post("/api/sql", &json!({ "sql": statement })),
            Self::Local(local) => {
                let limits = SqlLimits { time_max: TIME_MAX, rows_max: ROWS_MAX };
                Ok(local.store.browse().sql(statement, limits)?)
            }
        }
    }

    /// Asks, and closes the data folder whatever the answer is.
    pub fn ask<T>(self, question: impl FnOnce(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let answer = question(&self);
        if let Self::Local(local) = self {
            local.close()?;
        }
        answer
    }
}

/// An expression, or the mistake in it as an editor would show it.
pub fn parsed(expression: &str) -> anyhow::Result<Query> {
    weir_query::parse(expression).map_err(|error| rendered(expression, &error))
}

/// An error of a question with the place in its text.
pub fn rendered(expression: &str, error: &QueryError) -> anyhow::Error {
    anyhow::anyhow!("{}", error.render(expression).trim_end())
}

fn values_here(local: &Local, expression: &str, range: TimeRange) -> anyhow::Result<InstantQueryAnswer> {
    let context = QueryContext { range, step_us: None, tz: None };
    let answer = weir_query::run_instant(&parsed(expression)?, &context, local.store.scan().as_ref());
    Ok(answer.map_err(|error| rendered(expression, &error))?.into())
}
