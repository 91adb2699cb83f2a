use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use benchgrid_measures::{
    CURVE_METRIC, CurvePoint, Environment, ExpositionLine, NODE_METRIC, OUTCOME_METRIC, Outcome, Record, Sample,
    as_stored,
};

use super::{Campaign, Ending, Labels, Oddity, Transfer, oddity, transfer::metric};

/// Labels that make a record: its series differ in the metric's name alone.
const IDENTITY: [&str; 6] = ["attempt", "phase", "repetition", "observe", "kind", "node"];

type Key = [Arc<str>; 6];

/// Two different things under one name and instant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

/// Puts a campaign together, in any order, whole records and single series alike.
///
/// Of what has one name, the newest counts; and what is not newer than the outcome before the last one of its attempt
/// belongs to an earlier deployment, whose name was used again.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    words: BTreeSet<Arc<str>>,
    parts: BTreeMap<Key, Part>,
    endings: BTreeMap<Arc<str>, BTreeMap<i64, Ending>>,
    nodes: BTreeMap<(Arc<str>, Arc<str>), (i64, Environment)>,
    oddities: BTreeSet<Oddity>,
}

/// What is known of one record.
#[derive(Debug)]
struct Part {
    labels: Labels,
    values: BTreeMap<&'static str, f64>,
    ended_ms: i64,
    /// When the newest of those before it ended.
    before_ms: i64,
    /// By milliseconds since 1970.
    curve: BTreeMap<i64, u64>,
}

impl Default for Part {
    fn default() -> Self {
        let (labels, values, curve) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { labels, values, ended_ms: i64::MIN, before_ms: i64::MIN, curve }
    }
}

impl Part {
    /// Makes place for what ended at that instant; whether it counts.
    fn opens(&mut self, ended_ms: i64, labels: &Labels) -> bool {
        if ended_ms > self.ended_ms {
            self.before_ms = std::mem::replace(&mut self.ended_ms, ended_ms);
            self.labels.clone_from(labels);
            self.values.clear();
        } else if ended_ms < self.ended_ms {
            self.before_ms = self.before_ms.max(ended_ms);
        }
        ended_ms == self.ended_ms
    }

    fn transfer(self, key: &Key) -> Transfer {
        let [attempt, phase, repetition, observe, kind, node] = key;
        let own = self.curve.range(self.before_ms.saturating_add(1)..=self.ended_ms);
        let first = own.clone().next().map_or(0, |(stamp, _)| *stamp);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
        let point = |(stamp, bytes): (&i64, &u64)| CurvePoint { seconds: (stamp - first) as f64 / 1e3, bytes: *bytes };
        Transfer {
            id: format!("{attempt}/{phase}{repetition}/{observe}/{kind}/{node}"),
            curve: own.map(point).collect(),
            labels: self.labels,
            values: self.values,
            ended_ms: self.ended_ms,
        }
    }
}

