use std::io::{IsTerminal, Read};
use std::path::Path;

use super::{Exit, fail, inputs, print, say};
use crate::kustomize::plugin::{CellsSpec, KINDS, ResourceList, Task, Wanted, reply, result};
use crate::kustomize::{Violation, check_cells, emit_all, read_documents};
use crate::render;
use serde_json::Value;

/// `benchgrid fn`
#[derive(Debug, clap::Args)]
#[command(after_help = "Kustomize runs it:\n  kustomize build --enable-alpha-plugins --enable-exec DIR\n\n\
                        See docs/guide/kustomize-plugin.md, also for `kubectl kustomize`.")]
pub(super) struct Arguments {}

impl Arguments {
    /// The KRM function protocol: a list on stdin, a list on stdout.
    #[expect(clippy::unused_self, reason = "as every verb")]
    pub(super) fn run(&self) -> Exit {
        if std::io::stdin().is_terminal() {
            say("error: `benchgrid fn` reads a ResourceList from standard input; kustomize starts it");
            return Exit::Usage;
        }
        answer().unwrap_or_else(|exit| exit)
    }
}

fn answer() -> Result<Exit, Exit> {
    let list = ResourceList::read(&stdin()?).map_err(|error| fail(Exit::Usage, &error))?;
    match Task::of(&list.config).map_err(|error| fail(Exit::Usage, &error))? {
        Task::Cells(spec) => print(&reply(&generated(&spec)?, &[])),
        Task::Contract => {
            let found = checked(list.items)?;
            // no items: what a validator gives back counts as a change
            print(&reply(&[], &found.iter().map(result).collect::<Vec<_>>()));
            return Ok(verdict(&found));
        }
    }
    Ok(Exit::Yes)
}

/// The name of the legacy plugin as which this program was started, if any: Kustomize finds those by their names.
pub(super) fn legacy(program: Option<&std::ffi::OsStr>) -> Option<&'static str> {
    let name = Path::new(program?).file_name()?;
    KINDS.into_iter().find(|kind| name == *kind)
}

/// The legacy protocol: a file with the configuration, objects on stdin and stdout.
pub(super) fn run_legacy(kind: &str, config: Option<&Path>) -> Exit {
    let Some(config) = config else {
        say(&format!("error: {kind} takes the file of its configuration; kustomize starts it"));
        return Exit::Usage;
    };
    answer_legacy(config).unwrap_or_else(|exit| exit)
}

fn answer_legacy(config: &Path) -> Result<Exit, Exit> {
    let text = std::fs::read_to_string(config).map_err(|error| {
        say(&format!("error: {}: {error}", config.display()));
        Exit::Usage
    })?;
    let config = read_documents(&text).map_err(|error| fail(Exit::Usage, &error))?.into_iter().next();
    match Task::of(&config.unwrap_or_default()).map_err(|error| fail(Exit::Usage, &error))? {
        Task::Cells(spec) => print(&emit_all(&generated(&spec)?)),
        Task::Contract => {
            // nothing on stdout: what a validator gives back counts as a change
            let objects = read_documents(&stdin()?).map_err(|error| fail(Exit::Usage, &error))?;
            return Ok(verdict(&checked(objects)?));
        }
    }
    Ok(Exit::Yes)
}

fn stdin() -> Result<String, Exit> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(|error| {
        say(&format!("error: standard input: {error}"));
        Exit::Usage
    })?;
    Ok(text)
}

/// Objects of a scenario; never none.
fn generated(spec: &CellsSpec) -> Result<Vec<Value>, Exit> {
    let (plan, lab) = inputs::planned(&spec.scenario, &spec.lab)?;
    let bug = |error| fail(Exit::Bug, &error);
    if spec.of == Wanted::Argocd {
        if lab.spec.git.url.is_none() {
            say(&format!("error: {} has no git.url, which Argo CD is to follow", spec.lab.display()));
            return Err(Exit::No);
        }
        return render::argocd_objects(&plan, &lab).map_err(bug);
    }
    for named in &spec.cells {
        if !plan.cells.iter().any(|cell| cell.id == *named || cell.slug == *named) {
            let scenario = &plan.scenario;
            say(&format!("error: no cell `{named}` in scenario `{scenario}`; `benchgrid plan` lists them"));
            return Err(Exit::Usage);
        }
    }
    let mut objects = Vec::new();
    for cell in &plan.cells {
        if spec.cells.is_empty() || spec.cells.iter().any(|named| cell.id == *named || cell.slug == *named) {
            objects.extend(render::built(&plan, cell, &lab).map_err(bug)?);
        }
    }
    Ok(objects)
}

/// What the objects break of the cell contract; without objects there is no cell.
fn checked(objects: Vec<Value>) -> Result<Vec<Violation>, Exit> {
    if objects.is_empty() {
        say("error: there are no objects, so there is no cell");
        return Err(Exit::No);
    }
    Ok(check_cells(objects))
}

/// Says the violations.
fn verdict(found: &[Violation]) -> Exit {
    for Violation { code, kind, name, pointer, message, help, .. } in found {
        say(&format!("error[{code}]: {kind} `{name}`, {pointer}: {message}"));
        if let Some(help) = help {
            say(&format!("  help: {help}"));
        }
    }
    if found.is_empty() { Exit::Yes } else { Exit::No }
}
