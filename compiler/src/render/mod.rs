//! What stands on the deploy branch.
//!
//! In: plans and the lab. Out: files, path by path: bases, overlays, Argo CD's objects, the conductor's, and a page that
//! says what is there. The conductor's admission of a cell is here too, since it rewrites what this room wrote. Pure.

mod admit;
mod cells_file;
mod provenance;

pub use admit::{AdmitError, AttemptFile, admit, attempt};
pub use cells_file::{CellEntry, CellsFile, ExclusionEntry};
pub use provenance::Provenance;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::Plan;
use crate::spec::Lab;

/// Files by path on the branch.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Everything that a compile owns on the branch. `kept` names scenarios that are on the branch and stay as they are.
pub fn files(_plans: &[Plan], _kept: &BTreeSet<String>, _lab: &Lab, _provenance: &Provenance) -> Files {
    todo!()
}

/// JSON as the branch has it: indented, one line feed at the end.
fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // our own types: maps have text keys, numbers are finite
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
