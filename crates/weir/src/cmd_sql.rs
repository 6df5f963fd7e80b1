//! `weir sql`: one statement that reads, answered by a running Weir or from the data folder.

use std::io::Read as _;
use std::process::ExitCode;

use crate::cli::SqlArgs;
use crate::client::Backend;
use crate::output;

/// Runs the statement and prints its result.
pub fn run(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let mut statement = args.statement.clone();
    if statement == "-" {
        statement.clear();
        std::io::stdin().read_to_string(&mut statement)?;
    }
    let table = Backend::find(&args.server)?.ask(|backend| backend.sql(&statement))?;
    output::print(&output::table(&table, args.format)?)?;
    Ok(ExitCode::SUCCESS)
}
