use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use benchgrid_measures::{AttemptName, Timestamp};
use git2::{Oid, Repository, Signature, Time};

use super::{
    Cluster, ConductError, Decision, Done, Over, Reading, Seen, Settings, State, Store, StoreClient, decide, lab,
    webhook,
};
use super::{
    archive::{Archive, Place, Sources},
    change::Planned,
    clock::within,
};
use crate::git::{Backoff, GitError, Pushed, Remote, Snapshot, Written, write_commit};
use crate::spec::Lab;

/// Rewrites a cell's kustomization.yaml for an attempt.
pub type Admit = fn(&str, &AttemptName) -> Result<String, String>;

/// What a conductor is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The repository.
    pub url: String,
    /// The deploy branch.
    pub branch: String,
    /// Its folder that holds everything; empty: the root.
    pub prefix: String,
    /// Folder of its clone; made when it is missing.
    pub directory: PathBuf,
    /// Time between two ticks; none: the lab's.
    pub interval: Option<Duration>,
    /// The store to read, instead of the lab's.
    pub store: Option<String>,
}

/// Decides which attempts are deployed now, tick by tick. Between two ticks it keeps nothing that could not be read again.
pub struct Conductor<'a> {
    options: Options,
    repo: Repository,
    remote: Remote,
    cluster: &'a dyn Cluster,
    admit: Admit,
    clock: &'a dyn Fn() -> Timestamp,
    log: &'a dyn Fn(&str),
    /// What the newest commit said, so that it is not read again every few seconds.
    known: Option<Known>,
    /// What was said last, so that it is not said again every few seconds.
    said: Vec<String>,
    /// When Argo CD was told last.
    told: Option<Timestamp>,
    /// The records of ended attempts, on their branch.
    archive: Archive,
}

/// What one commit said.
struct Known {
    tip: Oid,
    lab: Lab,
    reading: Reading,
}

/// What a tick did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// The branch is as it should be; there is more to do.
    Idle,
    /// The branch is as it should be, and will stay so: nothing runs, nothing lingers, nothing waits.
    Over(Over),
    /// Nothing could be decided, since the store is silent; the log says why.
    Silent,
    /// A commit was pushed.
    Changed(Oid),
}

impl Tick {
    /// After a decision that changes nothing.
    fn unchanged(decision: &Decision) -> Self {
        match decision.over {
            Some(over) => Self::Over(over),
            None if decision.silent => Self::Silent,
            None => Self::Idle,
        }
    }
}

impl<'a> Conductor<'a> {
    /// Pushes that lost the race in one tick before it is given up; the next tick tries again anyway.
    const TRIES: u32 = 8;
    /// Seconds after which Argo CD is told again of a commit that it does not follow: about twice what it takes to, since
    /// an event that comes while it still works on the one before is lost, and so is one whose sender was killed.
    const AGAIN: u64 = 15;

    /// A conductor; its clone is made, nothing is fetched yet.
    pub fn new(
        options: Options,
        cluster: &'a dyn Cluster,
        admit: Admit,
        clock: &'a dyn Fn() -> Timestamp,
        log: &'a dyn Fn(&str),
    ) -> Result<Self, ConductError> {
        let (repo, remote) = Remote::clone_into(&options.directory, &options.url)?;
        let (said, archive) = (Vec::new(), Archive::default());
        Ok(Self { options, repo, remote, cluster, admit, clock, log, known: None, said, told: None, archive })
    }

    /// Ticks until `stop` says something or its sender is gone. A tick that fails is said and repeated.
    pub fn run(&mut self, stop: &Receiver<()>) {
        while self.until_over(stop).is_some() {
            if self.stopped(stop) {
                return;
            }
        }
    }

    /// Ticks until the campaigns are over; none when `stop` said something before that.
    pub fn until_over(&mut self, stop: &Receiver<()>) -> Option<Over> {
        loop {
            match self.tick() {
                Ok(Tick::Over(over)) if !self.archive.is_behind() => return Some(over),
                Ok(_) => {}
                Err(error) => self.say(vec![format!("tick failed: {error}")]),
            }
            if self.stopped(stop) {
                return None;
            }
        }
    }

    /// Waits for the next tick; whether it is not to come.
    fn stopped(&self, stop: &Receiver<()>) -> bool {
        !matches!(stop.recv_timeout(self.interval()), Err(RecvTimeoutError::Timeout))
    }

    fn interval(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(5);
        let lab = self.known.as_ref().and_then(|known| lab::interval(&known.lab).ok());
        self.options.interval.or(lab).unwrap_or(DEFAULT).max(Duration::from_millis(100))
    }

    /// Looks once, and changes what is to be changed. When the branch moves meanwhile, everything is decided anew.
    pub fn tick(&mut self) -> Result<Tick, ConductError> {
        let mut backoff = Backoff::new(Self::TRIES);
        loop {
            if let Some(tick) = self.once()? {
                return Ok(tick);
            }
            if !backoff.again() {
                let branch = self.options.branch.clone();
                return Err(GitError::Contended { branch, tries: backoff.tries() }.into());
            }
        }
    }

