use super::{Diagnostic, Severity};

/// Workflow commands that GitHub shows beside the lines of a pull request.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(line).collect()
}

fn line(diagnostic: &Diagnostic) -> String {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(place) = &diagnostic.place {
        properties.push(format!("file={}", property(&place.file.to_string_lossy())));
        properties.push(format!("line={},endLine={}", place.line, place.end_line));
        if place.line == place.end_line {
            // GitHub refuses columns that span lines; its last column is inclusive.
            let last = place.end_column.saturating_sub(1).max(place.column);
            properties.push(format!("col={},endColumn={last}", place.column));
        }
    }
    properties.push(format!("title={}", diagnostic.code));
    let help = diagnostic.help.as_deref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    format!("::{command} {}::{}\n", properties.join(","), data(&format!("{}{help}", diagnostic.message)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
