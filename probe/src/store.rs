//! The metrics store: push, read back, count.
//!
//! In: records, the marker that ends an attempt, base URLs. Out: stored values, or a [`StoreError`] that names the
//! URL. A [`Parcel`] is made once and sent as often as needed, so a retry sends the same bytes; the store keeps such a
//! repeated sample as what it is.

use std::{
    collections::BTreeMap,
    io::Write,
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{CURVE_METRIC, ExpositionLine, Outcome, Record, exposition, parse_export};
use flate2::{Compression, write::GzEncoder};

use crate::{
    experiment::Store as Urls,
    retry::{Patience, Try, retry},
};

/// First pause after a try that failed; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);

/// A store that has just taken values shows them after 1 to 2 s.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// A store that was asked for series too early remembers for up to 10 s that there are none.
const NEXT_LOOK: Duration = Duration::from_secs(11);

/// How long the store may be out of reach before records count as not stored.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Most bytes of an answer that are read: one attempt's values stay far below.
const MOST_ANSWER: u64 = 64 << 20;

/// What went wrong with the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It refused; sending again is of no use.
    #[error("{url}: refused with status {status}: {text}")]
    Refused {
        /// Which request.
        url: String,
        /// HTTP status.
        status: u16,
        /// Start of what it said.
        text: String,
    },
    /// It could not be reached, or gave only errors.
    #[error("{url}: given up after {seconds} s, last: {last}")]
    Unreachable {
        /// Which request.
        url: String,
        /// How long it was tried.
        seconds: u64,
        /// Last error.
        last: String,
    },
    /// It answered something that can't be read.
    #[error("{url}: an answer that can't be read: {text}")]
    Odd {
        /// Which request.
        url: String,
        /// Why not.
        text: String,
    },
    /// It took the values but does not give them back.
    #[error("{url}: {found} of {expected} values of {attempt} came back after {seconds} s")]
    Missing {
        /// Where they were read back.
        url: String,
        /// The attempt.
        attempt: String,
        /// How many series came back.
        found: usize,
        /// How many were sent.
        expected: usize,
        /// How long they were looked for.
        seconds: u64,
    },
}

/// Bytes for the store, frozen.
#[derive(Debug, Clone)]
pub struct Parcel {
    path: &'static str,
    body: Vec<u8>,
}

impl Parcel {
    fn new(path: &'static str, text: &str) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to memory can't fail; an empty body would be noticed when the values are read back.
        let _ = encoder.write_all(text.as_bytes());
        Self { path, body: encoder.finish().unwrap_or_default() }
    }

    /// Parcels of some records: their values, and their curves where they have one.
    pub fn records(records: &[Record]) -> Vec<Self> {
        let curves: String = records.iter().filter_map(curve_line).collect();
        let mut parcels: Vec<Self> =
            Self::lines(&records.iter().flat_map(Record::lines).collect::<Vec<_>>()).into_iter().collect();
        if !curves.is_empty() {
            parcels.push(Self::new("/api/v1/import", &curves));
        }
        parcels
    }

    /// The parcel of these values; none of none.
    pub fn lines(lines: &[ExpositionLine]) -> Option<Self> {
        (!lines.is_empty()).then(|| Self::new("/api/v1/import/prometheus", &exposition(lines)))
    }

    /// The parcel of the marker that ends an attempt.
    pub fn outcome(outcome: &Outcome) -> Self {
        Self::new("/api/v1/import/prometheus", &exposition(&[outcome.line()]))
    }
}

/// A record's curve as the store imports it: one JSON line.
fn curve_line(record: &Record) -> Option<String> {
    if record.curve.is_empty() {
        return None;
    }
    let mut metric: BTreeMap<String, String> =
        record.labels().into_iter().filter(|(_, value)| !value.is_empty()).collect();
    metric.insert("__name__".to_owned(), CURVE_METRIC.to_owned());
    let line = serde_json::json!({
        "metric": metric,
        "values": record.curve.iter().map(|point| point.bytes).collect::<Vec<_>>(),
        "timestamps": record.curve_stamps(),
    });
    Some(format!("{line}\n"))
}

