use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::flatten::{helm, kustomize};
use super::placed::placed;
use super::{ProgramError, Programs, YamlError, free_text, kind, name, read_documents};
use crate::spec::{Severity, SystemSpec, codes};

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

/// A base's objects as a cell takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltBase {
    /// Plain objects, without a namespace.
    pub objects: Vec<Value>,
    /// The program that built them, with its version; none where we did.
    pub built_by: Option<String>,
    /// What is wrong with them, or worth a look, whatever the system.
    pub troubles: Vec<BaseTrouble>,
}

/// Why a base can't be read or built.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// A file can't be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A file is not YAML as we read it.
    #[error("{0}: {1}")]
    Yaml(PathBuf, YamlError),
    /// Something other than one kustomization.
    #[error("{0}: not one Kustomization")]
    NotOne(PathBuf),
    /// A kustomization and a chart in one folder.
    #[error("{0} holds both kustomization.yaml and Chart.yaml; a base is one of them")]
    Both(PathBuf),
    /// A resource that is not there, or a link that leads out of the base's folder.
    #[error("{0}: the resource `{1}` is not a file in the base's folder")]
    Resource(PathBuf, String),
    /// An object without `apiVersion`, `kind` or `metadata.name`.
    #[error("{0}: an object lacks `apiVersion`, `kind` or `metadata.name`")]
    NoName(PathBuf),
    /// A chart within a kustomization.
    #[error(
        "{0}: charts within a kustomization are not built; a chart itself can be a base: Chart.yaml beside system.yaml"
    )]
    HelmCharts(PathBuf),
    /// A resource that is not in the repository.
    #[error("{0}: `{1}` is not in the repository; copy it there, since what is out there may be another tomorrow")]
    Remote(PathBuf, String),
    /// The program that builds it printed nothing that could be used.
    #[error("the base {0}: {1}")]
    Program(PathBuf, ProgramError),
    /// The program printed something that can't be read.
    #[error("the base {dir}: in {place}, `{line}`: {message}")]
    Printed {
        /// The base.
        dir: PathBuf,
        /// The template, or the program.
        place: String,
        /// The line.
        line: String,
        /// What is wrong with it.
        message: String,
    },
    /// A chart with random values.
    #[error(
        "the chart {0} gives something else each time it is rendered; give its random values a fixed one in values.yaml"
    )]
    Unsteady(PathBuf),
}

impl BaseError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Program(_, ProgramError::Missing(_)) => codes::NO_PROGRAM,
            Self::Program(_, ProgramError::Failed(..)) => codes::PROGRAM_FAILED,
            Self::Program(_, ProgramError::Unusable(..) | ProgramError::Hung(..)) => codes::PROGRAM_UNUSABLE,
            Self::Remote(..) => codes::REMOTE,
            Self::Unsteady(_) => codes::UNSTEADY,
            Self::Printed { .. } => codes::PRINTED,
            _ => codes::BASE_UNREADABLE,
        }
    }
}

/// What is wrong with a base as the base of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseTrouble {
    /// Stable code.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// JSON pointer in `system.yaml` to the field that the base does not fit; empty: the base itself.
    pub pointer: &'static str,
    /// A lower-case fragment.
    pub message: String,
    /// What to do.
    pub help: Option<&'static str>,
}

/// Names that kustomize takes for a kustomization.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Builds the base of the system with this name: plain resources here, everything else by a program.
pub fn load_base(dir: &Path, system: &str, programs: &dyn Programs) -> Result<BuiltBase, BaseError> {
    let kustomization = KUSTOMIZATIONS.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    let chart = dir.join("Chart.yaml").is_file();
    let (objects, built_by) = match (kustomization, chart) {
        (Some(_), true) => return Err(BaseError::Both(dir.to_owned())),
        (None, true) => by(helm(dir, system, programs)?),
        (path, false) => {
            let path = path.unwrap_or_else(|| dir.join(KUSTOMIZATIONS[0]));
            let documents = read(&path)?;
            let [Value::Object(kustomization)] = documents.as_slice() else { return Err(BaseError::NotOne(path)) };
            match plain_resources(dir, &path, kustomization)? {
                Some(objects) => (objects, None),
                None => by(kustomize(dir, kustomization, programs)?),
            }
        }
    };
    let complete =
        |object: &Value| !name(object).is_empty() && !kind(object).is_empty() && object["apiVersion"].is_string();
    if !objects.iter().all(complete) {
        return Err(BaseError::NoName(dir.to_owned()));
    }
    let (objects, troubles) = placed(objects);
    Ok(BuiltBase { objects, built_by, troubles })
}

fn by((objects, program): (Vec<Value>, String)) -> (Vec<Value>, Option<String>) {
    (objects, Some(program))
}

/// The objects of a kustomization that only lists files of its folder, in their order; none where it does more, or
/// where kustomize would do more than list them.
fn plain_resources(
    dir: &Path,
    path: &Path,
    kustomization: &Map<String, Value>,
) -> Result<Option<Vec<Value>>, BaseError> {
    let known = ["apiVersion", "kind", "resources"];
    let resources = kustomization.get("resources").and_then(Value::as_array);
    let (Some(resources), true) = (resources, kustomization.keys().all(|key| known.contains(&key.as_str()))) else {
        return Ok(None);
    };
    let mut objects = Vec::new();
    for resource in resources {
        let Some(resource) = resource.as_str() else { return Err(BaseError::NotOne(path.to_owned())) };
        let file = dir.join(resource);
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(resource).components().all(inside) || file.is_dir() || resource.contains("://") {
            return Ok(None);
        }
        let within = dir.canonicalize().is_ok_and(|dir| file.canonicalize().is_ok_and(|file| file.starts_with(dir)));
        if !file.is_file() || !within {
            return Err(BaseError::Resource(path.to_owned(), resource.to_owned()));
        }
        objects.extend(read(&file)?);
    }
    let special = |object: &Value| {
        kind(object).ends_with("List")
            || object["metadata"]["annotations"]
                .as_object()
                .is_some_and(|map| map.keys().any(|key| key.contains("config.kubernetes.io/")))
    };
    Ok((!objects.iter().any(special)).then_some(objects))
}

fn read(path: &Path) -> Result<Vec<Value>, BaseError> {
    let text = std::fs::read_to_string(path).map_err(|error| BaseError::Unreadable(path.to_owned(), error))?;
    read_documents(&text).map_err(|error| BaseError::Yaml(path.to_owned(), error))
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
    troubles.extend(free_text::names(objects));
    troubles
}

fn trouble(code: &'static str, pointer: &'static str, message: String, help: Option<&'static str>) -> BaseTrouble {
    BaseTrouble { code, severity: Severity::Error, pointer, message, help }
}

impl BaseTrouble {
    /// Something wrong with the base itself.
    pub(super) fn of_base(code: &'static str, severity: Severity, message: String, help: &'static str) -> Self {
        Self { code, severity, pointer: "", message, help: Some(help) }
    }
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
