//! Which kinds of observation a cell will have.

use benchgrid_measures::{DriverFacts, Observation};

use super::{PlannedSystem, Subject, Trouble, value::Spot};
use crate::spec::{Load, codes};

/// Transfers of a trial by nodes of these drivers: warm-ups and repetitions of each kind that they give.
pub(super) fn transfers<'a>(
    (warmup, repetitions): (u32, u32),
    asked: &[Observation],
    drivers: &(impl Iterator<Item = &'a str> + Clone),
) -> u64 {
    (u64::from(warmup) + u64::from(repetitions)) * kinds(asked, drivers)
}

/// How many of the kinds asked for one of these drivers gives.
fn kinds<'a>(asked: &[Observation], drivers: &(impl Iterator<Item = &'a str> + Clone)) -> u64 {
    // of a driver that is not known, everything is possible
    let given = |driver, kind| DriverFacts::named(driver).is_none() || DriverFacts::gives(driver, kind);
    asked.iter().filter(|kind| drivers.clone().any(|driver| given(driver, **kind))).count() as u64
}

/// The drivers of measured systems.
pub(super) fn drivers(systems: &[PlannedSystem]) -> impl Iterator<Item = &str> + Clone {
    systems.iter().filter(|system| system.load == Load::Measured).map(|system| system.driver.as_str())
}

/// Kinds asked for that a measured system does not give: a warning, and an error where none of them is given by any.
pub(super) fn missing(
    asked: &[Observation],
    systems: &[PlannedSystem],
    troubles: &mut Vec<Trouble>,
    warnings: &mut Vec<Trouble>,
) {
    let spot = Spot::new(&Subject::Scenario, "/spec/measure/observe");
    // a driver that is not known is told of elsewhere
    let known = || drivers(systems).filter(|driver| DriverFacts::named(driver).is_some());
    if known().next().is_some() && kinds(asked, &known()) == 0 {
        let words: Vec<_> = asked.iter().map(|kind| kind.word()).collect();
        let message = format!("no measured system can be observed by {}", words.join(" or "));
        troubles.push(spot.trouble(codes::UNOBSERVED, message).help("every driver gives `counter`"));
        return;
    }
    for kind in asked {
        for driver in known().filter(|driver| !DriverFacts::gives(driver, *kind)) {
            let message = format!("the driver `{driver}` gives no {}", kind.word());
            let help = "such numbers are n/a, and its nodes rest meanwhile";
            warnings.push(spot.trouble(codes::UNOBSERVED, message).help(help).warning());
        }
    }
}
