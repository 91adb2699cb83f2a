//! One attempt from its first registration to its outcome, in the order in which it happens.
//!
//! In: [`Settings`], the swarm, the tracker, a journal. Out: the [`Outcome`].

use std::{collections::BTreeMap, thread, time::Duration};

use benchgrid_measures::{Kind, Outcome, Phase, Reason, Record};

use crate::{
    coordinator::{
        Journal, Settings, Status,
        background::Background,
        draw,
        end::{End, now_ms},
        fate::Fate,
        fingerprint,
        ledger::Ledger,
        preflight::{self, NodeFacts, Nodes},
        repetition::{self, Cell, Yield},
        swarm::Swarm,
    },
    experiment::Load,
    protocol::Step,
    store::Store,
    tracker::Tracker,
};

/// How long agents have to take their leave.
const LEAVE: Duration = Duration::from_secs(5);

/// What an attempt works with.
pub(super) struct Attempt<'a> {
    settings: &'a Settings,
    swarm: Swarm,
    tracker: Tracker,
    status: &'a Status,
    ledger: Ledger<'a>,
    fate: Fate,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        (swarm, tracker): (Swarm, Tracker),
        status: &'a Status,
        journal: &'a mut dyn Journal,
    ) -> Self {
        let pods = settings.experiment.nodes().map(|(_, _, pod)| pod).collect();
        Self {
            settings,
            swarm,
            tracker,
            status,
            ledger: Ledger::new(settings.experiment.store.as_ref().map(Store::new), journal),
            fate: Fate::new(settings.api.clone(), settings.attempt.to_string(), pods)
                .with_ended(settings.ended.clone()),
        }
    }

    /// Runs it.
    pub(super) fn run(mut self) -> Outcome {
        let end = match self.experiment() {
            Ok(()) => End::new(Reason::Ok, String::new()),
            Err(end) => end,
        };
        self.doing("taking leave of the agents");
        let pods: Vec<_> = self.swarm.present();
        self.swarm.all(&pods, LEAVE, |_| Step::Finish);
        self.doing("storing the records");
        let identity = self.settings.experiment.identity(&self.settings.attempt);
        self.ledger.close(end, &identity)
    }

    fn doing(&mut self, what: &str) {
        self.status.set(what);
        self.ledger.note(what);
    }

    fn experiment(&mut self) -> Result<(), End> {
        let experiment = &self.settings.experiment;
        preflight::same_protocol(experiment)?;
        preflight::exchangeable(experiment)?;
        self.doing("waiting for all nodes");
        let mut nodes = preflight::ready(experiment, &self.swarm, &self.fate)?;
        let pods = self.fate.pods();
        fingerprint::complete(&mut nodes, pods.as_deref());
        self.introduce(&nodes);
        preflight::alike(experiment, &nodes)?;
        preflight::pulled(pods.as_deref().unwrap_or_default())?;
        preflight::as_assumed(experiment, &self.swarm)?;
        preflight::links(experiment, &nodes)?;
        self.doing("measuring the links");
        preflight::baselines(experiment, &self.swarm, self.settings.baseline_port, &mut nodes)?;
        // Restarts so far harm nothing: nothing was measured yet.
        self.what_happened();
        self.swarm.started_anew();
        self.repetitions(&nodes)
    }

    fn repetitions(&mut self, nodes: &Nodes) -> Result<(), End> {
        let experiment = &self.settings.experiment;
        let attempt = &self.settings.attempt;
        let identity = experiment.identity(attempt);
        let (swarm, tracker) = (self.swarm.clone(), self.tracker.clone());
        let parts = self.draw()?;
        let cell = Cell { experiment, attempt, identity: &identity, swarm: &swarm, tracker: &tracker, nodes, parts };
        let backgrounds: Vec<_> = experiment
            .loaded(Load::Background)
            .filter_map(|system| Some(Background::new(&cell, system, cell.parts.get(&system.name)?)))
            .collect();
        thread::scope(|scope| {
            let threads: Vec<_> = backgrounds.iter().map(|background| scope.spawn(|| background.run())).collect();
            let went = self.beside(&cell, &backgrounds);
            for (background, thread) in backgrounds.iter().zip(&threads) {
                background.stop(thread);
            }
            went
        })
    }

    /// The measured repetitions, while the backgrounds transfer.
    fn beside(&mut self, cell: &Cell<'_>, backgrounds: &[Background<'_>]) -> Result<(), End> {
        if !backgrounds.is_empty() {
            self.doing("waiting for the background's transfers");
        }
        backgrounds.iter().try_for_each(Background::under_way)?;
        let (measure, kinds) = (&cell.experiment.measure, cell.experiment.observed());
        if kinds.is_empty() {
            let asked: Vec<_> = measure.observe.iter().map(|kind| kind.word()).collect();
            let text = format!("no measured system can be observed by {}", asked.join(" or "));
            return Err(End::new(Reason::Internal, text));
        }
        let mut failures = BTreeMap::new();
        let mut void = Vec::new();
        for which in draw::schedule(cell.attempt, &kinds, measure.warmup, measure.repetitions) {
            let name = which.text();
            self.doing(&name);
            let mut out = Yield::default();
            let went = cell.repeat(which, &mut out);
            for background in backgrounds {
                background.news(&mut out);
            }
            let records = self.settle(out);
            self.status.add(records.len());
            self.ledger.add(&records);
            went?;
            if which.phase == Phase::Measured {
                void.extend(records.iter().flat_map(|record| &record.invalid).cloned());
            }
            if let Some(why) = goes_on_after(&records) {
                let text =
                    format!("{name}: {why}; that download can't be stopped, so nothing can be measured after it");
                return Err(End::new(Reason::TransferFailed, text));
            }
            let failures = failures.entry(which.observe).or_insert(0);
            *failures = if nothing_arrived(&records) { *failures + 1 } else { 0 };
            if *failures == 2 {
                let why = records.iter().find_map(|record| record.failure.as_ref());
                let why = why.map(|failure| format!("{}: {}", failure.reason, failure.detail)).unwrap_or_default();
                let text = format!("no download succeeded in two repetitions in a row, last in {name}: {why}");
                return Err(End::new(Reason::TransferFailed, text));
            }
        }
        void.sort();
        void.dedup();
        if void.is_empty() { Ok(()) } else { Err(End::new(Reason::Invalid, void.join("; "))) }
    }

    fn draw(&self) -> Result<BTreeMap<String, draw::Parts>, End> {
        let experiment = &self.settings.experiment;
        let draw = |system: &crate::experiment::System| {
            let parts = draw::parts(system, &experiment.cell, self.settings.attempt.trial);
            let text = || format!("{} of {} nodes can't seed with the roles given", system.seeders, system.name);
            Ok((system.name.clone(), parts.ok_or_else(|| End::new(Reason::Internal, text()))?))
        };
        experiment.systems.iter().filter(|system| system.load != Load::Idle).map(draw).collect()
    }

    /// Adds to a repetition's records what voids all of them, and tells the notes.
    fn settle(&mut self, mut out: Yield) -> Vec<Record> {
        for pod in self.swarm.started_anew() {
            out.invalid.push(format!("agent of {pod}: the agent started anew"));
        }
        out.invalid.extend(self.what_happened());
        out.invalid.sort();
        out.invalid.dedup();
        for note in out.notes.iter().chain(&out.invalid) {
            self.ledger.note(note);
        }
        for record in &mut out.records {
            record.invalid.extend(out.invalid.iter().cloned());
            record.invalid.sort();
            record.invalid.dedup();
        }
        out.records
    }

    /// What the cluster says of the pods since the last look.
    fn what_happened(&mut self) -> Vec<String> {
        match self.fate.changes() {
            Ok(changes) => changes,
            Err(error) => {
                self.ledger.note(&format!("restarts are not known: {error}"));
                Vec::new()
            }
        }
    }

    /// Tells what each node is, on what machine, from which image, and stores what the machines are.
    fn introduce(&mut self, nodes: &Nodes) {
        for (pod, node) in nodes {
            let facts = serde_json::json!({
                "pod": pod, "system": node.system, "group": node.group,
                "description": node.description, "environment": node.environment, "link": node.link_seen,
            });
            self.ledger.note(&facts.to_string());
        }
        if let Some(text) = fingerprint::not_isolated(nodes) {
            self.ledger.note(&text);
        }
        let identity = self.settings.experiment.identity(&self.settings.attempt);
        let ms = now_ms();
        let line = |(pod, node): (&String, &NodeFacts)| {
            node.environment.line(&identity, [node.system.as_str(), node.group.as_str(), pod.as_str()], ms)
        };
        self.ledger.introduce(&nodes.iter().map(line).collect::<Vec<_>>());
    }
}

