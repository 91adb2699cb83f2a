//! What was measured, put together: the same from every source.
//!
//! In: records, outcomes and environments, whole or as series. Out: a [`Campaign`]: transfers, how attempts ended, what nodes
//! ran on, what is odd about it, and which attempts count, with the reason where one does not.

mod builder;
#[expect(clippy::module_inception, reason = "one main type a file, named after it")]
mod campaign;
mod ending;
mod left_out;
mod node_sample;
mod oddity;
#[cfg(test)]
mod tests;
mod transfer;

pub(crate) use builder::{Builder, Conflict};
pub use campaign::Campaign;
pub use ending::Ending;
pub use left_out::LeftOut;
pub(crate) use node_sample::NodeSample;
pub use oddity::Oddity;
pub(crate) use oddity::OdditySample;
pub use transfer::{Labels, Transfer};
