use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use git2::{ErrorCode, Oid, Repository};

use super::{
    Backoff, Branch, Change, GitError, Metadata, Objects, Provenance, Pushed, Remote, Snapshot, branch::commit_tree,
    guard, lock, merge::Merge, open,
};

/// The file that names the source commit. A difference in it alone makes no commit.
pub(super) const METADATA: &str = "hydrator.metadata";

/// Which scenarios of the branch a compile answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The compiled ones: `compile FILE`.
    Compiled,
    /// The whole set, so that scenarios which are no longer there go: `compile DIR`.
    Everything,
}

/// Gives the files that depend on which scenarios are on the branch, given all their names; they replace what `files`
/// has at the same path.
pub type Index<'a> = &'a dyn Fn(&BTreeSet<String>) -> BTreeMap<String, Vec<u8>>;

/// Makes the files of a folder, by their path within it.
pub type Make<'a> = Box<dyn Fn() -> BTreeMap<String, Vec<u8>> + Sync + 'a>;

/// Folders whose files are made when they are needed: the files of all at once may be too much to hold.
#[derive(Default)]
pub struct Folders<'a> {
    /// Folders, by path.
    pub folders: BTreeMap<String, Folder<'a>>,
    /// Folders that may stand in several of these. Each is made once.
    pub shared: Vec<Make<'a>>,
}

/// One folder.
pub struct Folder<'a> {
    /// Its own files.
    pub make: Make<'a>,
    /// Names of folders in it, and which of the shared ones each is.
    pub parts: Vec<(String, usize)>,
}

/// What a compile wants on the branch.
pub struct Publication<'a> {
    /// The branch.
    pub branch: &'a str,
    /// Its folder that holds everything; empty: the root.
    pub prefix: &'a str,
    /// Name of the lab.
    pub lab: &'a str,
    /// What goes if it is not written again.
    pub own: Ownership,
    /// All files by their path on the branch, the folder included; a scenario counts as compiled when there are files in `overlays/<scenario>/`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Folders that replace what the branch has there, by their path on the branch; they count as files do.
    pub folders: Folders<'a>,
    /// Files that depend on which scenarios are on the branch: `argocd-apps/kustomization.yaml`, the README.
    pub index: Index<'a>,
    /// The source commit.
    pub provenance: Provenance,
    /// Version of the program, for the trailer.
    pub version: &'a str,
}

impl Publication<'_> {
    /// Files by their path below the lab's folder.
    pub(super) fn below(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        let inside = |(path, bytes): (&String, &Vec<u8>)| match self.path(path) {
            Some(inner) => Ok((inner.to_owned(), bytes.clone())),
            None => Err(GitError::BadPath(path.clone())),
        };
        files.iter().map(inside).collect()
    }

    /// A path below the lab's folder; none elsewhere.
    fn path<'p>(&self, path: &'p str) -> Option<&'p str> {
        let prefix = self.prefix.trim_matches('/');
        if prefix.is_empty() { Some(path) } else { path.strip_prefix(prefix)?.strip_prefix('/') }
    }

    /// Names of the scenarios in the files.
    pub(super) fn scenarios(&self) -> BTreeSet<String> {
        let paths = self.files.keys().chain(self.folders.folders.keys());
        let inside = paths.filter_map(|path| self.path(path)?.strip_prefix("overlays/"));
        inside.filter_map(|path| path.split_once('/')).map(|(scenario, _)| scenario.to_owned()).collect()
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// A new commit is the branch's tip.
    Committed(Oid),
    /// The branch says the same already.
    Unchanged(Oid),
    /// The branch was compiled from a later source commit; it stays.
    Outdated {
        /// The branch's tip.
        tip: Oid,
        /// That source commit.
        by: String,
    },
}

/// Puts a compile's files on the branch of the repository at `path`, and pushes it to `push`.
///
/// With `push`, the remote's branch is what is built upon, and the local one follows it.
pub fn publish(path: &Path, publication: &Publication<'_>, push: Option<&str>) -> Result<Published, GitError> {
    let repo = open(path)?;
    published(&repo, publication, push).map_err(|error| error.at(repo.path()))
}

fn published(repo: &Repository, publication: &Publication<'_>, push: Option<&str>) -> Result<Published, GitError> {
    let branch = Branch::open(repo, publication.branch)?;
    guard::not_checked_out(repo, publication.branch)?;
    branch.refuse_old_lock()?;
    let remote = push.map(|url| Remote::new(repo, url));
    if let (Some(_), Some((place, first))) = (&remote, &publication.provenance.dirty) {
        return Err(GitError::Dirty { place: place.clone(), first: first.clone() });
    }
    let mut backoff = Backoff::new(Backoff::TRIES);
    loop {
        match once(repo, &branch, publication, remote.as_ref()) {
            Err(error) if error.is_race() => {}
            done => return done,
        }
        if !backoff.again() {
            return Err(GitError::Contended { branch: publication.branch.to_owned(), tries: backoff.tries() });
        }
    }
}

