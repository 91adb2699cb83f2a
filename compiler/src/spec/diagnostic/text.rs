use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet, renderer::DecorStyle};

use super::{Diagnostic, Severity};

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
        Some(place) => {
            let snippet = Snippet::source(&*place.text).path(place.file.to_string_lossy().into_owned());
            title.element(snippet.annotation(AnnotationKind::Primary.span(place.bytes.clone())))
        }
        None => Group::with_title(title),
    };
    let fixed = diagnostic.place.as_ref().zip(diagnostic.fix.as_deref());
    let Some((place, fix)) = fixed else {
        if let Some(help) = &diagnostic.help {
            first = first.element(Level::HELP.message(help.as_str()));
        }
        return vec![first];
    };
    let help = diagnostic.help.as_deref().unwrap_or("write this instead");
    let patch = Snippet::source(&*place.text)
        .path(place.file.to_string_lossy().into_owned())
        .patch(Patch::new(place.bytes.clone(), fix));
    vec![first, Level::HELP.secondary_title(help).element(patch)]
}
