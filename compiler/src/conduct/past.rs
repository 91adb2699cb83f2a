use std::collections::BTreeMap;

use benchgrid_measures::{AttemptName, Timestamp};

use crate::git::{GitError, Snapshot};

/// What the branch's history says of `active/`: which names were used, and when they left.
///
/// An attempt's name is used once. Whoever removes a file of `done/`, or empties `active/` by hand, gets the trial run
/// again under its next number, so that the store never mixes two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The highest number of each trial, by the name up to its number.
    used: BTreeMap<String, u32>,
    /// When attempts left `active/`, by name.
    left: BTreeMap<String, Timestamp>,
}

impl Past {
    /// Reads the history back to `until`, a commit that was read already.
    pub(super) fn read(&mut self, snapshot: &Snapshot<'_>, until: Option<git2::Oid>) -> Result<(), GitError> {
        for change in snapshot.history("active", until)?.iter().rev() {
            let (before, after) = (snapshot.folders_of(change.before)?, snapshot.folders_of(change.after)?);
            for scenario in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
                let (before, after) = (before.get(scenario).copied(), after.get(scenario).copied());
                if before == after {
                    continue;
                }
                let (before, after) = (snapshot.folders_of(before)?, snapshot.folders_of(after)?);
                for name in after.keys() {
                    self.enter(name);
                }
                for name in before.keys().filter(|name| !after.contains_key(*name)) {
                    self.leave(name, Timestamp(change.seconds));
                }
            }
        }
        Ok(())
    }

    /// An attempt was in `active/`.
    pub fn enter(&mut self, attempt: &str) {
        if let Some((trial, number)) = split(attempt) {
            let highest = self.used.entry(trial.to_owned()).or_default();
            *highest = number.max(*highest);
        }
        self.left.remove(attempt);
    }

    /// An attempt left `active/`.
    pub fn leave(&mut self, attempt: &str, at: Timestamp) {
        self.enter(attempt);
        self.left.insert(attempt.to_owned(), at);
    }

    /// The highest number that a trial has had; 0: none.
    pub(super) fn highest(&self, trial: &str) -> u32 {
        self.used.get(trial).copied().unwrap_or_default()
    }

    /// Attempts that left, and when.
    pub(super) fn left(&self) -> &BTreeMap<String, Timestamp> {
        &self.left
    }
}

/// The part of an attempt's name that says which trial it is at, and its number.
pub(super) fn split(attempt: &str) -> Option<(&str, u32)> {
    let number = attempt.parse::<AttemptName>().ok()?.number;
    Some((attempt.rsplit_once('a')?.0, number))
}
