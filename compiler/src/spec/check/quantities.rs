use serde_json::Value;

use super::{Diagnostic, Document, axes, each};
use crate::spec::{Family, MOST_SAID, Quantity, QuantityError, codes, mend};

pub(super) fn scenario(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let mut check = Check { document, diagnostics };
    check.all("/spec/measure/fileSize", Family::Size);
    check.not_zero("/spec/measure/fileSize");
    check.all("/spec/measure/stalled", Family::Duration);
    check.all("/spec/measure/ready", Family::Duration);
    for field in ["trials", "repetitions"] {
        check.whole(&format!("/spec/measure/{field}"), 1, 1_000);
    }
    check.whole("/spec/measure/warmup", 0, 1_000);
    check.whole("/spec/measure/seeders", 1, 1_000_000);
    let group = "/spec/systems/*/groups/*";
    check.whole(&format!("{group}/replicas"), 1, 1_000);
    check.all(&format!("{group}/data/size"), Family::Size);
    check.network(&format!("{group}/network"));
    check.resources(&format!("{group}/resources"));
}

pub(super) fn system(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    Check { document, diagnostics }.all("/spec/data/size", Family::Size);
}

pub(super) fn lab(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let mut check = Check { document, diagnostics };
    check.all("/spec/drain", Family::Duration);
    check.all("/spec/hold", Family::Duration);
    check.all("/spec/conductor/interval", Family::Duration);
    check.all("/spec/pools/*/link", Family::Rate);
    check.all("/spec/pools/*/disk", Family::Size);
    check.resources("/spec/pools/*");
    check.resources("/spec/defaults/resources");
    check.network("/spec/defaults/network");
}

/// 100 %, in parts in a billion.
const WHOLE: u64 = 1_000_000_000;

