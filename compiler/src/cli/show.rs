use std::path::PathBuf;

use super::{Exit, fail, inputs, print};
use crate::render;

/// `benchgrid show`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  benchgrid show filesize-5mb.system-http --scenario matrices/smoke.yaml --lab labs/test.yaml"
)]
pub(super) struct Arguments {
    /// Id or slug of the cell
    #[arg(value_name = "CELL")]
    cell: String,
    /// Scenario file
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    /// Lab file
    #[arg(long, value_name = "FILE")]
    lab: PathBuf,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        let (plan, lab) = match inputs::planned(&self.scenario, &self.lab) {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        let Some(cell) = plan.cells.iter().find(|cell| cell.id == self.cell || cell.slug == self.cell) else {
            return inputs::no_cell(&plan, &self.cell);
        };
        match render::show(&plan, cell, &lab) {
            Ok(objects) => {
                print(&objects);
                Exit::Yes
            }
            Err(error) => fail(Exit::Bug, &error),
        }
    }
}