/// One try: read the tip, build on it, move the ref of whoever owns it.
fn once(
    repo: &Repository,
    branch: &Branch<'_>,
    publication: &Publication<'_>,
    remote: Option<&Remote>,
) -> Result<Published, GitError> {
    let tip = match remote {
        Some(remote) => remote.fetch(publication.branch)?,
        None => branch.tip()?,
    };
    let published = build(repo, tip, publication)?;
    let Some(remote) = remote else {
        if let Published::Committed(commit) = published {
            branch.advance(tip, commit)?;
        }
        return Ok(published);
    };
    match published {
        Published::Committed(commit) => {
            if remote.push(commit, publication.branch)? == Pushed::Rejected {
                return Err(GitError::Moved { branch: publication.branch.to_owned() });
            }
            follow(repo, branch, commit)?;
        }
        Published::Unchanged(tip) | Published::Outdated { tip, .. } => follow(repo, branch, tip)?,
    }
    Ok(published)
}

/// The commit on top of `tip`, when one is needed; no ref moves.
fn build(repo: &Repository, tip: Option<Oid>, publication: &Publication<'_>) -> Result<Published, GitError> {
    let Publication { branch, prefix, lab, provenance, version, .. } = publication;
    let base = Snapshot::at(repo, branch, tip, prefix)?;
    guard::ours(&base, lab)?;
    let compiled = publication.scenarios();
    let compiled: Vec<&str> = compiled.iter().map(String::as_str).collect();
    let mut before: Metadata = base.json(METADATA)?.unwrap_or_default();
    let folders = base.folders("base")?;
    before.bases.retain(|folder, _| folders.contains(folder));
    // whoever owns the whole set also takes scenarios off, and brings back those that a later commit took off
    let owned = |name: &str| publication.own == Ownership::Everything || compiled.contains(&name);
    if let (Some(tip), Some(by)) = (tip, provenance.newer(&before, owned)?) {
        return Ok(Published::Outdated { tip, by });
    }
    let Merge { change, kept } = Merge::new(&base, publication)?;
    let parent = tip.map(|tip| repo.find_commit(tip)).transpose()?;
    let old = parent.as_ref().map(git2::Commit::tree_id);
    let mut objects = Objects::new(repo)?;
    let tree = change.apply_with(&mut objects, old, prefix, &publication.folders)?;
    if let Some(tip) = tip
        && old == Some(tree)
    {
        return Ok(Published::Unchanged(tip));
    }
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let metadata = provenance.metadata(before, &kept, &compiled);
    let text = serde_json::to_string_pretty(&metadata).map_err(|error| base.bad(METADATA, &error))?;
    let label = Change { write: [(METADATA.to_owned(), format!("{text}\n").into_bytes())].into(), ..Change::default() };
    let tree = label.apply(&mut objects, Some(tree), prefix)?;
    objects.write()?;
    let message = provenance.message(lab, &compiled, version);
    commit_tree(repo, parent.as_ref(), tree, &message, &provenance.signature()?).map(Published::Committed)
}

/// Lets the local branch follow what the remote has. Commits that were never pushed don't get lost: they stay at
/// `refs/benchgrid/replaced/<branch>`.
fn follow(repo: &Repository, branch: &Branch<'_>, to: Oid) -> Result<(), GitError> {
    let mut backoff = Backoff::new(5);
    loop {
        let from = branch.tip()?;
        match from {
            Some(from) if from == to || repo.graph_descendant_of(from, to)? => return Ok(()),
            Some(from) if !repo.graph_descendant_of(to, from)? => {
                keep(repo, &format!("refs/benchgrid/replaced/{}", branch.name()), from)?;
            }
            _ => {}
        }
        match branch.advance(from, to) {
            // What counts is on the remote; another compile here is moving the local branch as well.
            Err(error) if error.is_race() => {
                if !backoff.again() {
                    return Ok(());
                }
            }
            done => return done,
        }
    }
}

/// Lets a reference of ours name a commit.
fn keep(repo: &Repository, reference: &str, commit: Oid) -> Result<(), GitError> {
    let mut backoff = Backoff::new(Backoff::TRIES);
    loop {
        match repo.reference(reference, commit, true, "benchgrid") {
            Err(error) if error.code() == ErrorCode::Locked => {
                if let Some(locked) = lock::old(lock::path(repo, reference), lock::FRESH) {
                    return Err(locked);
                }
                if !backoff.again() {
                    return Err(error.into());
                }
            }
            done => return done.map(|_| ()).map_err(GitError::from),
        }
    }
}
