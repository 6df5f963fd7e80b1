//! The `weir` binary: reads the command line and hands over to one `cmd_<name>` file per command.
//!
//! Only this crate reads files and the environment, and only [`wire`] connects the other crates.

mod ask;
mod budgeting;
mod cli;
mod client;
mod cmd_cache;
mod cmd_check;
mod cmd_completions;
mod cmd_demo;
mod cmd_doctor;
mod cmd_evaluate;
mod cmd_key;
mod cmd_monitor;
mod cmd_query;
mod cmd_reconcile;
mod cmd_replay;
mod cmd_savings;
mod cmd_serve;
mod cmd_simulate;
mod cmd_sql;
mod config;
mod drifting;
mod evaluating;
mod even_times;
mod fleet;
mod injection;
mod judge;
mod log;
mod notifying;
mod output;
mod own_gateway;
mod price_list;
mod probing;
mod receiver_access;
mod receivers;
mod recording;
mod self_report;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// Many small allocations on several threads: mimalloc needs a fifth less CPU here than the system's allocator and
/// gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => cmd_serve::run(&args),
        Command::Demo(args) => cmd_demo::run(&args),
        Command::Check(args) => cmd_check::run(&args),
        Command::Cache(args) => cmd_cache::run(&args),
        Command::Evaluate(args) => cmd_evaluate::run(&args),
        Command::Key(args) => cmd_key::run(&args),
        Command::Savings(args) => cmd_savings::run(&args),
        Command::Reconcile(args) => cmd_reconcile::run(&args),
        Command::Query(args) => cmd_query::run(&args),
        Command::Sql(args) => cmd_sql::run(&args),
        Command::Monitor(args) => cmd_monitor::run(&args),
        Command::Replay(args) => cmd_replay::run(&args),
        Command::Doctor(args) => cmd_doctor::run(&args),
        Command::Completions(args) => cmd_completions::run(&args),
        Command::Simulate(args) => cmd_simulate::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
