//! Every repetition as a point.

use super::plot::{self, Plot};
use super::scale::Scale;
use super::{panel, panels};
use crate::analysis::{CellResult, Quantity, Trial};
use crate::report::html::element::{Element, element};
use crate::report::html::number;

/// One drawing for each result, all of one scale: time to 100 % of each repetition, by trial. Nothing where none has a time.
pub(in crate::report::html) fn drawn(named: &[(usize, String, &CellResult)], id: &str) -> Option<Element> {
    let values = |result: &CellResult| -> Vec<f64> {
        result.trials.iter().flat_map(|trial| trial.values(Quantity::Whole, None)).collect()
    };
    let scale = Scale::of(named.iter().flat_map(|(_, _, result)| values(result)));
    let with = named.iter().filter(|(_, _, result)| !values(result).is_empty()).enumerate();
    let drawings: Vec<Element> = with
        .map(|(place, (series, name, result))| strip(*series, name, result, &scale, &format!("{id}-{place}")))
        .collect();
    (!drawings.is_empty()).then(|| panels("Time to 100 % of each repetition", "broad", drawings))
}

fn strip(series: usize, name: &str, result: &CellResult, scale: &Scale, id: &str) -> Element {
    let trials = result.trials.iter().map(|trial| trial.number.clone()).collect();
    let mut plot = Plot::broad(Scale::Words(trials), scale.clone());
    plot.axes("trial", if scale.is_log() { "seconds, logarithmic" } else { "seconds" });
    let mut group = element("g").class(plot::class(series));
    let mut said = Vec::new();
    for (place, trial) in result.trials.iter().enumerate() {
        group = group.children(marks(&plot, series, place, result.trials.len(), trial));
        let values = trial.values(Quantity::Whole, None).into_iter().map(number::digits).collect::<Vec<_>>().join(", ");
        said.push(format!("trial {}: {values}", trial.number));
    }
    plot.put(group);
    let words = format!("Seconds: {}.", said.join("; "));
    panel(name, plot.drawn(id, &format!("Time to 100 % of each repetition by trial, {name}"), &words))
}

/// Points beside each other, so that none hides another, and a line at their median.
#[expect(clippy::cast_precision_loss, reason = "some trials, some repetitions")]
fn marks(plot: &Plot, series: usize, place: usize, trials: usize, trial: &Trial) -> Vec<Element> {
    let values = trial.values(Quantity::Whole, None);
    let room = (plot.x(1.0) - plot.x(0.0)).max(290.0 / trials.max(1) as f64).min(40.0) * 0.7;
    let at = |index: usize| plot.x(place as f64) + room * ((index as f64 + 0.5) / values.len() as f64 - 0.5);
    let mut marks = Vec::new();
    if let Some(median) = trial.value(Quantity::Whole, None).filter(|median| median.is_finite()) {
        let (x, y) = (plot.x(place as f64), plot.y(median));
        marks.push(plot::line("bar", [x - room / 2.0, y, x + room / 2.0, y]));
    }
    marks.extend(values.iter().enumerate().map(|(index, value)| {
        if value.is_finite() {
            plot::sign(series, at(index), plot.y(*value), "point")
        } else {
            plot::beyond(at(index), plot.y(*value))
        }
    }));
    marks
}
