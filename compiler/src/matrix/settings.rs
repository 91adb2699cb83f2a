use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Combination, Level, Matrix, Nodes, Scope, expand::describe};
use crate::spec::{
    Advised, Diagnostic, ExpressionError, Family, GroupSpec, Load, Located, Quantity, Scenario, Severity, SystemUse,
    Template, a_kind, codes, pointer_part, sort, suggest,
};

/// What a setting's value must be.
#[derive(Clone, Copy)]
enum Wanted {
    /// A whole number between two limits, and the code of one beyond them.
    Whole(u64, u64, &'static str),
    Quantity(Family),
    Link,
}

/// Evaluates, in every cell, the settings that depend on axes alone, and counts who seeds and who downloads; each
/// mistake is reported once, and none where `before` has an error.
///
/// Settings that need more (`measure`, `group`, `data`, hosts) are the plan's affair.
pub fn check_settings(scenario: &Located<Scenario>, matrix: &Matrix, before: &[Diagnostic]) -> Vec<Diagnostic> {
    let errors = before.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let seen: BTreeSet<String> = errors.map(|diagnostic| diagnostic.path.clone()).collect();
    let whole = seen.is_empty();
    if seen.iter().any(|pointer| pointer.starts_with("/spec/exclude")) {
        // Combinations may be left that shall not be.
        return Vec::new();
    }
    let mut check = Check { scenario, whole, seen, used: BTreeSet::new(), diagnostics: Vec::new() };
    for cell in &matrix.cells {
        check.cell(cell);
    }
    if whole {
        check.unused();
    }
    sort(&mut check.diagnostics);
    check.diagnostics
}

struct Check<'s> {
    scenario: &'s Located<Scenario>,
    /// Whether nothing was left out of the scenario: only then can be said what it lacks.
    whole: bool,
    /// What has failed already.
    seen: BTreeSet<String>,
    /// Systems that are in some cell, or may be.
    used: BTreeSet<&'s str>,
    diagnostics: Vec<Diagnostic>,
}

