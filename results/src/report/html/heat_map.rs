use super::element::{Element, element, text};
use super::number;
use super::page::scrolling;
use super::view::{View, at, combinations, spelled};
use super::words;
use crate::analysis::{Axis, Comparison, Pair, PairVerdict};

/// Maps of one comparison: how many times worse each cell is, by two axes, once for each combination of the others' levels.
pub(super) fn maps(view: &View<'_>, comparison: &Comparison, id: &str) -> Option<Element> {
    let span = view.span();
    let columns = span.columns?;
    let mut systems: Vec<Option<&str>> = Vec::new();
    for system in comparison.pairs.iter().map(|pair| view.pair_system(pair)) {
        if !systems.contains(&system) {
            systems.push(system);
        }
    }
    let mut maps = Vec::new();
    for system in systems {
        for levels in combinations(&span.repeated) {
            let of = |pair: &&Pair| at(&pair.levels, &span.repeated) == levels && view.pair_system(pair) == system;
            let pairs: Vec<&Pair> = comparison.pairs.iter().filter(of).collect();
            if !pairs.is_empty() {
                let words = [spelled(&span.repeated, &levels), system.unwrap_or_default().to_owned()];
                let title = words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(", ");
                let map = Map { view, comparison, rows: span.rows, columns, pairs };
                maps.push(map.drawn(&format!("{id}-{}", maps.len()), &title));
            }
        }
    }
    (!maps.is_empty()).then(|| element("div").class("maps").children(maps))
}

/// What colours and signs of the maps mean: one box for each colour, from far better to far worse.
pub(super) fn legend() -> Vec<Element> {
    let [near, some, far, twice] = words::STEPS.map(|step| step.to_string());
    let steps =
        [format!("{near}–{some}×"), format!("{some}–{far}×"), format!("{far}–{twice}×"), format!("over {twice}×")];
    let entry = |class: &str, words: &str, side: &str| {
        let side = text("span", format!(" {side}")).class("hidden");
        element("li").class(class).text(words).child(side)
    };
    let classes = [["b1", "b2", "b3", "b4"], ["w1", "w2", "w3", "w4"]];
    let [mut better, worse] = [("better", classes[0]), ("worse", classes[1])].map(|(side, classes)| {
        classes.iter().zip(&steps).map(|(class, words)| entry(class, words, side)).collect::<Vec<_>>()
    });
    better.reverse();
    let equal = entry("d0", &format!("within {near}×"), "of the same");
    let scale = element("ul").class("colours").child(text("li", "better"));
    let scale = scale.children(better).child(equal).children(worse).child(text("li", "worse"));
    let sign = |verdict: PairVerdict| format!("{} {}", words::sign(verdict), verdict.word());
    let signs = [PairVerdict::NonInferior, PairVerdict::Inferior].map(|verdict| text("li", sign(verdict)));
    let undecided = element("li").class("d0 hatched").child(text("span", sign(PairVerdict::Undecided)).class("figure"));
    let missing = text("li", format!("{} {}", number::NONE, sign(PairVerdict::Missing))).class("lost");
    vec![scale, element("ul").class("colours").children(signs).child(undecided).child(missing)]
}

struct Map<'m> {
    view: &'m View<'m>,
    comparison: &'m Comparison,
    rows: Option<&'m Axis>,
    columns: &'m Axis,
    pairs: Vec<&'m Pair>,
}

impl Map<'_> {
    fn drawn(&self, id: &str, title: &str) -> Element {
        let caption_id = format!("{id}-caption");
        let corner = element("th").with("scope", "col");
        let corner = match self.rows {
            Some(rows) => {
                corner.text(format!("{} →", self.columns.name)).child(element("br")).text(format!("{} ↓", rows.name))
            }
            None => corner.text(format!("{} →", self.columns.name)),
        };
        let columns = self.columns.levels.iter().map(|level| text("th", level.as_str()).with("scope", "col"));
        let head = element("tr").child(corner).children(columns);
        let rows: Vec<Option<&str>> = match self.rows {
            Some(axis) => axis.levels.iter().map(|level| Some(level.as_str())).collect(),
            None => vec![None],
        };
        let caption = if title.is_empty() {
            format!("{} against {}", self.comparison.level, self.comparison.baseline)
        } else {
            title.to_owned()
        };
        let table = element("table")
            .class("map")
            .child(text("caption", caption).with("id", &caption_id))
            .child(element("thead").child(head))
            .child(element("tbody").children(rows.into_iter().map(|row| self.row(row))));
        scrolling(&caption_id).child(table)
    }

    fn row(&self, level: Option<&str>) -> Element {
        let cells = self.columns.levels.iter().map(|column| {
            let of = |pair: &&&Pair| {
                pair.levels.get(&self.columns.name).is_some_and(|own| own == column)
                    && self.rows.is_none_or(|axis| pair.levels.get(&axis.name).map(String::as_str) == level)
            };
            self.cell(self.pairs.iter().find(of).copied())
        });
        element("tr").child(text("th", level.unwrap_or("all")).with("scope", "row")).children(cells)
    }

    fn cell(&self, pair: Option<&Pair>) -> Element {
        let Some(pair) = pair else {
            return element("td")
                .class("out")
                .child(text("span", "").child(text("span", "no such cell").class("hidden")));
        };
        let (class, shown) = match pair.times_worse.filter(|_| pair.verdict != PairVerdict::Missing) {
            Some(ratio) => (words::step(ratio), number::digits(ratio)),
            None => ("lost", number::NONE.to_owned()),
        };
        let hatched = if pair.verdict == PairVerdict::Undecided && class != "lost" { " hatched" } else { "" };
        let number = text("span", format!("{shown} {}", words::sign(pair.verdict))).class("figure");
        let page = pair.cell.or(pair.partner).and_then(|place| self.view.page(place));
        let label = format!("{}: {shown}, {}", self.view.pair_words(pair), pair.verdict.word());
        let content = match page {
            Some(page) => {
                element("a").with("href", format!("cells/{}", page.file)).with("aria-label", label).child(number)
            }
            None => element("span").child(number),
        };
        element("td").class(format!("{class}{hatched}")).child(content)
    }
}
