use std::borrow::Cow;

use serde_json::{Map, Value};

/// RFC 6902 operations on one object, made step by step, with the object as they leave it.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPatch {
    /// The object, patched so far.
    pub object: Value,
    /// The operations so far.
    pub ops: Vec<Value>,
}

/// Why operations can't be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not RFC 6902.
    #[error("operation {0} is not RFC 6902: {1}")]
    Malformed(usize, String),
    /// The object has no such place, or a test failed.
    #[error("operation {0} can't be applied: {1}")]
    Inapplicable(usize, String),
}

impl ObjectPatch {
    /// Nothing changed yet.
    pub fn new(object: Value) -> Self {
        Self { object, ops: Vec::new() }
    }

    /// The value at a pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        pointer.split('/').skip(1).try_fold(&self.object, |value, part| match value {
            Value::Object(map) => map.get(plain(part).as_ref()),
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Sets the value at a pointer, with the maps above it that are missing. Nothing happens where it is that already.
    pub fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        let (mut pointer, mut value) = (pointer, value.into());
        if self.get(pointer) == Some(&value) {
            return;
        }
        while let Some((parent, last)) = pointer.rsplit_once('/')
            && self.get(parent).is_none()
        {
            value = Value::Object(Map::from_iter([(plain(last).into_owned(), value)]));
            pointer = parent;
        }
        let op = if self.get(pointer).is_some() { "replace" } else { "add" };
        self.push(op, pointer, Some(value));
    }

    /// Adds an item to a list, which becomes one if it is not there: at the end, or at the front.
    pub fn insert(&mut self, pointer: &str, value: Value, front: bool) {
        match self.get(pointer).and_then(Value::as_array) {
            None => self.set(pointer, Value::Array(vec![value])),
            Some(_) if front => self.push("add", &format!("{pointer}/0"), Some(value)),
            Some(_) => self.push("add", &format!("{pointer}/-"), Some(value)),
        }
    }

    /// Removes what is at a pointer, if anything.
    pub fn remove(&mut self, pointer: &str) {
        if self.get(pointer).is_some() {
            self.push("remove", pointer, None);
        }
    }

    /// One operation whose place is there; a value goes with it unless it removes.
    fn push(&mut self, op: &str, pointer: &str, value: Option<Value>) {
        edit(&mut self.object, op, pointer, value.clone());
        let mut fields =
            Map::from_iter([("op".to_owned(), Value::from(op)), ("path".to_owned(), Value::from(pointer))]);
        fields.extend(value.map(|value| ("value".to_owned(), value)));
        self.ops.push(Value::Object(fields));
    }
}

/// What [`apply`] does, for operations that fit: these are made by the million.
fn edit(object: &mut Value, op: &str, pointer: &str, value: Option<Value>) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        *object = value.unwrap_or_default();
        return;
    };
    let parent = parent.split('/').skip(1).try_fold(object, |value, part| match value {
        Value::Object(map) => map.get_mut(plain(part).as_ref()),
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    });
    match (parent, value) {
        (Some(Value::Object(map)), Some(value)) => drop(map.insert(plain(last).into_owned(), value)),
        (Some(Value::Object(map)), None) => drop(map.remove(plain(last).as_ref())),
        (Some(Value::Array(items)), value) => {
            let place = last.parse().unwrap_or(items.len());
            // `add` makes room, `remove` and `replace` take out what is there
            let taken = if op == "add" { place..place } else { place..place + 1 };
            items.splice(taken, value);
        }
        _ => {}
    }
}

/// A step of a JSON pointer as the name that it is.
fn plain(step: &str) -> Cow<'_, str> {
    if step.contains('~') { step.replace("~1", "/").replace("~0", "~").into() } else { step.into() }
}

/// Applies operations one after the other.
pub fn apply(object: &mut Value, ops: &[Value]) -> Result<(), PatchError> {
    for (place, op) in ops.iter().enumerate() {
        let op = serde_json::from_value(op.clone()).map_err(|error| PatchError::Malformed(place, error.to_string()))?;
        json_patch::patch(object, &[op]).map_err(|error| PatchError::Inapplicable(place, error.kind.to_string()))?;
    }
    Ok(())
}

/// A name as one step of a JSON pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_operations_lead_to_its_object() {
        let before = json!({"a": {"b/c": [1, {"d": 2}, 3]}, "l": [1, 2]});
        let mut patch = ObjectPatch::new(before.clone());
        patch.set("/a/b~1c/1/d", 4);
        patch.set("/a/b~1c/0", "x");
        patch.set("/new/~0deep/er", json!([]));
        patch.insert("/new/~0deep/er", json!("first"), false);
        patch.insert("/l", json!(0), true);
        patch.insert("/l", json!(3), false);
        patch.insert("/none", json!(1), true);
        patch.remove("/a/b~1c/0");
        patch.remove("/l/1");
        patch.remove("/not/there");
        patch.set("/none/0", 1);
        let wanted = json!({
            "a": {"b/c": [{"d": 4}, 3]}, "l": [0, 2, 3], "new": {"~deep": {"er": ["first"]}}, "none": [1],
        });
        assert_eq!(patch.object, wanted);
        assert_eq!(patch.ops.len(), 9, "nothing is done twice");
        let mut applied = before;
        apply(&mut applied, &patch.ops).unwrap();
        assert_eq!(applied, wanted);
    }
}
