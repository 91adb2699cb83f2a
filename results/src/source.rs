use std::path::{Path, PathBuf};

use benchgrid_measures::{Outcome, Record, parse_export};

use crate::{Campaign, campaign::Builder};

/// What can go wrong reading results.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The store does not answer.
    #[error("the store at {url} does not answer: {source}")]
    Unreachable {
        /// Where it was asked.
        url: String,
        /// Why not.
        source: Box<ureq::Error>,
    },
    /// The store answers something else than an export.
    #[error("the store at {url} answered something that is no export: {source}")]
    Export {
        /// Where it was asked.
        url: String,
        /// What is wrong with the answer.
        source: serde_json::Error,
    },
    /// A record file can't be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of a record file is neither a record nor an outcome.
    #[error("{path}:{line}: neither a record nor an outcome: {source}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads every record and outcome that the store holds of a lab, of one scenario where it is named.
///
/// `read` is the base URL to which `/api/v1/export` is appended.
pub fn from_store(read: &str, lab: &str, scenario: Option<&str>) -> Result<Campaign, SourceError> {
    let url = format!("{}/api/v1/export", read.trim_end_matches('/'));
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let scenario = scenario.map(|name| format!(",scenario=\"{}\"", quoted(name))).unwrap_or_default();
    let selector = format!("{{__name__=~\"benchgrid_.+\",lab=\"{}\"{scenario}}}", quoted(lab));
    let unreachable = |source| SourceError::Unreachable { url: url.clone(), source: Box::new(source) };
    let mut answer = ureq::get(&url)
        .query("match[]", &selector)
        .query("start", "0")
        .query("nocache", "1")
        .call()
        .map_err(unreachable)?;
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_string().map_err(unreachable)?;
    let samples = parse_export(&body).map_err(|source| SourceError::Export { url: url.clone(), source })?;
    Ok(Campaign::from_samples(samples))
}

/// Reads record files: one record or outcome a line, other lines of a log passed over where they are no JSON.
pub fn from_records(paths: &[PathBuf]) -> Result<Campaign, SourceError> {
    let mut builder = Builder::default();
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(|source| SourceError::File { path: path.clone(), source })?;
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('{') {
                take(&mut builder, path, index + 1, line)?;
            }
        }
    }
    Ok(builder.finish(None))
}

fn take(builder: &mut Builder, path: &Path, line: usize, text: &str) -> Result<(), SourceError> {
    let taken = match serde_json::from_str::<Record>(text) {
        Ok(record) => builder.record(&record),
        Err(source) => match serde_json::from_str::<Outcome>(text) {
            Ok(outcome) => builder.outcome(&outcome),
            Err(_) => return Err(SourceError::Line { path: path.to_owned(), line, source }),
        },
    };
    let _ = taken;
    Ok(())
}
