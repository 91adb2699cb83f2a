use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use git2::{ErrorCode, Oid, Repository};

use super::GitError;

/// A remote repository, reached by the `git` program: credentials, ssh and proxies are its business.
#[derive(Debug, Clone)]
pub struct Remote {
    local: PathBuf,
    url: String,
}

/// What the remote said to a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It has the commit now.
    Done,
    /// Somebody else was faster.
    Rejected,
}

impl Remote {
    /// The remote at `url` (an address, or the name of a remote), seen from the repository in `local`.
    pub fn new(local: &Path, url: &str) -> Self {
        Self { local: local.to_owned(), url: url.to_owned() }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty bare repository to fetch into, unless there is one.
    pub fn clone_into(directory: &Path, url: &str) -> Result<(Repository, Self), GitError> {
        let repo = match Repository::open_bare(directory) {
            Ok(repo) => repo,
            Err(error) if error.code() == ErrorCode::NotFound => Repository::init_bare(directory)?,
            Err(error) => return Err(error.into()),
        };
        let remote = Self::new(repo.path(), url);
        Ok((repo, remote))
    }

    /// Where fetched tips are kept: no branch, so nobody works on it by accident.
    fn tracking(branch: &str) -> String {
        format!("refs/benchgrid/fetched/{branch}")
    }

    /// Brings the branch's newest commit here; none when the remote has no such branch.
    pub fn fetch(&self, branch: &str) -> Result<Option<Oid>, GitError> {
        let tracking = Self::tracking(branch);
        let refspec = format!("+refs/heads/{branch}:{tracking}");
        let output = self.git("fetch", &["--quiet", "--no-tags", "--no-write-fetch-head", &self.url, &refspec])?;
        if output.ok {
            let repo = Repository::open(&self.local)?;
            let id = repo.find_reference(&tracking)?.peel_to_commit()?.id();
            return Ok(Some(id));
        }
        if output.text.contains("couldn't find remote ref") {
            return Ok(None);
        }
        Err(lock_of(&output.text, branch).unwrap_or_else(|| self.failed("fetch", &output.text)))
    }

    /// Offers a commit as the branch's new tip; never forces.
    pub fn push(&self, commit: Oid, branch: &str) -> Result<Pushed, GitError> {
        let refspec = format!("{commit}:refs/heads/{branch}");
        let output = self.git("push", &["--porcelain", &self.url, &refspec])?;
        if output.ok {
            return Ok(Pushed::Done);
        }
        let raced = output.text.lines().any(|line| line.starts_with('!') && lost_race(line));
        if raced { Ok(Pushed::Rejected) } else { Err(self.failed("push", &output.text)) }
    }

    fn failed(&self, verb: &'static str, text: &str) -> GitError {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:"));
        let detail = lines.collect::<Vec<_>>().join("; ");
        let shown = without_user(&self.url);
        GitError::Program { verb, detail: detail.replace(&self.url, &shown), url: shown }
    }

    fn git(&self, verb: &str, arguments: &[&str]) -> Result<Output, GitError> {
        let mut command = Command::new("git");
        // A house-keeping that outlives its command would write into a clone that its owner thinks is idle.
        command.args(["-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"]);
        // A connection that says nothing for a minute is dead.
        command.args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"]);
        command.arg("--git-dir").arg(&self.local).arg(verb).args(arguments);
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        // Inside a hook these point at the hook's repository.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
            command.env_remove(name);
        }
        let output = command.stdin(Stdio::null()).output().map_err(GitError::NoProgram)?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Output { ok: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() })
    }
}

/// The error of a fetch that found its own ref locked: by another fetch of this moment, or for good.
fn lock_of(text: &str, branch: &str) -> Option<GitError> {
    const FRESH: Duration = Duration::from_secs(5);
    let moved = || GitError::Moved { branch: branch.to_owned() };
    if text.contains("but expected") {
        return Some(moved());
    }
    let (_, rest) = text.split_once("Unable to create '")?;
    let path = PathBuf::from(rest.split_once("': File exists")?.0);
    let since = path.metadata().and_then(|data| data.modified()).ok();
    let age = since.and_then(|since| SystemTime::now().duration_since(since).ok()).unwrap_or_default();
    Some(if age > FRESH { GitError::Locked { path, age } } else { moved() })
}

/// A URL as it may be shown: credentials written into it are nobody's business.
pub(super) fn without_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => url.to_owned(),
    }
}

struct Output {
    ok: bool,
    text: String,
}

/// Whether a line of `git push --porcelain` says that the ref moved, as opposed to a remote that won't have it.
fn lost_race(line: &str) -> bool {
    const SIGNS: [&str; 8] = [
        "(fetch first)",
        "(non-fast-forward)",
        "(stale info)",
        "cannot lock ref",
        "failed to lock",
        "failed to update ref",
        "incorrect old value",
        "reference already exists",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_credentials() {
        assert_eq!(without_user("https://me:secret@host/a@b.git"), "https://host/a@b.git");
        assert_eq!(without_user("git@host:a/b.git"), "git@host:a/b.git");
        assert_eq!(without_user("file:///srv/a"), "file:///srv/a");
    }

    #[test]
    fn tells_a_race_from_a_refusal() {
        assert!(lost_race("!\tabc:refs/heads/deploy\t[rejected] (fetch first)"));
        assert!(lost_race("!\tabc:refs/heads/deploy\t[remote rejected] (cannot lock ref 'refs/heads/deploy': is at)"));
        assert!(!lost_race("!\tabc:refs/heads/deploy\t[remote rejected] (pre-receive hook declined)"));
        assert!(!lost_race("!\tabc:refs/heads/deploy\t[remote rejected] (branch is currently checked out)"));
    }
}
