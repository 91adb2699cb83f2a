//! Cells of a level against their partners.

use std::collections::{BTreeMap, BTreeSet};

use super::anomalies::counted;
use super::{
    CellResult, Claim, ClaimVerdict, Compare, Comparison, Metric, Pair, PairVerdict, Quantity, Question, Trial,
};
use crate::statistics::{
    Interval, cliffs_delta, geometric_mean, holm, mann_whitney, median, proportion_ratio, ratio, trials_to_decide,
    welch,
};

/// Partners whose trials lie further apart than this many milliseconds are said: what changed between them is in the ratio.
const APART_MS: i64 = 3_600_000;

/// For each claim each level against the baseline, for each way of seeing.
pub(super) fn comparisons(question: &Question, results: &[CellResult]) -> Vec<Comparison> {
    let Some(compare) = &question.compare else { return Vec::new() };
    let levels = question.axes.iter().find(|axis| axis.name == compare.axis).map(|axis| axis.levels.as_slice());
    let levels: Vec<&String> = levels.unwrap_or_default().iter().filter(|level| **level != compare.baseline).collect();
    let mut observes: Vec<&str> = results.iter().map(|result| result.observe.as_str()).collect();
    observes.sort_unstable();
    observes.dedup();
    let several = question.cells.iter().filter(|cell| cell.systems.len() > 1);
    let several: BTreeSet<&str> = several.map(|cell| cell.id.as_str()).collect();
    let mut comparisons = Vec::new();
    for claim in &compare.claims {
        for level in &levels {
            for observe in &observes {
                let sides = Sides { results, several: &several, compare, level, observe };
                comparisons.extend(sides.comparison(*claim));
            }
        }
    }
    comparisons
}

/// One level against the baseline, seen in one way.
struct Sides<'a> {
    results: &'a [CellResult],
    /// Cells in which several systems are measured.
    several: &'a BTreeSet<&'a str>,
    compare: &'a Compare,
    level: &'a str,
    observe: &'a str,
}

/// Levels but the compared one, and the system where a cell measures several.
type Others = (BTreeMap<String, String>, Option<String>);

