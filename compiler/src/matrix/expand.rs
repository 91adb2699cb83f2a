use super::Matrix;
use crate::spec::{Diagnostic, Located, Scenario};

/// Cells and exclusions of a scenario with warnings, or what is wrong.
pub fn expand(_scenario: &Located<Scenario>) -> Result<(Matrix, Vec<Diagnostic>), Vec<Diagnostic>> {
    todo!()
}
