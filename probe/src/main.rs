//! The program in the pods.

use std::process::ExitCode;

use benchgrid_probe::command::Command;
use clap::Parser;

/// Measures a cell from within: beside its nodes, and at its centre.
#[derive(Debug, Parser)]
#[command(name = "benchgrid-probe", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    Cli::parse().command.run()
}
