use serde::Serialize;

/// Confidence of every interval, both ends together. A verdict looks at one end, so it errs in 2.5 % at most.
pub const CONFIDENCE: f64 = 0.95;

/// The point of the standard normal distribution above which 2.5 % lie: half of what [`CONFIDENCE`] leaves.
pub(super) const NORMAL_POINT: f64 = 1.959_963_984_540_054;

/// An estimate and its 95 % interval, in the unit of what is estimated. `low <= estimate <= high`, none of them NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The best guess.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end; infinite where failures leave no bound.
    pub high: f64,
}
