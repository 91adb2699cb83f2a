use std::path::Path;

use super::{Diagnostic, Lab, Located, Scenario, System};

/// Reads a scenario; a value wherever the file's structure allows one.
pub fn load_scenario(_path: &Path) -> (Option<Located<Scenario>>, Vec<Diagnostic>) {
    todo!()
}

/// Reads a lab.
pub fn load_lab(_path: &Path) -> (Option<Located<Lab>>, Vec<Diagnostic>) {
    todo!()
}

/// Reads `system.yaml` of a base's folder.
pub fn load_system(_base: &Path) -> (Option<Located<System>>, Vec<Diagnostic>) {
    todo!()
}
