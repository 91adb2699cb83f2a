use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capacity, Cell, forecast};
use crate::spec::Lab;

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
    /// Bytes moved in all, of every trial, warm-ups included: the sum of the next four.
    pub bytes: u64,
    /// Payload that leechers of measured systems receive.
    pub download_bytes: u64,
    /// Payload that their seeders bring in.
    pub upload_bytes: u64,
    /// Payload that leechers of background systems receive meanwhile, at the pace of their links.
    pub background_bytes: u64,
    /// Plain transfers that prove the links.
    pub baseline_bytes: u64,
    /// Largest disk of one cell, in bytes.
    pub most_disk_bytes: u64,
    /// Disk of the largest cells at once, as many as the lab's `concurrency` says, in bytes.
    pub disk_at_once_bytes: u64,
    /// Attempts at once by which the hours are divided: what the lab asks for, as far as it fits.
    pub at_once: u64,
    /// Hours that are expected.
    pub hours: f64,
    /// Hours if every attempt takes all that it may, and all retries are used.
    pub most_hours: f64,
}

impl Totals {
    /// Adds up a campaign.
    pub(super) fn of(cells: &[Cell], exclusions: usize, capacity: &Capacity, lab: &Lab) -> Self {
        let mut totals = Self {
            cells: cells.len(),
            exclusions,
            at_once: capacity.at_once.min(capacity.fitting).max(1),
            disk_at_once_bytes: capacity.pools.last().map_or(0, |all| all.window.disk_bytes),
            ..Self::default()
        };
        let mut expected = Hours::default();
        let mut most = Hours::default();
        for cell in cells {
            let trials = u64::from(cell.measure.trials);
            let moved = forecast::moved(cell);
            totals.attempts += trials;
            totals.pods += trials * u64::from(cell.needs.pods);
            totals.most_pods = totals.most_pods.max(cell.needs.pods);
            totals.most_disk_bytes = totals.most_disk_bytes.max(cell.needs.disk_bytes);
            for (sum, bytes) in [
                (&mut totals.download_bytes, moved.downloaded),
                (&mut totals.upload_bytes, moved.uploaded),
                (&mut totals.background_bytes, moved.background),
                (&mut totals.baseline_bytes, moved.baseline),
            ] {
                *sum = sum.saturating_add(trials.saturating_mul(bytes));
            }
            expected.add(cell.measure.trials, forecast::expected_seconds(cell, lab));
            most.add(cell.measure.trials, forecast::most_seconds(cell, lab));
        }
        let parts = [totals.download_bytes, totals.upload_bytes, totals.background_bytes, totals.baseline_bytes];
        totals.bytes = parts.into_iter().fold(0, u64::saturating_add);
        totals.hours = expected.over(totals.at_once);
        totals.most_hours = most.over(totals.at_once);
        totals
    }
}

/// Time of many attempts.
#[derive(Default)]
struct Hours {
    seconds: f64,
    longest: f64,
}

impl Hours {
    fn add(&mut self, trials: u32, seconds: f64) {
        self.seconds += f64::from(trials) * seconds;
        self.longest = self.longest.max(seconds);
    }

    /// With so many at once, but never less than the longest takes; to hundredths.
    fn over(&self, at_once: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let shared = self.seconds / at_once as f64;
        (shared.max(self.longest) / 3600.0 * 100.0).round() / 100.0
    }
}
