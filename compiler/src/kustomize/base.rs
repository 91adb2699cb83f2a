use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{YamlError, kind, name, read_documents};
use crate::spec::{SystemSpec, codes};

/// Kinds that a base may hold: what Argo CD's project of the cells allows to be deployed.
pub const ALLOWED_KINDS: [(&str, &str); 10] = [
    ("", "ConfigMap"),
    ("", "PersistentVolumeClaim"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "StatefulSet"),
    ("batch", "Job"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];

/// Kinds that stand outside every namespace.
const CLUSTER_KINDS: [&str; 9] = [
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
];

/// Why a base can't be read.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// A file can't be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A file is not YAML as we read it.
    #[error("{0}: {1}")]
    Yaml(PathBuf, YamlError),
    /// A field that our own build does not know.
    #[error(
        "{0}: `{1}` is not supported in a base yet; build the base with kustomize, and list the result in `resources`"
    )]
    Field(PathBuf, String),
    /// Something other than one kustomization.
    #[error("{0}: not one Kustomization with a list `resources` of files")]
    NotOne(PathBuf),
    /// A resource that is not a file of the base's folder.
    #[error("{0}: the resource `{1}` is not a file in the base's folder")]
    Resource(PathBuf, String),
    /// An object without `apiVersion`, `kind` or `metadata.name`.
    #[error("{0}: an object lacks `apiVersion`, `kind` or `metadata.name`")]
    NoName(PathBuf),
}

impl BaseError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        codes::BASE_UNREADABLE
    }
}

/// What is wrong with a base as the base of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseTrouble {
    /// Stable code.
    pub code: &'static str,
    /// JSON pointer in `system.yaml` to the field that the base does not fit; empty: the base itself.
    pub pointer: &'static str,
    /// A lower-case fragment.
    pub message: String,
    /// What to do.
    pub help: Option<&'static str>,
}

/// The objects of a base, in the order of its `resources`.
pub fn load_base(dir: &Path) -> Result<Vec<Value>, BaseError> {
    let path = dir.join("kustomization.yaml");
    let documents = read(&path)?;
    let [Value::Object(kustomization)] = documents.as_slice() else { return Err(BaseError::NotOne(path)) };
    if let Some(field) = kustomization.keys().find(|key| !["apiVersion", "kind", "resources"].contains(&key.as_str())) {
        return Err(BaseError::Field(path, field.clone()));
    }
    let resources = kustomization.get("resources").and_then(Value::as_array);
    let mut objects = Vec::new();
    for resource in resources.ok_or_else(|| BaseError::NotOne(path.clone()))? {
        let Some(resource) = resource.as_str() else { return Err(BaseError::NotOne(path)) };
        let inside =
            Path::new(resource).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let file = dir.join(resource);
        if !inside || !file.is_file() {
            return Err(BaseError::Resource(path, resource.to_owned()));
        }
        objects.extend(named(&file, read(&file)?)?);
    }
    Ok(objects)
}

fn read(path: &Path) -> Result<Vec<Value>, BaseError> {
    let text = std::fs::read_to_string(path).map_err(|error| BaseError::Unreadable(path.to_owned(), error))?;
    read_documents(&text).map_err(|error| BaseError::Yaml(path.to_owned(), error))
}

fn named(path: &Path, objects: Vec<Value>) -> Result<Vec<Value>, BaseError> {
    let complete =
        |object: &Value| !name(object).is_empty() && !kind(object).is_empty() && object["apiVersion"].is_string();
    if objects.iter().all(complete) { Ok(objects) } else { Err(BaseError::NoName(path.to_owned())) }
}

/// What keeps a base from being a system's: exactly one `StatefulSet`, and what it needs.
pub fn check_base(objects: &[Value], system: &SystemSpec) -> Vec<BaseTrouble> {
    let mut troubles: Vec<BaseTrouble> = objects.iter().filter_map(refused_kind).collect();
    let sets: Vec<&Value> = objects.iter().filter(|object| kind(object) == "StatefulSet").collect();
    match sets.as_slice() {
        [set] if name(set) == system.workload => troubles.extend(check_workload(set, system)),
        [set] => troubles.push(trouble(
            codes::OTHER_WORKLOAD,
            "/spec/workload",
            format!("the base's StatefulSet is `{}`, not `{}`", name(set), system.workload),
            None,
        )),
        sets => troubles.push(trouble(
            codes::NOT_ONE_SET,
            "",
            format!("the base has {} StatefulSets; a node is exactly one", sets.len()),
            Some("a base is one StatefulSet and what it needs; roles and groups are the scenario's business"),
        )),
    }
    troubles
}

fn trouble(code: &'static str, pointer: &'static str, message: String, help: Option<&'static str>) -> BaseTrouble {
    BaseTrouble { code, pointer, message, help }
}

fn refused_kind(object: &Value) -> Option<BaseTrouble> {
    let kind = kind(object);
    let group = object["apiVersion"].as_str()?.rsplit_once('/').map_or("", |(group, _)| group);
    if ALLOWED_KINDS.contains(&(group, kind)) && kind != "Job" {
        return None;
    }
    let (message, help) = match kind {
        "Deployment" | "DaemonSet" | "ReplicaSet" | "Pod" | "Job" | "CronJob" => {
            ("a node is a StatefulSet, nothing else runs in a cell", Some("names of nodes must be known and stable"))
        }
        "Secret" => ("a cell holds no Secret", Some("the branch is public to everyone who can read it")),
        kind if CLUSTER_KINDS.contains(&kind) => ("it stands outside the cell's namespace", None),
        _ => ("Argo CD's project of the cells does not allow it", None),
    };
    Some(trouble(codes::REFUSED_KIND, "", format!("the base holds {kind} `{}`: {message}", name(object)), help))
}

fn check_workload(set: &Value, system: &SystemSpec) -> Vec<BaseTrouble> {
    let pod = &set["spec"]["template"]["spec"];
    let lists = ["containers", "initContainers"].map(|list| pod[list].as_array().map_or(&[][..], Vec::as_slice));
    let containers = || lists.iter().flat_map(|list| list.iter());
    let mut troubles = Vec::new();
    if !lists[0].iter().any(|container| container["name"] == system.container.as_str()) {
        let names: Vec<&str> = lists[0].iter().filter_map(|container| container["name"].as_str()).collect();
        let message = format!("the StatefulSet has no container `{}`; it has {}", system.container, names.join(", "));
        troubles.push(trouble(codes::NO_CONTAINER, "/spec/container", message, None));
    }
    if containers().any(|container| ["agent", "shape"].iter().any(|own| container["name"] == *own)) {
        let message = "a container is called `agent` or `shape`, as ours are".to_owned();
        troubles.push(trouble(codes::OUR_CONTAINER, "", message, None));
    }
    if pod["hostNetwork"] == true {
        let message = "the pods use the machine's network".to_owned();
        troubles.push(trouble(
            codes::HOST_NETWORK,
            "",
            message,
            Some("links are shaped and counted in the pod's own network"),
        ));
    }
    let has_host_port = |container: &Value| {
        container["ports"].as_array().is_some_and(|ports| ports.iter().any(|port| port.get("hostPort").is_some()))
    };
    if containers().any(has_host_port) {
        let message = "a container has a hostPort".to_owned();
        troubles.push(trouble(codes::HOST_PORT, "", message, Some("two nodes could not share a machine")));
    }
    troubles
}
