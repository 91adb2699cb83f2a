use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{Environment, Sample};

use super::{Builder, Ending, LeftOut, NodeSample, Oddity, OdditySample, Transfer};

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Campaign {
    /// Records, sorted by attempt, phase, repetition, observation, kind and node.
    pub transfers: Vec<Transfer>,
    /// Endings, by attempt.
    pub endings: BTreeMap<String, Ending>,
    /// What the nodes of the transfers ran on, by attempt and pod; only those of which something is known.
    pub nodes: BTreeMap<String, BTreeMap<String, Environment>>,
    /// What can't be quite so.
    pub oddities: Vec<Oddity>,
}

impl Campaign {
    /// Puts the series of each record together again.
    pub fn from_samples(samples: impl IntoIterator<Item = Sample>) -> Self {
        let mut builder = Builder::default();
        samples.into_iter().for_each(|sample| builder.series(&sample));
        builder.finish(None)
    }

    /// The campaign as lines of JSON, from which it can be read again: what nodes ran on, transfers, endings, what
    /// was odd about reading them.
    pub fn samples(&self) -> impl Iterator<Item = String> {
        let of = |attempt: &String, (node, environment): (&String, &Environment)| NodeSample {
            attempt: attempt.clone(),
            node: node.clone(),
            environment: environment.clone(),
        };
        let nodes = self.nodes.iter().flat_map(move |(attempt, nodes)| nodes.iter().map(move |node| of(attempt, node)));
        let nodes = nodes.filter_map(|node| serde_json::to_string(&node).ok());
        let transfers = self.transfers.iter().filter_map(|transfer| serde_json::to_string(transfer).ok());
        let endings = self.endings.values().filter_map(|ending| serde_json::to_string(ending).ok());
        let odd = self.oddities.iter().filter(|oddity| oddity.is_of_reading());
        let odd = odd.filter_map(|oddity| serde_json::to_string(&OdditySample { oddity: oddity.clone() }).ok());
        nodes.chain(transfers).chain(endings).chain(odd)
    }

    /// Leaves only attempts of one scenario of one lab.
    #[must_use]
    pub fn of_scenario(self, lab: &str, scenario: &str) -> Self {
        let with = self.transfers.iter().filter(|it| (it.label("lab"), it.label("scenario")) == (lab, scenario));
        let mut attempts: BTreeSet<String> = with.map(|transfer| transfer.label("attempt").to_owned()).collect();
        let ended = self.endings.iter().filter(|(_, it)| (it.label("lab"), it.label("scenario")) == (lab, scenario));
        attempts.extend(ended.map(|(attempt, _)| attempt.clone()));
        self.of_attempts(|attempt| attempts.contains(attempt))
    }

    /// Leaves only attempts that a node of this software took part in: its version contains the text.
    #[must_use]
    pub fn of_version(self, version: &str) -> Self {
        let with = self.transfers.iter().filter(|transfer| transfer.label("version").contains(version));
        let attempts: BTreeSet<String> = with.map(|transfer| transfer.label("attempt").to_owned()).collect();
        self.of_attempts(|attempt| attempts.contains(attempt))
    }

    /// Leaves only attempts that ended in a time, in milliseconds since 1970; those without an end, by their last record.
    #[must_use]
    pub fn ended_in(self, time: impl std::ops::RangeBounds<i64>) -> Self {
        let mut ends: BTreeMap<String, i64> = BTreeMap::new();
        for transfer in &self.transfers {
            let end = ends.entry(transfer.label("attempt").to_owned()).or_insert(i64::MIN);
            *end = transfer.ended_ms.max(*end);
        }
        ends.extend(self.endings.iter().map(|(attempt, ending)| (attempt.clone(), ending.ended_ms)));
        self.of_attempts(|attempt| ends.get(attempt).is_some_and(|end| time.contains(end)))
    }

    fn of_attempts(mut self, wanted: impl Fn(&str) -> bool) -> Self {
        self.transfers.retain(|transfer| wanted(transfer.label("attempt")));
        self.endings.retain(|attempt, _| wanted(attempt));
        self.nodes.retain(|attempt, _| wanted(attempt));
        self
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.transfers.is_empty() && self.endings.is_empty()
    }

