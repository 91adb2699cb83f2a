use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{PatchError, YamlError, apply, kind, name, read_documents};

/// Why a tree can't be built here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No such file, or it is no text.
    #[error("{0}: no such file")]
    Missing(String),
    /// Not YAML as we read it.
    #[error("{0}: {1}")]
    Yaml(String, YamlError),
    /// Not a kustomization of the subset that we write.
    #[error("{0}: {1}")]
    Kustomization(String, String),
    /// A patch that does not apply.
    #[error("{0}: patch of {1}: {2}")]
    Patch(String, String, PatchError),
    /// A patch whose target is not there: kustomize would say nothing.
    #[error("{0}: no object for the patch of {1}")]
    NoTarget(String, String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: Vec<Labels>,
    #[serde(default)]
    patches: Vec<Patch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Labels {
    pairs: BTreeMap<String, String>,
    include_selectors: bool,
    #[serde(default)]
    include_templates: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Patch {
    target: Target,
    #[serde(rename = "patch")]
    ops: String,
    #[serde(default, rename = "options")]
    _options: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    kind: String,
    #[serde(default)]
    name: Option<String>,
}

/// An object, and the names it had before.
struct Built {
    object: Value,
    names: Vec<String>,
}

/// What `kustomize build` makes of a folder of this tree, in the order of the resources.
///
/// Only for trees of the subset that we write: resources, JSON 6902 patches, a namespace, labels, not in selectors.
pub fn build(tree: &BTreeMap<String, Vec<u8>>, folder: &str) -> Result<Vec<Value>, BuildError> {
    Ok(build_folder(tree, folder)?.into_iter().map(|built| built.object).collect())
}

fn build_folder(tree: &BTreeMap<String, Vec<u8>>, folder: &str) -> Result<Vec<Built>, BuildError> {
    let path = join(folder, "kustomization.yaml");
    let document = documents(tree, &path)?.into_iter().next().unwrap_or_default();
    let kustomization: Kustomization =
        serde_json::from_value(document).map_err(|error| BuildError::Kustomization(path.clone(), error.to_string()))?;
    let mut built = Vec::new();
    for resource in &kustomization.resources {
        let at = join(folder, resource);
        if tree.contains_key(&at) {
            built.extend(
                documents(tree, &at)?.into_iter().map(|object| Built { names: vec![name(&object).to_owned()], object }),
            );
        } else {
            built.extend(build_folder(tree, &at)?);
        }
    }
    for patch in &kustomization.patches {
        apply_patch(&mut built, patch, &path)?;
    }
    if let Some(namespace) = &kustomization.namespace {
        set_namespace(&mut built, namespace);
    }
    for labels in &kustomization.labels {
        if labels.include_selectors {
            return Err(BuildError::Kustomization(path, "labels in selectors are not of the subset".to_owned()));
        }
        for one in &mut built {
            set_labels(&mut one.object, labels);
        }
    }
    Ok(built)
}

fn apply_patch(built: &mut [Built], patch: &Patch, file: &str) -> Result<(), BuildError> {
    let Target { kind: wanted, name: target } = &patch.target;
    let what = format!("{wanted} {}", target.as_deref().unwrap_or("*"));
    let ops = read_documents(&patch.ops).map_err(|error| BuildError::Yaml(file.to_owned(), error))?;
    let ops = ops.into_iter().next().and_then(|ops| ops.as_array().cloned()).unwrap_or_default();
    let mut found = false;
    for one in built.iter_mut() {
        // kustomize takes the name for a regular expression; ours have escaped dots
        let hit = target.as_ref().is_none_or(|target| one.names.contains(&target.replace("\\.", ".")));
        if kind(&one.object) == wanted && hit {
            apply(&mut one.object, &ops).map_err(|error| BuildError::Patch(file.to_owned(), what.clone(), error))?;
            one.names.push(name(&one.object).to_owned());
            found = true;
        }
    }
    if found { Ok(()) } else { Err(BuildError::NoTarget(file.to_owned(), what)) }
}

/// On the object and, with templates, on the pods and volumes that it makes.
fn set_labels(object: &mut Value, labels: &Labels) {
    let set = |metadata: &mut Value| {
        for (key, value) in &labels.pairs {
            metadata["labels"][key] = json!(value);
        }
    };
    set(&mut object["metadata"]);
    if !labels.include_templates {
        return;
    }
    if matches!(kind(object), "StatefulSet" | "Deployment" | "Job") {
        set(&mut object["spec"]["template"]["metadata"]);
    }
    let claims = object.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten() {
        set(&mut claim["metadata"]);
    }
}

fn set_namespace(built: &mut [Built], namespace: &str) {
    let accounts: Vec<String> = built
        .iter()
        .filter(|one| kind(&one.object) == "ServiceAccount")
        .map(|one| name(&one.object).to_owned())
        .collect();
    for Built { object, .. } in built {
        match kind(object) {
            "Namespace" => object["metadata"]["name"] = json!(namespace),
            "ClusterRole" | "ClusterRoleBinding" => {}
            _ => object["metadata"]["namespace"] = json!(namespace),
        }
        let Some(subjects) = object.get_mut("subjects").and_then(Value::as_array_mut) else { continue };
        for subject in subjects {
            let known = subject["name"].as_str().is_some_and(|name| accounts.iter().any(|account| account == name));
            // as kustomize does it, whatever the kind and the namespace of a `default`
            if subject["name"] == "default" || known && subject.get("namespace").is_none() {
                subject["namespace"] = json!(namespace);
            }
        }
    }
}

fn documents(tree: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<Vec<Value>, BuildError> {
    let bytes = tree.get(path).ok_or_else(|| BuildError::Missing(path.to_owned()))?;
    let text = std::str::from_utf8(bytes).map_err(|_| BuildError::Missing(path.to_owned()))?;
    read_documents(text).map_err(|error| BuildError::Yaml(path.to_owned(), error))
}

/// A relative path from a folder, without `.` and `..`.
fn join(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