    /// One try; none when somebody else was faster.
    fn once(&mut self) -> Result<Option<Tick>, ConductError> {
        let known = self.read()?;
        let tick = self.act(&known);
        self.known = Some(known);
        tick
    }

    /// Decides, commits, pushes.
    fn act(
        &mut self,
        Known { tip, lab, reading: Reading { state, .. } }: &Known,
    ) -> Result<Option<Tick>, ConductError> {
        let store = self.options.store.as_ref().unwrap_or(&lab.spec.metrics.read);
        let store = StoreClient::new(store, &lab.metadata.name);
        let seen = Seen { store: store.outcomes(&state.active), cluster: self.cluster.look(&state.active) };
        let now = (self.clock)();
        let decision = decide(state, &seen, now, &Settings::of(lab)?);
        // What failed can be asked only before the commit that removes it.
        let logs = self.cluster.logs(&decision.failed());
        let unarchived = self.archive(lab, &store, (&decision, state), now);
        let (planned, written) = {
            let snapshot = self.snapshot(*tip)?;
            let planned = Planned::new((&decision, logs), state, &snapshot, self.admit, now)?;
            let by = Signature::new("benchgrid conductor", "conductor@benchgrid.io", &Time::new(now.0, 0));
            let by = by.map_err(GitError::from)?;
            let prefix = &self.options.prefix;
            let written = write_commit(&self.repo, Some(*tip), prefix, &planned.change, &planned.message, &by)?;
            (planned, written)
        };
        let (unchanged, behind) = (Tick::unchanged(&decision), decision.behind);
        self.say([decision.say, planned.problems, unarchived].concat());
        let Written::Committed(commit) = written else {
            let heard = self.told.is_some_and(|told| within(now, told, Self::AGAIN));
            if behind && !heard {
                self.tell_argo(lab, None, *tip, now);
            }
            return Ok(Some(unchanged));
        };
        if self.remote.push(commit, &self.options.branch)? == Pushed::Rejected {
            return Ok(None);
        }
        planned.lines.iter().for_each(|line| (self.log)(line));
        self.tell_argo(lab, Some(*tip), commit, now);
        Ok(Some(Tick::Changed(commit)))
    }

    /// Archives what ended, where the lab says so; what went wrong.
    fn archive(
        &mut self,
        lab: &Lab,
        store: &StoreClient,
        (decision, state): (&Decision, &State),
        now: Timestamp,
    ) -> Vec<String> {
        let branch = lab.spec.git.results.as_str();
        if branch.is_empty() {
            return Vec::new();
        }
        if branch == self.options.branch {
            return vec![format!(
                "no records are archived: `{branch}` is the deploy branch; change the lab's `git.results`"
            )];
        }
        let place = Place { repo: &self.repo, remote: &self.remote, branch, lab: &lab.metadata.name };
        let ending: Vec<Done> = decision.end.iter().map(|ending| ending.done(now, &state.lab)).collect();
        self.archive.keep(&place, &Sources::new(self.cluster, store), &ending, &state.done, now)
    }

    /// The newest commit and what it says.
    fn read(&mut self) -> Result<Known, ConductError> {
        let tip = self.remote.fetch(&self.options.branch)?;
        let known = self.known.take();
        let Options { url, branch, prefix, .. } = &self.options;
        let tip = tip.ok_or_else(|| GitError::NoBranch { url: url.clone(), branch: branch.clone() })?;
        let before = match known {
            Some(known) if known.tip == tip => return Ok(known),
            known => known.map(|known| known.reading).unwrap_or_default(),
        };
        let snapshot = self.snapshot(tip)?;
        let lab: Option<Lab> = snapshot.json("lab.json")?;
        let missing = || ConductError::NoLab { url: url.clone(), branch: branch.clone(), prefix: prefix.clone() };
        let lab = lab.ok_or_else(missing)?;
        Ok(Known { tip, lab, reading: before.next(&snapshot)? })
    }

    fn snapshot(&self, tip: Oid) -> Result<Snapshot<'_>, GitError> {
        Snapshot::at(&self.repo, &self.options.branch, Some(tip), &self.options.prefix)
    }

    /// Says what was not said in the last tick as well.
    fn say(&mut self, lines: Vec<String>) {
        lines.iter().filter(|line| !self.said.contains(line)).for_each(|line| (self.log)(line));
        self.said = lines;
    }

    fn tell_argo(&mut self, lab: &Lab, before: Option<Oid>, after: Oid, now: Timestamp) {
        self.told = Some(now);
        let Some(webhook) = &lab.spec.argocd.webhook else { return };
        // Argo CD compares the address with the one in its Applications, which is the lab's.
        let url = lab.spec.git.url.as_ref().unwrap_or(&self.options.url);
        let event = webhook::push_event(url, &self.options.branch, before, after);
        if let Err(error) = webhook::send(webhook, &event) {
            (self.log)(&format!("webhook {webhook}: {error}; Argo CD will look by itself"));
        }
    }
}
