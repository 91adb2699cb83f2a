use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{Outcome, Timestamp};
use benchgrid_probe::kubernetes::{Api, KubernetesError, name, termination_message, trouble};
use serde_json::Value;

use super::{Attempt, ClusterView, Finished, Pods, logs};

/// Where the cluster is asked.
pub trait Cluster {
    /// Namespaces, and the pods of running attempts.
    fn look(&self, active: &[Attempt]) -> ClusterView;

    /// What the containers of these attempts say, by attempt; nothing where no cluster is in sight.
    fn logs(&self, _attempts: &[&str]) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// All that the coordinator of an attempt printed; else why it can't be had.
    fn printed(&self, _attempt: &str) -> Result<String, String> {
        Err("no cluster is in sight".to_owned())
    }
}

/// No cluster in sight: `conduct --once` from CI.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCluster;

impl Cluster for NoCluster {
    fn look(&self, _: &[Attempt]) -> ClusterView {
        ClusterView::Unknown
    }
}

/// The cluster that the conductor runs in.
#[derive(Debug, Clone)]
pub struct KubernetesCluster(
    /// Its API.
    pub Api,
);

impl Cluster for KubernetesCluster {
    fn look(&self, active: &[Attempt]) -> ClusterView {
        match self.ask(active) {
            Ok((namespaces, pods)) => ClusterView::Seen { namespaces, pods },
            Err(error) => ClusterView::Silent(error.to_string()),
        }
    }

    fn logs(&self, attempts: &[&str]) -> BTreeMap<String, String> {
        logs::logs(&self.0, attempts)
    }

    fn printed(&self, attempt: &str) -> Result<String, String> {
        // It is published: where the cluster is, is nobody's business.
        let failed = |error| match error {
            KubernetesError::Refused { text, .. } | KubernetesError::Request { text, .. } => {
                format!("the coordinator's log: {text}")
            }
            error => format!("the coordinator's log: {error}"),
        };
        let pods = self.0.pods(attempt).map_err(failed)?;
        let mut logs = pods
            .iter()
            .filter(|pod| is_coordinator(pod))
            .map(|pod| self.0.whole_log(attempt, name(pod), "coordinator"));
        let first = logs.next().ok_or("no coordinator is left")?.map_err(failed)?;
        logs.try_fold(first, |all, log| Ok(all + "\n" + &log?)).map_err(failed)
    }
}

impl KubernetesCluster {
    fn ask(&self, active: &[Attempt]) -> Result<(BTreeSet<String>, BTreeMap<String, Pods>), KubernetesError> {
        let namespaces: BTreeSet<String> = self.0.namespaces()?.into_iter().collect();
        let mut all = BTreeMap::new();
        for attempt in active.iter().filter(|attempt| namespaces.contains(&attempt.attempt)) {
            match self.0.pods(&attempt.attempt) {
                Ok(items) => drop(all.insert(attempt.attempt.clone(), pods(&items))),
                // A cell's own binding lets the conductor look; it comes after the namespace, and may never come.
                Err(KubernetesError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((namespaces, all))
    }
}

/// What counts of an attempt's pods.
fn pods(items: &[Value]) -> Pods {
    let finished = items.iter().filter(|pod| is_coordinator(pod)).find_map(finished);
    let started = finished.is_some() || items.iter().filter(|pod| is_coordinator(pod)).any(started);
    let since = items.iter().filter_map(created).min();
    Pods { count: items.len(), since, started, finished, troubles: trouble(items) }
}

fn is_coordinator(pod: &Value) -> bool {
    pod.pointer("/metadata/labels/benchgrid.io~1role").is_some_and(|role| role == "coordinator")
}

fn created(pod: &Value) -> Option<Timestamp> {
    pod.pointer("/metadata/creationTimestamp")?.as_str()?.parse().ok()
}

fn started(pod: &Value) -> bool {
    pod.pointer("/status/phase").is_some_and(|phase| phase == "Running")
}

fn finished(pod: &Value) -> Option<Finished> {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str);
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let container = statuses.into_iter().flatten().find(|status| status["name"] == "coordinator");
    let ended = container.and_then(|status| status.pointer("/state/terminated"));
    // An evicted pod has no container left.
    (ended.is_some() || matches!(phase, Some("Succeeded" | "Failed"))).then(|| Finished {
        at: ended.and_then(|ended| ended["finishedAt"].as_str()?.parse::<Timestamp>().ok()),
        outcome: termination_message(pod, "coordinator").and_then(|text| serde_json::from_str::<Outcome>(text).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchgrid_measures::{Reason, Verdict};
    use serde_json::json;

    fn coordinator(status: &Value) -> Value {
        json!({"metadata": {"name": "coordinator-t1a1-x", "labels": {"benchgrid.io/role": "coordinator"}}, "status": status})
    }

    #[test]
    fn reads_the_coordinators_last_word() {
        let word = json!({"lab": "lab", "scenario": "s", "cell": "0123456789", "digest": "abcdef", "trial": 1, "number": 1,
                          "attempt": "bg-s-0123456789-abcdef-t1a1", "verdict": "failed", "reason": "gate", "detail": "late",
                          "records": 2, "ended_ms": 5});
        let terminated = json!({"exitCode": 1, "finishedAt": "2026-11-21T08:17:55Z", "message": word.to_string()});
        let status = json!({"phase": "Failed", "containerStatuses": [{"name": "coordinator", "state": {"terminated": terminated}}]});
        let seen = pods(&[
            json!({"metadata": {"name": "codex-nodes-0"}, "status": {"phase": "Running"}}),
            coordinator(&status),
        ]);
        let finished = seen.finished.unwrap();
        let outcome = finished.outcome.unwrap();
        assert_eq!((seen.count, finished.at), (2, Some(Timestamp(1_795_249_075))));
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, Reason::Gate));
    }

    #[test]
    fn a_coordinator_that_runs_or_was_evicted() {
        let running =
            json!({"phase": "Running", "containerStatuses": [{"name": "coordinator", "state": {"running": {}}}]});
        assert_eq!(pods(&[coordinator(&running)]).finished, None);
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "disk pressure"});
        let seen = pods(&[coordinator(&evicted)]);
        assert_eq!(seen.finished, Some(Finished::default()));
        assert!(seen.troubles[0].contains("Evicted"), "{:?}", seen.troubles);
    }
}
