use serde_json::Value;

use super::{Advised, Diagnostic, Document, each, last};
use crate::spec::{codes, suggest};

/// Ways to speak to a node that the probe may have.
const DRIVERS: [&str; 5] = ["codex", "external", "http", "qbittorrent", "rqbit"];
/// Roles of a group, and the word for those that are not named.
const ROLES: [&str; 5] = ["any", "bootstrap", "leecher", "seeder", "others"];

/// What `system.yaml` says of a node: driver, ports, roles.
pub(super) fn system(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let pointer = "/spec/driver";
    let driver = document.tree.pointer(pointer).and_then(Value::as_str).filter(|driver| !driver.is_empty());
    if let Some(driver) = driver.filter(|driver| !DRIVERS.contains(driver)) {
        let message = format!("there is no driver `{driver}`; there are {}", DRIVERS.join(", "));
        let diagnostic = document.at_value(codes::UNKNOWN_DRIVER, pointer, message);
        diagnostics.push(diagnostic.meant(suggest(driver, DRIVERS)));
    }
    if let Some(spec) = document.tree.pointer("/spec").filter(|spec| spec.is_object())
        && spec.get("ports").is_none_or(|ports| ports.is_object() && ports.get("api").is_none())
    {
        let message = "no port `api`; the driver would not find the node";
        diagnostics.push(document.at_key(codes::NO_API_PORT, "/spec/ports", message));
    }
    for (pointer, _) in each(&document.tree, "/spec/roles/*") {
        let role = last(&pointer);
        if !ROLES.contains(&role.as_str()) {
            let message = format!("there is no role `{role}`; there are {}", ROLES.join(", "));
            let diagnostic = document.at_key(codes::UNKNOWN_WORD, &pointer, message);
            diagnostics.push(diagnostic.meant(suggest(&role, ROLES)));
        }
    }
}
