//! What became of the nodes' pods: restarts and replacements void a repetition.
//!
//! In: the cluster's API, or a file that a sandbox writes. Out: sentences; the pods themselves.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    coordinator::images,
    kubernetes::{self, Api, Restarts},
};

/// Watches the pods of one namespace.
#[derive(Debug)]
pub(super) struct Fate {
    api: Option<Api>,
    namespace: String,
    pods: Vec<String>,
    known: Option<Known>,
    /// Outside of a cluster: the file that gets a line for each container that ended.
    ended: Option<PathBuf>,
}

/// Pods as they were at the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    /// Unique id of each pod.
    ids: BTreeMap<String, String>,
    /// How often each container was started again.
    counts: BTreeMap<(String, String), u64>,
}

impl Fate {
    pub(super) fn new(api: Option<Api>, namespace: String, pods: Vec<String>) -> Self {
        Self { api, namespace, pods, known: None, ended: None }
    }

    /// The same, told of ends by a file.
    pub(super) fn with_ended(self, ended: Option<PathBuf>) -> Self {
        Self { ended, ..self }
    }

    /// Why the named pods are not up; one sentence a pod where there is a cluster to ask.
    pub(super) fn why_not_up(&self, missing: &[String]) -> Vec<String> {
        let Some(api) = &self.api else { return missing.to_vec() };
        match api.pods(&self.namespace) {
            Ok(pods) => missing.iter().map(|name| why_not_up(name, &pods)).collect(),
            Err(error) => missing.iter().cloned().chain([error.to_string()]).collect(),
        }
    }

    /// The nodes' pods as they are now; none where there is no cluster, or it does not answer.
    pub(super) fn pods(&self) -> Option<Vec<Value>> {
        self.api.as_ref()?;
        self.look().ok()
    }

    /// What happened to the pods since the last look, and what is wrong with their images; the first look remembers
    /// what to compare with.
    pub(super) fn changes(&mut self) -> Result<Vec<String>, kubernetes::KubernetesError> {
        if self.api.is_none() {
            return Ok(self.ended());
        }
        let pods = self.look()?;
        let now = Known::of(&pods);
        let mut changes = self.known.as_ref().map_or_else(Vec::new, |known| known.changes(&now, &pods, &self.pods));
        changes.extend(images::wrong(&pods));
        self.known = Some(now);
        Ok(changes)
    }

    /// Lines of the file: nothing is started again there, so each end stays true. A file that is not there has none.
    fn ended(&self) -> Vec<String> {
        let text = self.ended.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The nodes' pods; none outside of a cluster.
    fn look(&self) -> Result<Vec<Value>, kubernetes::KubernetesError> {
        let mut pods = self.api.as_ref().map_or_else(|| Ok(Vec::new()), |api| api.pods(&self.namespace))?;
        pods.retain(|pod| self.pods.iter().any(|name| name == kubernetes::name(pod)));
        Ok(pods)
    }
}

impl Known {
    fn of(pods: &[Value]) -> Self {
        let id = |pod: &Value| pod.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or("").to_owned();
        Self {
            ids: pods.iter().map(|pod| (kubernetes::name(pod).to_owned(), id(pod))).collect(),
            counts: kubernetes::restarts(pods).into_iter().map(|r| ((r.pod, r.container), r.count)).collect(),
        }
    }

    fn changes(&self, now: &Self, pods: &[Value], names: &[String]) -> Vec<String> {
        let mut changes = Vec::new();
        for name in names {
            match (self.ids.get(name), now.ids.get(name)) {
                (Some(_), None) => changes.push(format!("pod {name} is gone")),
                (Some(old), Some(new)) if old != new => changes.push(format!("pod {name} was replaced")),
                _ => {}
            }
        }
        for restarts in kubernetes::restarts(pods) {
            let key = (restarts.pod.clone(), restarts.container.clone());
            let times = restarts.count.saturating_sub(self.counts.get(&key).copied().unwrap_or(0));
            if times > 0 {
                changes.push(restarted(&restarts, times));
            }
        }
        changes
    }
}

fn restarted(Restarts { pod, container, last, .. }: &Restarts, times: u64) -> String {
    format!("container {container} of pod {pod} restarted {times} times, last: {last}")
}

fn why_not_up(name: &str, pods: &[Value]) -> String {
    let Some(pod) = pods.iter().find(|pod| kubernetes::name(pod) == name) else {
        return format!("pod {name} does not exist");
    };
    let pod = std::slice::from_ref(pod);
    let mut told = kubernetes::trouble(pod);
    if told.is_empty() {
        // Between two crashes everything runs.
        told.extend(kubernetes::restarts(pod).into_iter().map(|restarts| restarted(&restarts, restarts.count)));
    }
    if told.is_empty() { format!("pod {name} runs, but is silent") } else { told.join("; ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(id: &str, restarts: u64) -> Value {
        json!({"metadata": {"name": "s-g-0", "uid": id}, "status": {"phase": "Running", "containerStatuses": [
            {"name": "node", "restartCount": restarts, "state": {"running": {}},
             "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]}})
    }

    fn changes(before: &[Value], after: &[Value]) -> Vec<String> {
        Known::of(before).changes(&Known::of(after), after, &["s-g-0".to_owned()])
    }

    #[test]
    fn only_new_restarts_count() {
        assert!(changes(&[pod("a", 1)], &[pod("a", 1)]).is_empty());
        assert_eq!(
            changes(&[pod("a", 1)], &[pod("a", 3)]),
            ["container node of pod s-g-0 restarted 2 times, last: OOMKilled (exit code 137)"]
        );
    }

    #[test]
    fn replaced_and_gone() {
        assert_eq!(changes(&[pod("a", 0)], &[pod("b", 0)]), ["pod s-g-0 was replaced"]);
        assert_eq!(changes(&[pod("a", 0)], &[]), ["pod s-g-0 is gone"]);
    }

    #[test]
    fn an_end_in_a_sandbox_stays_true() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ended");
        let mut fate = Fate::new(None, String::new(), Vec::new()).with_ended(Some(path.clone()));
        assert!(fate.changes().unwrap().is_empty());
        fs::write(&path, "pod a: node ended\n").unwrap();
        assert_eq!(fate.changes().unwrap(), ["pod a: node ended"]);
        assert_eq!(fate.changes().unwrap(), ["pod a: node ended"]);
    }

    #[test]
    fn a_missing_pod_is_named() {
        assert_eq!(why_not_up("s-g-1", &[pod("a", 0)]), "pod s-g-1 does not exist");
        assert_eq!(why_not_up("s-g-0", &[pod("a", 0)]), "pod s-g-0 runs, but is silent");
        assert_eq!(
            why_not_up("s-g-0", &[pod("a", 2)]),
            "container node of pod s-g-0 restarted 2 times, last: OOMKilled (exit code 137)"
        );
    }
}
