//! A container as a process: command, arguments and environment, as a kubelet resolves them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use benchgrid_probe::sandbox::{Process, Program};
use serde_json::Value;

use super::{Site, pods::log};
use crate::kustomize::{kind, name};

/// The probe's program, by the name that it has in its image.
const PROBE: &str = "benchgrid-probe";
/// Containers that benchgrid adds: their image is the probe's.
const OURS: [&str; 2] = ["shape", "agent"];

/// What a container's process depends on beside the container.
pub(super) struct Surroundings<'a> {
    pub(super) objects: &'a [Value],
    pub(super) site: &'a Site<'a>,
    /// Name of the node's container.
    pub(super) node: &'a str,
    /// How a rehearsal starts it.
    pub(super) process: &'a [String],
    pub(super) pod: &'a str,
    pub(super) address: Ipv4Addr,
}

/// A container of a pod.
pub(super) struct Container<'a> {
    pub(super) spec: &'a Value,
    pub(super) around: &'a Surroundings<'a>,
}

impl Container<'_> {
    /// What is started, or why it can't be.
    pub(super) fn process(&self) -> Result<Process, String> {
        let (pod, site) = (self.around.pod, self.around.site);
        let name = self.name();
        let env = self.env()?;
        let words = |field: &str| -> Vec<String> {
            let list = self.spec[field].as_array().into_iter().flatten().filter_map(Value::as_str);
            list.map(|word| expanded(word, &env)).collect()
        };
        let mut command = words("command");
        if name == self.around.node && !self.around.process.is_empty() {
            command = self.around.process.to_vec();
        } else if OURS.contains(&name) {
            command = vec![PROBE.to_owned()];
        }
        let Some((program, first)) = command.split_first() else {
            let help = if name == self.around.node { "its system.yaml needs a `process`" } else { "it needs one" };
            return Err(format!("container {name} has no command, and a rehearsal knows no image; {help}"));
        };
        let log = log(site, pod, name);
        Ok(Process {
            name: name.to_owned(),
            program: self.program(program)?,
            args: first.iter().cloned().chain(words("args")).collect(),
            directory: PathBuf::from(self.spec["workingDir"].as_str().unwrap_or("/")),
            env,
            output: log.clone(),
            errors: log,
        })
    }

    fn name(&self) -> &str {
        self.spec["name"].as_str().unwrap_or_default()
    }

    fn program(&self, name: &str) -> Result<Program, String> {
        if name == PROBE {
            return Ok(Program::Own);
        }
        let found = (self.around.site.find)(name).map(Program::Path);
        found.ok_or_else(|| format!("there is no program `{name}` on PATH; install it to rehearse this system"))
    }

    /// The environment, each value after those that it refers to.
    fn env(&self) -> Result<BTreeMap<String, String>, String> {
        let mut env = BTreeMap::from([
            ("HOME".to_owned(), "/".to_owned()),
            ("PATH".to_owned(), self.around.site.path.to_owned()),
        ]);
        for source in self.spec["envFrom"].as_array().into_iter().flatten() {
            let map = source["configMapRef"]["name"].as_str().and_then(|name| self.config_map(name));
            let map =
                map.ok_or_else(|| format!("container {}: `envFrom` of something else than a ConfigMap", self.name()))?;
            let prefix = source["prefix"].as_str().unwrap_or_default();
            let data = map["data"].as_object().into_iter().flatten();
            env.extend(data.filter_map(|(key, value)| Some((format!("{prefix}{key}"), value.as_str()?.to_owned()))));
        }
        for entry in self.spec["env"].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap_or_default();
            if let Some(value) = self.value(name, entry, &env)? {
                env.insert(name.to_owned(), value);
            }
        }
        Ok(env)
    }

    fn value(&self, name: &str, entry: &Value, env: &BTreeMap<String, String>) -> Result<Option<String>, String> {
        let from = &entry["valueFrom"];
        if from.is_null() {
            return Ok(Some(expanded(entry["value"].as_str().unwrap_or_default(), env)));
        }
        if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            return self.field(path).map(Some).ok_or_else(|| self.not_here(name, &format!("the field {path}")));
        }
        let reference = &from["configMapKeyRef"];
        if let (Some(map), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) {
            let found = self.config_map(map).and_then(|map| map["data"][key].as_str());
            return match found {
                None if reference["optional"] != true => Err(self.not_here(name, &format!("the key {key} of {map}"))),
                found => Ok(found.map(str::to_owned)),
            };
        }
        Err(self.not_here(name, "something that only a cluster has"))
    }

    fn field(&self, path: &str) -> Option<String> {
        let around = self.around;
        Some(match path {
            "metadata.name" => around.pod.to_owned(),
            "metadata.namespace" => around.site.attempt.to_string(),
            "status.podIP" | "status.podIPs" | "status.hostIP" => around.address.to_string(),
            "spec.nodeName" => "localhost".to_owned(),
            _ => return None,
        })
    }

    fn not_here(&self, variable: &str, what: &str) -> String {
        format!("container {}: its environment variable {variable} is from {what}", self.name())
    }

    fn config_map(&self, named: &str) -> Option<&Value> {
        self.around.objects.iter().find(|object| kind(object) == "ConfigMap" && name(object) == named)
    }
}

/// A text with `$(NAME)` replaced where there is a variable of that name; `$$` is one `$`.
fn expanded(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        match name.and_then(|(name, after)| Some((env.get(name)?, after))) {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => out.push('$'),
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_expanded_as_a_kubelet_does() {
        let env = BTreeMap::from([("POD_IP".to_owned(), "10.98.0.2".to_owned())]);
        for (text, expected) in [
            ("extip:$(POD_IP)", "extip:10.98.0.2"),
            ("$(OTHER) $(POD_IP)", "$(OTHER) 10.98.0.2"),
            ("$$(POD_IP)", "$(POD_IP)"),
            ("a $ b $", "a $ b $"),
            ("$(POD_IP", "$(POD_IP"),
        ] {
            assert_eq!(expanded(text, &env), expected);
        }
    }
}
