//! What containers of failed attempts said.

use benchgrid::conduct::{KubernetesCluster, Tick};
use benchgrid_probe::kubernetes::Api;
use serde_json::{Value, json};

use super::{FIRST, World};

impl World {
    /// What the cluster's API says of an attempt whose coordinator ran and whose node has fallen.
    fn fallen(&self, attempt: &str) {
        let terminated = |reason: &str, code: u32| json!({"terminated": {"reason": reason, "exitCode": code}});
        let status = |name: &str, state: Value, last: Value, restarts: u32| json!({"name": name, "state": state, "lastState": last, "restartCount": restarts});
        let node = json!({
            "metadata": {"name": "s-g-0"},
            "spec": {"initContainers": [{"name": "shape", "image": "r/probe:1"}],
                     "containers": [{"name": "agent", "image": "r/probe:1"}, {"name": "node", "image": "r/node:1"}]},
            "status": {
                "phase": "Running",
                "initContainerStatuses": [status("shape", terminated("Completed", 0), json!({}), 0)],
                "containerStatuses": [status("agent", json!({"running": {}}), json!({}), 0),
                                      status("node", json!({"running": {}}), terminated("OOMKilled", 137), 1)],
            },
        });
        let coordinator = json!({
            "metadata": {"name": "coordinator-t1a1-x", "labels": {"benchgrid.io/role": "coordinator"}},
            "spec": {"containers": [{"name": "coordinator", "image": "r/probe:1"}]},
            "status": {"phase": "Running", "containerStatuses": [status("coordinator", json!({"running": {}}), json!({}), 0)]},
        });
        let root = "/api/v1/namespaces";
        let log = |pod: &str, container: &str, previous: bool| {
            format!(
                "{root}/{attempt}/pods/{pod}/log?container={container}&previous={previous}&tailLines=100&limitBytes=1048576"
            )
        };
        let waits = json!({"kind": "Status", "message": "container \"shape\" in pod \"s-g-0\" has no log"}).to_string();
        self.server.said.lock().unwrap().cluster = [
            (root.to_owned(), (200, json!({"items": [{"metadata": {"name": attempt}}]}).to_string())),
            (format!("{root}/{attempt}/pods"), (200, json!({"items": [node, coordinator]}).to_string())),
            (log("coordinator-t1a1-x", "coordinator", false), (200, "{\"a\":\"record\"}\n".to_owned())),
            (log("s-g-0", "node", true), (200, "\u{1b}[31mout of memory\u{1b}[0m\r\n".to_owned())),
            (log("s-g-0", "node", false), (200, String::new())),
            (log("s-g-0", "shape", false), (400, waits)),
        ]
        .into();
    }
}

#[test]
fn what_the_containers_of_a_failed_attempt_said_is_in_the_commit_that_ends_it() {
    let world = World::new(1, 1);
    let cluster = KubernetesCluster(Api::at(&world.server.address));
    world.fallen(FIRST);
    let empty = json!({"items": []}).to_string();
    world.server.said.lock().unwrap().cluster.insert("/api/v1/namespaces".to_owned(), (200, empty));
    world.tick_in("clone", &cluster);
    world.pass(60);
    world.fallen(FIRST);
    world.server.outcome(FIRST, "failed", "invalid", world.now.get() * 1000);
    world.tick_in("clone", &cluster);
    let done = |end: &str| format!("done/demo/c-0/{FIRST}.{end}");
    assert_eq!(world.files("done"), [done("json"), done("log")]);
    let expected = format!(
        "# {FIRST}: its containers as they were when it had failed

coordinator-t1a1-x/coordinator  runs; 0 restarts; r/probe:1
s-g-0/node                      runs; ended last with OOMKilled (exit code 137); 1 restarts; r/node:1
s-g-0/agent                     runs; 0 restarts; r/probe:1
s-g-0/shape                     ended with Completed (exit code 0); 0 restarts; r/probe:1

# coordinator-t1a1-x/coordinator
{{\"a\":\"record\"}}

# s-g-0/node, before its last restart
out of memory

# s-g-0/node
nothing was said

# s-g-0/agent
no log: gone

# s-g-0/shape
no log: container \"shape\" in pod \"s-g-0\" has no log"
    );
    assert_eq!(world.show(&done("log")), expected);
    // It is no state, and a compile leaves it.
    let status = world.status();
    assert_eq!((status.failed.len(), status.failed[0].log.as_ref()), (1, Some(&done("log"))));
    world.compile("demo", 1, 2);
    assert_eq!(world.files("done").len(), 2);
}

#[test]
fn a_log_that_cant_be_had_keeps_no_attempt_from_ending() {
    let world = World::new(1, 1);
    let cluster = KubernetesCluster(Api::at(&world.server.address));
    world.tick("clone");
    world.fallen(FIRST);
    let refusal = json!({"message": "pods is forbidden"}).to_string();
    let pods = format!("/api/v1/namespaces/{FIRST}/pods");
    world.server.said.lock().unwrap().cluster.insert(pods.clone(), (403, refusal));
    world.pass(60);
    world.server.outcome(FIRST, "failed", "invalid", world.now.get() * 1000);
    assert!(matches!(world.tick_in("clone", &cluster), Tick::Changed(_)));
    let log = world.show(&format!("done/demo/c-0/{FIRST}.log"));
    assert!(log.contains("its pods can't be listed: ") && log.contains("pods is forbidden"), "{log}");
}
