use std::collections::BTreeSet;

use serde_json::Value;

use super::{Combination, Matrix, Scope, expand::describe};
use crate::spec::{
    Diagnostic, ExpressionError, Family, Located, Quantity, Scenario, SystemUse, Template, a_kind, codes, pointer_part,
    sort,
};

/// What a setting's value must be.
#[derive(Clone, Copy)]
enum Wanted {
    Whole(u64, u64),
    Quantity(Family),
    Anything,
}

/// Evaluates, in every cell, the settings that depend on axes alone; each that fails is reported once.
///
/// Settings that need more (`measure`, `group`, `data`, hosts) are the plan's affair.
pub fn check_settings(scenario: &Located<Scenario>, matrix: &Matrix) -> Vec<Diagnostic> {
    let mut check = Check { scenario, seen: BTreeSet::new(), diagnostics: Vec::new() };
    for cell in &matrix.cells {
        let scope = Scope::new(&cell.levels);
        check.measure(&scope, cell);
        for (name, system) in &scenario.spec.systems {
            let pointer = format!("/spec/systems/{}", pointer_part(name));
            if check.present(&scope, cell, &pointer, system) {
                check.groups(&scope, cell, &pointer, system);
            }
        }
    }
    sort(&mut check.diagnostics);
    check.diagnostics
}

struct Check<'s> {
    scenario: &'s Located<Scenario>,
    /// Settings that have failed already.
    seen: BTreeSet<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Check<'_> {
    fn measure(&mut self, scope: &Scope, cell: &Combination) {
        let measure = &self.scenario.spec.measure;
        let count = |least| Wanted::Whole(least, 1_000_000);
        for (field, template, wanted) in [
            ("fileSize", Some(&measure.file_size), Wanted::Quantity(Family::Size)),
            ("seeders", measure.seeders.as_ref(), count(1)),
            ("trials", measure.trials.as_ref(), count(1)),
            ("repetitions", measure.repetitions.as_ref(), count(1)),
            ("warmup", measure.warmup.as_ref(), count(0)),
            ("stalled", measure.stalled.as_ref(), Wanted::Quantity(Family::Duration)),
            ("ready", measure.ready.as_ref(), Wanted::Quantity(Family::Duration)),
        ] {
            self.setting(scope, cell, &format!("/spec/measure/{field}"), template, wanted);
        }
    }

    /// Whether a system is in a cell.
    fn present(&mut self, scope: &Scope, cell: &Combination, pointer: &str, system: &SystemUse) -> bool {
        match &system.when {
            Some(when) => {
                let pointer = format!("{pointer}/when");
                match scope.condition(when) {
                    Ok(present) => present,
                    Err(error) => {
                        self.failed(cell, &pointer, error);
                        false
                    }
                }
            }
            None => cell.levels.get("system").is_none_or(|level| pointer.ends_with(&format!("/{level}"))),
        }
    }

    fn groups(&mut self, scope: &Scope, cell: &Combination, pointer: &str, system: &SystemUse) {
        for (name, group) in &system.groups {
            let pointer = format!("{pointer}/groups/{}", pointer_part(name));
            let replicas = format!("{pointer}/replicas");
            self.setting(scope, cell, &replicas, Some(&group.replicas), Wanted::Whole(0, 1_000));
            if let Some(network @ Value::String(text)) = &group.network
                && text.contains("{{")
            {
                let template = Template(network.clone());
                self.setting(scope, cell, &format!("{pointer}/network"), Some(&template), Wanted::Anything);
            }
        }
    }

    fn setting(
        &mut self,
        scope: &Scope,
        cell: &Combination,
        pointer: &str,
        template: Option<&Template>,
        wanted: Wanted,
    ) {
        // What is no expression has been looked at in the file.
        let Some(template) = template.filter(|template| template.is_expression()) else { return };
        let result = scope.evaluate(template).and_then(|value| {
            let length = template.0.as_str().map_or(0, str::len);
            wanted.refuses(&value).map_or(Ok(()), |message| Err(ExpressionError::new(message, 0..length)))
        });
        if let Err(error) = result {
            self.failed(cell, pointer, error);
        }
    }

    fn failed(&mut self, cell: &Combination, pointer: &str, mut error: ExpressionError) {
        if !self.seen.insert(pointer.to_owned()) {
            return;
        }
        let seen = format!("first seen with {}", describe(&cell.levels));
        error.help = Some(error.help.map_or_else(|| seen.clone(), |help| format!("{help}; {seen}")));
        let code = if error.not_boolean { codes::NOT_BOOLEAN } else { codes::EVALUATION };
        self.diagnostics.push(self.scenario.expression_diagnostic(code, pointer, &error));
    }
}

impl Wanted {
    /// Why a value won't do.
    fn refuses(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Anything, _) => None,
            (Self::Whole(least, most), Value::Number(number)) => {
                let fits = number.as_u64().is_some_and(|number| (least..=most).contains(&number));
                (!fits).then(|| format!("the value is {number}, not a whole number from {least} to {most}"))
            }
            (Self::Whole(..), other) => Some(format!("the value is {}, not a whole number", a_kind(other))),
            (Self::Quantity(_), Value::Number(number)) => {
                let positive = number.as_f64().is_some_and(|number| number >= 0.0);
                (!positive).then(|| format!("the value is {number}, which is below 0"))
            }
            (Self::Quantity(family), Value::String(text)) => match text.parse::<Quantity>() {
                Ok(quantity) if quantity.family == family => None,
                Ok(_) => Some(format!("the value `{text}` is a quantity of another kind")),
                Err(error) => Some(error.to_string()),
            },
            (Self::Quantity(_), other) => Some(format!("the value is {}, not a quantity", a_kind(other))),
        }
    }
}
