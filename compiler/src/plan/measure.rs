//! How a cell is measured.

use benchgrid_measures::Observation;
use benchgrid_probe::coordinator::{STORE_BETWEEN, STORE_CLOSING};
use benchgrid_probe::experiment::Link;

use super::value::{Seconds, Size, Spot, Whole, resolve};
use super::{PlannedGroup, PlannedMeasure, PlannedSystem, Subject, Trouble, fluid, observed};
use crate::matrix::Scope;
use crate::spec::{Load, MeasureSpec, Template, codes};

/// What a scenario says of measuring, resolved as far as a cell's levels go.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) file_size: u64,
    pub(super) seeders: Option<u32>,
    pub(super) trials: u32,
    pub(super) repetitions: u32,
    pub(super) warmup: u32,
    pub(super) observe: Vec<Observation>,
    pub(super) stalled_seconds: f64,
    ready_seconds: f64,
}

/// Seconds over which the idle network is counted before a transfer.
const IDLE_SECONDS: f64 = 2.0;
/// Seconds of rest after a transfer.
const COOL_DOWN_SECONDS: f64 = 1.0;
/// Seconds that a transfer may take at least, and how many times the fluid bound.
const LEAST_DEADLINE: f64 = 120.0;
const DEADLINE_FACTOR: f64 = 20.0;
/// Bytes a second at which content is written, read and hashed on the slowest machine we expect.
const PREPARE_RATE: f64 = 10e6;
/// What a link that nothing is known of carries at least, for deadlines.
const SLOWEST: Link =
    Link { up_bits_per_second: 80_000_000, down_bits_per_second: 80_000_000, latency_seconds: 0.0, loss_ratio: 0.0 };
/// Seconds that a baseline transfer takes at the slowest link, unless that is so slow that the least bytes take longer.
const BASELINE_SECONDS: u64 = 2;
/// Least bytes of a baseline transfer.
const LEAST_BASELINE: u64 = 1_000_000;
/// Seconds from admission until pods run, and from the coordinator's end until its place is free.
const DEPLOY_SECONDS: f64 = 120.0;

impl Settings {
    /// Transfers of a measured system with that driver in one trial.
    pub(super) fn transfers(&self, driver: &str) -> u64 {
        observed::transfers((self.warmup, self.repetitions), &self.observe, &[driver].into_iter())
    }
}

/// Resolves the settings; the defaults are those of a correct experiment.
pub(super) fn settings(scope: &Scope, spec: &MeasureSpec) -> Result<Settings, Trouble> {
    let spot = |field: &str| Spot::new(&Subject::Scenario, format!("/spec/measure/{field}"));
    let whole = |field: &str, template: &Option<Template>, default: u32| match template {
        Some(template) => resolve::<Whole>(scope, template, &spot(field)).map(|whole| whole.0),
        None => Ok(default),
    };
    let seconds = |field: &str, template: &Option<Template>, default: f64| match template {
        Some(template) => resolve::<Seconds>(scope, template, &spot(field)).map(|seconds| seconds.0),
        None => Ok(default),
    };
    let at_least_one = |field: &str, number: u32| {
        if number > 0 {
            Ok(number)
        } else {
            Err(spot(field).trouble(codes::MEASURED_ZERO, format!("{field} is 0; nothing would be measured")))
        }
    };
    let file_size = resolve::<Size>(scope, &spec.file_size, &spot("fileSize"))?.0;
    if file_size == 0 {
        return Err(spot("fileSize").trouble(codes::MEASURED_ZERO, "fileSize is 0; nothing would be transferred"));
    }
    let mut observe: Vec<Observation> = spec.observe.iter().copied().map(Observation::from).collect();
    // in which order they are written is no part of the experiment
    observe.sort();
    Ok(Settings {
        file_size,
        observe,
        seeders: spec
            .seeders
            .as_ref()
            .map(|seeders| resolve::<Whole>(scope, seeders, &spot("seeders")))
            .transpose()?
            .map(|w| w.0),
        trials: at_least_one("trials", whole("trials", &spec.trials, 5)?)?,
        repetitions: at_least_one("repetitions", whole("repetitions", &spec.repetitions, 2)?)?,
        warmup: whole("warmup", &spec.warmup, 1)?,
        stalled_seconds: seconds("stalled", &spec.stalled, 120.0)?,
        ready_seconds: seconds("ready", &spec.ready, 300.0)?,
    })
}

