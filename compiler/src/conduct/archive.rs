use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::{Duration, Instant},
};

use benchgrid_measures::Timestamp;
use git2::{Oid, Repository, Signature, Time};
use sha2::{Digest, Sha256};

use super::{Cluster, Done, StoreClient};
use super::{
    archived::{ArchivedAttempt, Printed},
    clock::within,
};
use crate::git::{Backoff, Change, GitError, Pushed, Remote, Snapshot, Written, write_commit};
use crate::plan::experiment::hex;

/// The records of ended attempts on a branch of their own: `<lab>/<scenario>/<cell>/<attempt>.jsonl`, and its checksum
/// beside it.
///
/// An attempt is archived before the commit that ends it, since its coordinator's log goes with it. Nothing waits for the
/// archive: where the branch can't be pushed, what was read is kept for the next tick, and after a restart what `done/`
/// has and the branch has not is made from the store.
#[derive(Default)]
pub(super) struct Archive {
    /// Files that are not on the branch yet, by attempt.
    waiting: BTreeMap<String, (Done, ArchivedAttempt)>,
    /// Attempts of this lab that are on the branch.
    there: BTreeSet<String>,
    /// The commit that says so.
    tip: Option<Oid>,
    /// When the branch was looked at last.
    looked: Option<Timestamp>,
    /// When something went wrong last.
    failed: Option<Timestamp>,
    /// Whether the next tick finds more to do at once.
    behind: bool,
}

/// Where the archive is.
pub(super) struct Place<'a> {
    pub(super) repo: &'a Repository,
    pub(super) remote: &'a Remote,
    pub(super) branch: &'a str,
    pub(super) lab: &'a str,
}

/// Where records are read from.
pub(super) struct Sources<'a> {
    cluster: &'a dyn Cluster,
    store: &'a StoreClient,
    /// When the time for logs is over.
    until: Instant,
}

impl Archive {
    /// Attempts of `done/` that one tick brings up.
    const BATCH: usize = 20;
    /// Seconds after which a branch that has everything is looked at again: somebody may have removed it.
    const AGAIN: u64 = 300;
    /// Seconds before something that went wrong is tried again.
    const REST: u64 = 60;
    /// Most bytes that are kept while the branch can't be pushed.
    const MOST: usize = 32 << 20;
    /// Pushes that lost the race in one tick before it is left to a later one.
    const TRIES: u32 = 8;

    /// Whether there is more to do at once.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Archives attempts that end now, and some of those that ended before; what went wrong, a sentence each.
    pub(super) fn keep(
        &mut self,
        place: &Place<'_>,
        from: &Sources<'_>,
        ending: &[Done],
        done: &[Done],
        now: Timestamp,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        for done in ending {
            match from.read(done, place.lab) {
                Ok(file) => self.wait(done.clone(), file),
                Err(why) => problems.push(format!("{} is archived later: {why}", done.attempt)),
            }
        }
        self.behind = false;
        if self.failed.is_some_and(|failed| within(now, failed, Self::REST)) {
            self.shrink();
            return problems;
        }
        self.failed = None;
        if let Err(why) = self.catch_up(place, from, done, now) {
            self.failed = Some(now);
            self.shrink();
            problems.push(format!("the archive on branch `{}` has to wait: {why}", place.branch));
        }
        problems
    }

    /// Brings what waits, and a part of what is missing, to the branch.
    fn catch_up(&mut self, place: &Place<'_>, from: &Sources<'_>, done: &[Done], now: Timestamp) -> Result<(), String> {
        let said = |error: GitError| error.to_string();
        let stale = !self.looked.is_some_and(|looked| within(now, looked, Self::AGAIN));
        if stale && !done.is_empty() {
            self.look(place).map_err(said)?;
            self.looked = Some(now);
        }
        let mut missing = done.iter().filter(|done| !self.has(&done.attempt));
        let batch: Vec<Done> = missing.by_ref().take(Self::BATCH).cloned().collect();
        let more = missing.next().is_some();
        // What could be read is pushed before it is said what could not.
        let read = batch.into_iter().try_for_each(|done| {
            let file = from.read(&done, place.lab)?;
            self.wait(done, file);
            Ok(())
        });
        if !self.waiting.is_empty() {
            self.push(place, now).map_err(said)?;
            self.looked = Some(now);
        }
        self.behind = more && read.is_ok();
        read
    }

