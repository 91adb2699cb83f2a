//! The page of one cell: everything behind its numbers.

use super::element::{Element, element, text};
use super::failures;
use super::figures::{curves, leechers, repetitions};
use super::measures;
use super::number;
use super::page::{Page, Section, fact, facts, table};
use super::reproduce;
use super::tables;
use super::view::{CellPage, View};
use super::words;
use crate::analysis::{AttemptResult, CellResult, Comparison, Pair};

/// The page.
pub(super) fn page(view: &View<'_>, page: &CellPage) -> Page {
    let cell =
        Cell { view, results: page.results.iter().map(|place| (*place, &view.analysis.cells[*place])).collect() };
    let title = cell.results.first().map_or(String::new(), |(_, result)| view.title(result));
    let sections = vec![
        Section { id: "verdict", title: "Verdict", content: cell.verdict() },
        Section {
            id: "environment",
            title: "Environment",
            content: cell.of_each(|_, result| measures::environment(result)),
        },
        Section { id: "protocol", title: "Protocol", content: cell.of_each(measures::protocol) },
        Section { id: "results", title: "Results", content: cell.of_each(measures::results) },
        Section { id: "curve", title: "Progress", content: cell.curves() },
        Section { id: "repetitions", title: "Repetitions", content: cell.repetitions() },
        Section { id: "leechers", title: "Leechers", content: cell.leechers() },
        Section { id: "bandwidth", title: "Bandwidth and overhead", content: cell.of_each(measures::bandwidth) },
        Section { id: "stability", title: "Stability", content: cell.of_each(measures::stability) },
        Section { id: "reliability", title: "Reliability", content: cell.of_each(measures::reliability) },
        Section { id: "anomalies", title: "Anomalies", content: cell.of_each(|_, result| anomalies(result)) },
        Section { id: "attempts", title: "Attempts", content: cell.attempts() },
        Section { id: "reproduce", title: "Reproduce", content: cell.reproduce() },
    ];
    let back = text("a", format!("All cells of {}", scenario(view))).with("href", "../index.html");
    Page {
        title: format!("{title} – {}", words::heading(view.analysis)),
        above: element("nav").class("above").with("aria-label", "Back").child(back),
        heading: title,
        lead: vec![text("p", words::heading(view.analysis)), cell.identity()],
        sections,
        footer: "Every record behind these numbers is in samples.jsonl of the report's folder.".to_owned(),
    }
}

fn scenario<'a>(view: &View<'a>) -> &'a str {
    let name = view.analysis.question.scenario.as_str();
    if name.is_empty() { "the report" } else { name }
}

fn anomalies(result: &CellResult) -> Vec<Element> {
    if result.anomalies.is_empty() {
        return vec![text("p", "None found.")];
    }
    vec![element("ul").children(result.anomalies.iter().map(|anomaly| text("li", anomaly.as_str())))]
}

/// A cell with each of its results and its place.
struct Cell<'c> {
    view: &'c View<'c>,
    results: Vec<(usize, &'c CellResult)>,
}

