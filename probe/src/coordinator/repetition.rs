//! One repetition: fresh content in, gate, idle count, synchronised downloads, content out.
//!
//! In: the [`Cell`] (everything that stays the same over the attempt), which repetition. Out: its records, also those
//! made before an [`End`] came in between.

use std::{collections::BTreeMap, thread, time::Duration};

use benchgrid_measures::{
    AttemptName, Counters, Failure, Identity, Kind, Node, Observation, RECORD_SCHEMA, Reason, Record, Role, Timing,
};

use crate::{
    content::Content,
    coordinator::{
        draw::{self, Parts, Which},
        end::{End, now_ms},
        gate,
        preflight::Nodes,
        swarm::{Answer, Swarm, Trouble},
    },
    driver::Handle,
    experiment::{Experiment, Load, Shaping, System},
    protocol::{Download, Reply, Step, Transfer},
    tracker::Tracker,
};

/// Delay from the order to the common start: every agent has the order by then, on any network worth measuring.
const START_IN: Duration = Duration::from_secs(1);
/// Beyond what a step itself may take: messages on their way.
const SLACK: Duration = Duration::from_secs(30);
/// Content is generated, read and hashed at least this fast, in bytes a second.
const SLOWEST_HASH: f64 = 20e6;

/// What stays the same over an attempt.
pub(super) struct Cell<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) attempt: &'a AttemptName,
    pub(super) identity: &'a Identity,
    pub(super) swarm: &'a Swarm,
    pub(super) tracker: &'a Tracker,
    pub(super) nodes: &'a Nodes,
    pub(super) parts: BTreeMap<String, Parts>,
}

/// What a repetition gave.
#[derive(Debug, Default)]
pub(super) struct Yield {
    /// Records, `invalid` still empty but for what the agents themselves told.
    pub(super) records: Vec<Record>,
    /// What voids all of them.
    pub(super) invalid: Vec<String>,
    /// What else happened.
    pub(super) notes: Vec<String>,
}

/// One system's content, brought in.
pub(super) struct Offer<'a> {
    system: &'a System,
    parts: &'a Parts,
    content: Content,
    sha256: String,
    handle: Handle,
}

