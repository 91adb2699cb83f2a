//! Requests that are made again while nobody answers.
//!
//! In: one try, and how long to go on. Out: the first answer, a refusal, or how long it was tried in vain.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How one try failed.
pub(crate) enum Try<E> {
    /// It may go better next time; what it said.
    Again(String),
    /// Trying again is of no use.
    Final(E),
}

/// How long to go on, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// First pause between two tries; doubles up to `longest`.
    pub(crate) first: Duration,
    /// Longest pause between two tries.
    pub(crate) longest: Duration,
    /// No try is begun after that.
    pub(crate) whole: Duration,
}

/// Tries until there is an answer. `given_up` makes the error of how many seconds it was tried, and of the last failure.
pub(crate) fn retry<T, E>(
    patience: Patience,
    given_up: impl FnOnce(u64, String) -> E,
    mut attempt: impl FnMut() -> Result<T, Try<E>>,
) -> Result<T, E> {
    let start = Instant::now();
    let mut pause = patience.first;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(Try::Final(error)) => return Err(error),
            Err(Try::Again(last)) if start.elapsed() + pause >= patience.whole => {
                return Err(given_up(start.elapsed().as_secs(), last));
            }
            Err(Try::Again(_)) => thread::sleep(pause),
        }
        pause = (pause * 2).min(patience.longest);
    }
}