struct Check<'a> {
    document: &'a Document,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn report(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(self.document.at_value(code, pointer, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    fn all(&mut self, pattern: &str, family: Family) {
        let document = self.document;
        for (pointer, value) in each(&document.tree, pattern) {
            self.quantity(&pointer, value, family);
        }
    }

    /// A quantity, or an expression that is looked at later.
    fn quantity(&mut self, pointer: &str, value: &Value, family: Family) {
        let example = family.example();
        match value {
            _ if self.diagnostics.len() >= MOST_SAID => {}
            Value::String(text) if text.contains("{{") => {}
            Value::String(text) => match text.parse::<Quantity>() {
                Ok(quantity) if quantity.family != family => {
                    let message = format!(
                        "`{text}` is a {}, expected a {} such as `{example}`",
                        quantity.family.name(),
                        family.name()
                    );
                    self.report(codes::WRONG_FAMILY, pointer, message);
                }
                Ok(quantity) if family == Family::Rate && quantity.base == 0 => {
                    self.report(codes::QUANTITY, pointer, "a rate of 0 lets nothing through");
                }
                Ok(quantity) if family == Family::Percentage && quantity.base >= WHOLE => {
                    self.report(codes::QUANTITY, pointer, format!("a loss of {text} lets nothing through"));
                }
                Ok(_) => {}
                Err(error) => self.unreadable(pointer, text, family, &error),
            },
            Value::Number(number) if number.as_f64() == Some(0.0) && family != Family::Rate => {}
            Value::Number(number) => {
                let message = format!("`{number}` has no unit, expected a {} such as `{example}`", family.name());
                self.report(codes::QUANTITY, pointer, message);
            }
            _ => {}
        }
    }

    fn not_zero(&mut self, pointer: &str) {
        let value = self.document.tree.pointer(pointer);
        let nothing = |text: &str| Quantity::of(Family::Size, text).is_some_and(|quantity| quantity.base == 0);
        if value.is_some_and(|value| value.as_f64() == Some(0.0) || value.as_str().is_some_and(nothing)) {
            self.report(codes::MEASURED_ZERO, pointer, "a transfer of nothing can't be measured");
        }
    }

    fn unreadable(&mut self, pointer: &str, text: &str, family: Family, error: &QuantityError) {
        // `Mb` is a unit of bits where a rate is expected
        let mended = [mend(text), mend(&format!("{text}ps"))];
        let fix = mended.into_iter().flatten().find(|fix| Quantity::of(family, fix).is_some());
        let said = match error {
            QuantityError::UnknownUnit { unit, meant: Some(meant) }
                if !family.units().iter().any(|(name, _)| name == meant) =>
            {
                format!("`{unit}` is no unit of a {}", family.name())
            }
            _ => error.to_string(),
        };
        let units: Vec<_> = family.units().iter().rev().map(|(unit, _)| *unit).collect();
        let diagnostic = self.report(codes::QUANTITY, pointer, said);
        diagnostic.help =
            Some(format!("a {} has one of the units {}, without a space", family.name(), units.join(" ")));
        diagnostic.fix = fix;
        self.meant_axis(text);
    }

    /// The value that was just reported may be an axis that lacks its braces.
    fn meant_axis(&mut self, text: &str) {
        if let Some(diagnostic) = self.diagnostics.last_mut().filter(|_| axes(&self.document.tree).contains(text)) {
            diagnostic.help = Some("the axis is an expression".to_owned());
            diagnostic.fix = Some(format!("\"{{{{ {text} }}}}\""));
        }
    }

    /// A whole number between two limits.
    fn whole(&mut self, pattern: &str, least: u64, most: u64) {
        let document = self.document;
        for (pointer, value) in each(&document.tree, pattern) {
            match value {
                Value::String(text) if text.contains("{{") => {}
                Value::Number(number) if number.as_u64().is_some_and(|number| (least..=most).contains(&number)) => {}
                Value::Number(number) => {
                    let message = format!("`{number}` is not a whole number from {least} to {most}");
                    self.report(codes::OUT_OF_RANGE, &pointer, message);
                }
                Value::String(text) => {
                    let is_number = text.parse::<u64>().is_ok();
                    let fix = is_number.then(|| text.clone());
                    let diagnostic = self.report(codes::WRONG_TYPE, &pointer, "expected a whole number, found text");
                    diagnostic.help = fix.as_ref().map(|_| "without quotes it is a number".to_owned());
                    diagnostic.fix = fix;
                    self.meant_axis(text);
                }
                _ => {}
            }
        }
    }

    fn network(&mut self, pattern: &str) {
        self.all(&format!("{pattern}/up"), Family::Rate);
        self.all(&format!("{pattern}/down"), Family::Rate);
        self.all(&format!("{pattern}/latency"), Family::Duration);
        self.all(&format!("{pattern}/loss"), Family::Percentage);
        let document = self.document;
        for (pointer, value) in each(&document.tree, pattern) {
            match value.as_str() {
                Some("unshaped") => {
                    let message = "the link is not shaped: results depend on the machines, and there is no efficiency";
                    let warning = document.at_value(codes::UNSHAPED, &pointer, message).warning();
                    self.diagnostics.push(warning);
                }
                Some(text) if !text.contains("{{") => {
                    let message = format!("`{text}` is no link; expected {{up, down, latency, loss}} or `unshaped`");
                    self.report(codes::WRONG_TYPE, &pointer, message);
                }
                _ => {}
            }
        }
    }

    /// Processors and memory, as Kubernetes writes them or as our sizes.
    fn resources(&mut self, pattern: &str) {
        let document = self.document;
        for (pointer, value) in each(&document.tree, &format!("{pattern}/cpu")) {
            let good = match value {
                Value::String(text) => text.contains("{{") || cpu(text),
                Value::Number(number) => number.as_f64().is_some_and(|number| number > 0.0),
                _ => true,
            };
            if !good {
                self.report(
                    codes::QUANTITY,
                    &pointer,
                    "expected processors as Kubernetes writes them: `2`, `0.5`, `500m`",
                );
            }
        }
        for (pointer, value) in each(&document.tree, &format!("{pattern}/memory")) {
            let good = match value {
                Value::String(text) => text.contains("{{") || memory(text),
                Value::Number(_) => false,
                _ => true,
            };
            if !good {
                self.report(codes::QUANTITY, &pointer, "expected memory such as `2Gi` or `500MB`");
            }
        }
    }
}

fn cpu(text: &str) -> bool {
    text.strip_suffix('m').unwrap_or(text).parse::<f64>().is_ok_and(|number| number > 0.0 && number.is_finite())
}

fn memory(text: &str) -> bool {
    if Quantity::of(Family::Size, text).is_some() {
        return true;
    }
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let units = ["", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    units.contains(&&text[number.len()..]) && number.parse::<f64>().is_ok_and(|number| number > 0.0)
}
