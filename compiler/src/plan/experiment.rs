//! What makes a cell the experiment that it is: its systems' built objects, and how they are measured.

use benchgrid_measures::MEASUREMENT_PROTOCOL;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::measure::Settings;
use super::{PlannedGroup, PlannedImage, PlannedSystem, Spot, Trouble, group::workload};
use crate::kustomize::{ObjectPatch, apply, kind, name};
use crate::spec::{PatchSpec, codes};

/// The group's own changes of the workload: replicas, images, resources, environment, arguments.
pub(crate) fn own_patch(
    set: &Value,
    container: &str,
    group: &PlannedGroup,
    image: fn(&PlannedImage) -> &str,
) -> ObjectPatch {
    let mut patch = ObjectPatch::new(set.clone());
    patch.set("/spec/replicas", group.replicas);
    for (named, choice) in &group.images {
        for list in ["initContainers", "containers"] {
            if let Some(at) = container_at(&patch.object, list, named) {
                patch.set(&format!("{at}/image"), image(choice));
            }
        }
    }
    let Some(at) = container_at(&patch.object, "containers", container) else { return patch };
    let resources = resources(&patch.object, &at, group);
    if !resources.is_null() {
        patch.set(&format!("{at}/resources"), resources);
    }
    if !group.env.is_empty() {
        let env = env(patch.get(&format!("{at}/env")), group);
        patch.set(&format!("{at}/env"), env);
    }
    if !group.args.is_empty() {
        let base = patch.get(&format!("{at}/args")).and_then(Value::as_array).cloned().unwrap_or_default();
        let all: Vec<Value> = base.into_iter().chain(group.args.iter().map(|arg| json!(arg))).collect();
        patch.set(&format!("{at}/args"), all);
    }
    patch
}

/// Pointer to a container of a workload.
pub(crate) fn container_at(set: &Value, list: &str, named: &str) -> Option<String> {
    let containers = set["spec"]["template"]["spec"][list].as_array()?;
    let place = containers.iter().position(|container| container["name"] == named)?;
    Some(format!("/spec/template/spec/{list}/{place}"))
}

/// The container's resources with the group's, which are requests and limits at once.
fn resources(set: &Value, at: &str, group: &PlannedGroup) -> Value {
    if group.cpu.is_none() && group.memory.is_none() {
        return Value::Null;
    }
    let mut resources = set.pointer(&format!("{at}/resources")).cloned().unwrap_or_else(|| json!({}));
    for kind in ["requests", "limits"] {
        for (what, amount) in [("cpu", &group.cpu), ("memory", &group.memory)] {
            if let Some(amount) = amount {
                resources[kind][what] = json!(amount);
            }
        }
    }
    resources
}

/// The container's environment in its order with values replaced, then what is new.
fn env(base: Option<&Value>, group: &PlannedGroup) -> Vec<Value> {
    let mut list = base.and_then(Value::as_array).cloned().unwrap_or_default();
    for (key, text) in &group.env {
        let entry = json!({"name": key, "value": text});
        match list.iter_mut().find(|known| known["name"] == key.as_str()) {
            Some(known) => *known = entry,
            None => list.push(entry),
        }
    }
    list
}

/// The user's patches on every object that they are for; an error where one is for none, or can't be applied.
pub(crate) fn patch_objects(objects: &mut [Value], patches: &[PatchSpec], spot: &Spot) -> Result<(), Trouble> {
    for (n, patch) in patches.iter().enumerate() {
        let spot = Spot::new(&spot.subject, format!("{}/patches/{n}", spot.pointer));
        let mut found = false;
        for object in objects.iter_mut().filter(|object| is_target(object, patch)) {
            let identity = (kind(object).to_owned(), name(object).to_owned());
            apply(object, &patch.ops).map_err(|error| spot.trouble(codes::PATCH, error.to_string()))?;
            if (kind(object), name(object)) != (identity.0.as_str(), identity.1.as_str()) {
                return Err(spot.trouble(codes::PATCH, "the patch changes the object's kind or name"));
            }
            found = true;
        }
        if !found {
            let target = &patch.target;
            let what = format!("{} `{}`", target.kind, target.name.as_deref().unwrap_or("*"));
            return Err(spot
                .trouble(codes::NO_TARGET, format!("the base has no {what}"))
                .help("kustomize itself would say nothing"));
        }
    }
    Ok(())
}

/// Whether a patch is for this object.
pub(crate) fn is_target(object: &Value, patch: &PatchSpec) -> bool {
    kind(object) == patch.target.kind && patch.target.name.as_deref().is_none_or(|named| named == name(object))
}

/// A group's objects after the experiment's patches, and nothing else.
pub(super) fn built(
    objects: &[Value],
    system: &PlannedSystem,
    group: &PlannedGroup,
    spot: &Spot,
) -> Result<Vec<Value>, Trouble> {
    let set = workload(objects, &system.workload);
    let own = |object: &Value| {
        if set.is_some_and(|set| std::ptr::eq(object, set)) {
            own_patch(object, &system.container, group, |image| &image.experiment).object
        } else {
            object.clone()
        }
    };
    let mut built: Vec<Value> = objects.iter().map(own).collect();
    patch_objects(&mut built, &group.patches, spot)?;
    Ok(built)
}

/// SHA-256 over canonical JSON of the experiment, hex; `built` holds the objects of each system's groups.
///
/// Furniture is not in it: where it runs, what we add, trials.
pub(super) fn digest(
    settings: &Settings,
    salt: Option<&str>,
    systems: &[PlannedSystem],
    built: Vec<Vec<Vec<Value>>>,
) -> String {
    let mut described = Vec::new();
    for (system, built) in systems.iter().zip(built) {
        let mut groups = Vec::new();
        for (group, mut objects) in system.groups.iter().zip(built) {
            // in which order a base lists its files is no part of it
            objects.sort_by(|a, b| (kind(a), name(a)).cmp(&(kind(b), name(b))));
            let mut one = json!({
                "name": group.name, "role": group.role, "replicas": group.replicas, "link": group.link,
                "dataBytes": group.data_bytes,
            });
            // moved in: within `json!` they would be copied, level by level
            one["objects"] = Value::Array(objects);
            groups.push(one);
        }
        let mut one = json!({
            "name": system.name, "driver": system.driver, "load": system.load, "seeders": system.seeders,
            "apiPort": system.api_port, "dataPath": system.data_path, "container": system.container,
        });
        one["groups"] = Value::Array(groups);
        described.push(one);
    }
    let mut experiment = json!({
        "protocol": MEASUREMENT_PROTOCOL, "salt": salt,
        "measure": {
            "fileSize": settings.file_size, "repetitions": settings.repetitions, "warmup": settings.warmup,
            "observe": settings.observe, "stalledSeconds": settings.stalled_seconds,
        },
    });
    experiment["systems"] = Value::Array(described);
    hex(&Sha256::digest(experiment.to_string()))
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
