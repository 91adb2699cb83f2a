use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use git2::{ErrorCode, Oid, Repository};

use super::{GitError, RemoteProblem, lock, open};

/// A remote repository, reached by the `git` program: credentials, ssh, proxies and hooks are its business.
#[derive(Debug, Clone)]
pub struct Remote {
    local: PathBuf,
    work_tree: Option<PathBuf>,
    url: String,
    limit: Duration,
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
    /// A fetch or push that takes longer will not come to an end.
    const LIMIT: Duration = Duration::from_mins(15);

    /// The remote at `url` (an address, or the name of a remote), seen from this repository.
    pub fn new(repo: &Repository, url: &str) -> Self {
        let work_tree = repo.workdir().map(Path::to_owned);
        Self { local: repo.path().to_owned(), work_tree, url: url.to_owned(), limit: Self::LIMIT }
    }

    /// The same with another limit to how long a fetch or push may take.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty bare repository to fetch into, unless there is one.
    pub fn clone_into(directory: &Path, url: &str) -> Result<(Repository, Self), GitError> {
        let repo = match Repository::open_bare(directory) {
            Ok(repo) => repo,
            Err(error) if error.code() == ErrorCode::NotFound => {
                let made = Repository::init_bare(directory);
                made.map_err(|source| GitError::Open { place: directory.to_owned(), source })?
            }
            Err(source) => return Err(GitError::Open { place: directory.to_owned(), source }),
        };
        let remote = Self::new(&repo, url);
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
        let output = self.git("fetch", &[&FETCH[..], &[&self.url, &refspec]].concat())?;
        if output.ok {
            let repo = open(&self.local)?;
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
        let output = self.git("push", &[&PUSH[..], &[&self.url, &refspec]].concat())?;
        if output.ok {
            return Ok(Pushed::Done);
        }
        let raced = output.text.lines().any(|line| line.starts_with('!') && lost_race(line));
        if raced { Ok(Pushed::Rejected) } else { Err(self.failed("push", &output.text)) }
    }

    /// Of a partial clone, the remote that has what is missing here.
    pub(super) fn promised(repo: &Repository) -> Result<Option<Self>, GitError> {
        let config = repo.config()?;
        let mut entries = config.entries(Some("remote\\..*\\.promisor"))?;
        let name = match entries.next() {
            Some(entry) => entry?
                .name()?
                .strip_prefix("remote.")
                .and_then(|name| name.strip_suffix(".promisor"))
                .map(str::to_owned),
            None => None,
        };
        Ok(name.map(|name| Self::new(repo, &name)))
    }

    /// Has all files of a commit here. The library sees what is missing as damage; git fetches what it reads, and of
    /// two trees that are compared, all files at once.
    pub(super) fn complete(&self, commit: Oid) -> Result<(), GitError> {
        const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let quick = ["--shortstat", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let output = self.git("diff", &[&quick[..], &[EMPTY_TREE, &commit.to_string()]].concat())?;
        if output.ok { Ok(()) } else { Err(self.failed("diff", &output.text)) }
    }

    fn failed(&self, verb: &'static str, text: &str) -> GitError {
        const IDLE: [&str; 3] = ["hint:", "Please make sure you have", "and the repository exists"];
        let idle = |line: &str| line.is_empty() || IDLE.iter().any(|words| line.starts_with(words));
        let lines = text.lines().map(|line| line.trim().trim_end_matches('.')).filter(|line| !idle(line));
        let detail = lines.collect::<Vec<_>>().join("; ");
        let url = without_user(&self.url);
        GitError::Remote {
            problem: RemoteProblem::of(&detail),
            verb,
            detail: detail.replace(&self.url, &url),
            url: match &self.work_tree {
                // The name of a remote means something in its repository only.
                Some(place) if !url.contains(['/', ':']) => format!("{url} of {}", place.display()),
                _ => url,
            },
        }
    }

    fn git(&self, verb: &'static str, arguments: &[&str]) -> Result<Output, GitError> {
        let mut command = Command::new("git");
        // A house-keeping that outlives its command would write into a clone that its owner thinks is idle.
        command.args(["-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"]);
        // A connection that says nothing for a minute is dead.
        command.args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"]);
        match &self.work_tree {
            // There git finds hooks whose path is relative.
            Some(place) => command.current_dir(place),
            None => command.arg("--git-dir").arg(&self.local),
        };
        command.arg(verb).args(arguments).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        // Inside a hook these point at the hook's repository.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
            command.env_remove(name);
        }
        let output = run(command, self.limit).map_err(GitError::NoProgram)?;
        output.ok_or_else(|| self.failed(verb, &format!("no answer within {} s", self.limit.as_secs())))
    }
}

/// What a fetch leaves alone, whatever the user's settings say.
const FETCH: [&str; 4] = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
/// The same of a push.
const PUSH: [&str; 3] = ["--porcelain", "--no-follow-tags", "--recurse-submodules=no"];

/// Runs a command to its end; none when it has not come in time, and is ended.
fn run(mut command: Command, limit: Duration) -> std::io::Result<Option<Output>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, receiver) = channel();
    let mut streams: Vec<Box<dyn Read + Send>> = Vec::new();
    streams.extend(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    streams.extend(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    for (number, mut stream) in streams.into_iter().enumerate() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is what there is; after the limit nobody listens any more.
            let _ = stream.read_to_end(&mut bytes);
            let _ = sender.send((number, bytes));
        });
    }
    drop(sender);
    let end = Instant::now() + limit;
    let mut texts = [Vec::new(), Vec::new()];
    loop {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok((number, bytes)) => texts[number] = bytes,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
        }
    }
    let ok = child.wait()?.success();
    Ok(Some(Output { ok, text: String::from_utf8_lossy(&texts.concat()).into_owned() }))
}

/// The error of a fetch that found its own ref locked: by another fetch of this moment, or for good.
fn lock_of(text: &str, branch: &str) -> Option<GitError> {
    let moved = || GitError::Moved { branch: branch.to_owned() };
    if text.contains("but expected") {
        return Some(moved());
    }
    let (_, rest) = text.split_once("Unable to create '")?;
    let path = PathBuf::from(rest.split_once("': File exists")?.0);
    Some(lock::old(path, lock::FRESH).unwrap_or_else(moved))
}

/// A URL as it may be shown: credentials written into it are nobody's business.
pub fn without_user(url: &str) -> String {
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
    fn a_remote_that_never_answers_is_given_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("git://{}/x.git", silent.local_addr().unwrap());
        let (_, remote) = Remote::clone_into(folder.path(), &url).unwrap();
        let began = Instant::now();
        let error = remote.within(Duration::from_secs(1)).fetch("deploy").unwrap_err();
        assert_eq!(error.code(), crate::spec::codes::NETWORK, "{error}");
        assert!(error.to_string().ends_with("no answer within 1 s") && began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn tells_a_race_from_a_refusal() {
        assert!(lost_race("!\tabc:refs/heads/deploy\t[rejected] (fetch first)"));
        assert!(lost_race("!\tabc:refs/heads/deploy\t[remote rejected] (cannot lock ref 'refs/heads/deploy': is at)"));
        assert!(!lost_race("!\tabc:refs/heads/deploy\t[remote rejected] (pre-receive hook declined)"));
        assert!(!lost_race("!\tabc:refs/heads/deploy\t[remote rejected] (branch is currently checked out)"));
    }
}
