use serde_json::Value;

use super::{ended_last, ending, name, number, statuses, text};

/// A container and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    /// Its pod.
    pub pod: String,
    /// Its name.
    pub name: String,
    /// The image that the pod asks for.
    pub image: String,
    /// Whether it prepares the pod for the others.
    pub prepares: bool,
    /// What it does, and how it ended last.
    pub state: String,
    /// How often it was started again.
    pub restarts: u64,
    /// Whether it was started again, ended with an error, or could not start.
    pub trouble: bool,
}

/// The states of all containers, pod by pod, those that prepare it first.
pub fn states(pods: &[Value]) -> Vec<ContainerState> {
    pods.iter().flat_map(of_pod).collect()
}

fn of_pod(pod: &Value) -> Vec<ContainerState> {
    let mut all = Vec::new();
    for (list, prepares) in [("/spec/initContainers", true), ("/spec/containers", false)] {
        for spec in pod.pointer(list).and_then(Value::as_array).into_iter().flatten() {
            let status = statuses(pod).find(|status| text(status, "/name") == text(spec, "/name"));
            let (state, well) = status.map_or_else(|| ("not started".to_owned(), false), state);
            let restarts = status.map_or(0, |status| number(status, "/restartCount"));
            all.push(ContainerState {
                pod: name(pod).to_owned(),
                name: text(spec, "/name").to_owned(),
                image: text(spec, "/image").to_owned(),
                prepares,
                state,
                restarts,
                trouble: !well || restarts > 0,
            });
        }
    }
    all
}

/// In words, and whether all is well.
fn state(status: &Value) -> (String, bool) {
    let (state, well) = if let Some(ended) = status.pointer("/state/terminated") {
        (format!("ended with {}", ending(ended)), number(ended, "/exitCode") == 0)
    } else if let Some(waiting) = status.pointer("/state/waiting") {
        (format!("waits, {}", text(waiting, "/reason")), false)
    } else {
        ("runs".to_owned(), true)
    };
    (state + &ended_last(status), well)
}
