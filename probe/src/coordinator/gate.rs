//! The gate: whether every seeder is visible to the others.
//!
//! In: a system, who seeds and who downloads, the handle of the content. Out: nothing, or why the gate stays shut. Each
//! driver has its own way to know; this is the place for them.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    coordinator::{draw::Parts, swarm::Swarm},
    driver::{Handle, InfoHash, infohash},
    experiment::System,
    protocol::Step,
    tracker::Tracker,
};

/// Pause between two looks at the tracker, which lives in this process.
const LOOK: Duration = Duration::from_millis(100);

/// Beyond what a step itself may take: messages on their way.
const SLACK: Duration = Duration::from_secs(30);

/// How a driver's seeders are known to be visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// The cell's tracker counts as many complete peers as there are seeders.
    Tracker(InfoHash),
    /// All pairs of nodes are connected, and one that takes no part finds the content: looking it up from a leecher would
    /// spare that leecher the first step of its download.
    Bystander,
    /// All pairs of nodes are connected. A sidecar that took a content says by it that the others can get it.
    Connected,
    /// Nothing is to be discovered: leechers are told where the seeders are. The first one must answer.
    Answers,
}

impl Gate {
    fn of(driver: &str, handle: &Handle) -> Result<Self, String> {
        match driver {
            "qbittorrent" | "rqbit" => {
                infohash(handle).map(Self::Tracker).ok_or_else(|| "the handle is no torrent".to_owned())
            }
            "codex" => Ok(Self::Bystander),
            "external" => Ok(Self::Connected),
            _ => Ok(Self::Answers),
        }
    }
}

/// Waits for the gate of one content to open.
pub(super) fn open(
    system: &System,
    parts: &Parts,
    handle: &Handle,
    (swarm, tracker): (&Swarm, &Tracker),
    limit: Duration,
) -> Result<(), String> {
    let limit_seconds = limit.as_secs_f64();
    match Gate::of(&system.driver, handle)? {
        Gate::Tracker(infohash) => tracker_counts(tracker, infohash, parts.seeders.len(), limit),
        Gate::Bystander => {
            let pods = pods(system);
            let bystander = bystander(&pods, parts)?;
            connect(swarm, &pods, limit)?;
            let step = Step::Find { handle: handle.clone(), limit_seconds };
            swarm
                .one(bystander, &step, limit + SLACK)
                .map(drop)
                .map_err(|trouble| format!("node {bystander}: {trouble}"))
        }
        Gate::Connected => connect(swarm, &pods(system), limit),
        Gate::Answers => {
            let first = parts.seeders.first().ok_or("there are no seeders")?;
            let step = Step::Describe { limit_seconds };
            swarm.one(first, &step, limit).map(drop).map_err(|trouble| format!("seeder {first}: {trouble}"))
        }
    }
}

fn pods(system: &System) -> Vec<String> {
    system.groups.iter().flat_map(|group| system.pods(group)).collect()
}

/// A node that neither seeds nor downloads.
fn bystander<'a>(pods: &'a [String], parts: &Parts) -> Result<&'a String, String> {
    let takes_part = |pod: &&String| parts.seeders.contains(pod) || parts.leechers.contains(pod);
    pods.iter().find(|pod| !takes_part(pod)).ok_or_else(|| {
        "no node takes no part, so none can be asked what others can find: give the system a group of role bootstrap"
            .to_owned()
    })
}

