use serde_json::Value;

use super::{Advised, Diagnostic, Document, axes, each};
use crate::spec::{Quantity, codes, suggest};

/// Metrics that a claim may be about.
const METRICS: [&str; 8] = [
    "time_to_first_byte",
    "time_to_50",
    "time_to_90",
    "time_to_100",
    "download_speed",
    "upload_time",
    "network_bytes",
    "success",
];

/// What is compared, and whether anything is measured at all.
pub(super) fn scenario(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    axis(document, diagnostics);
    claims(document, diagnostics);
    measured(document, diagnostics);
}

fn axis(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let pointer = "/spec/compare/axis";
    let Some(axis) = document.tree.pointer(pointer).and_then(Value::as_str) else { return };
    let known = axes(&document.tree);
    if !known.contains(axis) {
        let diagnostic = document.at_value(codes::COMPARE, pointer, format!("there is no axis `{axis}`"));
        diagnostics.push(
            diagnostic.meant(suggest(axis, known.iter().copied())).help(format!("the axes are {}", words(&known))),
        );
        return;
    }
    let pointer = "/spec/compare/baseline";
    let Some(baseline) = document.tree.pointer(pointer) else { return };
    let listed =
        document.tree.pointer(&format!("/spec/axes/{axis}")).and_then(Value::as_array).cloned().unwrap_or_default();
    let included = each(&document.tree, &format!("/spec/include/*/{axis}")).into_iter().map(|(_, level)| level.clone());
    let levels: Vec<Value> = listed.into_iter().chain(included).collect();
    if !levels.iter().any(|level| same(level, baseline)) {
        let levels: Vec<String> = levels.iter().map(shown).collect();
        let message = format!("`{}` is no level of `{axis}`, which has {}", shown(baseline), words(&levels));
        let near = suggest(&shown(baseline), levels.iter().map(String::as_str)).map(str::to_owned);
        diagnostics.push(document.at_value(codes::COMPARE, pointer, message).meant(near));
    }
}

/// Whether a baseline names a level: an object by its name.
fn same(level: &Value, baseline: &Value) -> bool {
    let level = level.get("name").unwrap_or(level);
    let quantity = |value: &Value| value.as_str().and_then(|text| text.parse::<Quantity>().ok());
    level == baseline || (quantity(level).is_some() && quantity(level) == quantity(baseline))
}

fn shown(level: &Value) -> String {
    let level = level.get("name").unwrap_or(level);
    level.as_str().map_or_else(|| level.to_string(), str::to_owned)
}

fn words<T: std::fmt::Display>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn claims(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    for (pointer, metric) in each(&document.tree, "/spec/compare/claims/*/metric") {
        let Some(metric) = metric.as_str().filter(|metric| !METRICS.contains(metric)) else { continue };
        let message = format!("there is no metric `{metric}`; there are {}", METRICS.join(", "));
        let diagnostic = document.at_value(codes::METRIC, &pointer, message);
        diagnostics.push(diagnostic.meant(suggest(metric, METRICS)));
    }
    for (pointer, margin) in each(&document.tree, "/spec/compare/claims/*/margin") {
        if margin.as_f64().is_some_and(|margin| margin <= 0.0) {
            let message = format!("a margin of {margin} can't be: 1.20 is at most 20 % worse, below 1 is better");
            diagnostics.push(document.at_value(codes::MARGIN, &pointer, message));
        }
    }
}

fn measured(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let systems = each(&document.tree, "/spec/systems/*");
    let is_measured = |system: &Value| system.get("load").is_none_or(|load| load == "measured");
    if !systems.is_empty() && !systems.iter().any(|(_, system)| is_measured(system)) {
        diagnostics.push(document.at_key(codes::NOTHING_MEASURED, "/spec/systems", "no system is measured"));
    }
    let Some(measure) = document.tree.pointer("/spec/measure").filter(|measure| measure.is_object()) else { return };
    if measure.get("seeders").is_some() {
        return;
    }
    for (pointer, system) in systems.iter().filter(|(_, system)| is_measured(system)) {
        let any =
            each(system, "/groups/*").into_iter().find(|(_, group)| group.get("role").is_none_or(|role| role == "any"));
        if let Some((group, _)) = any {
            let message = format!(
                "`seeders` is missing, and the group `{}` of `{}` has the role `any`",
                super::last(&group),
                super::last(pointer)
            );
            diagnostics.push(document.at_key(codes::SEEDERS, "/spec/measure", message));
            return;
        }
    }
}
