//! `benchgrid status`: how far the campaigns of a deploy branch are.

use clap::{Args, ValueEnum};

use super::{DeployBranch, Exit, fail_conduct, print};
use crate::{
    conduct::{ConductError, Status, read_state},
    git::{GitError, Remote, Snapshot},
};

/// Say how far the campaigns of a deploy branch are
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  benchgrid status --git https://git.example.org/team/lab.git\n  benchgrid status --git \
                        https://git.example.org/team/lab.git --format json"
)]
pub struct StatusArgs {
    /// Which branch.
    #[command(flatten)]
    pub deploy: DeployBranch,
    /// How it is written
    #[arg(long, value_enum, default_value_t = StatusFormat::Text)]
    pub format: StatusFormat,
}

/// How a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

impl StatusArgs {
    pub(super) fn run(&self) -> Exit {
        said(self).map_or_else(
            |error| fail_conduct(&error),
            |text| {
                print(&text);
                Exit::Yes
            },
        )
    }
}

/// What the verb prints.
pub fn said(args: &StatusArgs) -> Result<String, ConductError> {
    let status = read(args)?;
    Ok(match args.format {
        StatusFormat::Text => status.to_string(),
        StatusFormat::Json => serde_json::to_string_pretty(&status)? + "\n",
    })
}

fn read(args: &StatusArgs) -> Result<Status, ConductError> {
    let DeployBranch { git, branch, prefix } = &args.deploy;
    let folder = tempfile::tempdir().map_err(|source| GitError::Io { path: std::env::temp_dir(), source })?;
    let (repo, remote) = Remote::clone_into(folder.path(), git)?;
    let tip = remote.fetch(branch)?;
    let tip = tip.ok_or_else(|| GitError::NoBranch { url: git.clone(), branch: branch.clone() })?;
    let snapshot = Snapshot::at(&repo, branch, Some(tip), prefix)?;
    if snapshot.id("lab.json")?.is_none() {
        return Err(ConductError::NoLab { url: git.clone(), branch: branch.clone() });
    }
    Ok(Status::of(&read_state(&snapshot)?))
}
