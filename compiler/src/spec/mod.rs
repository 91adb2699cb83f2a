//! What the user wrote.
//!
//! In: YAML files. Out: typed values with every default filled in, or diagnostics with places. Nothing is resolved
//! here: an expression stays text until the matrix knows the cell.

mod check;
mod code;
mod diagnostic;
mod document;
pub mod expression;
mod forms;
mod lab;
mod load;
mod located;
mod quantity;
mod reading;
mod scenario;
mod schema;
mod structure;
mod suggest;
mod system;
mod template;

pub use check::{RESERVED_WORDS, axes, condition_errors, system_names};
pub use code::{CODES, Code, code, codes, example};
pub use diagnostic::{
    Advised, Diagnostic, MOST_SAID, Place, Severity, any_error, cut, github, json, sarif, sort, text,
};
pub use document::{Document, Span, pointer_part};
pub use expression::ExpressionError;
pub use lab::*;
pub use load::{
    base_folder, lab_of, load_document, load_lab, load_scenario, load_system, load_used_system, parse_document,
    parse_scenario, scenario_of, system_of,
};
pub use located::Located;
pub use quantity::{Family, Quantity, QuantityError, mend};
pub use reading::{DEEPEST, LARGEST_FILE};
pub use scenario::*;
pub use schema::{schema, schema_of};
pub use structure::a_kind;
pub use suggest::suggest;
pub use system::*;
pub use template::Template;

/// `apiVersion` of every file.
pub const API_VERSION: &str = "benchgrid.io/v1alpha1";
