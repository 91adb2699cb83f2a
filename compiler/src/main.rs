//! The `benchgrid` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    benchgrid::cli::main()
}
