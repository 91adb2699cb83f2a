//! The program in the pods.
//!
//! In: the cell's [`experiment::Experiment`] (written by the compiler into a ConfigMap) and the environment of the
//! pod. Out: records and an outcome, printed and stored. A library, so that `benchgrid` can start itself as agent
//! and coordinator.

pub mod agent;
pub mod baseline;
pub mod cgroup;
pub mod command;
pub mod content;
pub mod coordinator;
pub mod counters;
pub mod driver;
pub mod experiment;
pub mod http_node;
pub mod kubernetes;
pub mod protocol;
mod retry;
pub mod sandbox;
mod serve;
pub mod shaping;
pub mod store;
pub mod tracker;
