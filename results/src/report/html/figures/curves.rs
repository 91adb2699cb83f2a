//! How much of the payload was there, over time.

use super::plot::{self, Plot};
use super::scale::Scale;
use super::{legend, panel, panels};
use crate::analysis::{Axis, CellResult};
use crate::report::html::element::{Element, element, text};
use crate::report::html::number;
use crate::report::html::progress::{Moment, moments};
use crate::report::html::view::{View, at, combinations, spelled};

/// Cells whose curves stand on one page at most: a reader would not look at more, and a browser would be slow.
const MOST: usize = 400;

/// A curve with the place of its series and its name.
pub(in crate::report::html) type Named<'n> = (usize, String, &'n CellResult);

/// One drawing for each cell, compared levels in one, in rows by the last axis.
pub(in crate::report::html) fn of_all(view: &View<'_>) -> Vec<Element> {
    if view.pages.len() > MOST {
        return vec![text("p", format!("n/a: of more than {MOST} cells, each has its curve on its own page."))];
    }
    let others = view.others();
    let (inner, outer) = others.split_at(others.len().saturating_sub(usize::from(others.len() > 1)));
    let mut content = Vec::new();
    for observe in &view.observes {
        for row in combinations(outer) {
            let mut drawings = Vec::new();
            for levels in combinations(inner) {
                let of = |result: &CellResult| {
                    result.observe == *observe
                        && at(&result.levels, outer) == row
                        && at(&result.levels, inner) == levels
                };
                let members = view.series_of.iter().zip(&view.analysis.cells).filter(|(_, result)| of(result));
                let named: Vec<Named<'_>> =
                    members.map(|(series, result)| (*series, view.series[*series].clone(), result)).collect();
                let id = format!("curves-{}-{}", content.len(), drawings.len());
                let caption = spelled(inner, &levels);
                let caption = if caption.is_empty() { "Payload held" } else { &caption };
                drawings.extend(drawn(&named, caption, &id, false));
            }
            let title = row_title(view, outer, &row, observe);
            content.extend(titled(&title, drawings));
        }
    }
    if !content.is_empty() {
        let words = "Share of the payload held, over seconds since the start of the download: of a repetition the median over its leechers; \
                     the line is the median of the repetitions, the band reaches from the fastest to the slowest of them.";
        let series: Vec<(usize, &str)> =
            view.series.iter().enumerate().map(|(place, name)| (place, name.as_str())).collect();
        content.splice(0..0, [text("p", words).class("note"), legend(&series)]);
    }
    content
}

fn row_title(view: &View<'_>, outer: &[&Axis], row: &[&str], observe: &str) -> String {
    let seen = (view.observes.len() > 1).then(|| format!("seen by {observe}"));
    let words = [Some(spelled(outer, row)), seen];
    words.into_iter().flatten().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

fn titled(title: &str, drawings: Vec<Element>) -> Vec<Element> {
    if drawings.is_empty() {
        return Vec::new();
    }
    let heading = (!title.is_empty()).then(|| text("h3", title));
    heading.into_iter().chain([panels(&format!("Progress, {title}"), "", drawings)]).collect()
}

/// The curves of some results in one drawing, for a cell's page.
pub(in crate::report::html) fn of_some(named: &[Named<'_>], id: &str) -> Option<Vec<Element>> {
    let (with, without): (Vec<Named<'_>>, Vec<Named<'_>>) =
        named.iter().cloned().partition(|(_, _, result)| !moments(result, 1).is_empty());
    let caption = "Payload held";
    let drawing = drawn(&with, caption, id, true)?;
    let series: Vec<(usize, &str)> = with.iter().map(|(series, name, _)| (*series, name.as_str())).collect();
    let words = "Line: median of the repetitions, each the median over its leechers. Band: from the fastest repetition to the slowest.";
    let mut content = vec![text("p", words).class("note"), legend(&series), panels(caption, "broad", vec![drawing])];
    content.extend(
        without.iter().map(|(_, name, _)| text("p", format!("n/a: no progress is stored of {name}.")).class("note")),
    );
    Some(content)
}

fn drawn(named: &[Named<'_>], caption: &str, id: &str, broad: bool) -> Option<Element> {
    let (steps, field): (usize, fn(Scale, Scale) -> Plot) = if broad { (100, Plot::broad) } else { (25, Plot::small) };
    let curves: Vec<(&Named<'_>, Vec<Moment>)> =
        named.iter().map(|named| (named, moments(named.2, steps))).filter(|(_, moments)| !moments.is_empty()).collect();
    let times = curves.iter().flat_map(|(_, moments)| moments).flat_map(|moment| [moment.median, moment.high]);
    let end = times.filter(|time| time.is_finite()).reduce(f64::max)?;
    let mut plot = field(Scale::Linear(0.0, if end > 0.0 { end * 1.02 } else { 1.0 }), Scale::Linear(0.0, 100.0));
    plot.axes("seconds", "% of the payload");
    let mut said = Vec::new();
    for ((series, name, _), moments) in &curves {
        plot.put(curve(&plot, *series, moments));
        said.push(format!("{name}: {}", words(moments)));
    }
    let title = format!("Share of the payload over time. {caption}");
    Some(panel(caption, plot.drawn(id, &title, &(said.join(". ") + "."))))
}

fn curve(plot: &Plot, series: usize, moments: &[Moment]) -> Element {
    let along = |time: fn(&Moment) -> f64| -> Vec<(f64, f64)> {
        let points = moments.iter().map(|moment| (plot.x(time(moment)), plot.y(moment.share * 100.0)));
        // until the first look that shows something, nothing is known to be there
        let start = moments.iter().take(2).map(|moment| (plot.x(time(moment)), plot.y(0.0)));
        start.chain(points.skip(1)).collect()
    };
    // a line ends where half of the repetitions never got further
    let reached = moments.iter().take_while(|moment| moment.median.is_finite()).count();
    let line: Vec<(f64, f64)> = along(|moment| moment.median).into_iter().take(reached + 1).collect();
    let group = element("g").class(plot::class(series));
    let group = group.child(plot::between("band", &along(|moment| moment.low), &along(|moment| moment.high)));
    group.child(plot::through("line", &line))
}

/// The quarters of a curve in words.
fn words(moments: &[Moment]) -> String {
    let quarters = [0.25, 0.5, 0.75, 1.0].into_iter().filter_map(|share| {
        let moment = moments.iter().find(|moment| moment.share >= share)?;
        Some(format!(
            "{:.0} % at {} ({})",
            share * 100.0,
            number::seconds(moment.median),
            number::range(moment.low, moment.high)
        ))
    });
    quarters.collect::<Vec<_>>().join(", ")
}