/// Connects every pair of nodes once, from the node that comes first.
fn connect(swarm: &Swarm, pods: &[String], limit: Duration) -> Result<(), String> {
    let step = |pod: &str| {
        let after = pods.iter().skip_while(|other| *other != pod).skip(1);
        Step::Connect { others: after.map(|pod| swarm.host(pod)).collect(), limit_seconds: limit.as_secs_f64() }
    };
    let answers = swarm.all(pods, limit + SLACK, step);
    let failed: Vec<_> =
        answers.into_iter().filter_map(|(pod, answer)| Some(format!("node {pod}: {}", answer.err()?))).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

fn tracker_counts(tracker: &Tracker, infohash: InfoHash, seeders: usize, limit: Duration) -> Result<(), String> {
    let end = Instant::now() + limit;
    loop {
        let complete = tracker.counts(infohash).complete;
        if usize::try_from(complete).is_ok_and(|complete| complete >= seeders) {
            return Ok(());
        }
        if Instant::now() >= end {
            let seconds = limit.as_secs_f64();
            return Err(format!("tracker shows {complete} of {seeders} seeders complete after {seconds} s"));
        }
        thread::sleep(LOOK);
    }
}

/// Forgets a content that was removed.
pub(super) fn forget(tracker: &Tracker, driver: &str, handle: &Handle) {
    if let Ok(Gate::Tracker(infohash)) = Gate::of(driver, handle) {
        tracker.forget(infohash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coordinator::swarm::Expected,
        experiment::{Group, GroupRole, Load},
        protocol::{Poll, Register, Reply, Report, StepResult},
    };

    #[test]
    fn a_shut_gate_says_what_it_saw() {
        let error = tracker_counts(&Tracker::new(), InfoHash([7; 20]), 2, Duration::from_millis(150)).unwrap_err();
        assert_eq!(error, "tracker shows 0 of 2 seeders complete after 0.15 s");
    }

    #[test]
    fn a_handle_that_is_no_torrent() {
        let error = Gate::of("qbittorrent", &Handle("x".to_owned())).unwrap_err();
        assert_eq!(error, "the handle is no torrent");
        assert_eq!(Gate::of("codex", &Handle("x".to_owned())), Ok(Gate::Bystander));
        assert_eq!(Gate::of("external", &Handle("x".to_owned())), Ok(Gate::Connected));
        assert_eq!(Gate::of("http", &Handle("x".to_owned())), Ok(Gate::Answers));
    }

    #[test]
    fn a_bystander_neither_seeds_nor_downloads() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let parts = Parts { seeders: names(&["c-n-1"]), leechers: names(&["c-n-0"]) };
        assert_eq!(bystander(&names(&["c-n-0", "c-n-1", "c-b-0"]), &parts), Ok(&"c-b-0".to_owned()));
        let error = bystander(&names(&["c-n-0", "c-n-1"]), &parts).unwrap_err();
        assert!(error.contains("a group of role bootstrap"), "{error}");
    }

    /// Answers every step of a pod until there is no more, and gives the steps.
    fn obey(swarm: &Swarm, pod: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            let after = steps.len() as u64;
            let poll = Poll { agent: pod.to_owned(), instance: "a".to_owned(), after };
            if let Ok(order) = swarm.poll(&poll).unwrap() {
                let (agent, instance) = (pod.to_owned(), "a".to_owned());
                let result = StepResult::Ok(Box::new(Reply::Done));
                steps.push(order.step);
                swarm.report(Report { agent, instance, number: order.number, result }).unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        }
        steps
    }

    #[test]
    fn codex_connects_every_pair_and_asks_a_bystander() {
        let group =
            |name: &str, role, replicas| Group { name: name.to_owned(), driver: None, role, replicas, link: None };
        let groups = vec![group("b", GroupRole::Bootstrap, 1), group("n", GroupRole::Any, 2)];
        let (name, driver) = ("c".to_owned(), "codex".to_owned());
        let system = System { name, driver, load: Load::Measured, seeders: 1, groups };
        let expected = |pod: &String| {
            let group = pod.split('-').nth(1).unwrap().to_owned();
            (pod.clone(), Expected { system: "c".to_owned(), group, driver: "codex".to_owned() })
        };
        let pods = pods(&system);
        let swarm = Swarm::new("bg-x", pods.iter().map(expected));
        let parts = Parts { seeders: vec!["c-n-1".to_owned()], leechers: vec!["c-n-0".to_owned()] };
        let agents: Vec<_> = pods
            .iter()
            .map(|pod| {
                let (_, Expected { system, group, driver }) = expected(pod);
                let (attempt, instance) = ("bg-x".to_owned(), "a".to_owned());
                let host = crate::experiment::host(pod);
                let register = Register { attempt, agent: pod.clone(), system, group, driver, host, instance };
                swarm.register(&register, std::net::Ipv4Addr::LOCALHOST.into()).unwrap();
                let (swarm, pod) = (swarm.clone(), pod.clone());
                thread::spawn(move || obey(&swarm, &pod))
            })
            .collect();
        let handle = Handle("zDv1".to_owned());
        let limit = Duration::from_secs(7);
        open(&system, &parts, &handle, (&swarm, &Tracker::new()), limit).unwrap();
        let steps: Vec<_> = agents.into_iter().map(|agent| agent.join().unwrap()).collect();
        let connect = |others: &[&str]| Step::Connect {
            others: others.iter().map(|other| (*other).to_owned()).collect(),
            limit_seconds: 7.0,
        };
        assert_eq!(steps[0], [connect(&["c-n-0.c-n", "c-n-1.c-n"]), Step::Find { handle, limit_seconds: 7.0 }]);
        assert_eq!(steps[1], [connect(&["c-n-1.c-n"])]);
        assert_eq!(steps[2], [connect(&[])]);
    }
}
