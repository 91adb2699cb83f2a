use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Diagnostic, Document, Lab, Located, Scenario, System, check, codes, diagnostic, reading, structure};

type Checks = fn(&Document, &mut Vec<Diagnostic>);
type Of<T> = fn(Document, Vec<Diagnostic>) -> (Option<Located<T>>, Vec<Diagnostic>);

/// Reads a scenario.
///
/// A value may come with errors: what is wrong is left out of it, so that later checks can look at the rest.
/// Only where no diagnostic is an error is it what the user wrote.
pub fn load_scenario(path: &Path) -> (Option<Located<Scenario>>, Vec<Diagnostic>) {
    load(path, scenario_of)
}

/// Reads a lab; of value and diagnostics holds what [`load_scenario`] says.
pub fn load_lab(path: &Path) -> (Option<Located<Lab>>, Vec<Diagnostic>) {
    load(path, lab_of)
}

/// Reads `system.yaml` of a base's folder, or the file itself; see [`load_scenario`].
pub fn load_system(base: &Path) -> (Option<Located<System>>, Vec<Diagnostic>) {
    let file = if base.is_dir() || base.extension().is_none() { base.join("system.yaml") } else { base.to_owned() };
    load(&file, system_of)
}

/// The folder of a system's base, as the scenario's file sees it.
pub fn base_folder(scenario: &Path, base: &str) -> PathBuf {
    let mut folder = scenario.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(base).components() {
        match part {
            // `matrices/../base/x` is `base/x`: shorter in messages, and the same unless `matrices` is a link.
            std::path::Component::ParentDir if folder.file_name().is_some() => {
                folder.pop();
            }
            std::path::Component::CurDir => {}
            other => folder.push(other),
        }
    }
    folder
}

/// Reads a file's document, whatever its kind.
pub fn load_document(path: &Path) -> (Option<Document>, Vec<Diagnostic>) {
    match std::fs::read(path) {
        Ok(bytes) => reading::read(path, &bytes),
        Err(error) => {
            let message = format!("{} can't be read: {error}", path.display());
            (None, vec![Document::new(path, "").at(codes::UNREADABLE, "", 0..0, message)])
        }
    }
}

/// A document from bytes that are in memory.
pub fn parse_document(file: &Path, bytes: &[u8]) -> (Option<Document>, Vec<Diagnostic>) {
    reading::read(file, bytes)
}

/// A document's scenario; diagnostics are those of its reading.
pub fn scenario_of(document: Document, read: Vec<Diagnostic>) -> (Option<Located<Scenario>>, Vec<Diagnostic>) {
    located(document, "Scenario", check::scenario, read)
}

/// The same of a lab.
pub fn lab_of(document: Document, read: Vec<Diagnostic>) -> (Option<Located<Lab>>, Vec<Diagnostic>) {
    located(document, "Lab", check::lab, read)
}

/// The same of a system.
pub fn system_of(document: Document, read: Vec<Diagnostic>) -> (Option<Located<System>>, Vec<Diagnostic>) {
    located(document, "System", check::system, read)
}

fn load<T>(path: &Path, of: Of<T>) -> (Option<Located<T>>, Vec<Diagnostic>) {
    let (document, diagnostics) = load_document(path);
    match document {
        Some(document) => of(document, diagnostics),
        None => (None, diagnostics),
    }
}

/// The pure part: a document's value, and everything that is wrong with it by itself.
fn located<T: DeserializeOwned>(
    document: Document,
    kind: &str,
    checks: Checks,
    mut diagnostics: Vec<Diagnostic>,
) -> (Option<Located<T>>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let value = structure::typed(&document, kind, &mut found);
    if found.len() < diagnostic::MOST_SAID {
        checks(&document, &mut found);
    }
    // What was refused while reading is not blamed a second time, for what the reader put in its place.
    diagnostics.extend(found.into_iter().filter(|diagnostic| !document.refused.contains(&diagnostic.path)));
    diagnostic::sort(&mut diagnostics);
    let unreadable = diagnostics.iter().any(|diagnostic| diagnostic.code == codes::TOO_MANY);
    let value = value.filter(|_| !unreadable);
    if diagnostic::cut(&mut diagnostics) {
        return (None, diagnostics);
    }
    let document = Arc::new(document);
    (value.map(|value| Located { value, document }), diagnostics)
}

/// A scenario from text that is in memory.
pub fn parse_scenario(file: &Path, bytes: &[u8]) -> (Option<Located<Scenario>>, Vec<Diagnostic>) {
    let (document, diagnostics) = parse_document(file, bytes);
    match document {
        Some(document) => scenario_of(document, diagnostics),
        None => (None, diagnostics),
    }
}
