//! `benchgrid init`: a new repository, from files that are in the program.

use std::io;
use std::path::{Path, PathBuf};

use super::schema::text as schema;
use super::{Exit, print, say};

/// Write a repository that works: a scenario, a lab, bases, workflows
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  benchgrid init\n  benchgrid init benchmarks")]
pub struct InitArgs {
    /// Where; made when it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// Files of this project, by their paths in it.
macro_rules! of_the_project {
    ($($path:literal)*) => { &[$(($path, include_str!(concat!("../../../", $path)))),*] };
}

/// What a new repository has as this project has it: the bases, and a scenario to copy from.
pub const COPIED: &[(&str, &str)] = of_the_project! {
    "base/codex/kustomization.yaml"
    "base/codex/statefulset.yaml"
    "base/codex/system.yaml"
    "base/http/kustomization.yaml"
    "base/http/statefulset.yaml"
    "base/http/system.yaml"
    "base/qbittorrent/configmap.yaml"
    "base/qbittorrent/kustomization.yaml"
    "base/qbittorrent/statefulset.yaml"
    "base/qbittorrent/system.yaml"
    "base/rqbit/kustomization.yaml"
    "base/rqbit/statefulset.yaml"
    "base/rqbit/system.yaml"
    "matrices/demo-3x3.yaml"
};

/// What only a new repository has.
const OWN: &[(&str, &str)] = &[
    (".github/ISSUE_TEMPLATE/benchmark.yml", include_str!("init/issue-form.yml")),
    (".github/actions/benchgrid/action.yaml", include_str!("init/install-action.yaml")),
    (".github/workflows/benchgrid.yaml", include_str!("init/workflow.yaml")),
    (".github/workflows/benchmark-issue.yaml", include_str!("init/issue-workflow.yaml")),
    (".gitignore", include_str!("init/gitignore")),
    (".pre-commit-config.yaml", include_str!("init/pre-commit-config.yaml")),
    ("README.md", include_str!("init/README.md")),
    ("labs/main.yaml", include_str!("init/lab.yaml")),
];

/// Kinds of the files that people edit.
const EDITED: [&str; 3] = ["lab", "scenario", "system"];

/// Every file of a new repository, in order of paths.
pub fn files() -> Vec<(String, String)> {
    let written = COPIED.iter().chain(OWN).map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let schemas = EDITED.iter().filter_map(|kind| Some((format!("schemas/{kind}.schema.json"), schema(kind)?)));
    let mut files: Vec<_> = written.chain(schemas).collect();
    files.sort();
    files
}

impl InitArgs {
    /// 1 when files are in the way: all of them are named, and nothing is written.
    pub(super) fn run(&self) -> Exit {
        let files = files();
        let place = |path: &str| self.folder.join(path);
        let there: Vec<&String> =
            files.iter().map(|(path, _)| path).filter(|path| place(path).symlink_metadata().is_ok()).collect();
        if !there.is_empty() {
            for path in &there {
                say(&format!("error: {} is there already", place(path).display()));
            }
            say("nothing was written; name another folder, or move these files");
            return Exit::No;
        }
        let mut written = Vec::new();
        for (path, text) in &files {
            let path = place(path);
            if let Err(error) = write(&path, text) {
                say(&format!("error: {}: {error}", path.display()));
                // files without the others would be in the way of the next try
                written.iter().chain([&path]).for_each(|path| drop(std::fs::remove_file(path)));
                return Exit::Environment;
            }
            written.push(path);
        }
        let lines: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        print(&(lines.join("\n") + "\n"));
        say("next: edit labs/main.yaml; README.md there says what comes once");
        Exit::Yes
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, text)
}
