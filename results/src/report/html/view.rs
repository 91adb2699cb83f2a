use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use super::number;
use super::words;
use crate::analysis::{Analysis, Axis, CellResult, Comparison, Pair};

/// An analysis as pages need it: which page each result is on, and which axes span the figures.
pub(super) struct View<'a> {
    pub(super) analysis: &'a Analysis,
    /// Every axis with every level that occurs, in the scenario's order.
    pub(super) axes: Vec<Axis>,
    /// One page for each cell, in the order of the cells.
    pub(super) pages: Vec<CellPage>,
    /// Names of the things that figures tell apart: levels of the compared axis, else systems.
    pub(super) series: Vec<String>,
    /// For each result the place of its name in `series`.
    pub(super) series_of: Vec<usize>,
    /// For each result the place of its page.
    page_of: Vec<usize>,
    /// Ids of the cells that measure several systems.
    several: BTreeSet<&'a str>,
    /// Ways in which progress was seen, in the order of their first cell.
    pub(super) observes: Vec<String>,
}

/// The page of one cell.
pub(super) struct CellPage {
    /// Name of the file.
    pub(super) file: String,
    /// Places of its results in [`Analysis::cells`].
    pub(super) results: Vec<usize>,
}

/// Which axes, without the compared one, span what.
pub(super) struct Span<'a> {
    /// Down a map.
    pub(super) rows: Option<&'a Axis>,
    /// Across a map.
    pub(super) columns: Option<&'a Axis>,
    /// One map for each combination of their levels.
    pub(super) repeated: Vec<&'a Axis>,
}

impl<'a> View<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        let (pages, page_of) = pages(analysis);
        let mut view = Self {
            analysis,
            axes: axes(analysis),
            pages,
            page_of,
            series: Vec::new(),
            series_of: vec![0; analysis.cells.len()],
            several: several(analysis),
            observes: Vec::new(),
        };
        // in the order of the compared levels, whatever was measured first
        let levels = view.compared().map(|axis| axis.levels.clone()).unwrap_or_default();
        let level = |result: &CellResult| levels.iter().position(|level| view.own_level(result) == Some(level));
        let mut order: Vec<usize> = (0..analysis.cells.len()).collect();
        order.sort_by_key(|place| level(&analysis.cells[*place]));
        for place in order {
            let name = view.series_name(&analysis.cells[place]);
            let known = view.series.iter().position(|series| *series == name);
            view.series_of[place] = known.unwrap_or(view.series.len());
            if known.is_none() {
                view.series.push(name);
            }
        }
        for result in &analysis.cells {
            if !view.observes.contains(&result.observe) {
                view.observes.push(result.observe.clone());
            }
        }
        view
    }

    /// The axis whose levels are compared.
    pub(super) fn compared(&self) -> Option<&Axis> {
        let compare = self.analysis.question.compare.as_ref()?;
        self.axes.iter().find(|axis| axis.name == compare.axis)
    }

    /// Axes with several levels, the compared one left out.
    pub(super) fn others(&self) -> Vec<&Axis> {
        let compared = self.analysis.question.compare.as_ref().map(|compare| compare.axis.as_str());
        self.axes.iter().filter(|axis| axis.levels.len() > 1 && Some(axis.name.as_str()) != compared).collect()
    }

    /// The two axes with the most levels span a map, in the scenario's order; the rest repeat it.
    pub(super) fn span(&self) -> Span<'_> {
        let others = self.others();
        let mut by_levels: Vec<usize> = (0..others.len()).collect();
        by_levels.sort_by_key(|place| (std::cmp::Reverse(others[*place].levels.len()), *place));
        let mut spanning: Vec<usize> = by_levels.into_iter().take(2).collect();
        spanning.sort_unstable();
        let (columns, rows) = match spanning[..] {
            [first, second] => (Some(others[second]), Some(others[first])),
            [only] => (Some(others[only]), None),
            _ => (None, None),
        };
        let rest = (0..others.len()).filter(|place| !spanning.contains(place)).map(|place| others[place]);
        Span { rows, columns, repeated: rest.collect() }
    }

    /// The axis along which times are drawn: the first whose levels are numbers, else the first.
    pub(super) fn along(&self) -> Option<&Axis> {
        let others = self.others();
        let numeric = |axis: &&&Axis| axis.levels.iter().all(|level| is_number(level));
        others.iter().find(numeric).or(others.first()).copied()
    }

    /// What a result is told apart by.
    fn series_name(&self, result: &CellResult) -> String {
        match self.own_level(result) {
            Some(level) if self.several.contains(result.id.as_str()) && *level != result.system => {
                format!("{}, {}", self.level_name(level), result.system)
            }
            Some(level) => self.level_name(level),
            None => result.system.clone(),
        }
    }

    /// A level of the compared axis as people read it: systems and campaigns by their name, others with their axis.
    pub(super) fn level_name(&self, level: &str) -> String {
        match &self.analysis.question.compare {
            Some(compare) if compare.axis != "system" && !compare.is_of_campaigns() => {
                format!("{} {level}", compare.axis)
            }
            _ => level.to_owned(),
        }
    }

    /// A comparison's claim in words.
    pub(super) fn claim(&self, comparison: &Comparison) -> String {
        let margin = number::digits(comparison.claim.margin);
        let [level, baseline] = self.sides(comparison);
        let metric = words::metric(comparison.claim.metric);
        format!("by {metric}, {level} is at most {margin} times worse than {baseline}, seen by {}", comparison.observe)
    }

    /// The level of a comparison and what it is compared with, as people read them.
    pub(super) fn sides(&self, comparison: &Comparison) -> [String; 2] {
        [&comparison.level, &comparison.baseline].map(|level| self.level_name(level))
    }

    /// A result's level of the compared axis.
    pub(super) fn own_level<'r>(&self, result: &'r CellResult) -> Option<&'r String> {
        result.levels.get(&self.analysis.question.compare.as_ref()?.axis)
    }

    /// The levels as people read them, in the scenario's order, some axes left out.
    pub(super) fn words(&self, levels: &BTreeMap<String, String>, without: &[&str]) -> String {
        let of = |axis: &Axis| Some(format!("{} {}", axis.name, levels.get(&axis.name)?));
        let axes = self.axes.iter().filter(|axis| !without.contains(&axis.name.as_str()));
        axes.filter_map(of).collect::<Vec<_>>().join(", ")
    }

    /// A result's cell, as people read it.
    pub(super) fn title(&self, result: &CellResult) -> String {
        let words = self.words(&result.levels, &[]);
        if words.is_empty() { result.id.clone() } else { words }
    }

    /// The page that a result is on.
    pub(super) fn page(&self, place: usize) -> Option<&CellPage> {
        self.pages.get(*self.page_of.get(place)?)
    }

    /// Either side of a pair, in words.
    pub(super) fn pair_words(&self, pair: &Pair) -> String {
        let levels = self.words(&pair.levels, &[]);
        let system = self.pair_system(pair);
        match (levels.is_empty(), system) {
            (true, None) => "all".to_owned(),
            (true, Some(system)) => system.to_owned(),
            (false, None) => levels,
            (false, Some(system)) => format!("{levels}, {system}"),
        }
    }

    /// The system of a pair, where a cell measures several.
    pub(super) fn pair_system(&self, pair: &Pair) -> Option<&str> {
        let side = self.analysis.cells.get(pair.cell.or(pair.partner)?)?;
        self.several.contains(side.id.as_str()).then_some(side.system.as_str())
    }

    /// Each comparison in which a result is a side, with the pair.
    pub(super) fn pairs_of(&self, place: usize) -> Vec<(&Comparison, &Pair)> {
        let of = |comparison: &'a Comparison| {
            let is_side = move |pair: &&Pair| pair.cell == Some(place) || pair.partner == Some(place);
            comparison.pairs.iter().filter(is_side).map(move |pair| (comparison, pair))
        };
        self.analysis.comparisons.iter().flat_map(of).collect()
    }
}

