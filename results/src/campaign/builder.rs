use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use benchgrid_measures::{
    CURVE_METRIC, CurvePoint, Environment, ExpositionLine, NODE_METRIC, OUTCOME_METRIC, Outcome, Record, Sample,
    as_stored,
};

use super::{Campaign, Ending, Labels, NodeSample, Oddity, Transfer, oddity, transfer::metric};

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
    /// Bytes by milliseconds since 1970.
    curve: Vec<(i64, u64)>,
}

impl Default for Part {
    fn default() -> Self {
        let (labels, values, curve) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
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

    /// Takes points of the curve: one a millisecond, that with the most, as stores do that drop duplicates. A retried push
    /// repeats points.
    fn progress(&mut self, points: impl Iterator<Item = (i64, u64)>) {
        self.curve.extend(points);
        self.curve.sort_unstable_by_key(|(stamp, bytes)| (*stamp, Reverse(*bytes)));
        self.curve.dedup_by_key(|(stamp, _)| *stamp);
    }

    fn transfer(mut self, key: &Key) -> Transfer {
        self.curve.retain(|(stamp, _)| *stamp > self.before_ms && *stamp <= self.ended_ms);
        let first = self.curve.first().map_or(0, |(stamp, _)| *stamp);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
        let point = |(stamp, bytes): &(i64, u64)| CurvePoint { seconds: (stamp - first) as f64 / 1e3, bytes: *bytes };
        Transfer {
            id: id(key),
            curve: self.curve.iter().map(point).collect(),
            labels: self.labels,
            values: self.values,
            ended_ms: self.ended_ms,
        }
    }
}

/// The name of a record.
fn id([attempt, phase, repetition, observe, kind, node]: &Key) -> String {
    format!("{attempt}/{phase}{repetition}/{observe}/{kind}/{node}")
}

fn key(labels: &Labels) -> Key {
    IDENTITY.map(|name| labels.get(name).cloned().unwrap_or_else(|| "".into()))
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
        self.parts.entry(key(labels)).or_default()
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
                self.part(&labels).progress(points.map(|(time, bytes)| (time, bytes as u64)));
            }
            name => {
                let Some(metric) = metric(name) else { return };
                let doubled = self.part(&labels).take(&labels, metric, points);
                if doubled {
                    self.odd(Oddity::TwoValues { id: id(&key(&labels)), metric: metric.to_owned() });
                }
            }
        }
    }

    /// Takes something odd.
    pub(crate) fn odd(&mut self, oddity: Oddity) {
        self.oddities.insert(oddity);
    }

    /// Takes a record; the same one again is no conflict, nor is one of another deployment under the same name.
    pub(crate) fn record(&mut self, record: &Record) -> Result<(), Conflict> {
        let labels = self.labels(&record.labels());
        let values = record.values().collect();
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

    /// Takes a transfer that was put together before; the same one again is no conflict.
    pub(crate) fn transfer(&mut self, transfer: &Transfer) -> Result<(), Conflict> {
        let labels = self.shared(&transfer.labels);
        let values = transfer.values.iter().map(|(metric, value)| (*metric, as_stored(*value))).collect();
        let end = transfer.curve.last().map_or(0.0, |point| point.seconds);
        #[expect(clippy::cast_possible_truncation, reason = "a transfer's milliseconds fit")]
        let stamp = |point: &CurvePoint| transfer.ended_ms - ((end - point.seconds) * 1e3).round() as i64;
        let curve = transfer.curve.iter().map(|point| (stamp(point), point.bytes)).collect();
        self.whole(Part { labels, values, ended_ms: transfer.ended_ms, before_ms: i64::MIN, curve })
    }

    /// Takes an ending that was put together before; the same one again is no conflict.
    pub(crate) fn ended(&mut self, ending: &Ending) -> Result<(), Conflict> {
        let labels = self.shared(&ending.labels);
        self.ending(&labels, ending.records, ending.ended_ms)
    }

    /// Takes what a node ran on; what records say of it goes before.
    pub(crate) fn node_sample(&mut self, node: NodeSample) {
        let of = (self.word(&node.attempt), self.word(&node.node));
        self.nodes.entry(of).or_insert((i64::MIN, node.environment));
    }

    fn shared(&mut self, labels: &Labels) -> Labels {
        labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (self.word(name), self.word(value)))
            .collect()
    }

    fn whole(&mut self, mut whole: Part) -> Result<(), Conflict> {
        whole.progress(std::iter::empty());
        let part = self.part(&whole.labels);
        let again = whole.ended_ms == part.ended_ms;
        if !part.opens(whole.ended_ms, &whole.labels) {
            return Ok(());
        }
        if again {
            let same = part.labels == whole.labels && part.values == whole.values && part.curve == whole.curve;
            return if same { Ok(()) } else { Err(Conflict) };
        }
        (part.values, part.curve) = (whole.values, whole.curve);
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
