//! Kustomize, as far as we use it.
//!
//! In: a base's folder, values, or a tree of files, and a way to run programs. Out: the base's plain objects, checked;
//! YAML that every reader takes for the same; the objects that kustomize would build from a tree we wrote; what a built
//! cell breaks of the cell contract. A base outside the subset is built by the program that it is written for, never
//! guessed at.

mod base;
mod build;
mod contract;
mod emit;
mod flatten;
mod free_text;
mod object_patch;
mod placed;
pub mod plugin;
mod program;
mod scalar;
mod yaml;

pub use base::{ALLOWED_KINDS, BaseError, BaseTrouble, BuiltBase, check_base, load_base};
pub use build::{BuildError, build};
pub(crate) use contract::survives_kustomize;
pub use contract::{Violation, check_cell, check_cells};
pub use emit::{emit, emit_all};
pub(crate) use object_patch::escape;
pub use object_patch::{ObjectPatch, PatchError, apply};
pub use program::{NoPrograms, Program, ProgramError, Programs};
pub use yaml::{YamlError, read_documents};

use serde_json::Value;

/// `kind` of an object.
pub fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

/// `metadata.name` of an object.
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
