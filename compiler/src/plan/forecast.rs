//! How long cells take, and what they move.

use benchgrid_probe::experiment::{BASELINES_AT_ONCE, Link};

use super::{Cell, PlannedSystem, fluid, observed};
use crate::spec::{Lab, Load, Role};

/// Seconds of an attempt on a ready cluster beside its measuring: deploying, registering, storing, the commits.
/// Measured with the 3x3 demo, docs/sample: 5 to 8 s from admission to outcome are left when all that is counted here is
/// taken off.
const AROUND_SECONDS: f64 = 8.0;
/// Seconds from a directory's removal until its namespace is gone: measured, docs/guide/argocd.md.
const REMOVAL_SECONDS: f64 = 6.0;
/// Seconds by which deploying, and removing, take longer where no push event tells Argo CD: measured,
/// docs/guide/argocd.md.
const UNTOLD_DEPLOY_SECONDS: f64 = 123.0 - 4.7;
const UNTOLD_REMOVAL_SECONDS: f64 = 180.0 - 5.9;
/// How many times the fluid bound a transfer takes: 1.1 to 1.7 times for the largest file of the 3x3 demo, docs/sample.
const TRANSFER_FACTOR: f64 = 1.5;
/// Seconds of a transfer whose links say nothing: an assumption.
const UNKNOWN_SECONDS: f64 = 30.0;
/// A link that says nothing, beside others that do: an assumption.
const UNKNOWN_LINK: Link = Link {
    up_bits_per_second: 1_000_000_000,
    down_bits_per_second: 1_000_000_000,
    latency_seconds: 0.0,
    loss_ratio: 0.0,
};
/// Bytes a second at which content is made, brought in and hashed: an assumption, a tenth of it is what deadlines allow.
const CONTENT_RATE: f64 = 100e6;
/// How often the content passes at that rate: the first seeder's upload, the others', reading back. Methodology.
const CONTENT_PASSES: f64 = 3.0;
/// Seconds until seeders are known: qBittorrent announces on a grid of whole seconds. Methodology.
const GATE_SECONDS: f64 = 1.0;
/// Seconds until all leechers have the start and its delay, and afterwards their counters are read: an assumption.
const START_SECONDS: f64 = 2.0;

/// Bytes that a campaign moves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    /// Received by leechers of measured systems.
    pub(super) downloaded: u64,
    /// Brought in by seeders of measured systems.
    pub(super) uploaded: u64,
    /// Received by leechers of background systems while measured ones transfer, at the pace of their links.
    pub(super) background: u64,
    /// Plain transfers that prove the links.
    pub(super) baseline: u64,
}

/// What one attempt moves.
pub(super) fn moved(cell: &Cell) -> Moved {
    let mut moved = Moved::default();
    let size = cell.measure.file_size;
    for system in &cell.systems {
        let seeders = u64::from(system.seeders);
        match system.load {
            Load::Measured => {
                let all = transfers(cell, &system.driver);
                moved.downloaded = moved.downloaded.saturating_add(product([all, leechers(system), size]));
                moved.uploaded = moved.uploaded.saturating_add(product([all, seeders, size]));
            }
            Load::Background => {
                if let Some((bound, _)) = fluid::bounds(&system.groups, system.seeders, size, None) {
                    let rounds = float(cell.measure.rounds) * transfer_seconds(cell) / (TRANSFER_FACTOR * bound);
                    let round = product([leechers(system), size]);
                    moved.background = moved.background.saturating_add(whole(rounds * float(round)));
                }
            }
            Load::Idle => {}
        }
    }
    let tested: u64 = links(cell).map(|(_, nodes)| 2 * u64::from(nodes)).sum();
    moved.baseline = product([tested, cell.measure.baseline_bytes]);
    moved
}

/// Seconds for which an attempt is expected to hold its place, from its admission until the place is free.
pub(super) fn expected_seconds(cell: &Cell, lab: &Lab) -> f64 {
    attempt_seconds(cell, lab) + place_seconds(lab)
}

/// Seconds from an attempt's admission until its end is known.
pub(super) fn attempt_seconds(cell: &Cell, lab: &Lab) -> f64 {
    AROUND_SECONDS + untold(lab, UNTOLD_DEPLOY_SECONDS) + measuring_seconds(cell)
}