/// A store.
#[derive(Debug, Clone)]
pub struct Store {
    urls: Urls,
    agent: ureq::Agent,
}

impl Store {
    /// The store at these base URLs.
    pub fn new(urls: &Urls) -> Self {
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(REQUEST)).build().into();
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Self { urls: Urls { write: base(&urls.write), read: base(&urls.read) }, agent }
    }

    /// Sends a parcel, again and again for at most `patience` while the store can't be reached.
    pub fn push(&self, parcel: &Parcel, patience: Duration) -> Result<(), StoreError> {
        let url = format!("{}{}", self.urls.write, parcel.path);
        persist(&url, patience, || {
            let request = self.agent.post(&url).header("Content-Encoding", "gzip");
            // A store that takes the request and does not answer uses up the patience as one does that is not there.
            let request = request.config().timeout_global(Some(REQUEST.min(patience))).build();
            read(&url, request.content_type("text/plain").send(&parcel.body[..])).map(drop)
        })
    }

    /// Reads an attempt's values back and counts them against those that were sent.
    ///
    /// `span` is the first and the last timestamp sent, in milliseconds.
    pub fn confirm(
        &self,
        attempt: &str,
        expected: usize,
        span: (i64, i64),
        patience: Duration,
    ) -> Result<(), StoreError> {
        let start = Instant::now();
        let mut pause = FIRST_LOOK;
        loop {
            thread::sleep(pause);
            pause = NEXT_LOOK;
            let left = patience.saturating_sub(start.elapsed());
            let found = self.count(attempt, span, left)?;
            if found >= expected {
                return Ok(());
            }
            if start.elapsed() + pause > patience {
                let url = self.urls.read.clone();
                let seconds = start.elapsed().as_secs();
                return Err(StoreError::Missing { url, attempt: attempt.to_owned(), found, expected, seconds });
            }
        }
    }

    /// How many series of values an attempt has in the store, curves and marker apart.
    pub fn count(&self, attempt: &str, (first, last): (i64, i64), patience: Duration) -> Result<usize, StoreError> {
        // The marker has no kind.
        let selector = format!("{{attempt=\"{attempt}\",kind!=\"\",__name__!=\"{CURVE_METRIC}\"}}");
        let url = format!("{}/api/v1/export", self.urls.read);
        let body = persist(&url, patience, || {
            let request = self.agent.get(&url).query("match[]", &selector);
            // Without an end in the future, a value stamped just now stays hidden.
            let request = request.query("start", seconds(first - 1000)).query("end", seconds(last + 60_000));
            let request = request.config().timeout_global(Some(REQUEST.min(patience))).build();
            read(&url, request.query("reduce_mem_usage", "1").call())
        })?;
        let samples = parse_export(&body).map_err(|error| StoreError::Odd { url, text: error.to_string() })?;
        // The export may give a series in several parts.
        let series: std::collections::BTreeSet<_> = samples.iter().map(|sample| &sample.metric).collect();
        Ok(series.len())
    }
}

/// Tries again while the store can't be reached.
fn persist<T>(
    url: &str,
    patience: Duration,
    attempt: impl FnMut() -> Result<T, Try<StoreError>>,
) -> Result<T, StoreError> {
    let patience = Patience { first: FIRST_PAUSE, longest: LONGEST_PAUSE, whole: patience };
    retry(patience, |seconds, last| StoreError::Unreachable { url: url.to_owned(), seconds, last }, attempt)
}

/// Sorts answers: good, refused for good (4xx, 429 apart), to be tried again.
fn read(url: &str, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<String, Try<StoreError>> {
    let mut response = response.map_err(|error| Try::Again(error.to_string()))?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MOST_ANSWER).lossy_utf8(true).read_to_string();
    match (status, body) {
        (200..300, body) => body.map_err(|error| Try::Again(error.to_string())),
        (429 | 500.., body) => Err(Try::Again(format!("status {status}: {:.200}", body.unwrap_or_default()))),
        (status, body) => {
            let text = body.unwrap_or_default().trim().chars().take(200).collect();
            Err(Try::Final(StoreError::Refused { url: url.to_owned(), status, text }))
        }
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;
