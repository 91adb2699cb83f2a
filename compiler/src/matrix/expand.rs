use std::collections::{BTreeMap, BTreeSet};

use super::{Combination, Exclusion, Level, Levels, Matrix, Scope, axes, axes::Axes, identity};
use crate::spec::{
    Advised, Diagnostic, ExpressionError, Located, MOST_SAID, Scenario, any_error, codes, condition_errors, cut,
    expression::Expression, sort,
};

/// Most cells of a scenario.
pub const MOST_CELLS: usize = 100_000;
/// Most combinations that exclusions are asked about.
pub const MOST_COMBINATIONS: usize = 1_000_000;

/// Most times that an exclusion is asked about a combination.
const MOST_QUESTIONS: usize = 10_000_000;
/// Memory that all combinations may take, about.
const MOST_BYTES: usize = 1 << 30;

/// Cells and exclusions of a scenario with warnings, or what is wrong (warnings included).
///
/// Nothing is said twice: where reading the file gave errors, the list may be empty.
pub fn expand(scenario: &Located<Scenario>) -> Result<(Matrix, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let matrix = attempt(scenario, &mut diagnostics);
    sort(&mut diagnostics);
    cut(&mut diagnostics);
    match matrix {
        Some(matrix) if !any_error(&diagnostics) => Ok((matrix, diagnostics)),
        _ => Err(diagnostics),
    }
}

fn attempt(scenario: &Located<Scenario>, diagnostics: &mut Vec<Diagnostic>) -> Option<Matrix> {
    let axes = axes::read(scenario, diagnostics);
    let sound = !any_error(diagnostics);
    let mut rules = Rules::new(scenario, diagnostics);
    if !sound {
        return None;
    }
    // Levels that could not be read are missing from the axes: no cell could be trusted.
    if scenario
        .document
        .refused
        .iter()
        .any(|pointer| pointer.starts_with("/spec/axes/") || pointer.starts_with("/spec/include/"))
    {
        return None;
    }
    let product = product(scenario, &axes, diagnostics)?;
    let (mut cells, mut exclusions) = (Vec::new(), Vec::new());
    for levels in product {
        match rules.reason(&levels) {
            Some(reason) => exclusions.push(Exclusion { levels, reason }),
            None => cells.push(levels),
        }
    }
    rules.report(!(cells.is_empty() && exclusions.is_empty()), diagnostics);
    if any_error(diagnostics) {
        return None;
    }
    limits(scenario, cells.len() + axes.include.len(), diagnostics);
    if any_error(diagnostics) {
        return None;
    }
    let cells = name(scenario, cells, axes.include, diagnostics);
    Some(Matrix { cells, exclusions })
}

fn when(index: usize) -> String {
    format!("/spec/exclude/{index}/when")
}

/// Every combination of levels; the last axis changes fastest.
fn product(scenario: &Located<Scenario>, axes: &Axes, diagnostics: &mut Vec<Diagnostic>) -> Option<Vec<Levels>> {
    if axes.levels.is_empty() {
        return Some(Vec::new());
    }
    let count = axes.levels.values().try_fold(1_usize, |count, levels| count.checked_mul(levels.len()));
    if count.is_none_or(|count| count > MOST_COMBINATIONS) {
        let count = count.map_or("more than can be counted".to_owned(), |count| count.to_string());
        let message = format!("the axes have {count} combinations, at most {MOST_COMBINATIONS} are looked at");
        diagnostics.push(scenario.key_diagnostic(codes::TOO_MANY_CELLS, "/spec/axes", message));
        return None;
    }
    let count = count.unwrap_or_default();
    let questions = count.saturating_mul(scenario.spec.exclude.len());
    if questions > MOST_QUESTIONS {
        let message = format!(
            "the exclusions would be asked {questions} times about {count} combinations, at most {MOST_QUESTIONS} times are done"
        );
        diagnostics.push(scenario.key_diagnostic(codes::TOO_MANY_CELLS, "/spec/exclude", message));
        return None;
    }
    let bytes = count.saturating_mul(axes.levels.iter().map(|(axis, levels)| average_bytes(axis, levels)).sum());
    if bytes > MOST_BYTES {
        let message = format!(
            "the {count} combinations would take {} MiB of memory, at most {} are taken",
            bytes >> 20,
            MOST_BYTES >> 20
        );
        diagnostics.push(scenario.key_diagnostic(codes::TOO_MANY_CELLS, "/spec/axes", message));
        return None;
    }
    let mut combinations = vec![Levels::new()];
    for (axis, levels) in &axes.levels {
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                levels.iter().map(|level| {
                    let mut combination = combination.clone();
                    combination.insert(axis.clone(), level.clone());
                    combination
                })
            })
            .collect();
    }
    Some(combinations)
}

/// About what one level of an axis takes in a combination.
fn average_bytes(axis: &str, levels: &[Level]) -> usize {
    let texts: usize = levels.iter().map(|level| level.canonical().to_string().len()).sum();
    axis.len() + 64 + texts / levels.len().max(1)
}

