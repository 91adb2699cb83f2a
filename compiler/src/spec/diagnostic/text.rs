use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet, renderer::DecorStyle};

use super::{Diagnostic, Place, Severity};

/// Longest excerpt, in bytes; longer lines are named, not shown.
const LONGEST_EXCERPT: usize = 4000;

/// For people: excerpts, help and fixes; colours only where asked for.
pub fn text(diagnostics: &[Diagnostic], colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    diagnostics.iter().map(|diagnostic| renderer.render(&report(diagnostic)) + "\n\n").collect()
}

fn report(diagnostic: &Diagnostic) -> Vec<Group<'_>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut first = match &diagnostic.place {
        Some(place) if excerpt(place).0.len() > LONGEST_EXCERPT => title.element(
            Origin::path(place.file.to_string_lossy().into_owned()).line(place.line).char_column(place.column),
        ),
        Some(place) => {
            let (excerpt, start) = excerpt(place);
            let bytes = place.bytes.start - start..place.bytes.end - start;
            title.element(snippet(excerpt, place).annotation(AnnotationKind::Primary.span(bytes)))
        }
        None => Group::with_title(title),
    };
    let shown = diagnostic.place.as_ref().filter(|place| excerpt(place).0.len() <= LONGEST_EXCERPT);
    let fixed = shown.zip(diagnostic.fix.as_deref());
    let Some((place, fix)) = fixed else {
        if let Some(help) = &diagnostic.help {
            first = first.element(Level::HELP.message(help.as_str()));
        }
        return vec![first];
    };
    let help = diagnostic.help.as_deref().unwrap_or("write this instead");
    let (excerpt, start) = excerpt(place);
    let patch = Patch::new(place.bytes.start - start..place.bytes.end - start, fix);
    vec![first, Level::HELP.secondary_title(help).element(snippet(excerpt, place).patch(patch))]
}

fn snippet<'a, T: Clone>(excerpt: &'a str, place: &Place) -> Snippet<'a, T> {
    Snippet::source(excerpt).line_start(place.line).path(place.file.to_string_lossy().into_owned())
}

/// The lines of a place and where they start: the renderer reads all it is given, for every diagnostic anew.
fn excerpt(place: &Place) -> (&str, usize) {
    let start = place.text[..place.bytes.start].rfind('\n').map_or(0, |at| at + 1);
    let end = place.text[place.bytes.end..].find('\n').map_or(place.text.len(), |at| place.bytes.end + at);
    (&place.text[start..end], start)
}
