use std::collections::BTreeMap;

use benchgrid::kustomize::{kind, name};
use serde_json::Value;

/// Objects by kind and name.
pub(crate) fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let count = objects.len();
    let map: BTreeMap<String, Value> =
        objects.into_iter().map(|object| (format!("{} {}", kind(&object), name(&object)), object)).collect();
    assert_eq!(map.len(), count);
    map
}
