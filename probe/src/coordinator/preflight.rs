//! Before anything is measured: everybody is there, is who they should be, and has the link that was asked for.
//!
//! In: the experiment and its swarm. Out: what each node is and how fast its link is, or the [`End`] of the attempt.

use std::{
    collections::BTreeMap,
    net::UdpSocket,
    time::{Duration, Instant},
};

use benchgrid_measures::{Baseline, DriverFacts, Environment, MEASUREMENT_PROTOCOL, Reason};
use serde_json::Value;

use crate::{
    baseline::{agrees, sentence},
    coordinator::{
        end::End,
        fate::Fate,
        images,
        swarm::{Answer, Swarm},
    },
    driver::Description,
    experiment::{BASELINES_AT_ONCE, Experiment, Group, Link, Shaping, System},
    protocol::{Reply, Step},
    shaping::LinkSeen,
};

/// How often a node whose rate is off is measured again, alone: neighbours on its machine may have disturbed it.
const AGAIN: usize = 2;
/// Beyond twice the time that the asked rates need, a transfer has failed.
const SLACK: Duration = Duration::from_secs(20);

/// How long looking at a node may take: some requests, each of which may take half a minute.
const CHECKS: Duration = Duration::from_mins(5);

/// One node of the cell.
#[derive(Debug, Clone)]
pub(super) struct NodeFacts {
    pub(super) system: String,
    pub(super) group: String,
    pub(super) link: Option<Link>,
    pub(super) link_seen: LinkSeen,
    pub(super) description: Description,
    pub(super) environment: Environment,
    pub(super) baseline: Baseline,
}

/// Every node, by pod.
pub(super) type Nodes = BTreeMap<String, NodeFacts>;

/// Whether this coordinator measures as the compiler meant, and there is something to measure.
pub(super) fn same_protocol(experiment: &Experiment) -> Result<(), End> {
    if experiment.measure.file_size == 0 {
        return Err(End::new(Reason::Preflight, "the cell's fileSize is 0: nothing would be transferred"));
    }
    if experiment.protocol == MEASUREMENT_PROTOCOL {
        return Ok(());
    }
    Err(End::new(
        Reason::Preflight,
        format!(
            "the cell was compiled for measurement protocol {}, this probe measures by {MEASUREMENT_PROTOCOL}",
            experiment.protocol
        ),
    ))
}

/// Whether the nodes of each system can take each other's handles.
pub(super) fn exchangeable(experiment: &Experiment) -> Result<(), End> {
    let handle = |driver: &str| DriverFacts::named(driver).map(|facts| facts.handle);
    for system in &experiment.systems {
        for group in &system.groups {
            let driver = system.driver(group);
            if driver != system.driver && handle(driver).is_none_or(|kind| handle(&system.driver) != Some(kind)) {
                let (name, group, other) = (&system.name, &group.name, &system.driver);
                let text =
                    format!("group {group} of {name} is driven by {driver}, which can't exchange content with {other}");
                return Err(End::new(Reason::Preflight, text));
            }
        }
    }
    Ok(())
}

/// Waits until every agent registered and every node says who it is.
pub(super) fn ready(experiment: &Experiment, swarm: &Swarm, fate: &Fate) -> Result<Nodes, End> {
    let start = Instant::now();
    let limit = Duration::from_secs_f64(experiment.measure.ready_seconds);
    let missing = swarm.wait_for_all(limit);
    let pods: Vec<_> = experiment.nodes().map(|(_, _, pod)| pod).collect();
    if !missing.is_empty() {
        let why = fate.why_not_up(&missing).join("; ");
        let (silent, all, seconds) = (missing.len(), pods.len(), limit.as_secs_f64());
        let text = format!("{silent} of {all} agents did not register within {seconds} s: {why}");
        return Err(End::new(Reason::NotReady, text));
    }
    let left = limit.saturating_sub(start.elapsed()).max(Duration::from_secs(1));
    let step = Step::Describe { limit_seconds: left.as_secs_f64() };
    let mut answers = swarm.all(&pods, left + SLACK, |_| step.clone());
    let mut nodes = Nodes::new();
    let mut silent = Vec::new();
    for (system, group, pod) in experiment.nodes() {
        match described(answers.remove(&pod)) {
            Ok(it) => drop(nodes.insert(pod, facts(system, group, it))),
            Err(text) => silent.push((pod, text)),
        }
    }
    if silent.is_empty() {
        return Ok(nodes);
    }
    let missing: Vec<_> = silent.iter().map(|(pod, _)| pod.clone()).collect();
    let told: Vec<_> = silent.into_iter().map(|(pod, text)| format!("node {pod}: {text}")).collect();
    let why = fate.why_not_up(&missing).join("; ");
    Err(End::new(Reason::NotReady, format!("{}; {why}", told.join("; "))))
}

