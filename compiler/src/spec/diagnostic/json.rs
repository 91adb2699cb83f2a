use super::Diagnostic;

/// For programs: a list of objects.
pub fn json(diagnostics: &[Diagnostic]) -> String {
    serde_json::to_string_pretty(diagnostics).unwrap_or_default() + "\n"
}