/// What a result has of each of some axes; empty where it has none.
pub(super) fn at<'l>(levels: &'l BTreeMap<String, String>, axes: &[&Axis]) -> Vec<&'l str> {
    axes.iter().map(|axis| levels.get(&axis.name).map_or("", String::as_str)).collect()
}

/// Every combination of the levels of some axes, the last axis fastest; one empty one of no axis.
pub(super) fn combinations<'l>(axes: &[&'l Axis]) -> Vec<Vec<&'l str>> {
    axes.iter().fold(vec![Vec::new()], |rows, axis| {
        let with = |row: &Vec<&'l str>| {
            let row = row.clone();
            axis.levels.iter().map(move |level| row.iter().copied().chain([level.as_str()]).collect())
        };
        rows.iter().flat_map(with).collect()
    })
}

/// Levels of axes in words: `seeders 4, fileSize 1GB`.
pub(super) fn spelled(axes: &[&Axis], levels: &[&str]) -> String {
    let words = axes.iter().zip(levels).filter(|(_, level)| !level.is_empty());
    words.map(|(axis, level)| format!("{} {level}", axis.name)).collect::<Vec<_>>().join(", ")
}

/// A number, with or without a unit: `8`, `100MB`, `20 %`.
fn is_number(level: &str) -> bool {
    let unit = level.trim().trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-'));
    unit.len() < level.trim().len()
        && unit.chars().count() <= 6
        && !unit.contains(|letter: char| letter.is_ascii_digit())
}

/// The question's axes and levels, and after them whatever else results have.
fn axes(analysis: &Analysis) -> Vec<Axis> {
    let mut all = analysis.question.axes.clone();
    for (name, level) in analysis.cells.iter().flat_map(|result| &result.levels) {
        match all.iter_mut().find(|axis| axis.name == *name) {
            Some(axis) if !axis.levels.contains(level) => axis.levels.push(level.clone()),
            Some(_) => {}
            None => all.push(Axis { name: name.clone(), levels: vec![level.clone()] }),
        }
    }
    all
}

/// One page for each cell, and for each result the place of its page.
fn pages(analysis: &Analysis) -> (Vec<CellPage>, Vec<usize>) {
    let mut names = Names::default();
    let mut pages: Vec<CellPage> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut page_of = Vec::new();
    for (place, result) in analysis.cells.iter().enumerate() {
        let page = *known.entry(&result.id).or_insert(pages.len());
        if page == pages.len() {
            pages.push(CellPage { file: names.give(&result.slug, &result.id), results: Vec::new() });
        }
        pages[page].results.push(place);
        page_of.push(page);
    }
    (pages, page_of)
}

/// Ids of the cells that measure several systems.
fn several(analysis: &Analysis) -> BTreeSet<&str> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut several = BTreeSet::new();
    for result in &analysis.cells {
        if *first.entry(&result.id).or_insert(&result.system) != result.system {
            several.insert(result.id.as_str());
        }
    }
    several
}