/// What a node says of itself, its machine and its link.
type Described = (Description, Environment, LinkSeen);

fn described(answer: Option<Answer>) -> Result<Described, String> {
    match answer {
        Some(Ok(Reply::Described { description, environment, link })) => Ok((description, environment, link)),
        Some(Ok(other)) => Err(format!("an answer of another kind: {other:?}")),
        Some(Err(trouble)) => Err(trouble.to_string()),
        None => Err("no answer".to_owned()),
    }
}

fn facts(system: &System, group: &Group, (description, environment, link_seen): Described) -> NodeFacts {
    NodeFacts {
        system: system.name.clone(),
        group: group.name.clone(),
        link: group.link,
        link_seen,
        description,
        environment,
        baseline: Baseline {
            up_asked_bits_per_second: group.link.map(|link| link.up_bits_per_second),
            down_asked_bits_per_second: group.link.map(|link| link.down_bits_per_second),
            ..Baseline::default()
        },
    }
}

/// Whether nodes speak through the driver asked for, and nodes that should be alike are.
pub(super) fn alike(experiment: &Experiment, nodes: &Nodes) -> Result<(), End> {
    let mut first: BTreeMap<(&str, &str), (&str, &Description)> = BTreeMap::new();
    for (system, group, pod) in experiment.nodes() {
        let Some((pod, facts)) = nodes.get_key_value(&pod) else { continue };
        let it = &facts.description;
        let driver = system.driver(group);
        if it.driver != driver {
            let text = format!("node {pod} is driven by {}, the cell asks for {driver}", it.driver);
            return Err(End::new(Reason::Preflight, text));
        }
        let (other, that) = first.entry((&system.name, &group.name)).or_insert((pod, it));
        if that.version != it.version {
            let text = format!("node {other} is version {}, node {pod} of its group {}", that.version, it.version);
            return Err(End::new(Reason::Preflight, text));
        }
    }
    Ok(())
}

/// Whether nodes run the images that they should.
pub(super) fn pulled(pods: &[Value]) -> Result<(), End> {
    let wrong = images::wrong(pods);
    if wrong.is_empty() { Ok(()) } else { Err(End::new(Reason::Preflight, wrong.join("; "))) }
}

/// Whether the link of every node is the one asked for, as its own kernel tells it. What others shape, or machines
/// have, only the baseline can tell.
pub(super) fn links(experiment: &Experiment, nodes: &Nodes) -> Result<(), End> {
    if experiment.shaping != Shaping::Tc {
        return Ok(());
    }
    let differs = |(pod, node): (&String, &NodeFacts)| node.link_seen.differs(pod, node.link.as_ref()?);
    let off: Vec<_> = nodes.iter().filter_map(differs).collect();
    if off.is_empty() { Ok(()) } else { Err(End::new(Reason::Baseline, off.join("; "))) }
}

/// Whether every node is as its driver takes it to be, as far as that can be seen.
pub(super) fn as_assumed(experiment: &Experiment, swarm: &Swarm) -> Result<(), End> {
    let pods: Vec<_> = experiment.nodes().map(|(_, _, pod)| pod).collect();
    let step = Step::Check { bytes: experiment.measure.file_size };
    let mut broken = Vec::new();
    for (pod, answer) in swarm.all(&pods, CHECKS, |_| step.clone()) {
        match answer {
            Ok(Reply::Checked { broken: told }) => {
                broken.extend(told.into_iter().map(|it| format!("node {pod}: {it}")));
            }
            Ok(other) => return Err(End::new(Reason::Internal, format!("node {pod}: {other:?}"))),
            Err(trouble) => return Err(End::new(Reason::Preflight, format!("node {pod}: {trouble}"))),
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(End::new(Reason::Preflight, broken.join("; "))) }
}

/// Measures the link of every node that has a rate, against the coordinator, whose own link is not shaped.
pub(super) fn baselines(experiment: &Experiment, swarm: &Swarm, port: u16, nodes: &mut Nodes) -> Result<(), End> {
    let bytes = experiment.measure.baseline_bytes;
    let shaped: Vec<String> =
        nodes.iter().filter(|(_, node)| node.link.is_some()).map(|(pod, _)| pod.clone()).collect();
    if bytes == 0 {
        return Ok(());
    }
    for some in shaped.chunks(BASELINES_AT_ONCE as usize) {
        measure(swarm, port, bytes, some, nodes)?;
    }
    for pod in shaped {
        for _ in 0..AGAIN {
            if nodes.get(&pod).is_some_and(|node| !off(&pod, node).is_empty()) {
                measure(swarm, port, bytes, std::slice::from_ref(&pod), nodes)?;
            }
        }
    }
    let off: Vec<_> = nodes.iter().flat_map(|(pod, node)| off(pod, node)).collect();
    if off.is_empty() { Ok(()) } else { Err(End::new(Reason::Baseline, off.join("; "))) }
}

fn measure(swarm: &Swarm, port: u16, bytes: u64, pods: &[String], nodes: &mut Nodes) -> Result<(), End> {
    let limit = pods.iter().filter_map(|pod| nodes.get(pod)?.link).map(|link| twice(link, bytes)).max();
    let limit = limit.unwrap_or_default() + SLACK;
    let answers = swarm.all(pods, limit + SLACK, |pod| Step::Baseline {
        address: peer(swarm, pod, port),
        bytes,
        limit_seconds: limit.as_secs_f64(),
    });
    for (pod, answer) in answers {
        match answer {
            Ok(Reply::Baseline { up_bits_per_second, down_bits_per_second }) => {
                if let Some(node) = nodes.get_mut(&pod) {
                    node.baseline.up_bits_per_second = Some(up_bits_per_second);
                    node.baseline.down_bits_per_second = Some(down_bits_per_second);
                }
            }
            Ok(other) => return Err(End::new(Reason::Internal, format!("node {pod}: {other:?}"))),
            Err(trouble) => return Err(End::new(Reason::Baseline, format!("node {pod}: {trouble}"))),
        }
    }
    Ok(())
}

/// Twice the time that both ways need at the rates asked.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn twice(link: Link, bytes: u64) -> Duration {
    let at = |rate: u64| bytes as f64 * 8.0 / rate.max(1) as f64;
    Duration::from_secs_f64(2.0 * (at(link.up_bits_per_second) + at(link.down_bits_per_second)))
}

