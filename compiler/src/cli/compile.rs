use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::out_folder::{OutError, OutFolder};
use super::{Exit, fail, fail_git, inputs, print, say};
use crate::git::{
    Folder, Folders, GitError, Make, Ownership, Provenance, Publication, Published, discover, publish, without_user,
};
use crate::plan::Plan;
use crate::render::{self, Files, Groups, Overlays};
use crate::spec::{Lab, load_document};

/// `benchgrid compile`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid compile matrices/smoke.yaml --lab labs/test.yaml\n  benchgrid compile matrices \
                        --lab labs/test.yaml --push\n  benchgrid compile matrices/smoke.yaml --lab labs/test.yaml --out /tmp/branch"
)]
pub(super) struct Arguments {
    /// Scenario files, or folders that hold the whole set of scenarios: others leave the branch
    #[arg(required = true, value_name = "FILE|DIR")]
    scenarios: Vec<PathBuf>,
    /// Lab file
    #[arg(long, value_name = "FILE")]
    lab: PathBuf,
    /// Repository whose branch is written; without it, the one that holds the scenario. The source commit is the
    /// scenario's in any case
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// The branch; without it, the lab's
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Push it to the lab's `git.url`, else to the repository's `origin`
    #[arg(long)]
    push: bool,
    /// Write the files to this folder instead: no Git; what an earlier compile wrote there is replaced
    #[arg(long, value_name = "DIR", conflicts_with_all = ["repo", "branch", "push"])]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        match self.compile() {
            Ok(()) => Exit::Yes,
            Err(exit) => exit,
        }
    }

    fn compile(&self) -> Result<(), Exit> {
        self.repo.as_deref().map_or(Ok(()), inputs::there)?;
        let (plans, mut lab) = self.plans()?;
        if let Some(branch) = &self.branch {
            // what stands on a branch points at that branch
            lab.spec.git.branch.clone_from(branch);
        }
        if let Some(folder) = &self.out {
            self.addressed(&lab);
            let files = render::files(&plans, &BTreeSet::new(), &lab);
            written(folder, &files)?;
            summary(&plans);
            print(&format!("{} files in {}\n", files.len(), folder.display()));
            return Ok(());
        }
        let git = |error: GitError| fail_git(&error);
        let source = self.source()?;
        let mut provenance = Provenance::of(&source).map_err(git)?;
        provenance.bases = plans.iter().flat_map(Plan::foreign_bases).collect();
        let repo = self.repo.as_deref().map_or(Ok(source), discover).map_err(git)?;
        let push = self.push.then(|| remote(&repo, &lab)).transpose().map_err(git)?;
        if lab.spec.git.url.is_none() {
            // The branch can be read by many, so nobody's password goes there.
            lab.spec.git.url = origin(&repo).map(|url| without_user(&url));
        }
        self.addressed(&lab);
        let unlike = provenance.dirty.as_ref().map(|(_, first)| (first.clone(), provenance.sha.clone()));
        let published = self.publish(&repo, &plans, &lab, provenance, push.as_deref()).map_err(git)?;
        summary(&plans);
        print(&match published {
            Published::Committed(commit) => {
                if let Some((file, sha)) = unlike {
                    say(&format!(
                        "warning: {file} is not as in commit {}, which the branch names as its source; commit it before you push",
                        sha.get(..10).unwrap_or(&sha)
                    ));
                }
                let pushed = push.map(|url| format!(", pushed to {}", without_user(&url))).unwrap_or_default();
                say(&format!("one commit on branch `{}`{pushed}:", lab.spec.git.branch));
                format!("{commit}\n")
            }
            Published::Unchanged(tip) => format!("nothing changed, the branch stays at {tip}\n"),
            Published::Outdated { tip, by } => {
                format!(
                    "nothing changed: the branch was compiled from {by}, which comes after this commit, and stays at {tip}\n"
                )
            }
        });
        Ok(())
    }

    /// Whether Argo CD and the conductor will find the branch; where not, it can still be looked at.
    fn addressed(&self, lab: &Lab) {
        let origin = if self.out.is_some() { "" } else { ", and the repository no remote `origin`" };
        if lab.spec.git.url.is_none() {
            say(&format!("warning: the lab has no `git.url`{origin}: Argo CD would not find this branch"));
        }
    }

    /// The plans, by the scenarios' names.
    fn plans(&self) -> Result<(Vec<Plan>, Lab), Exit> {
        let (mut plans, lab) = inputs::all_planned(&self.files()?, &self.lab)?;
        plans.sort_by(|a, b| a.scenario.cmp(&b.scenario));
        Ok((plans, lab))
    }

    /// The scenario files named, and those in the folders named.
    fn files(&self) -> Result<Vec<PathBuf>, Exit> {
        let other = |path: &PathBuf| {
            let kind = load_document(path).0.and_then(|document| document.tree.get("kind").cloned());
            kind.is_some_and(|kind| kind == "Lab" || kind == "System")
        };
        let mut files = inputs::files(&self.scenarios)?;
        // A misspelt kind stays, and is told of: without it, the branch would lose the scenario's cells.
        files.retain(|path| self.scenarios.contains(path) || !other(path));
        if files.is_empty() {
            let folders: Vec<_> = self.scenarios.iter().map(|path| path.display().to_string()).collect();
            say(&format!("error: no scenario in {}", folders.join(", ")));
            return Err(Exit::Usage);
        }
        Ok(files)
    }

    /// The repository of the scenarios, whose commit the branch names.
    fn source(&self) -> Result<Repository, Exit> {
        let mut found: Option<(&Path, Repository)> = None;
        for path in &self.scenarios {
            let repo = discover(path).map_err(|error| fail_git(&error))?;
            match &found {
                None => found = Some((path, repo)),
                Some((first, known)) if known.path() != repo.path() => {
                    let (first, path) = (first.display(), path.display());
                    say(&format!("error: {first} and {path} are of two repositories; compile them one by one"));
                    return Err(Exit::Usage);
                }
                Some(_) => {}
            }
        }
        found.map(|(_, repo)| repo).ok_or(Exit::Usage)
    }

    fn publish(
        &self,
        repo: &Repository,
        plans: &[Plan],
        lab: &Lab,
        provenance: Provenance,
        push: Option<&str>,
    ) -> Result<Published, GitError> {
        let compiled: BTreeSet<String> = plans.iter().map(|plan| plan.scenario.clone()).collect();
        let index = |present: &BTreeSet<String>| render::index(&present.union(&compiled).cloned().collect(), lab);
        let overlays: Vec<Overlays<'_>> = plans.iter().map(|plan| Overlays::new(plan, lab)).collect();
        let groups: Vec<Groups<'_>> = overlays.iter().map(Overlays::groups).collect();
        let folders = folders(&overlays, &groups);
        let whole = self.scenarios.iter().any(|path| path.is_dir());
        let publication = Publication {
            branch: &lab.spec.git.branch,
            prefix: &lab.spec.git.prefix,
            lab: &lab.metadata.name,
            own: if whole { Ownership::Everything } else { Ownership::Compiled },
            files: render::shared(plans, lab),
            folders,
            index: &index,
            provenance,
            version: env!("CARGO_PKG_VERSION"),
        };
        publish(repo.path(), &publication, push)
    }
}