impl Cell<'_> {
    /// Runs a repetition; what it gave so far is in `out`, whatever the result.
    pub(super) fn repeat(&self, which: Which, out: &mut Yield) -> Result<(), End> {
        let mut offers = Vec::new();
        for system in self.experiment.loaded(Load::Measured).filter(|system| system.gives(which.observe)) {
            let Some(parts) = self.parts.get(&system.name) else { continue };
            offers.push(self.bring_in(system, parts, which, out)?);
        }
        for offer in &offers {
            self.gate(offer)?;
        }
        self.idle(out);
        self.links(out);
        let answers = self.download(&offers, which.observe);
        let ended_ms = now_ms();
        self.links(out);
        for offer in &offers {
            for pod in &offer.parts.leechers {
                let answer = answers.get(pod).cloned().unwrap_or(Err(Trouble::Late(0)));
                let record = self.record(offer, which, pod, Role::Leecher, ended_ms);
                out.records.push(downloaded(record, answer));
            }
        }
        self.bring_out(&offers, out);
        thread::sleep(Duration::from_secs_f64(self.experiment.measure.cool_down_seconds));
        Ok(())
    }

    fn hashing(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
        let bytes = self.experiment.measure.file_size as f64;
        Duration::from_secs_f64(bytes / SLOWEST_HASH) + SLACK
    }

    /// The first seeder uploads alone, the others after it.
    pub(super) fn bring_in<'a>(
        &self,
        system: &'a System,
        parts: &'a Parts,
        which: Which,
        out: &mut Yield,
    ) -> Result<Offer<'a>, End> {
        let measure = &self.experiment.measure;
        let content = draw::content(self.attempt, &system.name, which, measure.file_size);
        let limit = measure.transfer_deadline_seconds.max(measure.gate_seconds);
        let step = Step::Ingest { content: content.clone(), limit_seconds: limit };
        // Generated, then brought in, then hashed.
        let limit = Duration::from_secs_f64(limit) + self.hashing() * 2;
        let nobody = || End::new(Reason::Internal, format!("{} has no seeder", system.name));
        let (first, rest) = parts.seeders.split_first().ok_or_else(nobody)?;
        let answer = self.swarm.one(first, &step, limit);
        let mut offer = Offer { system, parts, content, sha256: String::new(), handle: Handle(String::new()) };
        let record = self.record(&offer, which, first, Role::Seeder, now_ms());
        (offer.handle, offer.sha256) = uploaded(record, answer, out)?;
        for (pod, answer) in self.swarm.all(rest, limit, |_| step.clone()) {
            match answer {
                Ok(Reply::Ingested { handle, sha256, .. }) if handle == offer.handle && sha256 == offer.sha256 => {}
                Ok(Reply::Ingested { .. }) => {
                    let text = format!("seeder {pod} offers other content than {first}");
                    return Err(End::new(Reason::TransferFailed, text));
                }
                Ok(other) => return Err(End::new(Reason::Internal, format!("seeder {pod}: {other:?}"))),
                Err(trouble) => return Err(upload_failed(&pod, &trouble)),
            }
        }
        Ok(offer)
    }

    pub(super) fn gate(&self, offer: &Offer<'_>) -> Result<(), End> {
        let limit = Duration::from_secs_f64(self.experiment.measure.gate_seconds);
        gate::open(offer.system, offer.parts, &offer.handle, (self.swarm, self.tracker), limit)
            .map_err(|text| End::new(Reason::Gate, format!("{}: {text}", offer.system.name)))
    }

    /// Every node of the measured systems counts its network while they do nothing.
    fn idle(&self, out: &mut Yield) {
        let seconds = self.experiment.measure.idle_seconds;
        if seconds <= 0.0 {
            return;
        }
        let measured = self.experiment.nodes().filter(|(system, ..)| system.load == Load::Measured);
        let pods: Vec<_> = measured.map(|(_, _, pod)| pod).collect();
        let limit = Duration::from_secs_f64(seconds) + SLACK;
        for (pod, answer) in self.swarm.all(&pods, limit, |_| Step::Idle { seconds }) {
            if let Err(trouble) = answer {
                out.invalid.push(format!("node {pod}, idle: {trouble}"));
            }
        }
    }

    /// Every node of the measured systems says what its link is; one that is not as asked voids the repetition.
    fn links(&self, out: &mut Yield) {
        if self.experiment.shaping != Shaping::Tc {
            return;
        }
        let measured = self.experiment.nodes().filter(|(system, ..)| system.load == Load::Measured);
        let asked: BTreeMap<_, _> = measured.filter_map(|(_, group, pod)| Some((pod, group.link?))).collect();
        let pods: Vec<_> = asked.keys().cloned().collect();
        for (pod, answer) in self.swarm.all(&pods, SLACK, |_| Step::Inspect) {
            match answer {
                Ok(Reply::Inspected { link }) => {
                    out.invalid.extend(asked.get(&pod).and_then(|asked| link.differs(&pod, asked)));
                }
                Ok(other) => out.invalid.push(format!("node {pod}, its link: {other:?}")),
                Err(trouble) => {
                    let text = || format!("node {pod}, its link: {trouble}");
                    out.invalid.push(voids(&pod, &trouble).unwrap_or_else(text));
                }
            }
        }
    }

    /// All leechers of these contents at once.
    pub(super) fn download(&self, offers: &[Offer<'_>], observe: Observation) -> BTreeMap<String, Answer> {
        let measure = &self.experiment.measure;
        let step = match observe {
            Observation::Counter => Step::Download,
            Observation::Stream => Step::Stream,
        };
        let mut orders = BTreeMap::new();
        for offer in offers {
            let order = Download {
                content: offer.content.clone(),
                sha256: offer.sha256.clone(),
                handle: offer.handle.clone(),
                seeders: offer.parts.seeders.iter().map(|pod| self.swarm.host(pod)).collect(),
                start_in_seconds: START_IN.as_secs_f64(),
                stalled_seconds: measure.stalled_seconds,
                deadline_seconds: measure.transfer_deadline_seconds,
            };
            for pod in &offer.parts.leechers {
                orders.insert(pod.clone(), order.clone());
            }
        }
        let pods: Vec<_> = orders.keys().cloned().collect();
        let limit = START_IN + Duration::from_secs_f64(measure.transfer_deadline_seconds) + self.hashing();
        // Every pod asked for is a key.
        self.swarm.all(&pods, limit, |pod| orders.get(pod).cloned().map_or(Step::Finish, step))
    }

    /// Removes the content everywhere. A node that can't voids the repetition: it was not whole at its end, and the others may
    /// have had less from it than from one that is.
    pub(super) fn bring_out(&self, offers: &[Offer<'_>], out: &mut Yield) {
        for offer in offers {
            let pods: Vec<_> = offer.parts.seeders.iter().chain(&offer.parts.leechers).cloned().collect();
            let step = Step::Remove { content: offer.content.clone() };
            // A node may remove block by block.
            for (pod, answer) in self.swarm.all(&pods, SLACK + self.hashing(), |_| step.clone()) {
                if let Err(trouble) = answer {
                    out.invalid.push(format!("node {pod}, removing {}: {trouble}", offer.content.name));
                    out.invalid.extend(voids(&pod, &trouble));
                }
            }
            gate::forget(self.tracker, &offer.system.driver, &offer.handle);
        }
    }

    /// A record without its results.
    fn record(&self, offer: &Offer<'_>, which: Which, pod: &str, role: Role, ended_ms: i64) -> Record {
        let (kind, bound) = match role {
            Role::Seeder => (Kind::Upload, None),
            Role::Leecher => (Kind::Download, self.experiment.measure.fluid_bound_seconds),
        };
        let facts = self.nodes.get(pod);
        Record {
            schema: RECORD_SCHEMA,
            id: Record::name(&self.identity.attempt, which.phase, which.number, which.observe, kind, pod),
            identity: self.identity.clone(),
            levels: self.experiment.levels.clone(),
            node: Node {
                system: offer.system.name.clone(),
                group: facts.map(|facts| facts.group.clone()).unwrap_or_default(),
                pod: pod.to_owned(),
                role,
            },
            kind,
            phase: which.phase,
            repetition: which.number,
            observe: which.observe,
            driver: facts.map_or(&offer.system.driver, |facts| &facts.description.driver).clone(),
            version: facts.map(|facts| cut(&facts.description.version)).unwrap_or_default(),
            environment: facts.map(|facts| facts.environment.clone()).unwrap_or_default(),
            content_bytes: offer.content.bytes,
            content_sha256: offer.sha256.clone(),
            seeders: offer.parts.seeders.clone(),
            success: false,
            failure: None,
            invalid: Vec::new(),
            ended_ms,
            timing: Timing::default(),
            download_bytes_per_second: None,
            counters: Counters::default(),
            baseline: facts.map(|facts| facts.baseline.clone()).unwrap_or_default(),
            fluid_bound_seconds: bound,
            curve: Vec::new(),
        }
    }
}

/// A version as records have it; may be the error text of whatever should have found it out.
fn cut(version: &str) -> String {
    version.chars().take(Record::VERSION_LENGTH).collect()
}

/// Whether a download that failed goes on in the node whatever it is told, and so into what is measured next.
pub(super) fn goes_on(driver: &str) -> bool {
    driver == "codex"
}

/// Takes the first seeder's answer: its record, and what the others need of it.
fn uploaded(mut record: Record, answer: Answer, out: &mut Yield) -> Result<(Handle, String), End> {
    let pod = record.node.pod.clone();
    match answer {
        Ok(Reply::Ingested { handle, upload_seconds, sha256, counters }) => {
            record.success = true;
            record.content_sha256.clone_from(&sha256);
            record.timing = Timing { upload_seconds: Some(upload_seconds), ..Timing::default() };
            record.counters = counters;
            out.records.push(record);
            Ok((handle, sha256))
        }
        Ok(other) => Err(End::new(Reason::Internal, format!("seeder {pod}: {other:?}"))),
        Err(trouble) => {
            record.failure = Some(failure(&trouble));
            record.invalid = voids(&pod, &trouble).into_iter().collect();
            out.records.push(record);
            Err(upload_failed(&pod, &trouble))
        }
    }
}

/// Fills a download's record in.
fn downloaded(mut record: Record, answer: Answer) -> Record {
    match answer {
        Ok(Reply::Downloaded(Transfer { timing, counters, curve, failure, peers: _ })) => {
            record.success = failure.is_none();
            record.failure = failure;
            record.timing = timing;
            record.counters = counters;
            record.curve = curve;
        }
        Ok(other) => record.failure = Some(Failure::new("error", format!("{other:?}"))),
        Err(trouble) => {
            record.failure = Some(failure(&trouble));
            record.invalid.extend(voids(&record.node.pod, &trouble));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
    let bytes = record.content_bytes as f64;
    let whole = record.timing.time_to_100_seconds.filter(|_| record.success);
    record.download_bytes_per_second = whole.map(|seconds| bytes / seconds);
    record
}

/// The word of the fixed set for a step that gave no answer.
fn failure(trouble: &Trouble) -> Failure {
    let reason = match trouble {
        Trouble::Failed(_) | Trouble::Hidden(_) | Trouble::Late(_) | Trouble::GivenUp => "error",
        Trouble::Lost(_) | Trouble::Restarted => "agent-lost",
    };
    Failure::new(reason, trouble.to_string())
}

/// What a trouble of the agent itself says about the repetition: nothing can be known of the node.
fn voids(pod: &str, trouble: &Trouble) -> Option<String> {
    (!matches!(trouble, Trouble::Failed(_) | Trouble::Hidden(_))).then(|| format!("agent of {pod}: {trouble}"))
}

/// An agent that is lost voids what it did; a node that refuses is a result, and nothing can follow; one that can't
/// make its content known is what the gate is there for.
fn upload_failed(pod: &str, trouble: &Trouble) -> End {
    let reason = match trouble {
        Trouble::Failed(_) => Reason::TransferFailed,
        Trouble::Hidden(_) => Reason::Gate,
        Trouble::Lost(_) | Trouble::Restarted | Trouble::Late(_) | Trouble::GivenUp => Reason::Invalid,
    };
    End::new(reason, format!("upload to {pod}: {trouble}"))
}