impl Sides<'_> {
    /// None where neither side is seen in this way.
    fn comparison(&self, claim: Claim) -> Option<Comparison> {
        let (ours, theirs) = (self.side(self.level), self.side(&self.compare.baseline));
        if ours.is_empty() && theirs.is_empty() {
            return None;
        }
        let [our, their] = [&ours, &theirs].map(|side| side.iter().cloned().collect::<BTreeMap<Others, usize>>());
        let alone = theirs.iter().filter(|(key, _)| !our.contains_key(key));
        let keys = ours.iter().chain(alone).map(|(key, _)| key);
        let of = |side: &BTreeMap<Others, usize>, key: &Others| side.get(key).copied();
        let mut pairs: Vec<Pair> = keys.map(|key| self.pair(claim, &key.0, of(&our, key), of(&their, key))).collect();
        adjust(&mut pairs);
        let sure = pairs.iter().any(|pair| pair.ratio.is_some());
        let of = pairs.iter().filter_map(|pair| if sure { pair.ratio } else { pair.known() });
        let mean = geometric_mean(&of.collect::<Vec<_>>());
        Some(Comparison {
            claim,
            level: self.level.to_owned(),
            baseline: self.compare.baseline.clone(),
            observe: self.observe.to_owned(),
            verdict: whole(&pairs),
            mean: mean.map(|mean| mean.estimate),
            mean_interval: mean.filter(|_| sure).map(|mean| (mean.low, mean.high)),
            pairs,
        })
    }

    /// Results of a level, by what they share with their partner.
    fn side(&self, level: &str) -> Vec<(Others, usize)> {
        let of_level = |result: &&CellResult| result.levels.get(&self.compare.axis).is_some_and(|own| own == level);
        let places = self.results.iter().enumerate().filter(|(_, r)| of_level(r) && r.observe == self.observe);
        let others = |result: &CellResult| {
            let mut levels = result.levels.clone();
            levels.remove(&self.compare.axis);
            (levels, self.several.contains(result.id.as_str()).then(|| result.system.clone()))
        };
        places.map(|(place, result)| (others(result), place)).collect()
    }

    fn pair(
        &self,
        claim: Claim,
        levels: &BTreeMap<String, String>,
        cell: Option<usize>,
        partner: Option<usize>,
    ) -> Pair {
        let (ours, theirs) = (cell.map(|place| &self.results[place]), partner.map(|place| &self.results[place]));
        let values = |side: Option<&CellResult>| side.map(|side| claim.metric.values(side)).unwrap_or_default();
        let (level, baseline) = (values(ours), values(theirs));
        let trials = [level.len(), baseline.len()];
        let mut notes = self.without(&[(self.level, ours), (&self.compare.baseline, theirs)], trials);
        notes.extend(ours.zip(theirs).and_then(|(ours, theirs)| apart(ours, theirs)));
        let ratio = if trials.contains(&0) {
            None
        } else if claim.metric == Metric::Success {
            proportion_ratio(whole_trials(&level), whole_trials(&baseline))
        } else {
            ratio(&level, &baseline)
        };
        let verdict = verdict(ratio, trials, claim.margin);
        let undecided = ratio.filter(|_| verdict == PairVerdict::Undecided);
        Pair {
            cell,
            partner,
            levels: levels.clone(),
            times_worse: ratio
                .map(|ratio| ratio.estimate)
                .or_else(|| quotient(&level, &baseline).filter(|_| claim.metric != Metric::Success)),
            ratio,
            delta: cliffs_delta(&level, &baseline),
            // a failure has no logarithm, but a rank
            p: welch(&level, &baseline).or_else(|| mann_whitney(&level, &baseline)),
            adjusted_p: None,
            verdict,
            trials,
            trials_to_decide: undecided
                .and_then(|ratio| trials_to_decide(&ratio, trials[0].min(trials[1]), claim.margin)),
            notes,
        }
    }

    /// Why there is no number, for each side without one.
    fn without(&self, sides: &[(&str, Option<&CellResult>); 2], trials: [usize; 2]) -> Vec<String> {
        let mut notes = Vec::new();
        for ((name, side), count) in sides.iter().zip(trials) {
            if count > 0 {
                continue;
            }
            notes.push(match side.map(|side| (side.state, side.trials.len())) {
                None => format!("{} {name} has no cell seen by {} with these levels", self.compare.axis, self.observe),
                Some((super::CellState::Failed, _)) => format!("no attempt of {name} counts"),
                Some((super::CellState::Missing, _)) => format!("{name} was not measured"),
                Some(_) => format!("{name} does not give this number"),
            });
        }
        notes
    }
}

impl Pair {
    /// The ratio with what is known of its interval: without one, nothing is.
    pub(crate) fn known(&self) -> Option<Interval> {
        self.ratio.or_else(|| self.times_worse.map(|estimate| Interval { estimate, low: 0.0, high: f64::INFINITY }))
    }
}

/// The ratio of medians.
fn quotient(level: &[f64], baseline: &[f64]) -> Option<f64> {
    let ratio = median(level)? / median(baseline)?;
    (!ratio.is_nan()).then_some(ratio)
}

/// Trials in which everything arrived, of all.
fn whole_trials(trials: &[f64]) -> (u64, u64) {
    (trials.iter().filter(|failed| **failed == 0.0).count() as u64, trials.len() as u64)
}

fn verdict(ratio: Option<Interval>, trials: [usize; 2], margin: f64) -> PairVerdict {
    match ratio {
        _ if trials.contains(&0) => PairVerdict::Missing,
        Some(ratio) if ratio.high <= margin => PairVerdict::NonInferior,
        Some(ratio) if ratio.low > margin => PairVerdict::Inferior,
        _ => PairVerdict::Undecided,
    }
}

