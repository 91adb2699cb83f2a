//! Time to 100 % along an axis, for each compared level.

use super::plot::{self, Plot};
use super::scale::Scale;
use super::{legend, panel, panels};
use crate::analysis::{Axis, CellResult, Estimate, Quantity};
use crate::report::html::element::{Element, element, text};
use crate::report::html::number;
use crate::report::html::tables::estimate;
use crate::report::html::view::{View, at, combinations, spelled};

/// One drawing for each combination of the other axes, in rows by the last of them.
pub(in crate::report::html) fn drawn(view: &View<'_>) -> Vec<Element> {
    let along = view.along();
    let rest: Vec<&Axis> = view.others().into_iter().filter(|axis| along.is_none_or(|x| x.name != axis.name)).collect();
    let (inner, outer) = rest.split_at(rest.len().saturating_sub(1));
    let mut content = Vec::new();
    for observe in &view.observes {
        for row in combinations(outer) {
            let of = |result: &CellResult| result.observe == *observe && at(&result.levels, outer) == row;
            let all = view.series_of.iter().copied().zip(&view.analysis.cells);
            let results: Vec<Member<'_>> = all.filter(|(_, result)| of(result)).collect();
            let figure = Figure { view, along, inner, results, id: format!("times-{}", content.len()) };
            let drawings = figure.panels();
            if drawings.is_empty() {
                continue;
            }
            let mut title = spelled(outer, &row);
            if view.observes.len() > 1 {
                title = format!("{title}{}seen by {observe}", if title.is_empty() { "" } else { ", " });
            }
            if !title.is_empty() {
                content.push(text("h3", title.as_str()));
            }
            content.push(panels(&format!("Time to 100 %, {title}"), "", drawings));
        }
    }
    if !content.is_empty() {
        content.splice(0..0, introduction(view, along));
    }
    content
}

fn introduction(view: &View<'_>, along: Option<&Axis>) -> Vec<Element> {
    let by = along.map_or(String::new(), |axis| format!(" by {}, whose levels are evenly spaced", axis.name));
    let words = format!(
        "Seconds to 100 %{by}: median over trials, with its 95 % interval as a bar where there are trials enough. An arrow at the upper edge \
         is infinite: half of the downloads or more failed. Lines only guide the eye. Each row has one scale; where values span more than \
         two orders of magnitude it is logarithmic."
    );
    let series: Vec<(usize, &str)> =
        view.series.iter().enumerate().map(|(place, name)| (place, name.as_str())).collect();
    vec![text("p", words).class("note"), legend(&series)]
}

/// A result and its series.
type Member<'m> = (usize, &'m CellResult);

struct Figure<'f> {
    view: &'f View<'f>,
    along: Option<&'f Axis>,
    inner: &'f [&'f Axis],
    results: Vec<Member<'f>>,
    id: String,
}

/// What one series has at one place of the axis.
struct Point<'p> {
    place: usize,
    level: &'p str,
    estimate: Estimate,
}

impl Figure<'_> {
    fn panels(&self) -> Vec<Element> {
        let ends = |estimate: Estimate| {
            let (low, high) = estimate.interval.unwrap_or((estimate.median, estimate.median));
            [estimate.median, low, high]
        };
        let values = self.results.iter().filter_map(|(_, result)| estimate(result, Quantity::Whole)).flat_map(ends);
        let scale = Scale::of(values);
        let panels = combinations(self.inner).into_iter().enumerate();
        panels.filter_map(|(place, levels)| self.panel(&levels, &scale, &format!("{}-{place}", self.id))).collect()
    }

    fn panel(&self, levels: &[&str], scale: &Scale, id: &str) -> Option<Element> {
        let of = |(_, result): &&Member<'_>| at(&result.levels, self.inner) == levels;
        let results: Vec<Member<'_>> = self.results.iter().filter(of).copied().collect();
        let words = self.along.map_or(vec!["all".to_owned()], |axis| axis.levels.clone());
        let mut plot = Plot::small(Scale::Words(words), scale.clone());
        let title = self.along.map_or("", |axis| axis.name.as_str());
        plot.axes(title, if scale.is_log() { "seconds, logarithmic" } else { "seconds" });
        let mut said = Vec::new();
        for (series, name) in self.view.series.iter().enumerate() {
            let points = self.points(&results, series);
            if !points.is_empty() {
                plot.put(self.series(&plot, series, &points));
                let words = points.iter().map(|point| said_of(self.along, point)).collect::<Vec<_>>().join(", ");
                said.push(format!("{name}: {words}"));
            }
        }
        if said.is_empty() {
            return None;
        }
        let caption = spelled(self.inner, levels);
        let drawing = plot.drawn(id, &format!("Time to 100 % by {title}. {caption}"), &(said.join(". ") + "."));
        Some(panel(&caption, drawing))
    }

    fn points(&self, results: &[Member<'_>], series: usize) -> Vec<Point<'_>> {
        let levels: Vec<&str> = self.along.map_or(vec![""], |axis| axis.levels.iter().map(String::as_str).collect());
        let mut points = Vec::new();
        for (place, level) in levels.into_iter().enumerate() {
            let own = |(of, result): &&Member<'_>| {
                let fits = self.along.is_none_or(|axis| result.levels.get(&axis.name).is_some_and(|own| own == level));
                fits && *of == series
            };
            let found = results.iter().find(own).and_then(|(_, result)| estimate(result, Quantity::Whole));
            points.extend(found.map(|estimate| Point { place, level, estimate }));
        }
        points
    }

    /// The marks of a series, a little beside those of the others.
    #[expect(clippy::cast_precision_loss, reason = "some series, some levels")]
    fn series(&self, plot: &Plot, series: usize, points: &[Point<'_>]) -> Element {
        let aside = (series as f64 - (self.view.series.len() as f64 - 1.0) / 2.0) * 8.0;
        let x = |point: &Point<'_>| plot.x(point.place as f64) + aside;
        let finite: Vec<&Point<'_>> = points.iter().filter(|point| point.estimate.median.is_finite()).collect();
        let line: Vec<(f64, f64)> = finite.iter().map(|point| (x(point), plot.y(point.estimate.median))).collect();
        let mut group = element("g").class(plot::class(series));
        if line.len() > 1 {
            group = group.child(plot::through("line thin", &line));
        }
        for point in points {
            let at = x(point);
            if let Some((low, high)) = point.estimate.interval {
                group = group.child(plot::line("bar", [at, plot.y(low), at, plot.y(high)]));
            }
            group = group.child(if point.estimate.median.is_finite() {
                plot::sign(series, at, plot.y(point.estimate.median), "mark")
            } else {
                plot::beyond(at, plot.y(f64::INFINITY))
            });
        }
        group
    }
}

fn said_of(along: Option<&Axis>, point: &Point<'_>) -> String {
    let median = number::seconds(point.estimate.median);
    let ends = number::interval(Quantity::Whole, &point.estimate).map_or(String::new(), |ends| format!(" ({ends})"));
    match along {
        Some(axis) => format!("{} {} {median}{ends}", axis.name, point.level),
        None => format!("{median}{ends}"),
    }
}