impl Check<'_> {
    fn cell(&mut self, cell: &Combination) {
        let scope = Scope::new(&cell.levels);
        let seeders = self.measure(&scope, cell);
        let mut measured = false;
        for (name, system) in &self.scenario.spec.systems {
            let pointer = format!("/spec/systems/{}", pointer_part(name));
            // Where it can't be said whether a system is there, that is the mistake.
            let present = self.present(&scope, cell, name, system);
            measured |= system.load == Load::Measured && present != Some(false);
            if present != Some(false) {
                self.used.insert(name);
            }
            if present == Some(true) {
                let nodes = self.groups(&scope, cell, &pointer, &system.groups);
                if let (Some(nodes), Ok(seeders), Load::Measured, true) = (nodes, seeders, system.load, self.whole) {
                    self.draw(cell, name, nodes, seeders);
                }
            }
        }
        if !measured && self.whole {
            self.nothing_measured(cell);
        }
    }

    /// The number of seeders, where it is given and sound.
    fn measure(&mut self, scope: &Scope, cell: &Combination) -> Result<Option<u32>, ()> {
        let measure = &self.scenario.spec.measure;
        let count = |least| Wanted::Whole(least, 1_000, codes::MEASURED_ZERO);
        for (field, template, wanted) in [
            ("fileSize", Some(&measure.file_size), Wanted::Quantity(Family::Size)),
            ("trials", measure.trials.as_ref(), count(1)),
            ("repetitions", measure.repetitions.as_ref(), count(1)),
            ("warmup", measure.warmup.as_ref(), count(0)),
            ("stalled", measure.stalled.as_ref(), Wanted::Quantity(Family::Duration)),
            ("ready", measure.ready.as_ref(), Wanted::Quantity(Family::Duration)),
        ] {
            if let Some(template) = template {
                self.setting(scope, cell, &format!("/spec/measure/{field}"), template, wanted);
            }
        }
        let Some(seeders) = &measure.seeders else { return Ok(None) };
        let wanted = Wanted::Whole(1, 1_000_000, codes::WRONG_SEEDERS);
        self.setting(scope, cell, "/spec/measure/seeders", seeders, wanted).as_ref().and_then(whole).map(Some).ok_or(())
    }

    /// Whether a system is in a cell; none where that can't be said.
    fn present(&mut self, scope: &Scope, cell: &Combination, name: &str, system: &SystemUse) -> Option<bool> {
        match &system.when {
            Some(when) => match scope.condition(when) {
                Ok(present) => Some(present),
                Err(error) => {
                    let code = if error.not_boolean { codes::NOT_BOOLEAN } else { codes::EVALUATION };
                    self.failed(code, cell, &format!("/spec/systems/{}/when", pointer_part(name)), error);
                    None
                }
            },
            None => Some(cell.levels.get("system").is_none_or(|level| level.to_string() == name)),
        }
    }

    /// The nodes by role, where all of them are known.
    fn groups(
        &mut self,
        scope: &Scope,
        cell: &Combination,
        pointer: &str,
        groups: &BTreeMap<String, GroupSpec>,
    ) -> Option<Nodes> {
        let mut nodes = Some(Nodes::default());
        for (name, group) in groups {
            let pointer = format!("{pointer}/groups/{}", pointer_part(name));
            let wanted = Wanted::Whole(1, 1_000, codes::REPLICAS);
            let replicas = self.setting(scope, cell, &format!("{pointer}/replicas"), &group.replicas, wanted);
            nodes = nodes.zip(replicas.as_ref().and_then(whole)).map(|(nodes, count)| nodes.with(group.role, count));
            if let Some(network @ Value::String(_)) = &group.network {
                let template = Template(network.clone());
                self.setting(scope, cell, &format!("{pointer}/network"), &template, Wanted::Link);
            }
        }
        nodes
    }

    /// The value of a setting that has not failed yet. What is no expression has been looked at in the file.
    fn setting(
        &mut self,
        scope: &Scope,
        cell: &Combination,
        pointer: &str,
        template: &Template,
        wanted: Wanted,
    ) -> Option<Value> {
        if self.seen.contains(pointer) {
            return None;
        }
        let value = match scope.evaluate(template) {
            Ok(value) => value,
            Err(error) => {
                self.failed(codes::EVALUATION, cell, pointer, error);
                return None;
            }
        };
        let refused = wanted.refuses(&value).filter(|_| template.is_expression());
        if let Some((code, message)) = refused {
            let length = template.0.as_str().map_or(0, str::len);
            self.failed(code, cell, pointer, ExpressionError::new(message, 0..length));
            return None;
        }
        Some(value)
    }

    fn failed(&mut self, code: &'static str, cell: &Combination, pointer: &str, error: ExpressionError) {
        if self.seen.insert(pointer.to_owned()) {
            let error = error.help(first_seen(cell));
            self.diagnostics.push(self.scenario.expression_diagnostic(code, pointer, &error));
        }
    }

    fn draw(&mut self, cell: &Combination, system: &str, nodes: Nodes, seeders: Option<u32>) {
        // that a number is missing has been said
        let seeders = seeders.or_else(|| nodes.by_role());
        let Some(message) = seeders.and_then(|seeders| nodes.refuse(system, seeders)) else { return };
        let pointer = match self.scenario.spec.measure.seeders {
            Some(_) => "/spec/measure/seeders".to_owned(),
            None => format!("/spec/systems/{}/groups", pointer_part(system)),
        };
        if self.seen.insert(format!("{pointer} {system}")) {
            let help = format!("exclude the combination, or change the groups; {}", first_seen(cell));
            self.diagnostics.push(self.scenario.diagnostic(codes::WRONG_SEEDERS, &pointer, message).help(help));
        }
    }

    /// A level of the axis `system` that is no system's name, or conditions that nothing meets.
    fn nothing_measured(&mut self, cell: &Combination) {
        let level = cell.levels.get("system").map(Level::to_string);
        let names = || self.scenario.spec.systems.keys().map(String::as_str);
        let unknown = level.filter(|level| !names().any(|name| name == level));
        let key = format!("system {}", unknown.as_deref().unwrap_or_default());
        if self.seen.contains(&key) {
            return;
        }
        let diagnostic = if let Some(level) = unknown {
            let systems = format!("the systems are {}", names().collect::<Vec<_>>().join(", "));
            let message = format!("there is no system `{level}`");
            let diagnostic = self.scenario.diagnostic(codes::NO_SYSTEM, &self.level_pointer(&level), message);
            diagnostic.meant(suggest(&level, names())).help(systems)
        } else {
            let message = "no system is measured in a cell";
            self.scenario.key_diagnostic(codes::NO_SYSTEM, "/spec/systems", message).help(first_seen(cell))
        };
        self.diagnostics.push(diagnostic);
        self.seen.insert(key);
    }

    /// Where a level of the axis `system` is written first.
    fn level_pointer(&self, level: &str) -> String {
        let spec = &self.scenario.spec;
        let is = |value: &Value| value.get("name").unwrap_or(value) == level;
        let listed = spec.axes.get("system").into_iter().flatten().position(is);
        let included = || spec.include.iter().position(|entry| entry.get("system").is_some_and(is));
        match listed {
            Some(index) => format!("/spec/axes/system/{index}"),
            None => format!("/spec/include/{}/system", included().unwrap_or_default()),
        }
    }

    /// Systems that no cell has; where cells lack one, that is the mistake.
    fn unused(&mut self) {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.code == codes::NO_SYSTEM) {
            return;
        }
        for name in self.scenario.spec.systems.keys().filter(|name| !self.used.contains(name.as_str())) {
            let pointer = format!("/spec/systems/{}", pointer_part(name));
            let message = format!("the system `{name}` is in no cell");
            let diagnostic = self.scenario.key_diagnostic(codes::UNUSED_SYSTEM, &pointer, message);
            let help = "its `when` is never true, or the axis `system` has no level of its name";
            self.diagnostics.push(diagnostic.help(help).warning());
        }
    }
}

