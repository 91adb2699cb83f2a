//! Names that objects of a base have in a group.

use std::collections::BTreeSet;

use serde_json::Value;

use super::value::Spot;
use super::{PlannedSystem, Subject, Systems, Trouble};
use crate::kustomize::{kind, name};
use crate::spec::{Scenario, codes};

/// The name of an object of the base in a group.
pub(crate) fn renamed(old: &str, system: &str, group: &str) -> String {
    format!("{old}-{system}-{group}")
}

/// Objects of a base that are copied for each group: all but the workload.
fn copied(objects: &[Value]) -> impl Iterator<Item = &Value> {
    objects.iter().filter(|object| kind(object) != "StatefulSet")
}

fn spot(system: &str, group: &str) -> Spot {
    Spot::new(&Subject::Scenario, format!("/spec/systems/{system}/groups/{group}"))
}

/// Names that Kubernetes would refuse.
pub(super) fn long_names(scenario: &Scenario, systems: &Systems) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for (system, using) in &scenario.spec.systems {
        let Some((_, base)) = systems.get(system) else { continue };
        for group in using.groups.keys() {
            troubles.extend(copied(&base.objects).filter_map(|object| {
                let most = if kind(object) == "Service" { 63 } else { 253 };
                let name = renamed(name(object), system, group);
                let message = format!(
                    "the base's {} would be called `{name}`, which has {} characters; {most} is the limit",
                    kind(object),
                    name.len(),
                );
                let trouble = || spot(system, group).trouble(codes::LONG_NAME, message);
                (name.len() > most).then(|| trouble().help("shorten the name of the system, the group or the object"))
            }));
        }
    }
    troubles
}

/// Objects of one cell that would have one name.
pub(super) fn same_names(systems: &[(PlannedSystem, &[Value])]) -> Vec<Trouble> {
    let groups =
        || systems.iter().flat_map(|(system, objects)| system.groups.iter().map(move |group| (system, objects, group)));
    let mut seen: BTreeSet<(&str, String)> =
        groups().map(|(system, _, group)| ("Service", format!("{}-{}", system.name, group.name))).collect();
    let mut troubles = Vec::new();
    for (system, objects, group) in groups() {
        for object in copied(objects) {
            let name = renamed(name(object), &system.name, &group.name);
            let message = format!("two objects {} of the cell would be called `{name}`", kind(object));
            if !seen.insert((kind(object), name)) {
                let trouble = spot(&system.name, &group.name).trouble(codes::SAME_NAME, message);
                troubles.push(trouble.help("rename the group, the system or the object"));
            }
        }
    }
    troubles
}
