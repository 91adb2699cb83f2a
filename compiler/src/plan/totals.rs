use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cell, Plan};
use crate::spec::Role;

/// What a whole campaign takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Cells.
    pub cells: usize,
    /// Combinations left out.
    pub exclusions: usize,
    /// Attempts, if each succeeds: one a trial of each cell.
    pub attempts: u64,
    /// Pods started over the campaign.
    pub pods: u64,
    /// Most pods that one cell has.
    pub most_pods: u32,
    /// Payload that leechers receive, in bytes, warm-ups included.
    pub bytes: u64,
    /// Largest disk of one cell, in bytes.
    pub most_disk_bytes: u64,
    /// Hours if every transfer takes twice what its links allow at least, one cell after the other.
    pub hours: f64,
    /// Hours if every attempt takes all that it may.
    pub most_hours: f64,
}

/// Seconds of an attempt beside its transfers: deploying, registering, removing.
const AROUND_SECONDS: f64 = 45.0;
/// Seconds of a transfer whose links say nothing.
const UNKNOWN_SECONDS: f64 = 30.0;

impl Totals {
    /// Adds up a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut totals = Self { cells: plan.cells.len(), exclusions: plan.exclusions.len(), ..Self::default() };
        for cell in &plan.cells {
            let trials = u64::from(cell.measure.trials);
            totals.attempts += trials;
            totals.pods += trials * u64::from(cell.needs.pods);
            totals.most_pods = totals.most_pods.max(cell.needs.pods);
            totals.most_disk_bytes = totals.most_disk_bytes.max(cell.needs.disk_bytes);
            totals.bytes += trials * transfers(cell) * leechers(cell) * cell.measure.file_size;
            totals.hours += f64::from(cell.measure.trials) * expected_seconds(cell) / 3600.0;
            totals.most_hours += f64::from(cell.measure.trials) * seconds(cell.deadline_seconds) / 3600.0;
        }
        totals.hours = rounded(totals.hours);
        totals.most_hours = rounded(totals.most_hours);
        totals
    }
}

/// To hundredths.
fn rounded(hours: f64) -> f64 {
    (hours * 100.0).round() / 100.0
}

fn transfers(cell: &Cell) -> u64 {
    u64::from(cell.measure.warmup + cell.measure.repetitions)
}

fn leechers(cell: &Cell) -> u64 {
    let of = |system: &super::PlannedSystem| -> u64 {
        let nodes: u32 = system.groups.iter().filter(|g| g.role != Role::Bootstrap).map(|g| g.replicas).sum();
        u64::from(nodes.saturating_sub(system.seeders))
    };
    cell.systems.iter().map(of).sum()
}

fn expected_seconds(cell: &Cell) -> f64 {
    let measure = &cell.measure;
    let transfer = measure.fluid_bound_seconds.map_or(UNKNOWN_SECONDS, |bound| 2.0 * bound);
    let once = transfer + measure.idle_seconds + measure.cool_down_seconds + 2.0;
    AROUND_SECONDS + f64::from(measure.warmup + measure.repetitions) * once
}

#[expect(clippy::cast_precision_loss, reason = "deadlines are far below 2^53 seconds")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}
