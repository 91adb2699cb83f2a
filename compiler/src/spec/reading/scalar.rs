use serde_json::{Number, Value};

/// What a plain scalar is to a reader.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// A JSON value.
    Value(Value),
    /// Something JSON does not have, by name.
    Other(&'static str),
}

impl Reading {
    /// As messages say it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Value(Value::Null) => "nothing".to_owned(),
            Self::Value(Value::Bool(value)) => format!("the boolean {value}"),
            Self::Value(Value::Number(number)) => format!("the number {number}"),
            Self::Value(_) => "text".to_owned(),
            Self::Other(name) => (*name).to_owned(),
        }
    }
}

/// What YAML 1.2 (core schema) makes of a plain scalar.
pub(super) fn yaml_1_2(text: &str) -> Reading {
    let value = match text {
        "" | "null" | "Null" | "NULL" | "~" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Reading::Other("not a number"),
        _ if infinite(text) => return Reading::Other("infinity"),
        _ => {
            if let Some(digits) = text.strip_prefix("0o") {
                return radix(digits, 8, false, text);
            }
            if let Some(digits) = text.strip_prefix("0x") {
                return radix(digits, 16, false, text);
            }
            if all_digits(unsigned(text)) {
                return decimal(text, text.starts_with('-'));
            }
            if is_float(unsigned(text)) {
                return float(text);
            }
            return as_text(text);
        }
    };
    Reading::Value(value)
}

/// What YAML 1.1 makes of it, as its common readers do.
pub(super) fn yaml_1_1(text: &str) -> Reading {
    let lower = text.to_ascii_lowercase();
    let cased = text == lower || text == lower.to_ascii_uppercase() || capitalized(text);
    match lower.as_str() {
        "y" | "yes" | "on" if cased => return Reading::Value(Value::Bool(true)),
        "n" | "no" | "off" if cased => return Reading::Value(Value::Bool(false)),
        "=" => return Reading::Other("a value tag"),
        _ => {}
    }
    let (digits, negative) = (unsigned(text), text.starts_with('-'));
    if let Some(bits) = digits.strip_prefix("0b") {
        return radix(bits, 2, negative, text);
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return radix(hex, 16, negative, text);
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| matches!(b, b'0'..=b'7' | b'_')) {
        return radix(&digits[1..], 8, negative, text);
    }
    if digits == "0" || (digits.starts_with(|c: char| matches!(c, '1'..='9')) && all_digits(&digits.replace('_', ""))) {
        return decimal(&text.replace('_', ""), negative);
    }
    if let Some(seconds) = sexagesimal(digits) {
        return Reading::Value(Value::from(if negative { -seconds } else { seconds }));
    }
    if is_timestamp(text) {
        return Reading::Other("a date");
    }
    if all_digits(digits) {
        return as_text(text); // 08 and 09 are no octal numbers
    }
    match yaml_1_2(text) {
        Reading::Value(Value::Number(_)) if !float_1_1(text) => as_text(text),
        Reading::Value(Value::String(_)) if text.contains('_') && float_1_1(&text.replace('_', "")) => {
            float(&text.replace('_', ""))
        }
        other => other,
    }
}

/// Floats of 1.1 need a point, and a sign in the exponent.
fn float_1_1(text: &str) -> bool {
    let digits = unsigned(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    mantissa.contains('.')
        && exponent.is_none_or(|exponent| exponent.starts_with(['+', '-']))
        && is_float(digits)
        && (digits.starts_with(|c: char| c.is_ascii_digit()) || digits == text)
}

fn as_text(text: &str) -> Reading {
    Reading::Value(Value::String(text.to_owned()))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn infinite(text: &str) -> bool {
    matches!(unsigned(text), ".inf" | ".Inf" | ".INF")
}

fn capitalized(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase()) && chars.all(|c| c.is_ascii_lowercase())
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && (fraction.is_empty() || all_digits(fraction)),
        None => all_digits(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| all_digits(unsigned(exponent)))
}

fn radix(digits: &str, radix: u32, negative: bool, text: &str) -> Reading {
    let digits = digits.replace('_', "");
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return as_text(text);
    }
    match i64::from_str_radix(&digits, radix) {
        Ok(number) => Reading::Value(Value::from(if negative { -number } else { number })),
        Err(_) => Reading::Other("a number too large"),
    }
}

fn decimal(text: &str, negative: bool) -> Reading {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let number = if negative {
        digits.parse::<i64>().map(Value::from).ok()
    } else {
        digits.parse::<u64>().map(Value::from).ok()
    };
    number.map_or(Reading::Other("a number too large"), Reading::Value)
}

/// A decimal without a fraction is a whole number.
fn float(text: &str) -> Reading {
    let Some(number) = text.strip_prefix('+').unwrap_or(text).parse::<f64>().ok().filter(|n| n.is_finite()) else {
        return Reading::Other("a number too large");
    };
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Reading::Value(Value::from(number as i64));
    }
    Number::from_f64(number).map_or_else(|| as_text(text), |number| Reading::Value(Value::Number(number)))
}

/// `12:30`: base 60 to readers of 1.1.
fn sexagesimal(digits: &str) -> Option<i64> {
    let mut parts = digits.split(':');
    let first = parts.next()?.replace('_', "");
    let mut total: i64 = if all_digits(&first) { first.parse().ok()? } else { return None };
    let mut count = 0;
    for part in parts {
        let value: i64 = if all_digits(part) && part.len() <= 2 { part.parse().ok()? } else { return None };
        total = total.checked_mul(60)?.checked_add(value).filter(|_| value < 60)?;
        count += 1;
    }
    (count > 0).then_some(total)
}

/// `2026-11-21`, with or without a time.
fn is_timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or(text);
    let parts: Vec<_> = date.split('-').collect();
    let sizes = |part: &str, least: usize, most: usize| all_digits(part) && (least..=most).contains(&part.len());
    matches!(parts.as_slice(), [year, month, day] if sizes(year, 4, 4) && sizes(month, 1, 2) && sizes(day, 1, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_differ_on_these_and_agree_on_those() {
        for text in [
            "1e3",
            "0o17",
            "017",
            "1_000",
            "y",
            "on",
            "Off",
            "NO",
            "12:30",
            "2026-11-21",
            "08",
            "0b11",
            "1.5e3",
            "=",
            "2026-11-21T10:00:00Z",
            "1:30:45",
            "-017",
            "1_0.5",
            "-.5",
        ] {
            assert_ne!(yaml_1_1(text), yaml_1_2(text), "{text}");
        }
        for (text, value) in [
            ("1", Value::from(1)),
            ("-7", Value::from(-7)),
            ("+7", Value::from(7)),
            ("0", Value::from(0)),
            ("1.0", Value::from(1)),
            ("1.20", Value::from(1.2)),
            ("0x1F", Value::from(31)),
            ("true", Value::from(true)),
            ("null", Value::Null),
            ("100MB", Value::from("100MB")),
            ("yEs", Value::from("yEs")),
            ("benchgrid.io/v1alpha1", Value::from("benchgrid.io/v1alpha1")),
            ("1.2.3", Value::from("1.2.3")),
            ("v1", Value::from("v1")),
            ("a:b", Value::from("a:b")),
            ("10.0.0.0/8", Value::from("10.0.0.0/8")),
            ("12:99", Value::from("12:99")),
        ] {
            assert_eq!(
                (yaml_1_1(text), yaml_1_2(text)),
                (Reading::Value(value.clone()), Reading::Value(value)),
                "{text}"
            );
        }
    }
}
