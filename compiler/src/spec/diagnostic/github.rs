use super::{Diagnostic, Severity};

/// Annotations of one kind that GitHub keeps of a step.
const MOST: usize = 10;

/// Workflow commands that GitHub shows beside the lines of a pull request; what is beyond its limit is gathered in the
/// last one of its kind.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|it| it.severity == severity).collect::<Vec<_>>();
    commands(&of(Severity::Error)) + &commands(&of(Severity::Warning))
}

fn commands(diagnostics: &[&Diagnostic]) -> String {
    if diagnostics.len() <= MOST {
        return diagnostics.iter().map(|diagnostic| line(diagnostic)).collect();
    }
    let (own, rest) = diagnostics.split_at(MOST - 1);
    let Some(first) = rest.first() else { return String::new() };
    let listed: Vec<_> = rest.iter().map(|it| format!("{}{}: {}", position(it), it.code, it.message)).collect();
    let gathered = Diagnostic {
        message: format!("{} more, since GitHub shows {MOST} of a kind:\n{}", rest.len(), listed.join("\n")),
        help: None,
        ..(*first).clone()
    };
    own.iter().map(|diagnostic| line(diagnostic)).chain([line(&gathered)]).collect()
}

fn position(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.place.as_ref();
    place.map(|it| format!("{}:{}:{}: ", it.file.display(), it.line, it.column)).unwrap_or_default()
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