impl Builder {
    /// The one copy of a text.
    fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(word) = self.words.get(text) {
            return word.clone();
        }
        let word: Arc<str> = text.into();
        self.words.insert(word.clone());
        word
    }

    /// Labels without empty ones: the store can't tell them from missing ones.
    fn labels(&mut self, labels: &BTreeMap<String, String>) -> Labels {
        let labels = labels.iter().filter(|(name, value)| *name != "__name__" && !value.is_empty());
        labels.map(|(name, value)| (self.word(name), self.word(value))).collect()
    }

    fn part(&mut self, labels: &Labels) -> &mut Part {
        let key = IDENTITY.map(|name| labels.get(name).cloned().unwrap_or_else(|| "".into()));
        self.parts.entry(key).or_default()
    }

    /// Takes a series of the store; one that is no part of a campaign is passed over.
    pub(crate) fn series(&mut self, sample: &Sample) {
        let labels = self.labels(&sample.metric);
        let points = sample.timestamps.iter().copied().zip(sample.values.iter().copied());
        match sample.name() {
            OUTCOME_METRIC => points.for_each(|(time, records)| drop(self.ending(&labels, records, time))),
            NODE_METRIC => {
                let newest = points.map(|(time, _)| time).max().unwrap_or(i64::MIN);
                self.node(&labels, newest, || Environment::from_labels(&sample.metric));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of bytes")]
            CURVE_METRIC => {
                let part = self.part(&labels);
                points.for_each(|(time, bytes)| part.held(time, bytes as u64));
            }
            name => {
                let Some(metric) = metric(name) else { return };
                let doubled = self.part(&labels).take(&labels, metric, points);
                if doubled {
                    let id = IDENTITY.map(|name| labels.get(name).map_or("", |value| &**value));
                    let [attempt, phase, repetition, observe, kind, node] = id;
                    let id = format!("{attempt}/{phase}{repetition}/{observe}/{kind}/{node}");
                    self.oddities.insert(Oddity::TwoValues { id, metric: metric.to_owned() });
                }
            }
        }
    }

    /// Takes a record; the same one again is no conflict, nor is one of another deployment under the same name.
    pub(crate) fn record(&mut self, record: &Record) -> Result<(), Conflict> {
        let labels = self.labels(&record.labels());
        let lines = record.lines();
        let values = lines.iter().filter_map(|line| Some((metric(&line.name)?, line.value))).collect();
        let curve = record.curve_stamps().into_iter().zip(record.curve.iter().map(|point| point.bytes)).collect();
        self.node(&labels, record.ended_ms, || record.environment.clone());
        self.whole(Part { labels, values, ended_ms: record.ended_ms, before_ms: i64::MIN, curve })
    }

    /// Takes an outcome; the same one again is no conflict.
    pub(crate) fn outcome(&mut self, outcome: &Outcome) -> Result<(), Conflict> {
        let ExpositionLine { labels, value, timestamp_ms, .. } = outcome.line();
        let labels = self.labels(&labels);
        self.ending(&labels, value, timestamp_ms)
    }

    fn whole(&mut self, whole: Part) -> Result<(), Conflict> {
        let part = self.part(&whole.labels);
        let again = whole.ended_ms == part.ended_ms;
        if !part.opens(whole.ended_ms, &whole.labels) {
            return Ok(());
        }
        if again {
            let same = part.labels == whole.labels && part.values == whole.values;
            let same = same && whole.curve.iter().all(|(stamp, bytes)| part.curve.get(stamp) == Some(bytes));
            return if same { Ok(()) } else { Err(Conflict) };
        }
        part.values = whole.values;
        part.curve.extend(whole.curve);
        Ok(())
    }

    fn ending(&mut self, labels: &Labels, records: f64, ended_ms: i64) -> Result<(), Conflict> {
        let ending = Ending { labels: labels.clone(), records, ended_ms };
        let attempt = labels.get("attempt").cloned().unwrap_or_else(|| "".into());
        let endings = self.endings.entry(attempt).or_default();
        // A retried push repeats the same instant.
        let kept = endings.entry(ended_ms).or_insert_with(|| ending.clone());
        if *kept == ending { Ok(()) } else { Err(Conflict) }
    }

    fn node(&mut self, labels: &Labels, time: i64, environment: impl FnOnce() -> Environment) {
        let of = ["attempt", "node"].map(|name| labels.get(name).cloned());
        let [Some(attempt), Some(pod)] = of else { return };
        let kept = self.nodes.entry((attempt, pod)).or_insert_with(|| (i64::MIN, Environment::default()));
        if time > kept.0 {
            *kept = (time, environment());
        }
    }

    /// The campaign; `now_ms` is the present, where somebody knows it: what ends after it is odd.
    pub(crate) fn finish(self, now_ms: Option<i64>) -> Campaign {
        let mut since: BTreeMap<Arc<str>, i64> = BTreeMap::new();
        let mut campaign = Campaign::default();
        for (attempt, mut endings) in self.endings {
            if let Some((_, newest)) = endings.pop_last() {
                campaign.endings.insert(attempt.to_string(), newest);
            }
            if let Some((before, _)) = endings.pop_last() {
                since.insert(attempt, before);
            }
        }
        let stale = |key: &Key, part: &Part| since.get(&key[0]).is_some_and(|since| part.ended_ms <= *since);
        for (key, part) in self.parts {
            // A curve alone is no record.
            if !part.values.is_empty() && !stale(&key, &part) {
                campaign.transfers.push(part.transfer(&key));
            }
        }
        campaign.nodes = nodes(self.nodes, &campaign.transfers);
        campaign.oddities = self.oddities.into_iter().chain(oddity::clocks(&campaign, now_ms)).collect();
        campaign
    }
}

impl Part {
    fn held(&mut self, stamp: i64, bytes: u64) {
        let most = self.curve.entry(stamp).or_default();
        *most = bytes.max(*most);
    }

    /// Takes the points of a series; whether two of its newest differ.
    fn take(&mut self, labels: &Labels, metric: &'static str, points: impl Iterator<Item = (i64, f64)>) -> bool {
        let mut doubled = false;
        for (time, value) in points {
            if self.opens(time, labels) {
                let value = as_stored(value);
                let kept = self.values.entry(metric).or_insert(value);
                doubled |= kept.to_bits() != value.to_bits();
                *kept = kept.max(value);
            }
        }
        doubled
    }
}

/// Environments of nodes that transferred something: record files know no others.
fn nodes(
    nodes: BTreeMap<(Arc<str>, Arc<str>), (i64, Environment)>,
    transfers: &[Transfer],
) -> BTreeMap<String, BTreeMap<String, Environment>> {
    let seen: BTreeSet<_> =
        transfers.iter().map(|transfer| (transfer.label("attempt"), transfer.label("node"))).collect();
    let mut found: BTreeMap<String, BTreeMap<String, Environment>> = BTreeMap::new();
    for ((attempt, pod), (_, environment)) in nodes {
        if environment != Environment::default() && seen.contains(&(&*attempt, &*pod)) {
            found.entry(attempt.to_string()).or_default().insert(pod.to_string(), environment);
        }
    }
    found
}