/// This process's own address, as seen from where the agent dials: not the Service's, through which nothing
/// measured may pass.
fn peer(swarm: &Swarm, pod: &str, port: u16) -> String {
    let own = || {
        let agent = swarm.address(pod)?.to_canonical();
        let any = if agent.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        // Connecting a datagram socket sends nothing: it asks for the route.
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect((agent, 9)).ok()?;
        Some(std::net::SocketAddr::new(socket.local_addr().ok()?.ip(), port).to_string())
    };
    own().unwrap_or_else(|| format!("coordinator:{port}"))
}

/// What is wrong with a node's link, a sentence for each direction.
fn off(pod: &str, node: &NodeFacts) -> Vec<String> {
    let baseline = &node.baseline;
    let check = |way, asked: Option<u64>, measured: Option<f64>| {
        let (link, asked, measured) = (node.link?, asked?, measured?);
        (!agrees(asked, measured, &link)).then(|| sentence(pod, way, asked, measured))
    };
    let up = check("up", baseline.up_asked_bits_per_second, baseline.up_bits_per_second);
    let down = check("down", baseline.down_asked_bits_per_second, baseline.down_bits_per_second);
    up.into_iter().chain(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_system_must_understand_each_other() {
        let group = |driver: Option<&str>| Group {
            name: "g".to_owned(),
            driver: driver.map(str::to_owned),
            role: crate::experiment::GroupRole::Any,
            replicas: 1,
            link: None,
        };
        let experiment = |system: &str, other| {
            let text = serde_json::json!({
                "protocol": 1, "lab": "", "scenario": "", "cell": "", "digest": "", "levels": {},
                "shaping": "tc", "measure": {"fileSize": 1, "repetitions": 1, "warmup": 0, "readySeconds": 1.0, "gateSeconds": 1.0,
                    "stalledSeconds": 1.0, "transferDeadlineSeconds": 1.0, "idleSeconds": 0.0, "coolDownSeconds": 0.0,
                    "baselineBytes": 0, "fluidBoundSeconds": null},
                "systems": [{"name": "s", "driver": system, "seeders": 1, "groups": [group(None), group(other)]}],
                "store": {"write": "", "read": ""},
            });
            serde_json::from_value::<Experiment>(text).unwrap()
        };
        assert_eq!(exchangeable(&experiment("qbittorrent", Some("rqbit"))).map_err(|end| end.detail), Ok(()));
        assert!(exchangeable(&experiment("external", None)).is_ok());
        let end = exchangeable(&experiment("qbittorrent", Some("codex"))).unwrap_err();
        assert_eq!(end.detail, "group g of s is driven by codex, which can't exchange content with qbittorrent");
        assert!(exchangeable(&experiment("qbittorrent", Some("pigeon"))).is_err());
    }

    #[test]
    fn time_for_a_baseline_follows_the_slower_way() {
        let link = Link {
            up_bits_per_second: 1_000_000,
            down_bits_per_second: 8_000_000,
            latency_seconds: 0.0,
            loss_ratio: 0.0,
        };
        assert_eq!(twice(link, 1_000_000), Duration::from_secs(18));
    }
}