fn first_seen(cell: &Combination) -> String {
    format!("first seen with {}", describe(&cell.levels))
}

fn whole(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

impl Wanted {
    /// Why a value won't do.
    fn refuses(self, value: &Value) -> Option<(&'static str, String)> {
        let unfit = |message: String| Some((codes::NOT_WANTED, message));
        match (self, value) {
            (Self::Whole(least, most, code), Value::Number(number)) => {
                if number.as_u64().is_some_and(|number| (least..=most).contains(&number)) {
                    return None;
                }
                let code = if number.is_f64() { codes::NOT_WANTED } else { code };
                Some((code, format!("the value is {number}, not a whole number from {least} to {most}")))
            }
            (Self::Whole(..), other) => unfit(format!("the value is {}, not a whole number", a_kind(other))),
            (Self::Quantity(_), Value::Number(number)) if number.as_f64().is_some_and(|number| number >= 0.0) => None,
            (Self::Quantity(_), Value::Number(number)) => unfit(format!("the value is {number}, which is below 0")),
            (Self::Quantity(family), Value::String(text)) => match text.parse::<Quantity>() {
                Ok(quantity) if quantity.family == family => None,
                Ok(quantity) => {
                    unfit(format!("the value `{text}` is a {}, not a {}", quantity.family.name(), family.name()))
                }
                Err(error) => unfit(format!("the value is no {}: {error}", family.name())),
            },
            (Self::Quantity(family), other) => {
                unfit(format!("the value is {}, not a {}", a_kind(other), family.name()))
            }
            (Self::Link, value) => no_link(value).map(|message| (codes::BAD_LINK, message)),
        }
    }
}

/// Why a value is no link.
fn no_link(value: &Value) -> Option<String> {
    let Value::Object(map) = value else {
        return (value != "unshaped").then(|| format!("the value is {}, not a link", a_kind(value)));
    };
    let of = map.get("name").and_then(Value::as_str).map(|name| format!(" `{name}`")).unwrap_or_default();
    let parts =
        [("up", Family::Rate), ("down", Family::Rate), ("latency", Family::Duration), ("loss", Family::Percentage)];
    for (key, family) in parts {
        match map.get(key) {
            None if family != Family::Rate => {}
            None => return Some(format!("the link{of} has no `{key}`")),
            Some(value) => {
                if let Some((_, message)) = Wanted::Quantity(family).refuses(value) {
                    return Some(format!("`{key}` of the link{of}: {message}"));
                }
            }
        }
    }
    None
}
