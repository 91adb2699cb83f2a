use serde_json::{Value, json};

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
        self.object.pointer(pointer)
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
            value = json!({ last.replace("~1", "/").replace("~0", "~"): value });
            pointer = parent;
        }
        let op = if self.get(pointer).is_some() { "replace" } else { "add" };
        self.push(json!({"op": op, "path": pointer, "value": value}));
    }

    /// Adds an item to a list, which becomes one if it is not there: at the end, or at the front.
    pub fn insert(&mut self, pointer: &str, value: Value, front: bool) {
        match self.get(pointer).and_then(Value::as_array) {
            None => self.set(pointer, Value::Array(vec![value])),
            Some(_) if front => self.push(json!({"op": "add", "path": format!("{pointer}/0"), "value": value})),
            Some(_) => self.push(json!({"op": "add", "path": format!("{pointer}/-"), "value": value})),
        }
    }

    /// Removes what is at a pointer, if anything.
    pub fn remove(&mut self, pointer: &str) {
        if self.get(pointer).is_some() {
            self.push(json!({"op": "remove", "path": pointer}));
        }
    }

    fn push(&mut self, op: Value) {
        // every operation made here fits the object it was made for
        let applied = apply(&mut self.object, std::slice::from_ref(&op));
        debug_assert_eq!(applied, Ok(()), "{op}");
        self.ops.push(op);
    }
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
