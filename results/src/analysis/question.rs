use std::collections::BTreeMap;

use serde::Serialize;

/// What a campaign is to answer, as its scenario says; or as far as the results themselves tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Name of the lab.
    pub lab: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The question in the scenario's own words.
    pub text: Option<String>,
    /// Axes in the scenario's order, each with its levels in the scenario's order.
    pub axes: Vec<Axis>,
    /// Every cell that the scenario asks for, in its order.
    pub cells: Vec<PlannedCell>,
    /// How many combinations were left out, by reason.
    pub excluded: BTreeMap<String, usize>,
    /// What is compared; none: the cells stand for themselves.
    pub compare: Option<Compare>,
    /// Whether this comes from a scenario: then what was not measured is known, too.
    pub planned: bool,
}

/// One axis of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Its levels, as people read them.
    pub levels: Vec<String>,
}

/// One cell that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCell {
    /// Id of the cell: 10 hex digits.
    pub id: String,
    /// Readable name.
    pub slug: String,
    /// First 6 hex digits of the experiment's digest.
    pub digest: String,
    /// Levels by axis, as people read them.
    pub levels: BTreeMap<String, String>,
    /// Fresh deployments asked for.
    pub trials: u32,
    /// Measured transfers in each trial.
    pub repetitions: u32,
    /// Names of the systems that are measured in it, each with how its progress is seen (`counter`, `stream`).
    pub systems: BTreeMap<String, Vec<String>>,
}

/// Which levels are compared with which.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compare {
    /// The axis whose levels are compared.
    pub axis: String,
    /// The level that the others are compared with.
    pub baseline: String,
    /// What is claimed; never empty.
    pub claims: Vec<Claim>,
}

/// What is claimed of every cell: that a level is at most `margin` times worse than the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Claim {
    /// By which number.
    pub metric: Metric,
    /// At most this many times worse; below 1: it must be better.
    pub margin: f64,
}

/// What a claim may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Time to the first byte.
    TimeToFirstByte,
    /// Time to half of the payload.
    #[serde(rename = "time_to_50")]
    TimeTo50,
    /// Time to 90 % of the payload.
    #[serde(rename = "time_to_90")]
    TimeTo90,
    /// Time to the whole payload.
    #[serde(rename = "time_to_100")]
    TimeTo100,
    /// Payload over the time to the whole of it.
    DownloadSpeed,
    /// Upload of one client.
    UploadTime,
    /// Bytes that a leecher received over the payload's bytes.
    NetworkBytes,
    /// Trials in which every download arrived.
    Success,
}