impl<'c> Cell<'c> {
    fn first(&self) -> Option<&'c CellResult> {
        self.results.first().map(|(_, result)| *result)
    }

    fn identity(&self) -> Element {
        let Some(cell) = self.first() else { return element("div") };
        let question = &self.view.analysis.question;
        let named = |word: &str| if word.is_empty() { number::NONE.to_owned() } else { word.to_owned() };
        let digest =
            if cell.digest.is_empty() { format!("{}: nothing was tried", number::NONE) } else { cell.digest.clone() };
        let mut rows: Vec<(String, Element)> = self
            .view
            .axes
            .iter()
            .filter_map(|axis| Some(fact(&axis.name, cell.levels.get(&axis.name)?.as_str())))
            .collect();
        rows.extend([
            fact("Name", named(&cell.slug)),
            fact("Id", cell.id.as_str()),
            fact("Digest of the experiment", digest),
            fact("Scenario", named(&question.scenario)),
            fact("Lab", named(&question.lab)),
        ]);
        for (_, result) in &self.results {
            let words = format!("{}, trials that count: {}", result.state.word(), tables::trials(result));
            rows.push(fact(&format!("{}, seen by {}", result.system, result.observe), words));
        }
        facts(rows)
    }

    /// Something of each result, under its name where there are several.
    fn of_each(&self, write: impl Fn(&View<'_>, &CellResult) -> Vec<Element>) -> Vec<Element> {
        let several = self.results.len() > 1;
        let heading =
            |result: &CellResult| several.then(|| text("h3", format!("{}, seen by {}", result.system, result.observe)));
        let of = |(_, result): &(usize, &CellResult)| {
            heading(result).into_iter().chain(write(self.view, result)).collect::<Vec<_>>()
        };
        self.results.iter().flat_map(of).collect()
    }

    fn verdict(&self) -> Vec<Element> {
        let rows: Vec<Element> = self
            .results
            .iter()
            .flat_map(|(place, _)| {
                self.view.pairs_of(*place).into_iter().map(|(comparison, pair)| self.pair_row(*place, comparison, pair))
            })
            .collect();
        if rows.is_empty() {
            return vec![text("p", "n/a: this cell is compared with none.")];
        }
        let titles =
            ["claim", "compared with", "times worse", "verdict", "Cliff's delta", "p", "adjusted p", "trials", "note"];
        let numeric = |title: &str| ["times worse", "Cliff's delta", "p", "adjusted p", "trials"].contains(&title);
        let head = titles.map(|title| {
            let head = text("th", title).with("scope", "col");
            if numeric(title) { head.class("number") } else { head }
        });
        let caption = "Ratio with its 95 % interval over trials. Delta: from −1, every trial of the level better, to 1, every one worse. p: two-sided, of \
                       no difference (Welch 1947), adjusted over the cells of the comparison (Holm 1979).";
        vec![table("verdicts", caption, vec![element("tr").children(head)], rows)]
    }

    fn pair_row(&self, place: usize, comparison: &Comparison, pair: &Pair) -> Element {
        let other = if pair.cell == Some(place) { pair.partner } else { pair.cell };
        let named = other.and_then(|other| Some((self.view.analysis.cells.get(other)?, self.view.page(other)?)));
        let partner = match named {
            Some((result, page)) => {
                element("td").child(text("a", self.view.title(result)).with("href", page.file.as_str()))
            }
            None => element("td").class("absent").text(format!("{}: there is no such cell", number::NONE)),
        };
        let p = |p: Option<f64>| text("td", p.map_or(number::NONE.to_owned(), number::digits)).class("number");
        let claim = words::claim(comparison.claim, &comparison.level, &comparison.baseline);
        let claim = format!("{claim}, seen by {}", comparison.observe);
        let [ratio, verdict, trials, note] = tables::outcome(pair);
        element("tr")
            .child(text("th", claim).with("scope", "row").class("words"))
            .child(partner.class("words"))
            .child(ratio)
            .child(verdict)
            .child(p(pair.delta))
            .child(p(pair.p))
            .child(p(pair.adjusted_p))
            .child(trials)
            .child(note)
    }

    /// Results seen in one way, with those they are compared with, each with its series and its name.
    fn named(&self) -> Vec<(&'c str, Vec<curves::Named<'c>>)> {
        let mut observes: Vec<&str> = Vec::new();
        for (_, result) in &self.results {
            if !observes.contains(&result.observe.as_str()) {
                observes.push(&result.observe);
            }
        }
        let of = |observe: &'c str| {
            let own = self.results.iter().filter(|(_, result)| result.observe == observe).map(|(place, _)| *place);
            let mut places: Vec<usize> = own.collect();
            for (_, pair) in places.clone().into_iter().flat_map(|place| self.view.pairs_of(place)) {
                for side in [pair.cell, pair.partner].into_iter().flatten() {
                    if !places.contains(&side) && side < self.view.analysis.cells.len() {
                        places.push(side);
                    }
                }
            }
            let name = |place: usize| {
                let series = self.view.series_of[place];
                (series, self.view.series[series].clone(), &self.view.analysis.cells[place])
            };
            (observe, places.into_iter().map(name).collect())
        };
        observes.into_iter().map(of).collect()
    }

    /// A figure for each way of seeing; where there is none, why.
    fn figures(&self, why: &str, draw: impl Fn(&[curves::Named<'c>], usize) -> Option<Vec<Element>>) -> Vec<Element> {
        let all = self.named();
        let several = all.len() > 1;
        let of = |(place, (observe, named)): (usize, (&str, Vec<curves::Named<'c>>))| {
            let heading = several.then(|| text("h3", format!("Seen by {observe}")));
            let drawn = draw(&named, place).unwrap_or_else(|| vec![text("p", format!("{}: {why}.", number::NONE))]);
            heading.into_iter().chain(drawn).collect::<Vec<_>>()
        };
        all.into_iter().enumerate().flat_map(of).collect()
    }

    fn curves(&self) -> Vec<Element> {
        self.figures("no progress is stored of this cell", |named, place| {
            curves::of_some(named, &format!("curve-{place}"))
        })
    }

    fn repetitions(&self) -> Vec<Element> {
        let mut content = self.figures("no repetition of this cell has a time to 100 %", |named, place| {
            let words = "Seconds to 100 % of each repetition, median over its leechers, by trial; the line is the trial's median. All drawings have one scale.";
            let drawn = repetitions::drawn(named, &format!("strip-{place}"))?;
            Some(vec![text("p", words).class("note"), drawn])
        });
        content.extend(self.of_each(measures::repetitions));
        content
    }

    fn leechers(&self) -> Vec<Element> {
        self.figures("no download of this cell has a time to 100 %", |named, place| {
            leechers::drawn(&lines(named), &format!("leechers-{place}"))
        })
    }

    fn attempts(&self) -> Vec<Element> {
        let id = self.first().map(|cell| cell.id.as_str());
        let own: Vec<&AttemptResult> =
            self.view.analysis.attempts.iter().filter(|attempt| Some(attempt.cell.as_str()) == id).collect();
        if own.is_empty() {
            return vec![text("p", "n/a: this cell was never tried.")];
        }
        vec![failures::attempts(self.view, "attempts-table", &own, "")]
    }

    fn reproduce(&self) -> Vec<Element> {
        let Some(cell) = self.first() else { return Vec::new() };
        let command = text("code", reproduce::command(self.view, cell));
        let words = "On one machine, without a cluster, from the scenario's file as it was measured:";
        vec![text("p", words), element("pre").with("tabindex", "0").child(command)]
    }
}

/// A result's groups where it has several, else it beside those it is compared with.
fn lines(named: &[curves::Named<'_>]) -> Vec<leechers::Line> {
    let groups =
        |result: &CellResult| result.groups.iter().skip(1).map(|group| group.group.clone()).collect::<Vec<_>>();
    let line = |series, name: String, result: &CellResult, group: Option<&str>| leechers::Line {
        series,
        name,
        seconds: leechers::seconds(result, group),
    };
    match named.first() {
        Some((_, _, result)) if !groups(result).is_empty() => {
            let of = |(place, group): (usize, String)| line(place, format!("group {group}"), result, Some(&group));
            groups(result).into_iter().enumerate().map(of).collect()
        }
        _ => named.iter().map(|(series, name, result)| line(*series, name.clone(), result, None)).collect(),
    }
}
