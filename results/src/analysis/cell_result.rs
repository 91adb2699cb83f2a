use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Quantity;
use crate::statistics::{Interval, Proportion, Spread, half_width, median};

/// What came out of one system in one cell, seen in one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CellResult {
    /// Id of the cell.
    pub id: String,
    /// Readable name of the cell.
    pub slug: String,
    /// First 6 hex digits of the experiment's digest.
    pub digest: String,
    /// Levels by axis.
    pub levels: BTreeMap<String, String>,
    /// The system.
    pub system: String,
    /// How progress was seen; numbers of different kinds are never put together.
    pub observe: String,
    /// Drivers and versions of the nodes, as they say: `qbittorrent v4.5.2`.
    pub software: BTreeSet<String>,
    /// What the nodes ran on: each value of each field of [`benchgrid_measures::Environment`] that something is known of.
    pub environment: BTreeMap<String, BTreeSet<String>>,
    /// Least and most bytes a second that the nodes' links sent and received when they were tried, before the transfers.
    pub links: [Option<(f64, f64)>; 2],
    /// How much of what was asked for is there.
    pub state: CellState,
    /// Trials that were asked for; 0: nobody knows.
    pub planned_trials: u32,
    /// Trials that count, in order.
    pub trials: Vec<Trial>,
    /// All leechers, then each group where there are several.
    pub groups: Vec<GroupResult>,
    /// Spread of the time to 100 % between and within trials, where there are enough.
    pub spread: Option<Spread>,
    /// Size of the payload in bytes.
    pub content_bytes: Option<f64>,
    /// Least possible seconds of the slowest leecher, from the links asked.
    pub fluid_bound_seconds: Option<f64>,
    /// What is odd about its numbers, one phrase each.
    pub anomalies: Vec<String>,
}

/// How much of a cell is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// As many trials as were asked for.
    Measured,
    /// Some trials, fewer than asked for.
    Partial,
    /// It was tried, and no attempt counts.
    Failed,
    /// Nothing was tried.
    Missing,
}

/// One trial: one fresh deployment that counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// Its number.
    pub number: String,
    /// The attempt it was measured in.
    pub attempt: String,
    /// When its first record ended, in milliseconds since 1970.
    pub first_ms: i64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: i64,
    /// Its measured, valid repetitions.
    pub repetitions: Vec<Repetition>,
    /// Measured repetitions that something voids.
    pub void_repetitions: usize,
}

/// One measured repetition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repetition {
    /// Its number, from 1.
    pub number: String,
    /// Its leechers, by name, and the node that uploaded.
    pub nodes: Vec<Node>,
}

/// One node in one repetition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Name of the pod.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Whether it downloads; else it uploads.
    pub downloads: bool,
    /// Its numbers.
    pub values: BTreeMap<Quantity, f64>,
    /// Whether the payload arrived whole and verified.
    pub success: bool,
    /// Why not, a word of a fixed set.
    pub failure: Option<String>,
    /// Progress: seconds since the start of the download, verified bytes.
    #[serde(skip)]
    pub curve: Vec<(f64, f64)>,
}

/// The numbers of one group of a cell, or of all leechers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupResult {
    /// Name of the group; `all` for every leecher of the system.
    pub group: String,
    /// Median over trials of the value of each trial, with its interval; missing where nothing applies.
    pub values: BTreeMap<Quantity, Estimate>,
    /// Downloads that arrived whole and verified, of those tried.
    pub success: Proportion,
}

/// A median over trials.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// Ends of its 95 % interval, where there are trials enough for one.
    pub interval: Option<(f64, f64)>,
    /// Trials behind it.
    pub trials: usize,
}

impl Quantity {
    /// One value of several nodes in one repetition: the median, but the slowest where the quantity speaks of the last one.
    pub(super) fn over_nodes(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Last => values.iter().copied().reduce(f64::max),
            Self::Efficiency => values.iter().copied().reduce(f64::min),
            _ => median(values),
        }
    }
}

impl Estimate {
    /// How precise the median is: 0.1 reads "to within 10 %"; none without an interval that has two ends.
    pub fn precision(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        Some(half_width(&Interval { estimate: self.median, low, high })).filter(|width| width.is_finite())
    }
}

impl Repetition {
    /// The value of the repetition, over its nodes of one group or, without one, over all.
    pub fn value(&self, quantity: Quantity, group: Option<&str>) -> Option<f64> {
        let of = self.nodes.iter().filter(|node| group.is_none_or(|group| node.downloads && node.group == group));
        let values: Vec<f64> = of.filter_map(|node| node.values.get(&quantity).copied()).collect();
        quantity.over_nodes(&values)
    }
}

impl Trial {
    /// The value of the trial: the median over its repetitions.
    pub fn value(&self, quantity: Quantity, group: Option<&str>) -> Option<f64> {
        median(&self.values(quantity, group))
    }

    /// The value of each repetition that has one.
    pub fn values(&self, quantity: Quantity, group: Option<&str>) -> Vec<f64> {
        self.repetitions.iter().filter_map(|repetition| repetition.value(quantity, group)).collect()
    }
}

impl CellResult {
    /// The value of each trial that has one.
    pub fn values(&self, quantity: Quantity) -> Vec<f64> {
        self.trials.iter().filter_map(|trial| trial.value(quantity, None)).collect()
    }

    /// The numbers over all leechers.
    pub fn all(&self) -> Option<&GroupResult> {
        self.groups.first()
    }

    /// The levels as people read them; the cell's id where it has none.
    pub fn title(&self) -> String {
        let levels: Vec<String> = self.levels.iter().map(|(axis, level)| format!("{axis} {level}")).collect();
        if levels.is_empty() { self.id.clone() } else { levels.join(", ") }
    }
}

impl CellState {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Missing => "missing",
        }
    }
}
