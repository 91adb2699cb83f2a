use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::Sample;

use crate::conduct::Attempt;

/// What the store has of running attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreProgress {
    /// Nobody asked.
    NotAsked,
    /// By attempt.
    Heard(BTreeMap<String, Progress>),
    /// It does not answer, and why.
    Silent(String),
}

/// What the store has of an attempt so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records.
    pub records: u64,
    /// The repetition of the newest of them: `measured 2, counter`.
    pub newest: Option<String>,
}

impl StoreProgress {
    /// A metric that every record has once.
    pub(crate) const METRIC: &str = "benchgrid_success";

    /// Counts the records of these attempts.
    pub(crate) fn of_samples(samples: &[Sample], attempts: &[Attempt]) -> Self {
        let one = |attempt: &Attempt| {
            let own = samples.iter().filter(|sample| sample.label("attempt") == attempt.attempt);
            let own: Vec<&Sample> = own.collect();
            // The export may give a series in several parts.
            let records = own.iter().map(|sample| &sample.metric).collect::<BTreeSet<_>>().len() as u64;
            let newest = own.iter().max_by_key(|sample| sample.timestamps.iter().max());
            (attempt.attempt.clone(), Progress { records, newest: newest.map(|sample| repetition(sample)) })
        };
        Self::Heard(attempts.iter().map(one).collect())
    }

    pub(super) fn of(&self, attempt: &str) -> Option<&Progress> {
        match self {
            Self::Heard(all) => all.get(attempt),
            Self::NotAsked | Self::Silent(_) => None,
        }
    }

    /// Why nothing is known.
    pub(super) fn unknown(&self) -> Option<String> {
        match self {
            Self::Heard(_) => None,
            Self::NotAsked => Some("the store was not asked".to_owned()),
            Self::Silent(why) => Some(format!("the store does not answer here: {why}")),
        }
    }
}

fn repetition(sample: &Sample) -> String {
    let [phase, number, observe] = ["phase", "repetition", "observe"].map(|name| sample.label(name));
    format!("{phase} {number}, {observe}")
}