/// The first failed download that the node may go on with, and why it failed.
fn goes_on_after(records: &[Record]) -> Option<String> {
    let mut downloads = records.iter().filter(|record| record.kind == Kind::Download);
    let record = downloads.find(|record| !record.success && repetition::goes_on(&record.driver))?;
    let why = record.failure.as_ref().map(|failure| format!("{}: {}", failure.reason, failure.detail));
    Some(format!("the download of {} failed: {}", record.node.pod, why.unwrap_or_default()))
}

/// Whether a repetition failed as a whole. Single failed downloads are results; nothing at all twice in a row means
/// that the rest would be so too.
fn nothing_arrived(records: &[Record]) -> bool {
    let mut downloads = records.iter().filter(|record| record.kind == Kind::Download);
    downloads.all(|record| !record.success)
}

#[cfg(test)]
mod tests {
    use benchgrid_measures::{
        Baseline, Counters, Environment, Failure, Identity, Node, Observation, RECORD_SCHEMA, Role, Timing,
    };

    use super::*;

    fn download(driver: &str, success: bool) -> Record {
        let failure = Failure { reason: "stalled".to_owned(), detail: "nothing new for 20 s".to_owned() };
        Record {
            schema: RECORD_SCHEMA,
            id: String::new(),
            identity: Identity {
                lab: String::new(),
                scenario: String::new(),
                cell: String::new(),
                digest: String::new(),
                trial: 1,
                number: 1,
                attempt: String::new(),
            },
            levels: BTreeMap::new(),
            node: Node { system: "s".to_owned(), group: "g".to_owned(), pod: "s-g-0".to_owned(), role: Role::Leecher },
            kind: Kind::Download,
            phase: Phase::Measured,
            repetition: 1,
            observe: Observation::Counter,
            driver: driver.to_owned(),
            version: String::new(),
            environment: Environment::default(),
            content_bytes: 1,
            content_sha256: String::new(),
            seeders: Vec::new(),
            success,
            failure: (!success).then_some(failure),
            invalid: Vec::new(),
            ended_ms: 0,
            timing: Timing::default(),
            download_bytes_per_second: None,
            counters: Counters::default(),
            baseline: Baseline::default(),
            fluid_bound_seconds: None,
            curve: Vec::new(),
        }
    }

    #[test]
    fn one_failed_download_that_goes_on_is_enough() {
        let why = goes_on_after(&[download("codex", true), download("codex", false)]).unwrap();
        assert_eq!(why, "the download of s-g-0 failed: stalled: nothing new for 20 s");
        assert_eq!(goes_on_after(&[download("codex", true)]), None);
        assert_eq!(goes_on_after(&[download("qbittorrent", false)]), None, "that one was stopped");
    }
}
