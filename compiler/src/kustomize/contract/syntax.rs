//! How Kubernetes spells names, labels and amounts.

/// `a-z`, digits and `-`, at most 63, a letter or digit at both ends.
pub(super) fn is_label(text: &str) -> bool {
    is_word(text, 63, |b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Labels joined by dots, at most 253.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| part.len() <= 253 && is_long_label(part))
}

fn is_long_label(text: &str) -> bool {
    is_word(text, 253, |b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Nothing that has a meaning in a path.
pub(super) fn is_path_segment(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '%'])
}

/// A key of a label or an annotation: a name, with or without a domain.
pub(super) fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_subdomain(domain) && is_qualified(name),
        None => is_qualified(text),
    }
}

/// A label's value.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified(text)
}

fn is_qualified(text: &str) -> bool {
    is_word(text, 63, |b| b"-_.".contains(&b) || b.is_ascii_alphanumeric())
}

fn is_word(text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> bool {
    let end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= longest && end(text.as_bytes().first()) && end(text.as_bytes().last()) && text.bytes().all(allowed)
}

/// A key of a `ConfigMap`, which becomes a file's name.
pub(super) fn is_config_key(text: &str) -> bool {
    let allowed = |b: u8| b"-_.".contains(&b) || b.is_ascii_alphanumeric();
    !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed) && text != "." && !text.starts_with("..")
}

/// The name of an environment variable that every release accepts.
pub(super) fn is_env_name(text: &str) -> bool {
    is_config_key(text) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The name of a container's port.
pub(super) fn is_port_name(text: &str) -> bool {
    is_label(text) && text.len() <= 15 && !text.contains("--") && text.bytes().any(|b| b.is_ascii_lowercase())
}

/// Whether kustomize gives the text back as it got it: it hands objects on as JSON, and reads that as YAML; and of an
/// object that was patched it can't read its own block that starts with a tab.
pub(crate) fn survives_kustomize(text: &str) -> bool {
    let tabbed = text.starts_with('\t') && text.contains('\n');
    !tabbed && !text.chars().any(|c| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'))
}

/// The value of an amount: `100m`, `1.5`, `2Gi`, `1e3`. Equal amounts give equal values.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '+' || c == '-';
    let (number, suffix) = text.split_at(text.find(|c: char| !is_number(c)).unwrap_or(text.len()));
    if !number.bytes().any(|b| b.is_ascii_digit()) || number.trim_start_matches(['+', '-']).contains(['+', '-']) {
        return None;
    }
    if let Some(exponent) = suffix.strip_prefix(['e', 'E']).filter(|rest| !rest.is_empty()) {
        exponent.parse::<i8>().ok()?;
        return text.parse().ok();
    }
    let number: f64 = number.parse().ok()?;
    // divided, not multiplied by 0.001: 300m and 0.3 give the same value so
    Some(match suffix {
        "" => number,
        "n" => number / 1e9,
        "u" => number / 1e6,
        "m" => number / 1e3,
        "k" => number * 1e3,
        "M" => number * 1e6,
        "G" => number * 1e9,
        "T" => number * 1e12,
        "P" => number * 1e15,
        "E" => number * 1e18,
        _ => {
            let power = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|unit| *unit == suffix)?;
            number * 1024_f64.powi(i32::try_from(power + 1).ok()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_label("a-1") && is_label("1") && !is_label("-a") && !is_label("a.b") && !is_label("A"));
        assert!(!is_label("") && is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)));
        assert!(
            is_subdomain("a.b-c") && !is_subdomain("a..b") && !is_subdomain(".a") && !is_subdomain(&"a".repeat(254))
        );
        assert!(
            is_key("a/B_c.d") && is_key("x") && !is_key("a/b/c") && !is_key("/a") && !is_key("a/") && !is_key("A/b")
        );
        assert!(is_label_value("") && is_label_value("A_b.1") && !is_label_value("a b") && !is_label_value("_a"));
        assert!(
            is_port_name("http-1") && !is_port_name("1") && !is_port_name("a--b") && !is_port_name("sixteen-letters-")
        );
        assert!(is_env_name("A_B.c") && !is_env_name("1A") && !is_env_name("A B") && !is_env_name(""));
        assert!(is_path_segment("a:b") && !is_path_segment("a/b") && !is_path_segment(".."));
    }

    #[test]
    fn amounts() {
        for (text, same) in
            [("300m", "0.3"), ("1", "1000m"), ("1Gi", "1024Mi"), ("1e3", "1k"), ("1E", "1000P"), ("+.5", "500m")]
        {
            assert!(quantity(text).is_some(), "{text}");
            assert_eq!(quantity(text), quantity(same), "{text} {same}");
        }
        for text in ["", "m", "1 Gi", "1GB", "1gi", "1.2.3", "--1", "1-2", "1e", "1e2m", "0x1", "one"] {
            assert!(quantity(text).is_none(), "{text}");
        }
    }
}