    fn has(&self, attempt: &str) -> bool {
        self.there.contains(attempt) || self.waiting.contains_key(attempt)
    }

    fn wait(&mut self, done: Done, file: ArchivedAttempt) {
        if self.waiting.get(&done.attempt).is_some_and(|(_, known)| !file.replaces(known, &done)) {
            return;
        }
        self.waiting.insert(done.attempt.clone(), (done, file));
    }

    /// Forgets what is too much to keep: it is made from the store later.
    fn shrink(&mut self) {
        let mut room = Self::MOST;
        self.waiting.retain(|_, (_, file)| {
            let fits = file.text.len() <= room;
            room -= if fits { file.text.len() } else { 0 };
            fits
        });
    }

    /// Reads which attempts are on the branch now.
    fn look(&mut self, place: &Place<'_>) -> Result<(), GitError> {
        let tip = match (place.remote.fetch(place.branch)?, self.tip) {
            // Somebody removed the branch: here it is still as it was last.
            (None, Some(former)) if place.offer(former)? == Pushed::Done => Some(former),
            (tip, _) => tip,
        };
        if tip.is_some() && tip == self.tip {
            return Ok(());
        }
        let snapshot = Snapshot::at(place.repo, place.branch, tip, "")?;
        self.there.clear();
        for (_, cells) in snapshot.folders_of(snapshot.id(place.lab)?)? {
            for (_, cell) in snapshot.folders_of(Some(cells))? {
                for file in &snapshot.tree(cell)? {
                    self.there.extend(file.name()?.strip_suffix(".jsonl").map(str::to_owned));
                }
            }
        }
        self.tip = tip;
        Ok(())
    }

    /// Pushes what waits, as one commit; others who push as well are tolerated.
    fn push(&mut self, place: &Place<'_>, now: Timestamp) -> Result<(), GitError> {
        let mut backoff = Backoff::new(Self::TRIES);
        loop {
            self.look(place)?;
            let change = self.change(place)?;
            if change.is_empty() {
                return Ok(());
            }
            let by = Signature::new("benchgrid conductor", "conductor@benchgrid.io", &Time::new(now.0, 0))?;
            let message = self.message(place.lab);
            let Written::Committed(commit) = write_commit(place.repo, self.tip, "", &change, &message, &by)? else {
                return Ok(());
            };
            if place.offer(commit)? == Pushed::Done {
                self.tip = Some(commit);
                self.there.extend(std::mem::take(&mut self.waiting).into_keys());
                return Ok(());
            }
            if !backoff.again() {
                return Err(GitError::Contended { branch: place.branch.to_owned(), tries: backoff.tries() });
            }
        }
    }

    /// Files that are new or better than those on the branch; the others wait no longer.
    fn change(&mut self, place: &Place<'_>) -> Result<Change, GitError> {
        let snapshot = Snapshot::at(place.repo, place.branch, self.tip, "")?;
        let (mut change, mut known) = (Change::default(), BTreeSet::new());
        for (attempt, (done, file)) in &self.waiting {
            let path = path(place.lab, done);
            let there = snapshot.read(&path)?.and_then(|bytes| ArchivedAttempt::read(&String::from_utf8(bytes).ok()?));
            if there.is_some_and(|there| !file.replaces(&there, done)) {
                known.insert(attempt.clone());
                continue;
            }
            let sum = format!("{}  {attempt}.jsonl\n", hex(&Sha256::digest(&file.text)));
            change.write.insert(format!("{path}.sha256"), sum.into_bytes());
            change.write.insert(path, file.text.clone().into_bytes());
        }
        self.waiting.retain(|attempt, _| !known.contains(attempt));
        let once = [("README.md".to_owned(), README), (format!("{}/.gitattributes", place.lab), ATTRIBUTES)];
        for (path, text) in once {
            if !change.is_empty() && snapshot.id(&path)?.is_none() {
                change.write.insert(path, text.as_bytes().to_vec());
            }
        }
        Ok(change)
    }

