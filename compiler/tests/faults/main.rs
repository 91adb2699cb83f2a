//! What the program does with Git where something is in its way: kinds of clones, faults of disks and remotes, kills,
//! and many at once. Everything by the program itself and real Git.
//!
//! `BENCHGRID_KILLS=200` kills more often than the usual 20 times, `BENCHGRID_SEED=n` at other moments. What a machine can't do is named, and fails where
//! `CI=true`.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod clones;
mod codes;
mod disks;
mod kills;
mod many;
mod remotes;
mod same;
mod world;

/// Says that something can't be tested here; continuous integration must be able to.
fn cannot(what: &str, why: &str) {
    eprintln!("CANNOT RUN HERE: {what}: {why}");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{what}: {why}");
}
