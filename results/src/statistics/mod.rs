//! Numbers out of trials: pure functions of slices, no clock and no random numbers.
//!
//! Each element of a slice is the value of one trial, since the trial is the unit of analysis. A failed trial is
//! `f64::INFINITY` where less is better, and 0 where more is. A value that is negative or not a number makes the answer
//! `None`. No answer is ever NaN; a bound may be infinite, which JSON has as `null`.

mod decide;
mod distribution;
mod ecdf;
mod geometric_mean;
mod holm;
mod interval;
mod median;
mod proportion;
mod ranks;
mod ratio;
mod spread;
mod welch;

pub use decide::{half_width, trials_to_decide};
pub use ecdf::ecdf;
pub use geometric_mean::geometric_mean;
pub use holm::holm;
pub use interval::{CONFIDENCE, Interval};
pub use median::{MEDIAN_TRIALS_NEEDED, median, median_interval, quantile};
pub use proportion::{Proportion, proportion_ratio, wilson};
pub use ranks::{cliffs_delta, mann_whitney};
pub use ratio::{RATIO_TRIALS_NEEDED, ratio};
pub use spread::{Spread, spread};
pub use welch::welch;

/// Every number of the slice may be a trial's value: not negative, not NaN.
fn usable(trials: &[f64]) -> bool {
    trials.iter().all(|value| *value >= 0.0)
}

/// Numbers of trials and of pairs of them, as they are counted with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn real(count: usize) -> f64 {
    count as f64
}
