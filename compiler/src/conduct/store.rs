use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use benchgrid_measures::{OUTCOME_METRIC, Reason, Sample, Timestamp, Verdict, parse_export, rebuild};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};
use serde_json::Value;

use super::{Attempt, Done, Marker, StoreProgress, StoreView, endings::CLOCKS_APART};

/// Where outcomes are read.
pub trait Store {
    /// Outcomes of these attempts.
    fn outcomes(&self, attempts: &[Attempt]) -> StoreView;
}

/// The metrics store, by its export API.
#[derive(Debug, Clone)]
pub struct StoreClient {
    base: String,
    lab: String,
    agent: ureq::Agent,
}

impl StoreClient {
    /// Attempts asked about in one request: a URL of a few kilobytes.
    const CHUNK: usize = 50;

    /// The store at that base URL; only what this lab's attempts said is heard: labs that share a scenario and a store
    /// have attempts of the same names.
    pub fn new(base: &str, lab: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(20)));
        Self { base: base.trim_end_matches('/').to_owned(), lab: lab.to_owned(), agent: config.build().into() }
    }

    /// How many records of these attempts are in the store.
    pub fn progress(&self, attempts: &[Attempt]) -> StoreProgress {
        match self.ask_all(StoreProgress::METRIC, attempts) {
            Ok(samples) => StoreProgress::of_samples(&samples, attempts),
            Err(why) => StoreProgress::Silent(why),
        }
    }

    /// Asks nothing when there are no attempts.
    fn ask_all(&self, metric: &str, attempts: &[Attempt]) -> Result<Vec<Sample>, String> {
        let answers = attempts.chunks(Self::CHUNK).map(|chunk| self.ask(metric, chunk));
        Ok(answers.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The records of an attempt as far as the store holds them, by id.
    pub(super) fn records(&self, done: &Done) -> Result<BTreeMap<String, Value>, String> {
        // What lies clearly before the admission is of a former run of that name.
        let since = done.admitted.min(done.ended).0 - CLOCKS_APART;
        let samples = self.export("__name__=~\"benchgrid_.+\"", &[&done.attempt], since)?;
        Ok(rebuild(&samples))
    }

    fn ask(&self, metric: &str, attempts: &[Attempt]) -> Result<Vec<Sample>, String> {
        let names: Vec<&str> = attempts.iter().map(|attempt| attempt.attempt.as_str()).collect();
        // Coordinators write by their own clocks; whose run an outcome is, the decision tells.
        let start = attempts.iter().map(|attempt| attempt.admitted.0).min().unwrap_or_default() - SKEW;
        self.export(&format!("__name__=\"{metric}\""), &names, start)
    }

    /// What the store has of attempts since a second.
    fn export(&self, metrics: &str, attempts: &[&str], start: i64) -> Result<Vec<Sample>, String> {
        // VictoriaMetrics remembers for some ten seconds that a selector matched nothing. One that is new each time is
        // answered from the index: an outcome shows within two seconds instead of nine.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let nonce = format!("asked-{}", since.as_millis());
        let names = [attempts, &[&nonce]].concat().join("|");
        let matcher = format!("{{{metrics},lab=\"{}\",attempt=~\"{names}\"}}", self.lab);
        let end = i64::try_from(since.as_secs()).unwrap_or(i64::MAX).saturating_add(SKEW);
        let url = format!("{}/api/v1/export", self.base);
        let request = self.agent.get(&url).query("match[]", &matcher).query("start", start.max(0).to_string());
        let request = request.query("end", end.to_string());
        let mut response = request.call().map_err(|error| format!("{url}: {error}"))?;
        let body = response.body_mut().with_config().limit(LARGEST).read_to_string();
        parse_export(&body.map_err(|error| format!("{url}: {error}"))?).map_err(|error| format!("{url}: {error}"))
    }
}

impl Store for StoreClient {
    /// Asks also when nothing runs: nothing should be admitted that could not store its results.
    fn outcomes(&self, attempts: &[Attempt]) -> StoreView {
        let idle = attempts.is_empty();
        let answer = if idle { self.ask(OUTCOME_METRIC, &[]) } else { self.ask_all(OUTCOME_METRIC, attempts) };
        let samples = match answer {
            Ok(samples) => samples,
            Err(why) => return StoreView::Silent(why),
        };
        let mut markers = BTreeMap::new();
        for sample in &samples {
            keep_newest(&mut markers, sample);
        }
        StoreView::Heard(markers)
    }
}

/// Most bytes of an answer: some 4,000 records with their curves.
const LARGEST: u64 = 64 << 20;

/// Seconds by which clocks may differ: the store drops what lies further ahead.
const SKEW: i64 = 2 * 86_400;

/// An outcome that was pushed twice is one; its last words count.
fn keep_newest(markers: &mut BTreeMap<String, Marker>, sample: &Sample) {
    let Some(marker) = marker(sample) else { return };
    let name = sample.label("attempt").to_owned();
    if markers.get(&name).is_none_or(|known| known.ended < marker.ended) {
        markers.insert(name, marker);
    }
}

fn marker(sample: &Sample) -> Option<Marker> {
    let newest = sample.timestamps.iter().zip(&sample.values).max_by_key(|(time, _)| **time);
    let (time, records) = newest?;
    // A word of a later release: what it is worth, this one can't know.
    let verdict = word::<Verdict>(sample.label("outcome")).unwrap_or(Verdict::Failed);
    let reason = word::<Reason>(sample.label("reason")).unwrap_or(Reason::Internal);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; `as` keeps it in range")]
    let records = *records as u32;
    Some(Marker {
        verdict,
        reason,
        detail: sample.label("detail").to_owned(),
        records,
        // Rounded up, since admission is a whole second: an end within its first second is after it.
        ended: Timestamp(time.div_euclid(1000) + i64::from(time.rem_euclid(1000) > 0)),
    })
}

fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(text)).ok()
}
