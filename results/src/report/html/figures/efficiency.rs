//! Speed against the least possible time that the links allow.

use super::plot::{self, Margins, Plot};
use super::scale::Scale;
use super::{legend, panel, panels};
use crate::analysis::{Axis, CellResult, Quantity};
use crate::report::html::element::{Element, element, text};
use crate::report::html::number;
use crate::report::html::tables::estimate;
use crate::report::html::view::{View, at, combinations, spelled};

/// A result with its series and its efficiency.
type Dot<'d> = (usize, &'d CellResult, f64);

/// One drawing for each level of the last axis: a row for each cell, a dot for each compared level.
pub(in crate::report::html) fn drawn(view: &View<'_>) -> Vec<Element> {
    let others = view.others();
    let (inner, outer) = others.split_at(others.len().saturating_sub(usize::from(others.len() > 1)));
    let mut drawings = Vec::new();
    for observe in &view.observes {
        for row in combinations(outer) {
            let of = |result: &CellResult| result.observe == *observe && at(&result.levels, outer) == row;
            let members = view.series_of.iter().zip(&view.analysis.cells).filter(|(_, result)| of(result));
            let dot =
                |(series, result): (&usize, _)| Some((*series, result, estimate(result, Quantity::Efficiency)?.median));
            let dots: Vec<Dot<'_>> = members.filter_map(dot).collect();
            if !dots.is_empty() {
                let seen = if view.observes.len() > 1 { format!("seen by {observe}") } else { String::new() };
                let words = [spelled(outer, &row), seen]
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(", ");
                drawings.push(drawing(view, inner, &dots, &words, &format!("bound-{}", drawings.len())));
            }
        }
    }
    if view.pages.is_empty() {
        return Vec::new();
    }
    if drawings.is_empty() {
        return vec![text(
            "p",
            "n/a: no least possible time is stored with these results, since no link was asked for.",
        )];
    }
    let words = "Efficiency: the least possible time of the slowest leecher, from the rates of the links, over the time it took. At 100 % \
                 (dashed) nothing could be faster. Median over trials.";
    let series: Vec<(usize, &str)> =
        view.series.iter().enumerate().map(|(place, name)| (place, name.as_str())).collect();
    vec![text("p", words).class("note"), legend(&series), panels("Efficiency", "broad", drawings)]
}

#[expect(clippy::cast_precision_loss, reason = "some rows, some series")]
fn drawing(view: &View<'_>, inner: &[&Axis], dots: &[Dot<'_>], caption: &str, id: &str) -> Element {
    let rows: Vec<Vec<&str>> =
        combinations(inner).into_iter().filter(|row| dots.iter().any(|dot| at(&dot.1.levels, inner) == *row)).collect();
    let labels: Vec<String> = rows.iter().map(|row| row.join(" · ")).collect();
    let left = labels.iter().map(|label| plot::width(label)).fold(30.0, f64::max).min(140.0) + 10.0;
    let most = dots.iter().map(|dot| dot.2).filter(|share| share.is_finite()).fold(1.0, f64::max);
    let height = 62.0 + 17.0 * rows.len() as f64;
    let margins = Margins { left, right: 16.0, top: 22.0, bottom: 40.0 };
    // rows go down, the axis up
    let mut plot =
        Plot::sized(340.0, height, margins, Scale::Linear(0.0, most * 100.0), Scale::Linear(-(rows.len() as f64), 0.0));
    let mut said = Vec::new();
    for (place, (row, label)) in rows.iter().zip(&labels).enumerate() {
        let y = plot.y(-(place as f64) - 0.5);
        plot.put(plot::line("grid", [plot.x(0.0), y, plot.x(most * 100.0), y]));
        plot.put(plot::label(left - 6.0, y + 4.0, "end", &plot::shortened(label, left - 6.0)));
        for (series, _, share) in dots.iter().filter(|dot| at(&dot.1.levels, inner) == *row) {
            // a little beside those of the others, so that none hides another
            let aside = (*series as f64 - (view.series.len() as f64 - 1.0) / 2.0) * (9.0 / view.series.len() as f64);
            let mark = plot::sign(*series, plot.x(share * 100.0), y + aside, "mark");
            plot.put(element("g").class(plot::class(*series)).child(mark));
            said.push(format!("{}, {}: {}", spelled(inner, row), view.series[*series], number::percent(*share)));
        }
    }
    plot.put(plot::line("bound", [plot.x(100.0), plot.y(0.0), plot.x(100.0), plot.y(f64::NEG_INFINITY)]));
    let title = inner.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(" · ");
    plot.axes_across("% of the greatest possible speed", &title);
    panel(
        if caption.is_empty() { "Efficiency" } else { caption },
        plot.drawn(id, &format!("Efficiency. {caption}"), &(said.join("; ") + ".")),
    )
}
