//! Which plain scalars readers of YAML disagree about.

use serde_json::Value;

/// Words that some version of YAML, or some reader, takes for something else than text.
const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];

/// Whether some reader takes this word for something else than text.
pub(super) fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// What a plain scalar is to every reader; none where they differ.
pub(super) fn plain(text: &str) -> Option<Value> {
    match text {
        "" | "null" => return Some(Value::Null),
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        _ => {}
    }
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    let not_finite = [".inf", ".nan"].iter().any(|word| word.eq_ignore_ascii_case(bare));
    if is_word(text) || not_finite || text == "=" || text == "<<" {
        return None;
    }
    let numeric = bare.strip_prefix('.').unwrap_or(bare).starts_with(|c: char| c.is_ascii_digit());
    if numeric { number(text, bare) } else { Some(Value::from(text)) }
}

/// What a plain scalar is in what kustomize printed: there everything that is no value in its canonical form is text.
pub(super) fn printed(text: &str) -> Option<Value> {
    let exponent = || {
        let (digits, power) = text.split_once('e')?;
        let canonical = plain(digits)?.is_number() && power.starts_with(['+', '-']);
        if canonical { text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::from) } else { None }
    };
    plain(text).or_else(exponent).or_else(|| Some(Value::from(text)))
}

/// The same for text that begins like a number.
fn number(text: &str, bare: &str) -> Option<Value> {
    let (whole, fraction) = bare.split_once('.').map_or((bare, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(digits);
    if canonical && !text.starts_with('+') && text != "-0" {
        return serde_json::from_str(text).ok();
    }
    // a number of another notation, a date or a time to some reader
    let odd = bare.bytes().all(|b| b.is_ascii_digit() || b"_:.,".contains(&b)) && bare.matches('.').count() < 2
        || bare.parse::<f64>().is_ok()
        || ["0x", "0o", "0b", "0X", "0O", "0B"].iter().any(|prefix| bare.starts_with(prefix))
        || is_date(bare);
    (!odd).then(|| Value::from(text))
}

/// Whether the text begins like `2026-01-31`.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().is_some_and(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit()));
    year && parts.clone().count() == 2 && parts.all(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_readers_agree_on() {
        assert_eq!(plain("12"), Some(Value::from(12)));
        assert_eq!(plain("-1.5"), Some(Value::from(-1.5)));
        assert_eq!(plain("null"), Some(Value::Null));
        for text in [
            "1.2.3",
            "100m",
            "2Gi",
            "v1",
            "/data",
            "extip:$(POD_IP)",
            "--listen",
            "--no",
            "--8",
            "8080-8090",
            "10.0.0.0/8",
        ] {
            assert_eq!(plain(text), Some(Value::from(text)), "{text}");
        }
    }

    #[test]
    fn what_kustomize_prints() {
        for text in ["=", "<<", "1,000", "NaN", "1e", "1.2.3", "x"] {
            assert_eq!(printed(text), Some(Value::from(text)), "{text}");
        }
        assert_eq!(printed("1e+21"), Some(Value::from(1e21)));
        assert_eq!(printed("1e-07"), Some(Value::from(1e-7)));
        assert_eq!(printed("7"), Some(Value::from(7)));
        assert_eq!(printed("null"), Some(Value::Null));
    }

    #[test]
    fn what_they_differ_about() {
        for text in [
            "y",
            "No",
            "on",
            "True",
            "~",
            "1e3",
            "0o17",
            "017",
            "0x10",
            "1_000",
            ".5",
            "5.",
            "+1",
            "12:30",
            "2026-01-01",
            ".inf",
            "-.INF",
            ".NaN",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
