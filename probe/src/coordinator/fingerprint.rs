//! What only the cluster knows of the nodes' machines.
//!
//! In: the pods as the cluster tells them, none where it can't be asked. Out: the nodes' [`Environment`]s, completed.

use serde_json::Value;

use benchgrid_measures::{Environment, Isolation};

use crate::{coordinator::preflight::Nodes, kubernetes};

/// Our container in a node's pod.
const AGENT: &str = "agent";

/// Adds machines and images. A connection that failed proves that policies are enforced only if the same address
/// answered the coordinator, which may.
pub(super) fn complete(nodes: &mut Nodes, pods: Option<&[Value]>) {
    for (name, node) in nodes {
        let environment = &mut node.environment;
        match pods {
            Some(pods) => place(environment, pods.iter().find(|pod| kubernetes::name(pod) == name)),
            None if environment.isolation == Isolation::Enforced => environment.isolation = Isolation::Unknown,
            None => {}
        }
    }
}

fn place(environment: &mut Environment, pod: Option<&Value>) {
    let Some(pod) = pod else { return };
    kubernetes::machine(pod).clone_into(&mut environment.machine);
    let images = kubernetes::containers(pod).into_iter().filter(|container| container.name != AGENT);
    environment.image = images.map(|container| container.pulled).collect::<Vec<_>>().join(" ");
}

/// The nodes that reached what the cell's policies forbid, as a note; none where there is none.
pub(super) fn not_isolated(nodes: &Nodes) -> Option<String> {
    let open = nodes.iter().filter(|(_, node)| node.environment.isolation == Isolation::Not);
    let open: Vec<_> = open.map(|(pod, _)| pod.as_str()).collect();
    let text = || format!("isolation: not; the cluster enforces no network policies for {}", open.join(", "));
    (!open.is_empty()).then(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_connection_proves_nothing_where_the_address_answers_nobody() {
        let mut environment = Environment { isolation: Isolation::Enforced, ..Environment::default() };
        let pod = json!({
            "metadata": {"name": "s-g-0"},
            "spec": {"nodeName": "worker-1", "containers": []},
            "status": {"containerStatuses": [
                {"name": "node", "imageID": "r/node@sha256:1"}, {"name": "agent", "imageID": "r/probe@sha256:2"}]},
        });
        place(&mut environment, Some(&pod));
        assert_eq!((&*environment.machine, &*environment.image), ("worker-1", "r/node@sha256:1"));
        assert_eq!(environment.isolation, Isolation::Enforced);
        let node = crate::coordinator::preflight::NodeFacts {
            system: "s".to_owned(),
            group: "g".to_owned(),
            link: None,
            link_seen: crate::shaping::LinkSeen::Unshaped,
            description: crate::driver::Description {
                driver: "http".to_owned(),
                version: String::new(),
                settings: std::collections::BTreeMap::new(),
                unit_bytes: 1,
                resolution_seconds: 0.0,
            },
            environment,
            baseline: benchgrid_measures::Baseline::default(),
        };
        let mut nodes = Nodes::from([("s-g-0".to_owned(), node)]);
        complete(&mut nodes, Some(&[pod]));
        assert_eq!(nodes["s-g-0"].environment.isolation, Isolation::Enforced);
        assert_eq!(not_isolated(&nodes), None);
        complete(&mut nodes, None);
        assert_eq!(nodes["s-g-0"].environment.isolation, Isolation::Unknown);
        nodes.get_mut("s-g-0").unwrap().environment.isolation = Isolation::Not;
        complete(&mut nodes, None);
        assert!(not_isolated(&nodes).unwrap().ends_with("for s-g-0"));
    }
}
