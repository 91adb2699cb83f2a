//! What the user wrote.
//!
//! In: YAML files. Out: typed values with every default filled in, or diagnostics with places. Nothing is resolved
//! here: an expression stays text until the matrix knows the cell.

mod diagnostic;
pub mod expression;
mod lab;
mod load;
mod located;
mod quantity;
mod scenario;
mod suggest;
mod system;
mod template;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use expression::ExpressionError;
pub use lab::*;
pub use load::{load_lab, load_scenario, load_system};
pub use located::Located;
pub use quantity::{Family, Quantity, QuantityError};
pub use scenario::*;
pub use suggest::suggest;
pub use system::*;
pub use template::Template;

/// `apiVersion` of every file.
pub const API_VERSION: &str = "benchgrid.io/v1alpha1";
