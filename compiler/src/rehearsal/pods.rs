use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use benchgrid_probe::sandbox::{Isolation, Pod, Process, Program, address, hub_address};
use serde_json::Value;

use super::container::{Container, Surroundings};
use super::volumes::Volumes;
use super::{Rehearsal, Site, names};
use crate::kustomize::{kind, name};
use crate::plan::{Cell, PlannedGroup, PlannedSystem};

/// Name of the agent's container.
const AGENT: &str = "agent";

/// Adds the pods of every group, in order.
pub(super) fn add(
    objects: &[Value],
    cell: &Cell,
    site: &Site<'_>,
    rehearsal: &mut Rehearsal,
    reasons: &mut BTreeSet<String>,
) {
    for system in &cell.systems {
        for group in &system.groups {
            let set_name = format!("{}-{}", system.name, group.name);
            let set = objects.iter().find(|object| kind(object) == "StatefulSet" && name(object) == set_name);
            let Some(set) = set else {
                reasons.insert(format!("system {}: the cell has no StatefulSet {set_name}", system.name));
                continue;
            };
            let set = Set { objects, object: set, name: set_name, system, group, site };
            for number in 0..group.replicas {
                if let Err(reason) = set.pod(number, rehearsal) {
                    reasons.insert(format!("system {}: {reason}", system.name));
                    break;
                }
            }
        }
    }
}

/// One group's StatefulSet.
struct Set<'a> {
    objects: &'a [Value],
    object: &'a Value,
    name: String,
    system: &'a PlannedSystem,
    group: &'a PlannedGroup,
    site: &'a Site<'a>,
}

impl Set<'_> {
    fn pod(&self, number: u32, rehearsal: &mut Rehearsal) -> Result<(), String> {
        let place = rehearsal.sandbox.pods.len();
        let address = address(self.site.isolation, place)
            .ok_or_else(|| format!("{place} nodes are all that one machine's network is made for"))?;
        let name = format!("{}-{number}", self.name);
        let spec = &self.object["spec"]["template"]["spec"];
        let around = Surroundings {
            objects: self.objects,
            site: self.site,
            node: &self.system.container,
            process: &self.group.process,
            pod: &name,
            address,
        };
        let containers = |list: &str| spec[list].as_array().into_iter().flatten();
        let process = |container| Container { spec: container, around: &around }.process();
        let mut pod = Pod {
            host: format!("{name}.{}", self.name),
            address,
            init: containers("initContainers").map(process).collect::<Result<_, _>>()?,
            containers: containers("containers").map(process).collect::<Result<_, _>>()?,
            mounts: Vec::new(),
            name: name.clone(),
        };
        let mut volumes = Volumes::of(self.object, self.objects, self.site, &name);
        for container in containers("initContainers").chain(containers("containers")) {
            volumes.mount(container)?;
        }
        for agent in pod.containers.iter_mut().filter(|process| process.name == AGENT) {
            // as in a cluster, where it would be started again
            agent.env.insert("BENCHGRID_LINGER".to_owned(), "true".to_owned());
        }
        if let Isolation::Loopback(_) = self.site.isolation {
            self.on_loopback(&mut pod, &volumes)?;
        }
        pod.mounts = volumes.mounts();
        volumes.leave(rehearsal);
        rehearsal.sandbox.pods.push(pod);
        Ok(())
    }

    /// Without namespaces, a node listens at an address of its own and keeps its data where the machine has it. Only of
    /// the built-in control is known how.
    fn on_loopback(&self, pod: &mut Pod, volumes: &Volumes<'_>) -> Result<(), String> {
        let is_control = |process: &Process| {
            process.program == Program::Own && process.args.first().is_some_and(|word| word == "http-node")
        };
        let api = format!("{}:{}", pod.address, self.system.api_port);
        let data = volumes.source(&self.system.data_path).unwrap_or_else(|| self.site.folder.join(names::VOLUMES));
        let data = data.display().to_string();
        let coordinator = format!("http://{}:7070", hub_address(self.site.isolation));
        let at = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        pod.init.clear();
        for process in &mut pod.containers {
            if process.name == AGENT {
                process.env.extend(at(&[
                    ("BENCHGRID_COORDINATOR", &coordinator),
                    ("BENCHGRID_HOST", &pod.address.to_string()),
                    ("BENCHGRID_API", &format!("http://{api}")),
                    ("BENCHGRID_DATA", &data),
                    ("BENCHGRID_DEVICE", "lo"),
                ]));
            } else if is_control(process) {
                process.args = ["http-node", "--listen", &api, "--data", &data].map(str::to_owned).into();
            } else {
                return Err("its nodes can't be given addresses of their own; without namespaces, only the built-in \
                            control `http` can be rehearsed"
                    .to_owned());
            }
        }
        Ok(())
    }
}

/// The log of a container.
pub(super) fn log(site: &Site<'_>, pod: &str, container: &str) -> PathBuf {
    site.folder.join(names::LOGS).join(pod).join(format!("{container}.log"))
}
