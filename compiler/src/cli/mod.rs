//! To be written.

pub mod schema;
pub mod validate;