fn whole(pairs: &[Pair]) -> ClaimVerdict {
    let any = |verdict| pairs.iter().any(|pair| pair.verdict == verdict);
    match () {
        () if any(PairVerdict::Inferior) => ClaimVerdict::Broken,
        () if pairs.iter().all(|pair| pair.verdict == PairVerdict::Missing) => ClaimVerdict::Empty,
        () if pairs.iter().all(|pair| pair.verdict == PairVerdict::NonInferior) => ClaimVerdict::Held,
        () => ClaimVerdict::Undecided,
    }
}

fn adjust(pairs: &mut [Pair]) {
    let with: Vec<usize> = (0..pairs.len()).filter(|place| pairs[*place].p.is_some()).collect();
    let adjusted = holm(&with.iter().filter_map(|place| pairs[*place].p).collect::<Vec<_>>());
    for (place, p) in with.into_iter().zip(adjusted) {
        pairs[place].adjusted_p = Some(p);
    }
}

/// That trials of the same number lie far apart.
fn apart(ours: &CellResult, theirs: &CellResult) -> Option<String> {
    let gap = |a: &Trial, b: &Trial| (a.first_ms - b.ended_ms).max(b.first_ms - a.ended_ms).max(0);
    let partners = ours.trials.iter().filter_map(|trial| {
        let partner = theirs.trials.iter().find(|partner| partner.number == trial.number)?;
        Some(gap(trial, partner))
    });
    let far: Vec<i64> = partners.filter(|gap| *gap > APART_MS).collect();
    let most = far.iter().max()?;
    #[expect(clippy::cast_precision_loss, reason = "hours, for people")]
    let hours = *most as f64 / 3.6e6;
    Some(format!("{} of partners were measured up to {hours:.1} h apart", counted(far.len(), "trial")))
}

impl Metric {
    /// In the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::TimeToFirstByte,
        Self::TimeTo50,
        Self::TimeTo90,
        Self::TimeTo100,
        Self::DownloadSpeed,
        Self::UploadTime,
        Self::NetworkBytes,
        Self::Success,
    ];

    /// The word that scenarios use.
    pub fn word(self) -> &'static str {
        match self {
            Self::TimeToFirstByte => "time_to_first_byte",
            Self::TimeTo50 => "time_to_50",
            Self::TimeTo90 => "time_to_90",
            Self::TimeTo100 => "time_to_100",
            Self::DownloadSpeed => "download_speed",
            Self::UploadTime => "upload_time",
            Self::NetworkBytes => "network_bytes",
            Self::Success => "success",
        }
    }

    /// The quantity behind it; none: it is counted.
    pub fn quantity(self) -> Option<Quantity> {
        Some(match self {
            Self::TimeToFirstByte => Quantity::FirstByte,
            Self::TimeTo50 => Quantity::Half,
            Self::TimeTo90 => Quantity::Ninety,
            Self::TimeTo100 => Quantity::Whole,
            Self::DownloadSpeed => Quantity::Speed,
            Self::UploadTime => Quantity::Upload,
            Self::NetworkBytes => Quantity::Overhead,
            Self::Success => return None,
        })
    }

    /// One value a trial, of which more is worse: seconds, seconds a byte, bytes a byte, failed downloads.
    fn values(self, cell: &CellResult) -> Vec<f64> {
        match self.quantity() {
            // a speed of nothing is an endless time
            Some(Quantity::Speed) => cell.values(Quantity::Speed).into_iter().map(f64::recip).collect(),
            Some(quantity) => cell.values(quantity),
            None => cell.trials.iter().map(failed).collect(),
        }
    }
}

/// How many downloads of a trial failed.
fn failed(trial: &Trial) -> f64 {
    let nodes = trial.repetitions.iter().flat_map(|repetition| &repetition.nodes);
    f64::from(u32::try_from(nodes.filter(|node| node.downloads && !node.success).count()).unwrap_or(u32::MAX))
}