/// The exclusions, parsed once, and what came of them.
struct Rules<'s> {
    scenario: &'s Located<Scenario>,
    parsed: Vec<(Option<Expression<'s>>, usize)>,
    errors: Vec<Diagnostic>,
}

impl<'s> Rules<'s> {
    /// Rules that are wrong by themselves are said to be so, and left out.
    fn new(scenario: &'s Located<Scenario>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut parsed = Vec::new();
        for (index, rule) in scenario.spec.exclude.iter().enumerate() {
            // Where the file holds no condition, its reader has said so.
            let written = scenario.document.tree.pointer(&when(index)).is_some_and(serde_json::Value::is_string);
            let wrong =
                if written { condition_errors(&scenario.document, &when(index), &rule.when) } else { Vec::new() };
            let sound = written && wrong.is_empty();
            diagnostics.extend(wrong);
            parsed.push((Expression::parse(&rule.when, 0).ok().filter(|_| sound), 0));
        }
        Self { scenario, parsed, errors: Vec::new() }
    }

    /// The reason of the first rule that leaves a combination out; every rule is asked, so that its matches count.
    fn reason(&mut self, levels: &Levels) -> Option<String> {
        let scope = Scope::new(levels);
        let mut reason = None;
        for (index, (expression, matches)) in self.parsed.iter_mut().enumerate() {
            let Some(rule) = expression else { continue };
            match scope.holds(rule) {
                Ok(true) => {
                    *matches += 1;
                    reason = reason.or_else(|| self.scenario.spec.exclude.get(index).map(|rule| rule.reason.clone()));
                }
                Ok(false) => {}
                Err(error) => {
                    // Once is enough: the other combinations would say the same.
                    self.errors.push(refused(self.scenario, index, error, levels));
                    *expression = None;
                }
            }
        }
        reason
    }

    fn report(self, any: bool, diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.extend(self.errors);
        for (index, (expression, matches)) in self.parsed.iter().enumerate() {
            if any && expression.is_some() && *matches == 0 {
                let warning =
                    self.scenario.diagnostic(codes::NEVER_MATCHES, &when(index), "this exclusion never matches");
                diagnostics.push(warning.warning());
            }
        }
    }
}

fn refused(scenario: &Located<Scenario>, index: usize, error: ExpressionError, levels: &Levels) -> Diagnostic {
    let code = if error.not_boolean { codes::NOT_BOOLEAN } else { codes::EVALUATION };
    let error = error.help(format!("first seen with {}", describe(levels)));
    scenario.expression_diagnostic(code, &when(index), &error)
}

/// A combination as messages name it.
pub(super) fn describe(levels: &Levels) -> String {
    levels.iter().map(|(axis, level)| format!("{axis}={level}")).collect::<Vec<_>>().join(" ")
}

/// Adds the included combinations, and gives every cell its id and slug.
fn name(
    scenario: &Located<Scenario>,
    cells: Vec<Levels>,
    include: Vec<Levels>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Combination> {
    let mut named: Vec<Combination> = Vec::with_capacity(cells.len() + include.len());
    let (mut ids, mut slugs) = (BTreeSet::new(), BTreeMap::new());
    let listed = cells.len();
    for (index, levels) in cells.into_iter().chain(include).enumerate() {
        if diagnostics.len() >= MOST_SAID {
            break;
        }
        let pointer = index.checked_sub(listed).map(|index| format!("/spec/include/{index}"));
        let id = identity::id(&scenario.metadata.name, &levels);
        let slug = identity::slug(&levels, &id);
        if !ids.insert(id.clone()) {
            let pointer = pointer.unwrap_or_else(|| "/spec/axes".to_owned());
            let message = format!("the combination {} is there already", describe(&levels));
            diagnostics.push(scenario.diagnostic(codes::INCLUDED_TWICE, &pointer, message));
            continue;
        }
        if let Some(other) = slugs.insert(slug.clone(), named.len()).and_then(|at| named.get(at)) {
            let other = describe(&other.levels);
            let pointer = pointer.unwrap_or_else(|| "/spec/axes".to_owned());
            let message = format!("{} and {other} would both be in the folder `{slug}`", describe(&levels));
            diagnostics.push(scenario.diagnostic(codes::SAME_SLUG, &pointer, message));
        }
        named.push(Combination { id, slug, levels });
    }
    named
}

fn limits(scenario: &Located<Scenario>, cells: usize, diagnostics: &mut Vec<Diagnostic>) {
    if cells == 0 {
        let pointer = if scenario.spec.exclude.is_empty() { "/spec/axes" } else { "/spec/exclude" };
        diagnostics.push(scenario.key_diagnostic(
            codes::NOTHING_LEFT,
            pointer,
            "no combination is left, everything is excluded",
        ));
    }
    if cells > MOST_CELLS {
        let message = format!("there are {cells} cells, at most {MOST_CELLS} are allowed");
        diagnostics.push(scenario.key_diagnostic(codes::TOO_MANY_CELLS, "/spec/axes", message));
    }
}
