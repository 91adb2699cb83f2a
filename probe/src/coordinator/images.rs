//! Whether nodes that are meant to be alike run the same images, those that were asked for.
//!
//! In: pods as the cluster tells them. Out: a sentence for each container that runs another image. What a runtime
//! names without a digest of the registry says nothing, and is let pass.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kubernetes::{Container, containers};

/// What is wrong with the images.
pub(super) fn wrong(pods: &[Value]) -> Vec<String> {
    let mut first: BTreeMap<(String, String), Container> = BTreeMap::new();
    let mut wrong = Vec::new();
    for container in pods.iter().flat_map(containers) {
        let Some(pulled) = digest(&container.pulled) else { continue };
        let Container { pod, name, asked, .. } = &container;
        if digest(asked).is_some_and(|asked| asked != pulled) {
            wrong.push(format!("wrong image digest: container {name} of pod {pod}: asked {asked}, runs {pulled}"));
        }
        // A pod is called as its group, and numbered.
        let group = pod.rsplit_once('-').map_or(&**pod, |(group, _)| group);
        let other = first.entry((group.to_owned(), name.clone())).or_insert_with(|| container.clone());
        if let Some(theirs) = digest(&other.pulled).filter(|theirs| *theirs != pulled) {
            wrong.push(format!(
                "wrong image digest: container {name} of pod {} runs {theirs}, of pod {pod} of the same group {pulled}",
                other.pod
            ));
        }
    }
    wrong
}

/// The registry's digest in a reference: what comes after `@`.
fn digest(reference: &str) -> Option<&str> {
    reference.rsplit_once('@').map(|(_, digest)| digest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, asked: &str, pulled: &str) -> Value {
        json!({
            "metadata": {"name": name},
            "spec": {"containers": [{"name": "node", "image": asked}]},
            "status": {"containerStatuses": [{"name": "node", "imageID": pulled}]},
        })
    }

    #[test]
    fn what_was_asked_by_digest_must_run() {
        assert!(wrong(&[pod("s-g-0", "r/i@sha256:aa", "r/i@sha256:aa")]).is_empty());
        assert!(wrong(&[pod("s-g-0", "r/i:1", "r/i@sha256:aa")]).is_empty(), "a tag asks for nothing");
        assert_eq!(
            wrong(&[pod("s-g-0", "r/i@sha256:aa", "mirror/i@sha256:bb")]),
            ["wrong image digest: container node of pod s-g-0: asked r/i@sha256:aa, runs sha256:bb"]
        );
    }

    #[test]
    fn a_group_runs_one_image() {
        let pods = [pod("s-g-0", "r/i:1", "r/i@sha256:aa"), pod("s-g-1", "r/i:1", "r/i@sha256:bb")];
        assert_eq!(
            wrong(&pods),
            [
                "wrong image digest: container node of pod s-g-0 runs sha256:aa, of pod s-g-1 of the same group sha256:bb"
            ]
        );
        let pods = [pod("s-g-0", "r/i:1", "r/i@sha256:aa"), pod("s-h-0", "r/i:2", "r/i@sha256:bb")];
        assert!(wrong(&pods).is_empty(), "groups may differ");
    }

    #[test]
    fn an_image_that_no_registry_gave_says_nothing() {
        let pods = [pod("s-g-0", "r/i@sha256:aa", "sha256:cc"), pod("s-g-1", "r/i@sha256:aa", "")];
        assert!(wrong(&pods).is_empty());
    }
}
