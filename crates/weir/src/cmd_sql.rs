//! `weir sql`: one statement that reads, answered by a running Weir or from the data folder.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use weir_types::{SqlLimits, Table};

use crate::cli::SqlArgs;
use crate::client::Backend;
use crate::output;

/// The longest a statement may run when this process answers it.
const TIME_MAX: Duration = Duration::from_mins(1);
/// The most rows that are printed when this process answers.
const ROWS_MAX: usize = 1_000_000;

/// Runs the statement and prints its result.
pub fn run(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let mut statement = args.statement.clone();
    if statement == "-" {
        statement.clear();
        std::io::stdin().read_to_string(&mut statement)?;
    }
    let table: Table = match Backend::find(&args.server)? {
        Backend::Remote(client) => client.post("/api/sql", &json!({ "sql": statement }))?,
        Backend::Local(local) => {
            let limits = SqlLimits { time_max: TIME_MAX, rows_max: ROWS_MAX };
            let table = local.store.browse().sql(&statement, limits);
            local.close()?;
            table?
        }
    };
    output::print(&output::table(&table, args.format)?)?;
    Ok(ExitCode::SUCCESS)
}
