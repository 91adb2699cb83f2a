//! How many leechers had everything, and when.

use super::plot::{self, Plot};
use super::scale::Scale;
use super::{legend, panel, panels};
use crate::analysis::{CellResult, Quantity};
use crate::report::html::element::{Element, element};
use crate::report::html::number;
use crate::statistics::ecdf;

/// Steps that are drawn of a line at most: more are not seen.
const STEPS: f64 = 120.0;

/// Downloads whose times belong together: a name, and one time to 100 % each, infinite where one failed.
pub(in crate::report::html) struct Line {
    pub(in crate::report::html) series: usize,
    pub(in crate::report::html) name: String,
    pub(in crate::report::html) seconds: Vec<f64>,
}

/// Time to 100 % of each download of a result, of one group or of all, in order.
pub(in crate::report::html) fn seconds(result: &CellResult, group: Option<&str>) -> Vec<f64> {
    let nodes = result.trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    let nodes = nodes.filter(|node| node.downloads && group.is_none_or(|group| node.group == group));
    let mut seconds: Vec<f64> = nodes.filter_map(|node| node.values.get(&Quantity::Whole).copied()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

/// The share of downloads that had everything, over time: the empirical distribution. Nothing where none has a time.
pub(in crate::report::html) fn drawn(lines: &[Line], id: &str) -> Option<Vec<Element>> {
    let all = lines.iter().flat_map(|line| &line.seconds).copied();
    let end = all.filter(|time| time.is_finite()).reduce(f64::max)?;
    let mut plot = Plot::broad(Scale::Linear(0.0, if end > 0.0 { end * 1.05 } else { 1.0 }), Scale::Linear(0.0, 100.0));
    plot.axes("seconds to 100 %", "% of the downloads");
    let mut said = Vec::new();
    for line in lines.iter().filter(|line| !line.seconds.is_empty()) {
        let steps = ecdf(&line.seconds);
        let arrived = steps.last().map_or(0.0, |(_, share)| *share);
        let (mut points, mut last, mut drawn) = (vec![(plot.x(0.0), plot.y(0.0))], plot.y(0.0), 0.0);
        for (time, share) in steps {
            // of many steps some, the last one always
            if (share - drawn) * STEPS < 1.0 && share < arrived {
                continue;
            }
            points.push((plot.x(time), last));
            (last, drawn) = (plot.y(share * 100.0), share);
            points.push((plot.x(time), last));
        }
        points.push((plot.x(f64::INFINITY), last));
        plot.put(element("g").class(plot::class(line.series)).child(plot::through("line", &points)));
        said.push(words(line));
    }
    let caption = "Downloads that had everything";
    let drawing = panel(
        caption,
        plot.drawn(id, "Share of the downloads that had everything, over time", &(said.join(". ") + ".")),
    );
    let names: Vec<(usize, &str)> = lines.iter().map(|line| (line.series, line.name.as_str())).collect();
    Some(vec![legend(&names), panels(caption, "broad", vec![drawing])])
}

fn words(line: &Line) -> String {
    let count = line.seconds.len();
    let arrived = line.seconds.iter().filter(|time| time.is_finite()).count();
    let at = |share: usize| number::seconds(line.seconds[(count * share).div_ceil(100).max(1) - 1]);
    format!(
        "{}: {arrived} of {count} arrived; half had everything at {}, 95 % at {}, all at {}",
        line.name,
        at(50),
        at(95),
        at(100)
    )
}
