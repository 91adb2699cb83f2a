//! How a cell is measured.

use super::value::{Seconds, Size, Spot, Whole, resolve};
use super::{PlannedGroup, PlannedMeasure, PlannedSystem, Subject, Trouble, fluid};
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
/// Seconds that a baseline transfer takes at the slowest link.
const BASELINE_SECONDS: u64 = 2;
/// Least bytes of a baseline transfer.
const LEAST_BASELINE: u64 = 1_000_000;
/// Seconds from admission until pods run, and from the coordinator's end until its place is free.
const DEPLOY_SECONDS: f64 = 120.0;
/// Seconds for pushing records and reading them back.
const STORE_SECONDS: f64 = 60.0;

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
    Ok(Settings {
        file_size,
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
    let bounds: Option<Vec<(f64, f64)>> =
        measured.map(|system| fluid::bounds(&system.groups, system.seeders, settings.file_size)).collect();
    let largest = |of: fn(&(f64, f64)) -> f64| bounds.as_ref().map(|all| all.iter().map(of).fold(0.0, f64::max));
    let slow = largest(|(_, slow)| *slow).unwrap_or_default();
    PlannedMeasure {
        file_size: settings.file_size,
        trials: settings.trials,
        repetitions: settings.repetitions,
        warmup: settings.warmup,
        stalled_seconds: settings.stalled_seconds,
        ready_seconds: settings.ready_seconds,
        gate_seconds: 60.0 + prepare(settings.file_size),
        idle_seconds: IDLE_SECONDS,
        cool_down_seconds: COOL_DOWN_SECONDS,
        transfer_deadline_seconds: (DEADLINE_FACTOR * slow).max(LEAST_DEADLINE).ceil(),
        fluid_bound_seconds: largest(|(fast, _)| *fast),
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
/// upload and verification at a slow machine's pace, the gate, the idle count, the transfer, the rest. The attempt
/// also has to be deployed.
pub(super) fn deadlines(measure: &PlannedMeasure, nodes: u32) -> (u64, u64) {
    let baseline = if measure.baseline_bytes == 0 { 0.0 } else { f64::from(nodes) * 3.0 * 2.0 + 30.0 };
    let once = 2.0 * prepare(measure.file_size)
        + measure.gate_seconds
        + measure.idle_seconds
        + measure.transfer_deadline_seconds
        + measure.cool_down_seconds;
    let transfers = f64::from(measure.warmup + measure.repetitions) * once;
    let coordinator = measure.ready_seconds + baseline + transfers + STORE_SECONDS;
    (whole_seconds(coordinator), whole_seconds(coordinator + DEPLOY_SECONDS))
}

/// Rounded up: files of the branch know whole seconds, and time is rather given than taken.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and less than years")]
pub(crate) fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil() as u64
}