/// The cells' folders, and those of their groups, which cells share.
fn folders<'a>(overlays: &'a [Overlays<'a>], groups: &'a [Groups<'a>]) -> Folders<'a> {
    let mut all = Folders::default();
    for (overlays, groups) in overlays.iter().zip(groups) {
        let first = all.shared.len();
        all.shared.extend(groups.distinct().map(|make| Box::new(make) as Make<'a>));
        for ((path, cell), of_cell) in overlays.folders().zip(groups.of_cells()) {
            let parts = of_cell.iter().map(|(name, place)| (name.clone(), first + place)).collect();
            all.folders.insert(path, Folder { make: Box::new(move || overlays.own_files(cell)), parts });
        }
    }
    all
}

/// The address of the repository's `origin`.
fn origin(repo: &Repository) -> Option<String> {
    repo.find_remote("origin").ok()?.url().ok().map(str::to_owned)
}

/// Where to push: the lab's address, else `origin` with all that Git's settings say about it.
fn remote(repo: &Repository, lab: &Lab) -> Result<String, GitError> {
    let named = lab.spec.git.url.clone().or_else(|| origin(repo).map(|_| "origin".to_owned()));
    named.ok_or_else(|| GitError::NoRemote { place: repo.workdir().unwrap_or(repo.path()).to_owned() })
}

/// What was made, for people.
fn summary(plans: &[Plan]) {
    for plan in plans {
        say(render::plan_brief(&render::PlanFile::of(plan)).trim_end());
    }
}

/// Files into a folder; what an earlier compile wrote there is replaced.
fn written(folder: &Path, files: &Files) -> Result<(), Exit> {
    OutFolder::new(folder).replace(files).map_err(|error| {
        let exit = if matches!(error, OutError::Io(..)) { Exit::Environment } else { Exit::Usage };
        fail(exit, &error)
    })
}
