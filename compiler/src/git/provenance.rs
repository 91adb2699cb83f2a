use benchgrid_measures::Timestamp;
use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use git2::{ErrorCode, Oid, Repository, Signature, StatusOptions, Time};
use serde::{Deserialize, Serialize};

use super::{GitError, open, without_user};

/// The commit that a compile's input comes from. Author and date of what is published are its own, so that the same
/// input on the same tip gives the same commit id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Its id.
    pub sha: String,
    /// Name of its author.
    pub author: String,
    /// Address of its author.
    pub email: String,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
    /// Minutes that the committer's clock is ahead of UTC.
    pub offset: i32,
    /// Its first line.
    pub subject: String,
    /// Where the repository is from: `origin`, without user and password.
    pub repository: Option<String>,
    /// The repository it was read from.
    pub place: PathBuf,
    /// The work tree, and its first file that differs from the commit.
    pub dirty: Option<(PathBuf, String)>,
    /// Bases that a program built, by their folder, each with the program and its version.
    pub bases: BTreeMap<String, String>,
}

/// `hydrator.metadata`: which source the branch was made from, in the words of Argo CD's hydrator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The source repository.
    #[serde(rename = "repoURL", skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
    /// The source commit.
    pub dry_sha: String,
    /// Author of the source commit.
    pub author: String,
    /// Its time.
    pub date: String,
    /// Its first line.
    pub subject: String,
    /// The source commit of each scenario, since they may be compiled one by one.
    pub scenarios: BTreeMap<String, String>,
    /// Which program built a base's folder, where we didn't. It stands here and not in the folder, whose address is its
    /// content, and makes no commit of its own: what was deployed are the objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, String>,
}

impl Provenance {
    /// Reads HEAD of the repository that holds the sources.
    pub fn of(repo: &Repository) -> Result<Self, GitError> {
        let place = repo.workdir().unwrap_or(repo.path()).to_owned();
        let head = match repo.head() {
            Ok(head) => head.peel_to_commit()?,
            Err(e) if matches!(e.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                return Err(GitError::NoSource { place });
            }
            Err(error) => return Err(error.into()),
        };
        let origin = repo.find_remote("origin").ok();
        let author = head.author();
        Ok(Self {
            sha: head.id().to_string(),
            author: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
            time: head.time().seconds(),
            offset: head.time().offset_minutes(),
            subject: String::from_utf8_lossy(head.summary_bytes().unwrap_or_default()).into_owned(),
            repository: origin.as_ref().and_then(|remote| remote.url().ok()).map(without_user),
            place: repo.path().to_owned(),
            dirty: first_change(repo)?.map(|first| (place, first)),
            bases: BTreeMap::new(),
        })
    }

    /// Author and committer of what is published.
    pub(super) fn signature(&self) -> Result<Signature<'static>, GitError> {
        let or = |text: &str, other: &str| if text.trim().is_empty() { other.to_owned() } else { text.to_owned() };
        let time = Time::new(self.time, self.offset);
        Ok(Signature::new(&or(&self.author, "unknown"), &or(&self.email, "unknown"), &time)?)
    }

    /// The message, with the trailers that Argo CD shows beside an Application.
    pub(super) fn message(&self, lab: &str, scenarios: &[&str], version: &str) -> String {
        let short = self.sha.get(..10).unwrap_or(&self.sha);
        let what = match scenarios {
            [] => "no scenario".to_owned(),
            [one] => (*one).to_owned(),
            many => format!("{} scenarios", many.len()),
        };
        let mut text = format!("Compile {what} for lab {lab}\n\nFrom {short}: {}\n\n", self.subject);
        let mut trailer = |name: &str, value: &str| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name}: {value}");
        };
        trailer("Argocd-reference-commit-sha", &self.sha);
        trailer("Argocd-reference-commit-author", &format!("{} <{}>", self.author, self.email));
        trailer("Argocd-reference-commit-date", &Timestamp(self.time).to_string());
        trailer("Argocd-reference-commit-subject", &self.subject);
        if let Some(url) = &self.repository {
            trailer("Argocd-reference-commit-repourl", url);
        }
        for scenario in scenarios {
            trailer("Benchgrid-Scenario", scenario);
        }
        trailer("Benchgrid-Version", version);
        text
    }

    /// The metadata after this compile, given the one before.
    pub(super) fn metadata(&self, before: Metadata, kept: &[&str], compiled: &[&str]) -> Metadata {
        let mut scenarios = before.scenarios;
        scenarios.retain(|name, _| kept.contains(&name.as_str()));
        scenarios.extend(compiled.iter().map(|name| ((*name).to_owned(), self.sha.clone())));
        let mut bases = before.bases;
        bases.extend(self.bases.clone());
        Metadata {
            repo_url: self.repository.clone(),
            dry_sha: self.sha.clone(),
            author: format!("{} <{}>", self.author, self.email),
            date: Timestamp(self.time).to_string(),
            subject: self.subject.clone(),
            scenarios,
            bases,
        }
    }

    /// The source commit that all these scenarios were compiled from already, when it comes after this one.
    pub(super) fn newer(&self, metadata: &Metadata, compiled: &[&str]) -> Result<Option<String>, GitError> {
        let mut known = compiled.iter().map(|name| metadata.scenarios.get(*name));
        let Some(Some(first)) = known.next() else { return Ok(None) };
        if *first == self.sha || !known.all(|sha| sha == Some(first)) {
            return Ok(None);
        }
        let (theirs, ours) = (Oid::from_str(first)?, Oid::from_str(&self.sha)?);
        let repo = open(&self.place)?;
        // A commit that is not here is nobody's descendant.
        let after = |new, old| repo.graph_descendant_of(new, old).unwrap_or(false);
        if after(theirs, ours) {
            return Ok(Some(first.clone()));
        }
        // A shallow clone lacks what is older as well as what is newer; dates tell them apart, if not for sure.
        let later = metadata.dry_sha == *first && metadata.date > Timestamp(self.time).to_string();
        if repo.is_shallow() && later && !after(ours, theirs) {
            return Err(GitError::Shallow { theirs: first.clone() });
        }
        Ok(None)
    }
}

/// The first file that is in no commit: changed, staged, or untracked and not ignored.
fn first_change(repo: &Repository) -> Result<Option<String>, GitError> {
    if repo.is_bare() {
        return Ok(None);
    }
    let mut options = StatusOptions::new();
    options.include_untracked(true).include_ignored(false).exclude_submodules(true);
    let statuses = repo.statuses(Some(&mut options))?;
    Ok(statuses.iter().next().map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned()))
}
