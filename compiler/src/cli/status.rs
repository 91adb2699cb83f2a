//! `benchgrid status`: how far the campaigns of a deploy branch are.

use benchgrid_measures::Timestamp;
use clap::{Args, ValueEnum};

use super::{DeployBranch, Exit, conduct::now, fail_conduct, print};
use crate::{
    conduct::{ConductError, Look, Status, StoreClient, read_state},
    git::{GitError, Remote, Snapshot},
    spec::Lab,
};

/// Say how far the campaigns of a deploy branch are
///
/// Read from the branch: trials by scenario, what runs, what failed and why, what keeps it from going on, and how long the
/// rest takes. From the store, where it can be reached: how many records running attempts have left so far. The exit code
/// is 0 whatever the status is, 3 when the branch can't be read.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  benchgrid status --git https://git.example.org/team/lab.git\n  benchgrid status --git \
                        https://git.example.org/team/lab.git --format json\n  benchgrid status --git \
                        https://git.example.org/team/lab.git --no-store --format markdown >> $GITHUB_STEP_SUMMARY"
)]
pub struct StatusArgs {
    /// Which branch.
    #[command(flatten)]
    pub deploy: DeployBranch,
    /// How it is written
    #[arg(long, value_enum, default_value_t = StatusFormat::Text)]
    pub format: StatusFormat,
    /// Base URL of the store, where this machine reaches it by another address than the lab says
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Don't ask the store
    #[arg(long, conflicts_with = "store")]
    pub no_store: bool,
}

/// How a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For a terminal
    Text,
    /// For programs: schemas/status.schema.json
    Json,
    /// For an issue or the summary of a job
    Markdown,
}

impl StatusArgs {
    pub(super) fn run(&self) -> Exit {
        said(self, now()).map_or_else(
            |error| fail_conduct(&error),
            |text| {
                print(&text);
                Exit::Yes
            },
        )
    }
}

/// What the verb prints at that time.
pub fn said(args: &StatusArgs, now: Timestamp) -> Result<String, ConductError> {
    let status = read(args, now)?;
    Ok(match args.format {
        StatusFormat::Text => status.to_string(),
        StatusFormat::Json => serde_json::to_string_pretty(&status)? + "\n",
        StatusFormat::Markdown => status.markdown(),
    })
}

fn read(args: &StatusArgs, now: Timestamp) -> Result<Status, ConductError> {
    let DeployBranch { git, branch, prefix } = &args.deploy;
    let folder = tempfile::tempdir().map_err(|source| GitError::Io { path: std::env::temp_dir(), source })?;
    let (repo, remote) = Remote::clone_into(folder.path(), git)?;
    let tip = remote.fetch(branch)?;
    let tip = tip.ok_or_else(|| GitError::NoBranch { url: git.clone(), branch: branch.clone() })?;
    let snapshot = Snapshot::at(&repo, branch, Some(tip), prefix.trim_matches('/'))?;
    let missing = || ConductError::NoLab { url: git.clone(), branch: branch.clone(), prefix: prefix.clone() };
    let lab = snapshot.json::<Lab>("lab.json")?.ok_or_else(missing)?;
    let state = read_state(&snapshot)?;
    let mut look = Look::read(&snapshot, &lab, prefix)?;
    if !args.no_store {
        let store = args.store.as_ref().unwrap_or(&lab.spec.metrics.read);
        look.store = StoreClient::new(store, &lab.metadata.name).progress(&state.active);
    }
    Ok(Status::of(&state, &look, now))
}
