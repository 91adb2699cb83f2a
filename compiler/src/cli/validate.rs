//! `benchgrid validate`: everything that is wrong with scenarios, labs and systems, with places.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Exit, inputs, print, say};
use crate::kustomize::{BaseTrouble, NoPrograms, check_base, load_base};
use crate::matrix;
use crate::spec::{self, Advised, Diagnostic, Located, Scenario, Severity, System, codes};

/// Check scenario, lab and system files; every mistake in one run
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchgrid validate matrices labs base\n  benchgrid validate --format github matrices/smoke.yaml"
)]
pub struct ValidateArgs {
    /// Files, or folders whose YAML files of ours are checked
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Form of diagnostics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, with excerpts
    #[default]
    Text,
    /// A list of objects
    Json,
    /// Annotations of GitHub workflows
    Github,
    /// SARIF 2.1.0
    Sarif,
}

impl Format {
    /// A list of diagnostics in this form.
    pub fn render(self, diagnostics: &[Diagnostic], colours: bool) -> String {
        match self {
            Self::Text => spec::text(diagnostics, colours),
            Self::Json => spec::json(diagnostics),
            Self::Github => spec::github(diagnostics),
            Self::Sarif => spec::sarif(diagnostics),
        }
    }
}

/// What was found in a set of files.
#[derive(Debug, Default)]
pub struct Checked {
    /// Everything that is wrong or worth a look, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Cells and exclusions of each scenario that has a matrix.
    pub matrices: BTreeMap<PathBuf, (usize, usize)>,
    /// How many files were checked.
    pub files: usize,
}

impl ValidateArgs {
    /// 0 when there is no error, 1 when there is, 2 when there is nothing to check.
    pub(super) fn run(&self) -> Exit {
        let files = match collect(&self.paths) {
            Ok(files) => files,
            Err(message) => {
                say(&format!("error: {message}"));
                return Exit::Usage;
            }
        };
        let checked = check(&files);
        let colours =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut result = self.format.render(&checked.diagnostics, colours);
        if self.format == Format::Text {
            for (file, (cells, exclusions)) in &checked.matrices {
                let _ = writeln!(result, "{}: {cells} cells, {exclusions} exclusions", file.display());
            }
        }
        print(&result);
        let count = |severity| checked.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let counted = |count: usize, word| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (files, errors_said) = (counted(checked.files, "file"), counted(errors, "error"));
        say(&format!("{files} checked, {errors_said}, {}", counted(warnings, "warning")));
        if errors > 0 { Exit::No } else { Exit::Yes }
    }
}

/// The files of paths: a folder gives its YAML files that speak of our API, at any depth.
pub fn collect(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            folder(path, &mut files).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
            if files.len() == before {
                return Err(format!("{} holds no file of ours, there is nothing to check", path.display()));
            }
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(format!("{} is not there", path.display()));
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn folder(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if path.is_dir() && !hidden && !entry.file_type()?.is_symlink() {
            folder(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file() && ours(&path)? {
            files.push(path);
        }
    }
    Ok(())
}

/// Other YAML files, a base's manifests above all, are none of this verb's business.
fn ours(path: &Path) -> std::io::Result<bool> {
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let kinds = ["Scenario", "Lab", "System"];
    let kind = text
        .lines()
        .filter_map(|line| line.strip_prefix("kind:"))
        .any(|kind| kinds.contains(&kind.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\''])));
    Ok(kind || text.lines().any(|line| line.starts_with("apiVersion:") && line.contains("benchgrid.io/")))
}

/// Checks files; every scenario with the systems of its bases.
pub fn check(files: &[PathBuf]) -> Checked {
    let mut checked = Checked { files: files.len(), ..Checked::default() };
    let mut names = BTreeMap::new();
    for file in files {
        let (document, mut found) = spec::load_document(file);
        let Some(document) = document else {
            checked.diagnostics.append(&mut found);
            continue;
        };
        match document.tree.get("kind").and_then(Value::as_str) {
            Some("Scenario") => scenario(file, spec::scenario_of(document, found), &mut names, &mut checked),
            Some("Lab") => checked.diagnostics.extend(spec::lab_of(document, found).1),
            Some("System") => checked.diagnostics.extend(spec::system_of(document, found).1),
            kind => {
                let kinds = "`Scenario`, `Lab`, `System`";
                let message = match kind {
                    Some(kind) => format!("the kind `{kind}` is none of {kinds}"),
                    None => format!("the field `kind` is missing: one of {kinds}"),
                };
                checked.diagnostics.append(&mut found);
                let near = spec::suggest(kind.unwrap_or_default(), ["Scenario", "Lab", "System"]);
                checked.diagnostics.push(document.at_value(codes::KIND, "/kind", message).meant(near));
            }
        }
    }
    spec::sort(&mut checked.diagnostics);
    checked
}

fn scenario(
    file: &Path,
    read: (Option<Located<Scenario>>, Vec<Diagnostic>),
    names: &mut BTreeMap<String, PathBuf>,
    checked: &mut Checked,
) {
    let (scenario, mut diagnostics) = read;
    let Some(scenario) = scenario else {
        checked.diagnostics.append(&mut diagnostics);
        return;
    };
    let name = &scenario.metadata.name;
    if let Some(other) = names.get(name) {
        let message = format!("the scenario in {} is called `{name}` as well", other.display());
        diagnostics.push(scenario.diagnostic(codes::SAME_SCENARIO, "/metadata/name", message));
    } else {
        names.insert(name.clone(), file.to_owned());
    }
    match matrix::expand(&scenario) {
        Ok((matrix, mut warnings)) => {
            diagnostics.append(&mut warnings);
            let mut found = matrix::check_settings(&scenario, &matrix, &diagnostics);
            diagnostics.append(&mut found);
            checked.matrices.insert(file.to_owned(), (matrix.cells.len(), matrix.exclusions.len()));
        }
        Err(mut errors) => diagnostics.append(&mut errors),
    }
    let root = inputs::root(file);
    for (name, system) in &scenario.spec.systems {
        let (loaded, mut found) = spec::load_used_system(&scenario, name, root.as_deref());
        if let Some(loaded) = loaded.filter(|_| !spec::any_error(&found)) {
            let pointer = format!("/spec/systems/{}/base", spec::pointer_part(name));
            diagnostics.extend(base(&scenario, &pointer, &loaded, &spec::base_folder(file, &system.base)));
        }
        diagnostics.append(&mut found);
    }
    if spec::any_error(&diagnostics) {
        checked.matrices.remove(file);
    }
    checked.diagnostics.append(&mut diagnostics);
}

/// What is wrong with a base of plain resources. Others are built by programs, which is the business of `plan`.
fn base(scenario: &Located<Scenario>, pointer: &str, system: &Located<System>, folder: &Path) -> Vec<Diagnostic> {
    let base = match load_base(folder, &system.metadata.name, &NoPrograms) {
        Ok(base) => base,
        Err(error) if error.code() == codes::NO_PROGRAM => return Vec::new(),
        Err(error) => return vec![scenario.diagnostic(error.code(), pointer, error.to_string())],
    };
    let checked = check_base(&base.objects, &system.spec);
    let place = |trouble: BaseTrouble| {
        let BaseTrouble { code, severity, pointer: field, message, help } = trouble;
        let mut diagnostic = match field {
            "" => scenario.diagnostic(code, pointer, message),
            field => system.diagnostic(code, field, message),
        };
        diagnostic.severity = severity;
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    };
    base.troubles.into_iter().chain(checked).map(place).collect()
}
