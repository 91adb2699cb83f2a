use std::fmt;

use benchgrid_measures::{AttemptName, Reason, Timestamp, Verdict};

use super::{Attempt, By, Cell, Done};

/// What is to change, and what is to be said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// Attempts that ended.
    pub end: Vec<Ending>,
    /// Attempts to deploy.
    pub admit: Vec<Admission>,
    /// Attempts that ended earlier, stayed for a look and leave now.
    pub release: Vec<Attempt>,
    /// How the campaigns ended, once nothing runs, lingers or waits any more.
    pub over: Option<Over>,
    /// Whether nothing could be decided, since the store is silent.
    pub silent: bool,
    /// Whether the cluster is not as the branch says: an attempt's namespace is not there yet, or one that left has left
    /// its own.
    pub behind: bool,
    /// What keeps it from doing more, for the log.
    pub say: Vec<String>,
}

/// How many trials were measured, and how many were given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Over {
    /// Those that have an accepted attempt.
    pub measured: usize,
    /// Those of which every try failed.
    pub given_up: usize,
}

/// The end of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The attempt.
    pub attempt: Attempt,
    /// Measured, failed, superseded.
    pub verdict: Verdict,
    /// Why, one word.
    pub reason: Reason,
    /// Why, for people.
    pub detail: String,
    /// Records in the store.
    pub records: u32,
    /// Who knew.
    pub by: By,
    /// Whether it stays deployed for a look.
    pub held: bool,
}

/// An attempt to deploy.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// Its name.
    pub name: AttemptName,
    /// Its cell.
    pub cell: Cell,
}

impl Decision {
    /// Whether the branch stays as it is.
    pub fn changes_nothing(&self) -> bool {
        self.end.is_empty() && self.admit.is_empty() && self.release.is_empty()
    }

    /// Attempts that end as failed.
    pub(super) fn failed(&self) -> Vec<&str> {
        let failed = self.end.iter().filter(|ending| ending.verdict == Verdict::Failed);
        failed.map(|ending| ending.attempt.attempt.as_str()).collect()
    }
}

impl Ending {
    /// What is kept of it.
    pub fn done(&self, now: Timestamp, lab: &str) -> Done {
        let Self { attempt, verdict, reason, detail, records, by, .. } = self;
        Done {
            attempt: attempt.attempt.clone(),
            scenario: attempt.scenario.clone(),
            slug: attempt.slug.clone(),
            cell: attempt.cell.clone(),
            digest: attempt.digest.clone(),
            trial: attempt.trial,
            number: attempt.number,
            admitted: attempt.admitted,
            ended: now,
            outcome: *verdict,
            reason: *reason,
            detail: detail.clone(),
            records: *records,
            by: *by,
            needs: attempt.needs.clone(),
            lab: lab.to_owned(),
        }
    }
}

impl Admission {
    /// What is deployed with it, but for the id of its folder.
    pub fn attempt(&self, now: Timestamp) -> Attempt {
        let Self { name, cell } = self;
        Attempt {
            attempt: name.to_string(),
            scenario: cell.scenario.clone(),
            slug: cell.slug.clone(),
            cell: cell.id.clone(),
            digest: cell.digest.clone(),
            trial: name.trial,
            number: name.number,
            admitted: now,
            ready_seconds: cell.ready_seconds,
            deadline_seconds: cell.deadline_seconds,
            needs: cell.needs.clone(),
            tree: String::new(),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempt, verdict, reason, detail, records, held, .. } = self;
        write!(f, "end {}: {verdict}", attempt.attempt)?;
        if *verdict == Verdict::Measured {
            return write!(f, ", {records} records");
        }
        write!(f, ", {reason}")?;
        if *held {
            write!(f, ", held for a look")?;
        }
        if detail.is_empty() { Ok(()) } else { write!(f, ": {detail}") }
    }
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cell } = self;
        write!(f, "admit {name}: {}, trial {} of {}", cell.slug, name.trial, cell.trials)?;
        if name.number > 1 { write!(f, ", try {}", name.number) } else { Ok(()) }
    }
}
