use std::collections::BTreeSet;

use super::StoreProgress;
use crate::conduct::{ConductError, Done, Settings};
use crate::git::{GitError, Snapshot};
use crate::plan;
use crate::spec::Lab;

/// What a status is made of, beside the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Name of the lab.
    pub lab: String,
    /// What the lab says about conducting.
    pub settings: Settings,
    /// Seconds until the place of an attempt that ended is free.
    pub place_seconds: f64,
    /// Folder of the branch that holds everything; empty: the root.
    pub prefix: String,
    /// Files that hold what containers said, below that folder.
    pub logs: BTreeSet<String>,
    /// What the store has of running attempts.
    pub store: StoreProgress,
}

impl Look {
    /// What a commit of the branch says; the store was not asked.
    pub fn read(snapshot: &Snapshot<'_>, lab: &Lab, prefix: &str) -> Result<Self, ConductError> {
        Ok(Self {
            lab: lab.metadata.name.clone(),
            settings: Settings::of(lab)?,
            place_seconds: plan::place_seconds(lab),
            prefix: prefix.trim_matches('/').to_owned(),
            logs: logs(snapshot)?,
            store: StoreProgress::NotAsked,
        })
    }

    /// Path on the branch of what an attempt's containers said, where that is kept.
    pub(super) fn log(&self, done: &Done) -> Option<String> {
        let path = done.path("log");
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        self.logs.contains(&path).then(|| format!("{}{slash}{path}", self.prefix))
    }
}

/// Each folder by its id: looked up from the root, thousands of them take minutes.
fn logs(snapshot: &Snapshot<'_>) -> Result<BTreeSet<String>, GitError> {
    let mut logs = BTreeSet::new();
    for (scenario, cells) in snapshot.folders_of(snapshot.id("done")?)? {
        for (slug, folder) in snapshot.folders_of(Some(cells))? {
            for file in &snapshot.tree(folder)? {
                let name = file.name()?;
                if name.rsplit('.').next() == Some("log") {
                    logs.insert(format!("done/{scenario}/{slug}/{name}"));
                }
            }
        }
    }
    Ok(logs)
}
