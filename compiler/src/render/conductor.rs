//! The conductor's own objects.

use serde_json::{Value, json};

use super::kustomization::Kustomization;
use super::names::{CONDUCTOR, conductor_namespace, lab_labels};
use super::{Files, put, security};
use crate::plan::{image, whole_seconds};
use crate::spec::Lab;

/// Where the Git credential is mounted.
const CREDENTIALS: &str = "/etc/benchgrid/git";

/// Writes the folder `conductor`.
pub(super) fn write(files: &mut Files, folder: &str, lab: &Lab) {
    put(files, &format!("{folder}/namespace.yaml"), &[namespace(lab)]);
    put(files, &format!("{folder}/rbac.yaml"), &rbac(lab));
    put(files, &format!("{folder}/deployment.yaml"), &[deployment(lab)]);
    Kustomization {
        resources: ["namespace.yaml", "rbac.yaml", "deployment.yaml"].map(str::to_owned).into(),
        namespace: None,
        labels: super::names::Labels::new(),
        patches: Vec::new(),
    }
    .write(files, folder);
}

fn namespace(lab: &Lab) -> Value {
    let mut labels = lab_labels(lab, CONDUCTOR);
    labels["pod-security.kubernetes.io/enforce"] = json!("restricted");
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": conductor_namespace(lab), "labels": labels}})
}

/// It looks for namespaces that are still there; everything else it learns from branch and store.
fn rbac(lab: &Lab) -> [Value; 3] {
    let group = "rbac.authorization.k8s.io";
    let namespace = conductor_namespace(lab);
    let cluster_wide = format!("benchgrid-{}-conductor", lab.metadata.name);
    let labels = lab_labels(lab, CONDUCTOR);
    [
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": CONDUCTOR, "namespace": namespace, "labels": labels},
            "automountServiceAccountToken": false,
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRole",
            "metadata": {"name": cluster_wide, "labels": labels},
            "rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]}],
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
            "metadata": {"name": cluster_wide, "labels": labels},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": cluster_wide},
            "subjects": [{"kind": "ServiceAccount", "name": CONDUCTOR, "namespace": namespace}],
        }),
    ]
}

/// Never two at a time.
fn deployment(lab: &Lab) -> Value {
    let labels = lab_labels(lab, CONDUCTOR);
    let mut volumes = vec![json!({"name": "work", "emptyDir": {}}), json!({"name": "tmp", "emptyDir": {}})];
    if let Some(secret) = &lab.spec.conductor.git_secret {
        volumes.push(json!({"name": "git", "secret": {"secretName": secret}}));
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": CONDUCTOR, "namespace": conductor_namespace(lab), "labels": labels},
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/name": CONDUCTOR}},
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": true,
                    "containers": [container(lab)],
                    "enableServiceLinks": false,
                    "securityContext": security::pod(),
                    "serviceAccountName": CONDUCTOR,
                    "terminationGracePeriodSeconds": 5,
                    "volumes": volumes,
                },
            },
        },
    })
}

fn container(lab: &Lab) -> Value {
    let git = &lab.spec.git;
    let mut env = vec![json!({"name": "HOME", "value": "/tmp"})];
    let mut mounts = vec![json!({"mountPath": "/work", "name": "work"}), json!({"mountPath": "/tmp", "name": "tmp"})];
    if lab.spec.conductor.git_secret.is_some() {
        let helper = format!("store --file={CREDENTIALS}/credentials");
        env.push(json!({"name": "GIT_CONFIG_COUNT", "value": "1"}));
        env.push(json!({"name": "GIT_CONFIG_KEY_0", "value": "credential.helper"}));
        env.push(json!({"name": "GIT_CONFIG_VALUE_0", "value": helper}));
        mounts.push(json!({"mountPath": CREDENTIALS, "name": "git", "readOnly": true}));
    }
    let mut args = vec![
        "conduct".to_owned(),
        "--git".to_owned(),
        git.url.clone().unwrap_or_default(),
        "--branch".to_owned(),
        git.branch.clone(),
        // a folder that it makes itself, since the volume is root's and Git distrusts that
        "--dir".to_owned(),
        "/work/clone".to_owned(),
        "--interval".to_owned(),
        interval_seconds(lab).to_string(),
    ];
    if !git.prefix.is_empty() {
        args.extend(["--prefix".to_owned(), git.prefix.clone()]);
    }
    let amount = json!({"cpu": "50m", "memory": "128Mi"});
    json!({
        "name": CONDUCTOR,
        "image": image::mirrored(&lab.spec.images, &lab.spec.images.conductor),
        "args": args,
        "env": env,
        "resources": {"limits": {"cpu": "1", "memory": "256Mi"}, "requests": amount},
        "securityContext": security::container(),
        "volumeMounts": mounts,
    })
}

/// Whole seconds, at least one; a text that is no duration was refused when the lab was read.
fn interval_seconds(lab: &Lab) -> u64 {
    lab.spec.conductor.interval.duration().map_or(5, |interval| whole_seconds(interval.as_secs_f64()).max(1))
}
