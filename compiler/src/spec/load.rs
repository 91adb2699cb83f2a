use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{
    Advised, Diagnostic, Document, LARGEST_FILE, Lab, Located, Scenario, System, any_error, check, codes, diagnostic,
    pointer_part, reading, structure, suggest,
};

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

/// Reads the system that a scenario uses under a name, with what is wrong with its base as the scenario names it.
///
/// Nothing outside `root`, the repository's folder, is read.
pub fn load_used_system(
    scenario: &Located<Scenario>,
    name: &str,
    root: Option<&Path>,
) -> (Option<Located<System>>, Vec<Diagnostic>) {
    let Some(system) = scenario.spec.systems.get(name) else { return (None, Vec::new()) };
    let pointer = format!("/spec/systems/{}/base", pointer_part(name));
    let at_base = |code, message: String| scenario.diagnostic(code, &pointer, message);
    let folder = base_folder(&scenario.document.file, &system.base);
    if let Some(path) = root.and_then(|root| outside(&folder, root)) {
        let message = format!("`{}` leaves the repository", path.display());
        let help = "a base is part of what is compared: keep it in the scenario's repository";
        return (None, vec![at_base(codes::LEAVES, message).help(help)]);
    }
    if !folder.join("system.yaml").exists() {
        let what = if folder.is_dir() { "has no system.yaml" } else { "is not there" };
        let message = format!("the base `{}` {what}", folder.display());
        return (None, vec![at_base(codes::BASE, message).meant(near_base(&folder, &system.base))]);
    }
    let (loaded, mut found) = load_system(&folder);
    if let Some(loaded) = &loaded {
        check::system_names(&loaded.document, &check::axes(&scenario.document.tree), &mut found);
    }
    if any_error(&found) {
        let message = format!("the base `{}` has a system.yaml with errors", folder.display());
        found.push(at_base(codes::BASE, message));
    }
    (loaded, found)
}

/// What of a base's folder is not in the repository: itself, or one of its entries, by where links lead.
fn outside(folder: &Path, root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.sort();
    let leaves = |path: &PathBuf| path.canonicalize().is_ok_and(|path| !path.starts_with(&root));
    std::iter::once(folder.to_owned()).chain(paths).find(leaves)
}

/// The base beside a missing one that may have been meant, as the scenario would write it.
fn near_base(folder: &Path, written: &str) -> Option<String> {
    let missing = folder.file_name()?.to_str()?;
    let entries = std::fs::read_dir(folder.parent()?).ok()?.flatten();
    let bases = entries.filter(|entry| entry.path().join("system.yaml").is_file());
    let mut names: Vec<String> = bases.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let near = suggest(missing, names.iter().map(String::as_str))?;
    Some(format!("{}{near}", written.trim_end_matches('/').strip_suffix(missing)?))
}

/// Reads a file's document, whatever its kind.
pub fn load_document(path: &Path) -> (Option<Document>, Vec<Diagnostic>) {
    match bytes(path) {
        Ok(bytes) => reading::read(path, &bytes),
        Err((code, message)) => (None, vec![Document::new(path, "").at(code, "", 0..0, message)]),
    }
}

/// The bytes of a regular file: reading from a pipe or a device might never end.
fn bytes(path: &Path) -> Result<Vec<u8>, (&'static str, String)> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| (codes::UNREADABLE, format!("{shown} can't be read: {error}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err((codes::UNREADABLE, format!("{shown} is not a file")));
    }
    if metadata.len() > LARGEST_FILE as u64 {
        return Err((codes::TOO_LARGE, format!("the file has {} bytes, at most 8 MiB are read", metadata.len())));
    }
    std::fs::read(path).map_err(unreadable)
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
