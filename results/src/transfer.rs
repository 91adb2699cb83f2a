use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{OUTCOME_METRIC, Sample};
use serde::Serialize;

/// One record, as far as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transfer {
    /// The record's name: `<attempt>/<phase><repetition>/<observe>/<kind>/<pod>`.
    pub id: String,
    /// Labels of the record: identity, node, phase, axes.
    pub labels: BTreeMap<String, String>,
    /// Stored numbers by metric.
    pub values: BTreeMap<String, f64>,
    /// Wall clock at the end, in milliseconds since 1970.
    pub ended_ms: i64,
}

/// How an attempt ended, by its marker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ending {
    /// Labels of the marker.
    pub labels: BTreeMap<String, String>,
    /// How many records the attempt made.
    pub records: f64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: i64,
}

impl Ending {
    /// A label's value, empty where it is missing.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Lab, scenario and cell.
    pub(crate) fn cell(&self) -> [&str; 3] {
        ["lab", "scenario", "cell"].map(|name| self.label(name))
    }

    /// Whether it is an overlay itself that was deployed: trials of a campaign count from 1.
    pub fn by_hand(&self) -> bool {
        self.labels.get("trial").is_some_and(|trial| trial == "0")
    }
}

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Campaign {
    /// Records, sorted by id.
    pub transfers: Vec<Transfer>,
    /// Endings, by attempt.
    pub endings: BTreeMap<String, Ending>,
}

/// Labels that make a record: its series differ in the metric's name alone.
const IDENTITY: [&str; 6] = ["attempt", "phase", "repetition", "observe", "kind", "node"];

impl Transfer {
    /// A label's value, empty where it is missing.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// A stored number.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.values.get(metric).copied()
    }

    /// Levels of the cell, by axis.
    pub fn levels(&self) -> BTreeMap<&str, &str> {
        self.labels.iter().filter_map(|(name, level)| Some((name.strip_prefix("axis_")?, level.as_str()))).collect()
    }
}

/// The value written last, and when.
fn newest(sample: &Sample) -> Option<(f64, i64)> {
    sample.values.iter().copied().zip(sample.timestamps.iter().copied()).max_by_key(|(_, time)| *time)
}

/// The newest ending of each attempt, and the time of the one before it.
///
/// An attempt's name is used again after its file in `done/` was removed: what was stored up to its earlier ending
/// belongs to another deployment.
fn endings(markers: Vec<Sample>) -> (BTreeMap<String, Ending>, BTreeMap<String, i64>) {
    let mut all: BTreeMap<String, Vec<(i64, Ending)>> = BTreeMap::new();
    for mut marker in markers {
        marker.metric.remove("__name__");
        let attempt = marker.label("attempt").to_owned();
        for (time, records) in marker.timestamps.iter().zip(&marker.values) {
            let ending = Ending { labels: marker.metric.clone(), records: *records, ended_ms: *time };
            all.entry(attempt.clone()).or_default().push((*time, ending));
        }
    }
    let (mut endings, mut since) = (BTreeMap::new(), BTreeMap::new());
    for (attempt, mut times) in all {
        times.sort_by_key(|(time, _)| *time);
        // A retried push repeats the same instant.
        times.dedup_by_key(|(time, _)| *time);
        if let Some((_, newest)) = times.pop() {
            endings.insert(attempt.clone(), newest);
        }
        if let Some((before, _)) = times.pop() {
            since.insert(attempt, before);
        }
    }
    (endings, since)
}

impl Campaign {
    /// Puts the series of each record together again.
    pub fn from_samples(samples: impl IntoIterator<Item = Sample>) -> Self {
        let (markers, samples): (Vec<Sample>, Vec<Sample>) =
            samples.into_iter().partition(|sample| sample.name() == OUTCOME_METRIC);
        let (endings, since) = endings(markers);
        let mut campaign = Self { endings, ..Self::default() };
        let mut transfers: BTreeMap<Vec<String>, Transfer> = BTreeMap::new();
        for sample in samples {
            let name = sample.name().to_owned();
            let Some((value, ended_ms)) = newest(&sample) else { continue };
            if since.get(sample.label("attempt")).is_some_and(|since| ended_ms <= *since) {
                continue;
            }
            let mut labels = sample.metric;
            labels.remove("__name__");
            let key = IDENTITY.map(|label| labels.get(label).cloned().unwrap_or_default()).to_vec();
            let id = format!("{}/{}{}/{}/{}/{}", key[0], key[1], key[2], key[3], key[4], key[5]);
            let transfer =
                transfers.entry(key).or_insert_with(|| Transfer { id, labels, values: BTreeMap::new(), ended_ms });
            transfer.values.insert(name, value);
        }
        campaign.transfers = transfers.into_values().collect();
        campaign
    }

    /// Attempts whose numbers may be used: those that a campaign admitted, that ended as measured, with every record they
    /// made, at the experiment that the cell is now. Of a trial that was measured again, the newest.
    pub fn accepted(&self) -> BTreeSet<&str> {
        let experiments = self.experiments();
        let mut newest: BTreeMap<[&str; 4], (i64, &str)> = BTreeMap::new();
        for (attempt, ending) in self.endings.iter().filter(|(attempt, ending)| self.whole(attempt, ending)) {
            if experiments.get(&ending.cell()).is_some_and(|(_, digest)| *digest != ending.label("digest")) {
                continue;
            }
            let [lab, scenario, cell] = ending.cell();
            let trial = if ending.label("trial").is_empty() { attempt } else { ending.label("trial") };
            let kept = newest.entry([lab, scenario, cell, trial]).or_default();
            *kept = (*kept).max((ending.ended_ms, attempt.as_str()));
        }
        newest.into_values().map(|(_, attempt)| attempt).collect()
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

    fn whole(&self, attempt: &str, ending: &Ending) -> bool {
        let measured = ending.labels.get("outcome").is_some_and(|outcome| outcome == "measured");
        measured && !ending.by_hand() && self.records_of(attempt) >= ending.records
    }

    /// How many records of an attempt were read.
    #[expect(clippy::cast_precision_loss, reason = "an attempt has some thousand records at most")]
    pub fn records_of(&self, attempt: &str) -> f64 {
        self.transfers.iter().filter(|transfer| transfer.label("attempt") == attempt).count() as f64
    }
}