/// Records that an attempt leaves: of each transfer of a measured system one a leecher, and one of its upload.
pub(super) fn records(cell: &Cell) -> u64 {
    let measured = cell.systems.iter().filter(|system| system.load == Load::Measured);
    measured.map(|system| product([transfers(cell, &system.driver), leechers(system) + 1])).sum()
}

/// Seconds for which an attempt is expected to measure, once its nodes are up.
pub fn measuring_seconds(cell: &Cell) -> f64 {
    let measure = &cell.measure;
    let content = CONTENT_PASSES * float(measure.file_size) / CONTENT_RATE;
    let once = content
        + GATE_SECONDS
        + measure.idle_seconds
        + START_SECONDS
        + transfer_seconds(cell)
        + measure.cool_down_seconds;
    baseline_seconds(cell) + float(cell.measure.rounds) * once
}

/// Seconds if every try at a trial takes all that it may, and the lab's retries are all used.
pub(super) fn most_seconds(cell: &Cell, lab: &Lab) -> f64 {
    let once = float(cell.deadline_seconds) + untold(lab, UNTOLD_DEPLOY_SECONDS) + place_seconds(lab);
    f64::from(1 + lab.spec.retries) * once
}

/// Seconds until the place of an attempt that ended is free.
pub(crate) fn place_seconds(lab: &Lab) -> f64 {
    let drain = lab.spec.drain.duration().unwrap_or_default().as_secs_f64();
    untold(lab, UNTOLD_REMOVAL_SECONDS) + drain.max(REMOVAL_SECONDS)
}

/// These seconds, where nobody tells Argo CD of a push.
fn untold(lab: &Lab, seconds: f64) -> f64 {
    if lab.spec.argocd.webhook.is_some() { 0.0 } else { seconds }
}

fn transfer_seconds(cell: &Cell) -> f64 {
    let known = cell.measure.fluid_bound_seconds.map(|bound| TRANSFER_FACTOR * bound);
    // where some links say nothing, those that do still take their time
    let at_least = || {
        let measured = cell.systems.iter().filter(|system| system.load == Load::Measured);
        let bound = |system: &PlannedSystem| {
            fluid::bounds(&system.groups, system.seeders, cell.measure.file_size, Some(UNKNOWN_LINK))
        };
        measured.filter_map(bound).map(|(fast, _)| TRANSFER_FACTOR * fast).fold(UNKNOWN_SECONDS, f64::max)
    };
    known.unwrap_or_else(at_least)
}

/// Some nodes at a time, both ways, as long as the slowest link takes.
fn baseline_seconds(cell: &Cell) -> f64 {
    let bits = float(cell.measure.baseline_bytes) * 8.0;
    let both = |link: Link| bits / float(link.up_bits_per_second) + bits / float(link.down_bits_per_second);
    let slowest = links(cell).map(|(link, _)| both(link)).fold(0.0, f64::max);
    let nodes: u32 = links(cell).map(|(_, nodes)| nodes).sum();
    f64::from(nodes.div_ceil(BASELINES_AT_ONCE)) * slowest
}

/// Shaped links, and how many nodes have them.
fn links(cell: &Cell) -> impl Iterator<Item = (Link, u32)> {
    let groups = cell.systems.iter().flat_map(|system| &system.groups);
    groups.filter_map(|group| Some((group.link?, group.replicas)))
}

/// Transfers of a measured system with that driver.
fn transfers(cell: &Cell, driver: &str) -> u64 {
    let measure = &cell.measure;
    observed::transfers((measure.warmup, measure.repetitions), &measure.observe, &[driver].into_iter())
}

fn leechers(system: &PlannedSystem) -> u64 {
    let nodes: u32 = system.groups.iter().filter(|g| g.role != Role::Bootstrap).map(|g| g.replicas).sum();
    u64::from(nodes.saturating_sub(system.seeders))
}

/// A product that stays at the largest number there is.
fn product<const N: usize>(factors: [u64; N]) -> u64 {
    factors.into_iter().fold(1, u64::saturating_mul)
}

#[expect(clippy::cast_precision_loss, reason = "a forecast; amounts stay below 2^53")]
fn float(whole: u64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; a cast of floats saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}
