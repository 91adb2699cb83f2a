//! The `benchgrid` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Compiling many cells is many small allocations by several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    benchgrid::cli::main()
}
