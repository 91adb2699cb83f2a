//! The cell contract: what Kubernetes would refuse, or leave waiting for ever, and what a cell promises to the rest.
//!
//! In: the built objects of one cell. Out: every violation, with its object and place. Only rules that schemas don't know; types and
//! unknown fields are the schemas' business.

mod containers;
mod objects;
mod pods;
mod ports;
mod references;
mod security;
mod syntax;
mod violation;

pub(crate) use syntax::survives_kustomize;
pub use violation::Violation;

use serde_json::Value;

use pods::Pod;
use violation::Finder;

/// Every violation of the contract by the objects of one cell.
pub fn check_cell(objects: &[Value]) -> Vec<Violation> {
    let cell = Cell { objects, pods: objects.iter().filter_map(Pod::of).collect() };
    let mut violations = Vec::new();
    for object in objects {
        let mut found = Finder::new(object, &mut violations);
        objects::check(&cell, &mut found);
        references::check(&cell, &mut found);
        ports::check_service(&cell, &mut found);
    }
    for pod in &cell.pods {
        let mut found = Finder::new(pod.object, &mut violations);
        containers::check(pod, &mut found);
        ports::check_pod(pod, &mut found);
        security::check(pod, &mut found);
        references::check_pod(&cell, pod, &mut found);
    }
    objects::check_all(objects, &mut violations);
    violations
}

/// The same for objects of several cells, each with a Namespace.
pub fn check_cells(objects: Vec<Value>) -> Vec<Violation> {
    let names: Vec<String> = objects.iter().filter(|it| super::kind(it) == "Namespace").map(own_name).collect();
    let mut cells: Vec<Vec<Value>> = vec![Vec::new(); names.len().max(1)];
    for object in objects {
        let space = if super::kind(&object) == "Namespace" { own_name(&object) } else { namespace(&object).to_owned() };
        let place = names.iter().position(|name| *name == space).unwrap_or_default();
        cells[place].push(object);
    }
    cells.iter().flat_map(|cell| check_cell(cell)).collect()
}

fn own_name(object: &Value) -> String {
    super::name(object).to_owned()
}

fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// A cell: its objects, and those of them that make pods.
struct Cell<'a> {
    objects: &'a [Value],
    pods: Vec<Pod<'a>>,
}

impl<'a> Cell<'a> {
    /// The object of a kind and name.
    fn object(&self, kind: &str, name: &str) -> Option<&'a Value> {
        self.objects.iter().find(|object| super::kind(object) == kind && super::name(object) == name)
    }

    /// Name of the cell's namespace.
    fn namespace(&self) -> Option<&'a str> {
        self.objects.iter().find(|object| super::kind(object) == "Namespace").map(super::name)
    }

    /// Pods that a set of labels selects.
    fn selected(&self, selector: &Value) -> Vec<&Pod<'a>> {
        self.pods.iter().filter(|pod| pod.has_labels(selector)).collect()
    }
}

/// Items of a list, each with its pointer.
fn items<'a>(root: &'a Value, pointer: &str) -> Vec<(String, &'a Value)> {
    let list = root.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().enumerate().map(|(place, item)| (format!("{pointer}/{place}"), item)).collect()
}

/// Entries of a map, each with its pointer.
fn entries<'a>(root: &'a Value, pointer: &str) -> Vec<(String, &'a str, &'a Value)> {
    let map = root.pointer(pointer).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .map(|(key, value)| (format!("{pointer}/{}", super::escape(key)), key.as_str(), value))
        .collect()
}
