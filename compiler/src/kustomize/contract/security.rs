//! What pods may do: the profile `restricted`, but for the one init container that shapes the link.

use serde_json::Value;

use super::items;
use super::pods::{Container, POD, Pod};
use super::violation::Finder;
use crate::spec::codes;

/// Kinds of volumes that stay within the cell.
const VOLUMES: [&str; 7] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"];
/// Why it matters.
const HELP: &str = "pods of a cell meet the profile `restricted`; only benchgrid's own `shape` has NET_ADMIN";

pub(super) fn check(pod: &Pod, found: &mut Finder) {
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod.spec[field] == true {
            let help =
                "links are shaped and counted in the pod's own network, and nodes share nothing with the machine";
            found.advise(codes::CELL_SECURITY, format!("{POD}/{field}"), "the pods share it with the machine", help);
        }
    }
    for (at, volume) in items(found.object, &format!("{POD}/volumes")) {
        for kind in volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str()) {
            if kind != "name" && !VOLUMES.contains(&kind) {
                found.advise(codes::CELL_SECURITY, format!("{at}/{kind}"), format!("a volume of kind {kind}"), HELP);
            }
        }
    }
    if pod.spec["securityContext"].get("sysctls").is_some() {
        found.advise(codes::CELL_SECURITY, format!("{POD}/securityContext/sysctls"), "kernel settings", HELP);
    }
    for container in &pod.containers() {
        let shapes = container.init && container.name() == "shape";
        Secured { pod, container, at: format!("{}/securityContext", container.at) }.check(shapes, found);
    }
}

/// A container's security context, with what it takes from its pod's.
struct Secured<'a> {
    pod: &'a Pod<'a>,
    container: &'a Container<'a>,
    at: String,
}

impl Secured<'_> {
    fn own(&self, field: &str) -> &Value {
        &self.container.value["securityContext"][field]
    }

    fn effective(&self, field: &str) -> &Value {
        match self.own(field) {
            Value::Null => &self.pod.spec["securityContext"][field],
            own => own,
        }
    }

    fn check(&self, shapes: bool, found: &mut Finder) {
        let mut refuse = |good: bool, field: &str, message: &str| {
            if !good {
                let message = format!("container `{}`: {message}", self.container.name());
                found.advise(codes::CELL_SECURITY, format!("{}/{field}", self.at), message, HELP);
            }
        };
        refuse(*self.own("privileged") != true, "privileged", "it is privileged");
        refuse(*self.own("allowPrivilegeEscalation") == false, "allowPrivilegeEscalation", "it may gain privileges");
        let capabilities = self.own("capabilities");
        let listed = |list: &str| capabilities[list].as_array().map_or(&[][..], Vec::as_slice);
        refuse(listed("drop").iter().any(|it| it == "ALL"), "capabilities/drop", "it keeps capabilities; drop ALL");
        let may = if shapes { "NET_ADMIN" } else { "NET_BIND_SERVICE" };
        refuse(listed("add").iter().all(|it| it == may), "capabilities/add", "it adds capabilities");
        let profile = &self.effective("seccompProfile")["type"];
        refuse(*profile == "RuntimeDefault" || *profile == "Localhost", "seccompProfile", "no seccomp profile");
        let mount = self.own("procMount");
        refuse(mount.is_null() || mount == "Default", "procMount", "another view of /proc");
        if !shapes {
            refuse(*self.effective("runAsNonRoot") == true, "runAsNonRoot", "it may run as root");
            refuse(*self.effective("runAsUser") != 0, "runAsUser", "it runs as root");
        }
    }
}
