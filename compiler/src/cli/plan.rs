use std::path::PathBuf;

use clap::ValueEnum;

use super::{Exit, fail_git, inputs, print};
use crate::git::{GitError, Snapshot, discover};
use crate::plan::Plan;
use crate::render::{CellEntry, CellsFile, Comparison, Files, PlanFile, changes, plan_json, plan_markdown, plan_text};
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
    /// End with 1 when a cell would be new, changed, adjusted or gone
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
        let against = self.comparison(reference, &plan, &lab, &file.cells).map_err(|error| {
            let named = matches!(error, GitError::NoReference { .. });
            let exit = fail_git(&error);
            if named { Exit::Usage } else { exit }
        })?;
        Ok(PlanFile { against: Some(against), ..file })
    }

    /// What becomes of the cells that the branch has of the scenario.
    fn comparison(&self, reference: &str, plan: &Plan, lab: &Lab, after: &CellsFile) -> Result<Comparison, GitError> {
        let repo = discover(&self.scenario)?;
        let branch = Snapshot::of_lab(&repo, reference, &lab.spec.git.prefix, &lab.metadata.name)?;
        let scenario = format!("overlays/{}", plan.scenario);
        let before: Option<CellsFile> = branch.json(&format!("{scenario}/cells.json"))?;
        let bases = files(&branch, "base")?;
        let explain = |old: &CellEntry| {
            let folder = format!("{scenario}/{}", old.slug);
            let cell = plan.cells.iter().find(|cell| cell.id == old.id);
            match (cell, files(&branch, &folder)) {
                (Some(cell), Ok(mut tree)) => {
                    tree.extend(bases.clone());
                    changes(&tree, &folder, plan, cell, lab)
                }
                _ => vec!["the branch's cell can't be read".to_owned()],
            }
        };
        Ok(Comparison::new(reference, before.as_ref(), after, &explain))
    }
}

/// Files of the branch below a folder.
fn files(branch: &Snapshot<'_>, folder: &str) -> Result<Files, GitError> {
    let mut files = Files::new();
    for path in branch.list(folder)? {
        let bytes = branch.read(&path)?.unwrap_or_default();
        files.insert(path, bytes);
    }
    Ok(files)
}