    /// What a node ran on, where that is known.
    pub fn node(&self, attempt: &str, pod: &str) -> Option<&Environment> {
        self.nodes.get(attempt)?.get(pod)
    }

    /// Every attempt, and why its numbers are not used where they are not.
    ///
    /// Those are used of attempts that a campaign admitted, that ended as measured, with every record they made, at the
    /// experiment that the cell is: the digest in `asked`, by the cell's id, else that of what was tried last. Of a trial that
    /// was measured again, the newest.
    pub fn standings<'a>(&'a self, asked: &BTreeMap<&str, &'a str>) -> BTreeMap<&'a str, Option<LeftOut>> {
        let (counts, mut experiments) = (self.record_counts(), self.experiments());
        for (cell, newest) in &mut experiments {
            newest.1 = asked.get(cell[2]).copied().unwrap_or(newest.1);
        }
        let there = |attempt: &str| counts.get(attempt).copied().unwrap_or(0);
        let by_itself = |(attempt, ending)| (attempt, by_itself(ending, there(attempt), &experiments));
        let endings = self.endings.iter().map(|(attempt, ending)| (attempt.as_str(), ending));
        let mut standings: BTreeMap<_, _> = endings.map(by_itself).collect();
        for (attempt, there) in counts {
            standings.entry(attempt).or_insert(Some(LeftOut::Unfinished { there }));
        }
        self.leave_out_earlier(&mut standings);
        standings
    }

    /// Of each trial, only its newest attempt counts.
    fn leave_out_earlier<'a>(&'a self, standings: &mut BTreeMap<&'a str, Option<LeftOut>>) {
        let mut newest: BTreeMap<[&str; 4], (i64, &str)> = BTreeMap::new();
        for (attempt, ending) in &self.endings {
            if !matches!(standings.get(attempt.as_str()), Some(None)) {
                continue;
            }
            let [lab, scenario, cell] = ending.cell();
            let trial = if ending.label("trial").is_empty() { attempt } else { ending.label("trial") };
            let this = (ending.ended_ms, attempt.as_str());
            let kept = newest.entry([lab, scenario, cell, trial]).or_insert(this);
            if *kept != this {
                standings.insert((*kept).min(this).1, Some(LeftOut::MeasuredAgain));
                *kept = (*kept).max(this);
            }
        }
    }

    /// The experiment that each cell is now: the digest of what was tried last, however that ended, and when.
    pub(crate) fn experiments(&self) -> BTreeMap<[&str; 3], (i64, &str)> {
        let mut newest: BTreeMap<[&str; 3], (i64, &str)> = BTreeMap::new();
        for ending in self.endings.values().filter(|ending| !ending.by_hand()) {
            let kept = newest.entry(ending.cell()).or_insert((i64::MIN, ""));
            *kept = (*kept).max((ending.ended_ms, ending.label("digest")));
        }
        newest
    }

    /// How many records of each attempt were read.
    pub fn record_counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for transfer in &self.transfers {
            *counts.entry(transfer.label("attempt")).or_default() += 1;
        }
        counts
    }
}

/// Why an attempt does not count, whatever the others of its trial are.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
fn by_itself(ending: &Ending, there: usize, experiments: &BTreeMap<[&str; 3], (i64, &str)>) -> Option<LeftOut> {
    let detail = || ending.label("detail").to_owned();
    if ending.by_hand() {
        return Some(LeftOut::ByHand);
    }
    let other = experiments.get(&ending.cell()).is_some_and(|(_, digest)| *digest != ending.label("digest"));
    match ending.label("outcome") {
        "measured" if (there as f64) < ending.records => {
            Some(LeftOut::RecordsMissing { there, made: ending.records as usize })
        }
        _ if other => Some(LeftOut::OtherExperiment),
        "measured" => None,
        "superseded" => Some(LeftOut::Superseded { detail: detail() }),
        _ => Some(LeftOut::Failed { detail: detail() }),
    }
}
