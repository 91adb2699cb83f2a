//! Bases that a program builds: what Kustomize can do beyond plain resources, and Helm charts.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Map, Value};

use super::{BaseError, Program, Programs, YamlError, read_documents, yaml::read_printed};

/// Namespace that charts are rendered for; the cell's takes its place.
const RELEASE_NAMESPACE: &str = "namespace-of-the-release";

/// Lists of a kustomization whose entries may be addresses.
const LISTS: [&str; 3] = ["resources", "components", "bases"];

/// What `kustomize build` makes of a folder, and which version built it.
pub(super) fn kustomize(
    dir: &Path,
    kustomization: &Map<String, Value>,
    programs: &dyn Programs,
) -> Result<(Vec<Value>, String), BaseError> {
    for field in ["helmCharts", "helmChartInflationGenerator"] {
        if kustomization.contains_key(field) {
            return Err(BaseError::HelmCharts(dir.to_owned()));
        }
    }
    let lists = LISTS.iter().filter_map(|list| kustomization.get(*list)?.as_array()).flatten();
    if let Some(remote) = lists.filter_map(Value::as_str).find(|entry| is_remote(dir, entry)) {
        return Err(BaseError::Remote(dir.to_owned(), remote.to_owned()));
    }
    let text = run(dir, Program::Kustomize, &[OsStr::new("build"), dir.as_os_str()], programs)?;
    let objects = read_printed(&text).map_err(|error| printed(dir, Program::Kustomize, &text, error))?;
    Ok((objects, version(dir, Program::Kustomize, programs)?))
}

/// What `helm template` makes of a chart for a system of this name, and which version rendered it.
pub(super) fn helm(dir: &Path, name: &str, programs: &dyn Programs) -> Result<(Vec<Value>, String), BaseError> {
    let namespace = ["--namespace", RELEASE_NAMESPACE].map(OsStr::new);
    let arguments = [
        OsStr::new("template"),
        OsStr::new(name),
        dir.as_os_str(),
        OsStr::new("--skip-tests"),
        namespace[0],
        namespace[1],
    ];
    let text = run(dir, Program::Helm, &arguments, programs)?;
    if run(dir, Program::Helm, &arguments, programs)? != text {
        return Err(BaseError::Unsteady(dir.to_owned()));
    }
    let objects = read_documents(&text).map_err(|error| printed(dir, Program::Helm, &text, error))?;
    Ok((objects, version(dir, Program::Helm, programs)?))
}

/// An entry that is nothing in the repository but looks like an address.
fn is_remote(dir: &Path, entry: &str) -> bool {
    let address = entry.contains("://")
        || entry.contains("?ref=")
        || ["git@", "git::", "github.com/"].iter().any(|start| entry.starts_with(start));
    address && !dir.join(entry).exists()
}

fn run(dir: &Path, program: Program, arguments: &[&OsStr], programs: &dyn Programs) -> Result<String, BaseError> {
    programs.output(program, arguments).map_err(|error| BaseError::Program(dir.to_owned(), error))
}

fn version(dir: &Path, program: Program, programs: &dyn Programs) -> Result<String, BaseError> {
    let arguments: Vec<&OsStr> = program.version().iter().map(OsStr::new).collect();
    let version = run(dir, program, &arguments, programs)?;
    Ok(format!("{program} {}", version.trim()))
}

/// The place in what a program printed; a chart's template is named above its objects.
fn printed(dir: &Path, program: Program, text: &str, error: YamlError) -> BaseError {
    let before = text.lines().take(error.line);
    let template = before.filter_map(|line| line.strip_prefix("# Source: ")).last();
    let line = text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
    let place =
        template.map_or_else(|| format!("what {program} printed"), |template| format!("the template {template}"));
    BaseError::Printed { dir: dir.to_owned(), place, line, message: error.message }
}
