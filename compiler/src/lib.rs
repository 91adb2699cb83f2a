//! Compiles one file that says what to compare into a Git branch that Argo CD deploys.
//!
//! Data flows one way: [`spec`] -> [`matrix`] -> [`plan`] -> [`render`] -> [`git`]; [`kustomize`] loads and builds
//! bases for the plan, [`conduct`] decides which cells are deployed now. A later room never reaches back. Nothing here
//! prints or exits; only [`cli`] does.

pub mod cli;
pub mod conduct;
pub mod git;
pub mod kustomize;
pub mod matrix;
pub mod parallel;
pub mod plan;
pub mod rehearsal;
pub mod render;
pub mod spec;
