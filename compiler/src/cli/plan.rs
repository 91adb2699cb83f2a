use std::path::PathBuf;

use clap::ValueEnum;

use super::{Exit, fail_git, inputs, print};
use crate::git::{GitError, Snapshot, discover};
use crate::render::{CellsFile, PlanFile, plan_json, plan_markdown, plan_text};
use crate::spec::Lab;

/// `benchgrid plan`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid plan matrices/smoke.yaml --lab labs/test.yaml\n  benchgrid plan matrices/smoke.yaml \
                        --lab labs/test.yaml --format markdown\n  benchgrid plan matrices/smoke.yaml --lab labs/test.yaml --against deploy --exit-code"
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
    /// Say what would become of the cells of this deploy branch, in the repository that holds the scenario
    #[arg(long, value_name = "REF")]
    against: Option<String>,
    /// End with 1 when a cell would be new, changed or gone
    #[arg(long, requires = "against")]
    exit_code: bool,
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
        self.plan().map_or_else(
            |exit| exit,
            |file| {
                print(&match self.format {
                    Format::Text => plan_text(&file),
                    Format::Json => plan_json(&file),
                    Format::Markdown => plan_markdown(&file),
                });
                let differs = file.against.is_some_and(|against| against.differing().next().is_some());
                if self.exit_code && differs { Exit::No } else { Exit::Yes }
            },
        )
    }

    fn plan(&self) -> Result<PlanFile, Exit> {
        let (plan, lab) = inputs::planned(&self.scenario, &self.lab)?;
        let file = PlanFile::of(&plan);
        let Some(reference) = &self.against else { return Ok(file) };
        let before = self.cells(reference, &plan.scenario, &lab).map_err(|error| {
            let named = matches!(error, GitError::NoReference { .. });
            let exit = fail_git(&error);
            if named { Exit::Usage } else { exit }
        })?;
        Ok(file.against(reference, before.as_ref()))
    }

    /// What the branch has of the scenario.
    fn cells(&self, reference: &str, scenario: &str, lab: &Lab) -> Result<Option<CellsFile>, GitError> {
        let repo = discover(&self.scenario)?;
        let branch = Snapshot::of_lab(&repo, reference, &lab.spec.git.prefix, &lab.metadata.name)?;
        branch.json(&format!("overlays/{scenario}/cells.json"))
    }
}
