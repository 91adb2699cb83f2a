//! `benchgrid validate`: everything that is wrong with scenarios, labs and systems, with places.

use std::collections::BTreeMap;
use std::fmt::Write as _;
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
        let files = match inputs::files(&self.paths) {
            Ok(files) => files,
            Err(exit) => return exit,
        };
        let checked = check(&files);
        let mut result = self.format.render(&checked.diagnostics, inputs::colours(&std::io::stdout()));
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
        diagnostics.push(inputs::same_name(&scenario.document, name, other));
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
