//! One campaign against another: which of two is worse, by the same numbers and the same rules as levels of one campaign.

use super::{Analysis, AttemptResult, Axis, CellResult, Claim, Compare, PlannedCell, Question, answer, pairs, threats};
use crate::Campaign;

/// The axis that the two campaigns are levels of.
const AXIS: &str = "campaign";
/// What the other is compared with.
const BASELINE: &str = "baseline";
/// What is compared.
const CANDIDATE: &str = "candidate";

impl Compare {
    /// Whether two campaigns are compared, not levels of one.
    pub fn is_of_campaigns(&self) -> bool {
        self.axis == AXIS
    }
}

impl Analysis {
    /// Compares the cells of a candidate with those of a baseline that have the same levels.
    ///
    /// Each side is worked out by itself, so each has its own experiments; what a question compares among its own cells does not matter
    /// here. The sides become levels of an axis `campaign`.
    pub fn against(baseline: (&Campaign, Question), candidate: (&Campaign, Question), claims: Vec<Claim>) -> Self {
        let oddities: Vec<String> =
            [baseline.0, candidate.0].iter().flat_map(|campaign| &campaign.oddities).map(ToString::to_string).collect();
        let sides = [side(BASELINE, baseline.0, baseline.1), side(CANDIDATE, candidate.0, candidate.1)];
        let mut question = question(&sides, claims);
        let mut whole = Side::default();
        let (mut transfers, mut span) = (0, None);
        for side in sides {
            question.cells.extend(side.question.cells);
            whole.cells.extend(side.cells);
            whole.attempts.extend(side.attempts);
            transfers += side.transfers;
            span = joined(span, side.span_ms);
        }
        let comparisons = pairs::comparisons(&question, &whole.cells);
        Self {
            answer: answer::answer(&question, &whole.cells, &comparisons, &whole.attempts),
            threats: threats::threats(&oddities, &question, &whole.cells, &comparisons, &whole.attempts),
            transfers,
            span_ms: span,
            question,
            cells: whole.cells,
            comparisons,
            attempts: whole.attempts,
        }
    }
}

/// One of the two.
#[derive(Default)]
struct Side {
    question: Question,
    cells: Vec<CellResult>,
    attempts: Vec<AttemptResult>,
    transfers: usize,
    span_ms: Option<(i64, i64)>,
}

/// A campaign by itself, each of its cells and attempts marked as its own.
fn side(name: &str, campaign: &Campaign, question: Question) -> Side {
    let mut one = Analysis::new(campaign, Question { compare: None, ..question });
    let mark = |levels: &mut std::collections::BTreeMap<String, String>| {
        levels.insert(AXIS.to_owned(), name.to_owned());
    };
    let own = |id: &str| format!("{name}-{id}");
    for PlannedCell { id, levels, .. } in &mut one.question.cells {
        *id = own(id);
        mark(levels);
    }
    for CellResult { id, levels, .. } in &mut one.cells {
        *id = own(id);
        mark(levels);
    }
    for attempt in &mut one.attempts {
        attempt.cell = own(&attempt.cell);
    }
    Side {
        question: one.question,
        cells: one.cells,
        attempts: one.attempts,
        transfers: one.transfers,
        span_ms: one.span_ms,
    }
}

/// What is asked of both: the axes of either, and the campaigns as one more.
fn question(sides: &[Side; 2], claims: Vec<Claim>) -> Question {
    let [baseline, candidate] = [&sides[0].question, &sides[1].question];
    let mut axes = vec![Axis { name: AXIS.to_owned(), levels: vec![BASELINE.to_owned(), CANDIDATE.to_owned()] }];
    for axis in baseline.axes.iter().chain(&candidate.axes) {
        match axes.iter_mut().find(|known| known.name == axis.name) {
            Some(known) => {
                let new: Vec<String> =
                    axis.levels.iter().filter(|level| !known.levels.contains(level)).cloned().collect();
                known.levels.extend(new);
            }
            None => axes.push(axis.clone()),
        }
    }
    let both = |one: &str, other: &str| if one == other { one.to_owned() } else { format!("{one} and {other}") };
    Question {
        lab: both(&baseline.lab, &candidate.lab),
        scenario: both(&baseline.scenario, &candidate.scenario),
        text: candidate.text.clone().or_else(|| baseline.text.clone()),
        axes,
        cells: Vec::new(),
        excluded: std::collections::BTreeMap::new(),
        compare: Some(Compare { axis: AXIS.to_owned(), baseline: BASELINE.to_owned(), claims }),
        planned: baseline.planned && candidate.planned,
    }
}

fn joined(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        _ => one.or(other),
    }
}
