use std::collections::BTreeMap;

use serde_json::Value;

use super::{Level, Levels, level::LevelError};
use crate::spec::{Diagnostic, Located, MOST_SAID, RESERVED_WORDS, Scenario, codes, pointer_part};

/// A scenario's axes with their levels, and the included combinations.
pub(super) struct Axes {
    pub(super) levels: BTreeMap<String, Vec<Level>>,
    pub(super) include: Vec<Levels>,
}

/// Reads them, with everything that is wrong.
pub(super) fn read(scenario: &Located<Scenario>, diagnostics: &mut Vec<Diagnostic>) -> Axes {
    let mut reader = Reader { scenario, diagnostics, first: BTreeMap::new() };
    let spec = &scenario.spec;
    if spec.axes.is_empty() && spec.include.is_empty() {
        reader.at_key(codes::NO_AXIS, "/spec", "there are no axes");
    }
    let levels = spec.axes.iter().map(|(axis, values)| (axis.clone(), reader.axis(axis, values))).collect();
    let include = reader.include();
    Axes { levels, include }
}

struct Reader<'a> {
    scenario: &'a Located<Scenario>,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The first level of each axis: the others must be of its type.
    first: BTreeMap<String, Level>,
}

impl Reader<'_> {
    fn at_key(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        self.diagnostics.push(self.scenario.key_diagnostic(code, pointer, message));
    }

    fn axis(&mut self, axis: &str, values: &[Value]) -> Vec<Level> {
        let pointer = format!("/spec/axes/{}", pointer_part(axis));
        self.axis_name(axis, &pointer);
        if values.is_empty() {
            self.at_key(codes::EMPTY_AXIS, &pointer, format!("the axis `{axis}` has no levels"));
        }
        let mut levels: Vec<Level> = Vec::new();
        let mut written: BTreeMap<String, &str> = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            let Some(level) = self.level(axis, value, &pointer) else { continue };
            let text = self.scenario.document.written(&pointer);
            if let Some(other) = written.get(&level.sameness()) {
                let message = format!("`{text}` is a level of `{axis}` already, as `{other}`");
                self.diagnostics.push(self.scenario.diagnostic(codes::SAME_LEVEL, &pointer, message));
            }
            written.entry(level.sameness()).or_insert(text);
            levels.push(level);
        }
        levels
    }

    fn axis_name(&mut self, axis: &str, pointer: &str) {
        let mut chars = axis.chars();
        let form = chars.next().is_some_and(|c| c.is_ascii_lowercase()) && chars.all(|c| c.is_ascii_alphanumeric());
        let message = if RESERVED_WORDS.contains(&axis) {
            format!("`{axis}` is a word of the expression language")
        } else if !form {
            format!("`{axis}` is no axis name: letters and digits, starting with a small letter")
        } else if axis.len() > 32 {
            format!("`{axis}` has {} characters, at most 32 are allowed", axis.len())
        } else {
            return;
        };
        self.at_key(codes::AXIS_NAME, pointer, message);
    }

    /// One level, of the type of the axis' first one.
    fn level(&mut self, axis: &str, value: &Value, pointer: &str) -> Option<Level> {
        // What was refused while reading, or is a list, has been said.
        let said = self.scenario.document.refused.contains(pointer) || value.is_array();
        if said || self.diagnostics.len() >= MOST_SAID {
            return None;
        }
        let plain = self.scenario.document.span(pointer).plain;
        let level = match Level::read(value, plain) {
            Ok(level) => level,
            Err(error) => {
                self.diagnostics.push(self.refused(&error, pointer));
                return None;
            }
        };
        let first = self.first.entry(axis.to_owned()).or_insert_with(|| level.clone());
        if first.kind() == level.kind() {
            return Some(level);
        }
        let message = format!("`{level}` is {}, and `{first}` of the same axis is {}", level.kind(), first.kind());
        self.diagnostics.push(self.scenario.diagnostic(codes::MIXED_LEVELS, pointer, message));
        None
    }

    fn refused(&self, error: &LevelError, pointer: &str) -> Diagnostic {
        match error {
            LevelError::Quantity { error, fix } => {
                let mut diagnostic = self.scenario.diagnostic(codes::QUANTITY, pointer, error.to_string());
                diagnostic.help = Some("in quotes it is text".to_owned());
                diagnostic.fix.clone_from(fix);
                diagnostic
            }
            LevelError::Unusable(message) => self.scenario.diagnostic(codes::LEVEL, pointer, message.as_str()),
        }
    }

    fn include(&mut self) -> Vec<Levels> {
        let spec = &self.scenario.spec;
        let axes: Vec<&String> = match spec.include.first() {
            Some(first) if spec.axes.is_empty() => first.keys().collect(),
            _ => spec.axes.keys().collect(),
        };
        if spec.axes.is_empty() {
            for axis in &axes {
                self.axis_name(axis, &format!("/spec/include/0/{}", pointer_part(axis)));
            }
        }
        let mut combinations = Vec::new();
        for (index, entry) in spec.include.iter().enumerate() {
            if self.diagnostics.len() >= MOST_SAID {
                break;
            }
            let pointer = format!("/spec/include/{index}");
            let missing: Vec<_> =
                axes.iter().filter(|axis| !entry.contains_key(**axis)).map(|axis| format!("`{axis}`")).collect();
            if !missing.is_empty() {
                let message = format!("the combination does not name {}", missing.join(", "));
                self.diagnostics.push(self.scenario.diagnostic(codes::INCLUDE, &pointer, message));
            }
            let mut levels = Levels::new();
            for (axis, value) in entry {
                let pointer = format!("{pointer}/{}", pointer_part(axis));
                if !axes.contains(&axis) {
                    self.at_key(codes::INCLUDE, &pointer, format!("there is no axis `{axis}`"));
                } else if let Some(level) = self.level(axis, value, &pointer) {
                    levels.insert(axis.clone(), level);
                }
            }
            combinations.push(levels);
        }
        combinations
    }
}
