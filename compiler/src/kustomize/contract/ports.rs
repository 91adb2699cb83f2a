//! Ports of containers, of their probes, and of Services.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pods::{Container, Pod};
use super::violation::Finder;
use super::{Cell, items, syntax};
use crate::kustomize::kind;
use crate::spec::codes;

pub(super) fn check_pod(pod: &Pod, found: &mut Finder) {
    let mut names = BTreeSet::new();
    for container in &pod.containers() {
        for (at, port) in items(found.object, &format!("{}/ports", container.at)) {
            in_range(&format!("{at}/containerPort"), &port["containerPort"], found);
            if port.get("hostPort").is_some() {
                let help = "two nodes could not share a machine";
                found.advise(codes::CELL_SECURITY, format!("{at}/hostPort"), "a port of the machine", help);
            }
            let Some(name) = port["name"].as_str() else { continue };
            if !syntax::is_port_name(name) {
                let help = "at most 15 small letters, digits and `-`, with a letter among them";
                found.advise(
                    codes::CELL_PORT,
                    format!("{at}/name"),
                    format!("`{name}` can't be the name of a port"),
                    help,
                );
            }
            if !names.insert(name) {
                found.add(codes::CELL_PORT, format!("{at}/name"), format!("a second port `{name}` in the pod"));
            }
        }
        handlers(container, found);
    }
}

/// Ports that probes and lifecycle hooks ask.
fn handlers(container: &Container, found: &mut Finder) {
    for handler in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"] {
        for action in ["httpGet", "tcpSocket", "grpc"] {
            let at = format!("{}/{handler}/{action}/port", container.at);
            match found.object.pointer(&at) {
                None => {}
                Some(Value::String(name)) if has_port(container, name) => {}
                Some(Value::String(name)) => {
                    let what = container.name();
                    found.add(codes::CELL_PORT, at, format!("the container `{what}` has no port `{name}`"));
                }
                Some(port) => in_range(&at, port, found),
            }
        }
    }
}

fn has_port(container: &Container, name: &str) -> bool {
    container.value["ports"].as_array().is_some_and(|ports| ports.iter().any(|port| port["name"] == name))
}

fn in_range(at: &str, port: &Value, found: &mut Finder) {
    if !port.as_u64().is_some_and(|port| (1..=65_535).contains(&port)) {
        found.add(codes::CELL_PORT, at, format!("{port} is no port: 1 to 65535"));
    }
}

pub(super) fn check_service(cell: &Cell, found: &mut Finder) {
    let object = found.object;
    if kind(object) != "Service" {
        return;
    }
    if let Some(outward @ ("NodePort" | "LoadBalancer" | "ExternalName")) = object["spec"]["type"].as_str() {
        let help = "nodes find each other by name, within the cell";
        found.advise(codes::CELL_SECURITY, "/spec/type", format!("{outward} reaches outside of the cell"), help);
    }
    let ports = items(object, "/spec/ports");
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (at, port) in &ports {
        in_range(&format!("{at}/port"), &port["port"], found);
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        if !numbers.insert((protocol, port["port"].as_u64())) {
            found.add(
                codes::CELL_PORT,
                format!("{at}/port"),
                format!("{protocol} port {} is there twice", port["port"]),
            );
        }
        match port["name"].as_str() {
            Some(name) if !syntax::is_label(name) => {
                found.add(codes::CELL_PORT, format!("{at}/name"), format!("`{name}` is not a DNS label"));
            }
            Some(name) if !names.insert(name) => {
                found.add(codes::CELL_PORT, format!("{at}/name"), format!("a second port `{name}`"));
            }
            None if ports.len() > 1 => found.add(codes::CELL_PORT, at, "one of several ports has no name"),
            _ => {}
        }
        target(cell, at, port, found);
    }
}

/// A target by name is a port of a pod that the Service selects.
fn target(cell: &Cell, at: &str, port: &Value, found: &mut Finder) {
    let at = format!("{at}/targetPort");
    match port.get("targetPort") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) => {
            let selected = cell.selected(&found.object["spec"]["selector"]);
            if !selected.iter().any(|pod| pod.containers().iter().any(|container| has_port(container, name))) {
                found.add(codes::CELL_PORT, at, format!("no pod of the Service has a port `{name}`"));
            }
        }
        Some(port) => in_range(&at, port, found),
    }
}