    fn message(&self, lab: &str) -> String {
        let names: Vec<&str> = self.waiting.keys().map(String::as_str).collect();
        let subject = match names[..] {
            [one] => format!("Archive {one}"),
            _ => format!("Archive {} attempts of lab {lab}", names.len()),
        };
        let mut text = format!("{subject}\n\n");
        for (done, _) in self.waiting.values() {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{}: {}", done.attempt, done.outcome);
        }
        text
    }
}

impl Place<'_> {
    /// How long a push may take: a campaign stands still meanwhile.
    const PUSH: Duration = Duration::from_mins(1);

    fn offer(&self, commit: Oid) -> Result<Pushed, GitError> {
        self.remote.clone().within(Self::PUSH).push(commit, self.branch)
    }
}

impl<'a> Sources<'a> {
    /// Longest time for the logs of a tick.
    const LOGS: Duration = Duration::from_secs(20);

    pub(super) fn new(cluster: &'a dyn Cluster, store: &'a StoreClient) -> Self {
        Self { cluster, store, until: Instant::now() + Self::LOGS }
    }

    /// What an attempt left: what its coordinator printed, and where that is not all, what the store holds of the rest.
    fn read(&self, done: &Done, lab: &str) -> Result<ArchivedAttempt, String> {
        let late = Instant::now() >= self.until;
        let log = if late { Err(TOO_LATE.to_owned()) } else { self.cluster.printed(&done.attempt) };
        let printed = log.as_ref().map(|log| Printed::of(&done.attempt, log)).unwrap_or_default();
        let gap = log.err().or_else(|| printed.gap());
        let stored = match &gap {
            Some(_) => self.store.records(done)?,
            None => BTreeMap::new(),
        };
        Ok(ArchivedAttempt::new(done, lab, printed, stored, gap.as_deref()))
    }
}

/// Why a log was not asked for.
const TOO_LATE: &str = "no time was left for the coordinator's log";

fn path(lab: &str, done: &Done) -> String {
    format!("{lab}/{}/{}/{}.jsonl", done.scenario, done.cell, done.attempt)
}

/// Sums are over the bytes: no checkout may change line ends.
const ATTRIBUTES: &str = "* -text\n";

/// The page that says what the branch is.
const README: &str = "# Results

Records of measurements, one folder a lab, written by the labs' conductors (benchgrid). A folder of somebody else's is left alone.

- `<lab>/<scenario>/<cell>/<attempt>.jsonl`: one attempt. A line of JSON for each record, by id, then a line for its outcome.
  A record is what the coordinator printed. Where its log could not be had, it is what the metrics store held: such a record has no field `schema`, and
  the outcome has a field `archive` that says how many there are, and why.
- `<attempt>.jsonl.sha256`: its checksum; `sha256sum --check *.sha256` in that folder.

A report from a checkout of this branch, of one lab or all:

```sh
benchgrid report --archive . --out report
```
";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_waits_has_a_bound() {
        let mut archive = Archive::default();
        for number in 1..=5 {
            let done = json!({
                "attempt": format!("bg-s-0123456789-abcdef-t1a{number}"), "scenario": "s", "slug": "s", "cell": "0123456789",
                "digest": "abcdef", "trial": 1, "number": number, "admitted": "2026-01-01T00:00:00Z",
                "ended": "2026-01-01T00:01:00Z", "outcome": "measured", "reason": "ok", "by": "store",
            });
            let done: Done = serde_json::from_value(done).unwrap();
            let stored = BTreeMap::from([("id".to_owned(), json!("x".repeat(10 << 20)))]);
            let file = ArchivedAttempt::new(&done, "lab", Printed::default(), stored, None);
            archive.wait(done, file);
        }
        archive.shrink();
        assert_eq!(archive.waiting.len(), 3, "of 10 MiB each");
        assert!(archive.has("bg-s-0123456789-abcdef-t1a1") && !archive.has("bg-s-0123456789-abcdef-t1a4"));
    }
}
