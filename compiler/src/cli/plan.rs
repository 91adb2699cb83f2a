use std::path::PathBuf;

use clap::ValueEnum;

use super::{Exit, inputs, print};
use crate::render::{plan_json, plan_markdown, plan_text};

/// `benchgrid plan`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid plan matrices/smoke.yaml --lab labs/test.yaml\n  benchgrid plan matrices/smoke.yaml \
                        --lab labs/test.yaml --format markdown"
)]
pub(super) struct Arguments {
    /// Scenario file
    #[arg(value_name = "FILE")]
    scenario: PathBuf,
    /// Lab file
    #[arg(long, value_name = "FILE")]
    lab: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For pull requests
    Markdown,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        let plan = match inputs::planned(&self.scenario, &self.lab) {
            Ok((plan, _)) => plan,
            Err(exit) => return exit,
        };
        print(&match self.format {
            Format::Text => plan_text(&plan),
            Format::Json => plan_json(&plan),
            Format::Markdown => plan_markdown(&plan),
        });
        Exit::Yes
    }
}
