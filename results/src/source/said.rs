use benchgrid_measures::{Identity, Outcome, RECORD_SCHEMA, Record, stored_record};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Error, Value};

use crate::campaign::{Builder, Conflict, NodeSample, OdditySample};
use crate::{Ending, Selection, Transfer};

/// What a line of a file says.
pub(super) enum Said {
    /// A record, as it was printed, or as far as it is stored.
    Record(Box<Record>),
    /// How an attempt ended, as it was printed.
    Outcome(Outcome),
    /// A record of a report's samples.
    Transfer(Transfer),
    /// How an attempt ended, of a report's samples.
    Ending(Ending),
    /// What a node ran on.
    Node(NodeSample),
    /// What was odd about reading the samples.
    Oddity(OdditySample),
    /// Nothing of a campaign.
    Other,
}

/// Why a line can't be read.
pub(super) enum Unreadable {
    /// It is no JSON.
    Syntax(Error),
    /// It is of another version.
    Version(String),
    /// It is not what it begins as.
    Form(&'static str, Error),
}

/// What tells lines apart.
#[derive(Deserialize)]
struct Marks {
    schema: Option<Value>,
    valid: Option<IgnoredAny>,
    attempt: Option<IgnoredAny>,
    verdict: Option<IgnoredAny>,
    labels: Option<IgnoredAny>,
    values: Option<IgnoredAny>,
    records: Option<IgnoredAny>,
    node: Option<IgnoredAny>,
    environment: Option<IgnoredAny>,
    oddity: Option<IgnoredAny>,
}

impl Said {
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let marks: Marks = serde_json::from_str(text).map_err(Unreadable::Syntax)?;
        Ok(match marks {
            Marks { schema: Some(version), attempt: Some(_), .. } if version != RECORD_SCHEMA => {
                return Err(Unreadable::Version(version.to_string()));
            }
            Marks { schema: Some(_), attempt: Some(_), .. } => Self::Record(form(text, "record")?),
            // What an archive holds of a record that could not be had as it was printed.
            Marks { valid: Some(_), attempt: Some(_), .. } => {
                let record = stored_record(&form(text, "record")?);
                Self::Record(Box::new(record.map_err(|error| Unreadable::Form("record", error))?))
            }
            Marks { verdict: Some(_), attempt: Some(_), .. } => Self::Outcome(form(text, "outcome")?),
            Marks { labels: Some(_), values: Some(_), .. } => Self::Transfer(form(text, "sample")?),
            Marks { labels: Some(_), records: Some(_), .. } => Self::Ending(form(text, "sample")?),
            Marks { node: Some(_), environment: Some(_), attempt: Some(_), .. } => Self::Node(form(text, "sample")?),
            Marks { oddity: Some(_), .. } => Self::Oddity(form(text, "sample")?),
            _ => Self::Other,
        })
    }

    /// The name of what can be there twice, and when that ended.
    pub(super) fn name(&self) -> Option<(String, i64)> {
        let outcome = |attempt: &str| format!("the outcome of {attempt}");
        match self {
            Self::Record(record) => Some((record.id.clone(), record.ended_ms)),
            Self::Transfer(transfer) => Some((transfer.id.clone(), transfer.ended_ms)),
            Self::Outcome(said) => Some((outcome(&said.identity.attempt), said.ended_ms)),
            Self::Ending(ending) => Some((outcome(ending.label("attempt")), ending.ended_ms)),
            Self::Node(_) | Self::Oddity(_) | Self::Other => None,
        }
    }

    /// Whether it is wanted. Nodes without a transfer that is wanted are left out at the end.
    pub(super) fn is_wanted(&self, selection: &Selection) -> bool {
        match self {
            Self::Record(record) => selection.wants(|name| word(&record.identity, name)),
            Self::Outcome(outcome) => selection.wants(|name| word(&outcome.identity, name)),
            Self::Transfer(transfer) => selection.wants(|name| transfer.label(name)),
            Self::Ending(ending) => selection.wants(|name| ending.label(name)),
            Self::Node(_) | Self::Oddity(_) | Self::Other => true,
        }
    }

    /// Makes it part of a campaign.
    pub(super) fn put(self, builder: &mut Builder) -> Result<(), Conflict> {
        match self {
            Self::Record(record) => builder.record(&record),
            Self::Outcome(outcome) => builder.outcome(&outcome),
            Self::Transfer(transfer) => builder.transfer(&transfer),
            Self::Ending(ending) => builder.ended(&ending),
            Self::Node(node) => {
                builder.node_sample(node);
                Ok(())
            }
            Self::Oddity(OdditySample { oddity }) => {
                builder.odd(oddity);
                Ok(())
            }
            Self::Other => Ok(()),
        }
    }
}

fn form<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable::Form(what, error))
}

/// The word that a label of the selection has.
fn word<'a>(identity: &'a Identity, label: &str) -> &'a str {
    match label {
        "lab" => &identity.lab,
        "scenario" => &identity.scenario,
        "cell" => &identity.cell,
        "digest" => &identity.digest,
        _ => &identity.attempt,
    }
}