/// Settings and what follows from the links.
pub(super) fn measure(settings: &Settings, systems: &[PlannedSystem]) -> PlannedMeasure {
    // none where any measured system has none; the others have links of their own
    let measured = systems.iter().filter(|system| system.load == Load::Measured);
    let bounds = |unknown: Option<Link>| -> Option<Vec<(f64, f64)>> {
        let of = |system: &PlannedSystem| fluid::bounds(&system.groups, system.seeders, settings.file_size, unknown);
        measured.clone().map(of).collect()
    };
    let fast = bounds(None).map(|all| all.iter().map(|(fast, _)| *fast).fold(0.0, f64::max));
    let slow = bounds(Some(SLOWEST)).into_iter().flatten().map(|(_, slow)| slow).fold(0.0, f64::max);
    PlannedMeasure {
        file_size: settings.file_size,
        trials: settings.trials,
        repetitions: settings.repetitions,
        warmup: settings.warmup,
        observe: settings.observe.clone(),
        rounds: observed::transfers(
            (settings.warmup, settings.repetitions),
            &settings.observe,
            &observed::drivers(systems),
        ),
        stalled_seconds: settings.stalled_seconds,
        ready_seconds: settings.ready_seconds,
        gate_seconds: 60.0 + prepare(settings.file_size),
        idle_seconds: IDLE_SECONDS,
        cool_down_seconds: COOL_DOWN_SECONDS,
        transfer_deadline_seconds: (DEADLINE_FACTOR * slow).max(LEAST_DEADLINE).ceil(),
        fluid_bound_seconds: fast,
        baseline_bytes: baseline(systems.iter().flat_map(|system| &system.groups)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53")]
fn prepare(file_size: u64) -> f64 {
    (file_size as f64 / PREPARE_RATE).ceil()
}

/// Enough for about two seconds at the slowest link; nothing where no link is shaped.
fn baseline<'a>(groups: impl Iterator<Item = &'a PlannedGroup>) -> u64 {
    let rates =
        groups.filter_map(|group| group.link).flat_map(|link| [link.up_bits_per_second, link.down_bits_per_second]);
    rates.min().map_or(0, |slowest| (slowest / 8 * BASELINE_SECONDS).max(LEAST_BASELINE))
}

/// Seconds that the coordinator may take, and that an attempt may take from its admission.
///
/// Every node up; the baseline of each node in turn, thrice its due; then each transfer with all that belongs to it:
/// upload and verification at a slow machine's pace, the gate, the idle count, the transfer, the rest, the wait for a
/// store that is away; then all that the coordinator does until the store has everything. The attempt also has to be
/// deployed.
pub(super) fn deadlines(measure: &PlannedMeasure, systems: &[PlannedSystem]) -> (u64, u64) {
    let baseline = if measure.baseline_bytes == 0 { 0.0 } else { 3.0 * baselines(measure, systems) + 30.0 };
    let once = 2.0 * prepare(measure.file_size)
        + measure.gate_seconds
        + measure.idle_seconds
        + measure.transfer_deadline_seconds
        + measure.cool_down_seconds
        + STORE_BETWEEN.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
    let transfers = measure.rounds as f64 * once;
    let coordinator = measure.ready_seconds + baseline + transfers + STORE_CLOSING.as_secs_f64();
    (whole_seconds(coordinator), whole_seconds(coordinator + DEPLOY_SECONDS))
}

/// Seconds for which the links are tested, node by node, each for the slower way, and for no less than the test is
/// meant to last.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn baselines(measure: &PlannedMeasure, systems: &[PlannedSystem]) -> f64 {
    let bits = measure.baseline_bytes as f64 * 8.0;
    let due = |link: Link| bits / link.up_bits_per_second.min(link.down_bits_per_second) as f64;
    let groups = systems.iter().flat_map(|system| &system.groups);
    let of =
        |group: &PlannedGroup| f64::from(group.replicas) * group.link.map_or(0.0, due).max(BASELINE_SECONDS as f64);
    groups.map(of).sum()
}

/// Rounded up: files of the branch know whole seconds, and time is rather given than taken.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and less than years")]
pub(crate) fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil() as u64
}
