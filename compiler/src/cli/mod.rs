//! To be written.

pub mod conduct;
pub mod status;
