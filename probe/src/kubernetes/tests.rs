use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::json;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "literals at every call")]
fn pod(name: &str, phase: &str, statuses: Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "bg-x"},
        "status": {
            "phase": phase,
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": statuses,
        },
    })
}

fn running(name: &str) -> Value {
    json!({"name": name, "ready": true, "restartCount": 0, "imageID": format!("r/{name}@sha256:1"), "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "lastState": {}})
}

#[test]
fn a_running_pod_is_no_trouble() {
    let pods = [pod("bt-nodes-0", "Running", json!([running("node"), running("agent")]))];
    assert!(trouble(&pods).is_empty());
    assert!(restarts(&pods).is_empty());
    assert_eq!(containers(&pods[0])[0].pulled, "r/node@sha256:1");
}

#[test]
fn an_image_that_is_not_there() {
    let waiting = json!({"name": "node", "restartCount": 0, "state": {"waiting": {
        "reason": "ImagePullBackOff",
        "message": "Back-off pulling image \"nowhere.example/none:1\": ErrImagePull: failed to resolve reference",
    }}});
    let pods = [pod("bt-nodes-1", "Pending", json!([waiting, running("agent")]))];
    assert_eq!(
        trouble(&pods),
        ["pod bt-nodes-1: container node: ImagePullBackOff: Back-off pulling image \"nowhere.example/none:1\": \
          ErrImagePull: failed to resolve reference"]
    );
}

#[test]
fn a_container_that_crashes() {
    let crashing = json!({"name": "node", "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}});
    let pods = [pod("bt-nodes-1", "Running", json!([crashing]))];
    assert_eq!(
        trouble(&pods),
        [
            "pod bt-nodes-1: container node: CrashLoopBackOff: back-off 40s restarting failed container; ended last with \
          OOMKilled (exit code 137)"
        ]
    );
    assert_eq!(
        restarts(&pods),
        [Restarts {
            pod: "bt-nodes-1".to_owned(),
            container: "node".to_owned(),
            count: 3,
            last: "OOMKilled (exit code 137)".to_owned()
        }]
    );
}

#[test]
fn a_pod_that_fits_nowhere() {
    let pod = json!({"metadata": {"name": "bt-nodes-2"}, "status": {"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
    assert_eq!(
        trouble(&[pod]),
        ["pod bt-nodes-2 not scheduled: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."]
    );
}

#[test]
fn the_container_that_prepares_fails_and_the_others_only_wait() {
    let mut pod =
        pod("s-g-0", "Pending", json!([{"name": "node", "state": {"waiting": {"reason": "PodInitializing"}}}]));
    pod["status"]["initContainerStatuses"] = json!([{"name": "shape", "restartCount": 2,
        "state": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no\npermission"}}}]);
    assert_eq!(trouble(&[pod.clone()]), ["pod s-g-0: container shape: ended with Error (exit code 1): no permission"]);
    assert_eq!(restarts(&[pod])[0].count, 3);
    let fresh = json!({"metadata": {"name": "s-g-1"}, "status": {"phase": "Pending"}});
    assert_eq!(trouble(&[fresh]), ["pod s-g-1: not started by the kubelet yet"]);
}

#[test]
fn an_evicted_pod() {
    let pod = json!({"metadata": {"name": "s-g-0"}, "status": {"phase": "Failed", "reason": "Evicted",
        "message": "The node was low on resource: ephemeral-storage."}});
    assert_eq!(trouble(&[pod]), ["pod s-g-0: Evicted: The node was low on resource: ephemeral-storage."]);
}

#[test]
fn last_words() {
    let done =
        json!({"name": "coordinator", "state": {"terminated": {"exitCode": 0, "message": "{\"reason\":\"ok\"}"}}});
    let pod = pod("coordinator-t1a1-x", "Succeeded", json!([done]));
    assert_eq!(termination_message(&pod, "coordinator"), Some("{\"reason\":\"ok\"}"));
    assert_eq!(termination_message(&pod, "other"), None);
    assert!(trouble(&[pod]).is_empty());
}

/// An API server that answers each request with the next status and body; gives the request lines.
fn server(answers: &'static [(u16, &'static str)]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let lines = thread::spawn(move || {
        let serve = |(status, body): &(u16, &str)| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let n = stream.read(&mut head).unwrap();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .unwrap();
            String::from_utf8_lossy(&head[..n]).lines().next().unwrap_or_default().to_owned()
        };
        answers.iter().map(serve).collect()
    });
    (base, lines)
}

#[test]
fn asks_the_api_server() {
    let (base, lines) = server(&[
        (200, r#"{"kind":"PodList","items":[{"metadata":{"name":"a"}}]}"#),
        (200, r#"{"items":[{"metadata":{"name":"default"}},{"metadata":{"name":"bg-x"}}]}"#),
        (200, "one\ntwo\n"),
        (403, r#"{"kind":"Status","message":"pods is forbidden"}"#),
    ]);
    let api = Api::at(&base);
    assert_eq!(text(&api.pods("bg-x").unwrap()[0], "/metadata/name"), "a");
    assert_eq!(api.namespaces().unwrap(), ["default", "bg-x"]);
    assert_eq!(api.log("bg-x", "a", "node", true).unwrap(), "one\ntwo\n");
    let error = api.pods("kube-system").unwrap_err().to_string();
    assert!(error.ends_with("status 403: pods is forbidden"), "{error}");
    let lines = lines.join().unwrap();
    assert_eq!(lines[0], "GET /api/v1/namespaces/bg-x/pods HTTP/1.1");
    assert!(lines[2].contains("/pods/a/log?container=node&previous=true&tailLines=100&limitBytes="), "{}", lines[2]);
}

#[test]
fn a_server_that_says_nothing_is_waited_for_no_longer_than_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = Api::at(&format!("http://{}", listener.local_addr().unwrap()));
    let start = std::time::Instant::now();
    api.within(Duration::from_millis(300)).pods("bg-x").unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn states_of_containers() {
    let mut fallen = pod(
        "s-g-0",
        "Running",
        json!([running("agent"), {"name": "node", "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]),
    );
    fallen["status"]["initContainerStatuses"] =
        json!([{"name": "shape", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]);
    fallen["spec"] = json!({
        "initContainers": [{"name": "shape", "image": "r/probe:1"}],
        "containers": [{"name": "node", "image": "r/node:1"}, {"name": "agent", "image": "r/probe:1"}],
    });
    let mut waiting = json!({"metadata": {"name": "s-g-1"}, "status": {"phase": "Pending"}});
    waiting["spec"] = json!({"containers": [{"name": "node", "image": "r/node:1"}]});
    let told: Vec<_> = states(&[fallen, waiting])
        .into_iter()
        .map(|s| {
            format!(
                "{}/{} {} {} {} trouble={} prepares={}",
                s.pod, s.name, s.state, s.restarts, s.image, s.trouble, s.prepares
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "s-g-0/shape ended with Completed (exit code 0) 0 r/probe:1 trouble=false prepares=true",
            "s-g-0/node waits, CrashLoopBackOff; ended last with OOMKilled (exit code 137) 2 r/node:1 trouble=true prepares=false",
            "s-g-0/agent runs 0 r/probe:1 trouble=false prepares=false",
            "s-g-1/node not started 0 r/node:1 trouble=true prepares=false",
        ]
    );
}
