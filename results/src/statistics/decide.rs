use super::{Interval, real};

/// More trials a side than that are not worth asking for.
const MOST_TRIALS: f64 = 1000.0;

/// How precise a ratio is: the factor, less 1, by which its ends lie around their middle. 0.1 reads "to within 10 %".
///
/// Half of the interval's width on the logarithms; infinite where an end is.
pub fn half_width(ratio: &Interval) -> f64 {
    let log = (ratio.high.ln() - ratio.low.ln()) / 2.0;
    if log.is_nan() { f64::INFINITY } else { log.exp_m1() }
}

/// How many trials a side would bring the interval of a ratio to one side of the margin, if the estimate stays: at least `trials`.
///
/// The distance of an end shrinks with the root of the number of trials. None where that is beyond 1000, the estimate is
/// on the margin, or the end is infinite: then no number is known to do.
pub fn trials_to_decide(ratio: &Interval, trials: usize, margin: f64) -> Option<u32> {
    let nearer = if ratio.estimate <= margin { ratio.high } else { ratio.low };
    let (reach, room) = (distance(nearer, ratio.estimate)?, distance(margin, ratio.estimate)?);
    let needed = if reach <= room { real(trials) } else { (real(trials) * (reach / room).powi(2)).ceil() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    (room > 0.0 && needed <= MOST_TRIALS).then_some(needed as u32)
}

/// How far apart two ratios are on the logarithms, where that is finite.
fn distance(one: f64, other: f64) -> Option<f64> {
    Some((one.ln() - other.ln()).abs()).filter(|distance| distance.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: f64 = f64::INFINITY;

    fn interval(low: f64, estimate: f64, high: f64) -> Interval {
        Interval { estimate, low, high }
    }

    #[test]
    fn width_is_a_factor() {
        assert!((half_width(&interval(1.0, 1.1, 1.21)) - 0.1).abs() < 1e-12);
        assert!(half_width(&interval(1.3, 1.3, 1.3)).abs() < 1e-12);
        assert!(half_width(&interval(1.0, 1.1, NEVER)).is_infinite());
        assert!(half_width(&interval(NEVER, NEVER, NEVER)).is_infinite());
    }

    #[test]
    fn half_the_distance_takes_four_times_the_trials() {
        // ln 1.21 = 2 ln 1.1: the end must come from 1.21 to 1.1.
        assert_eq!(trials_to_decide(&interval(0.8, 1.0, 1.2099), 5, 1.1), Some(20));
        assert_eq!(trials_to_decide(&interval(1.0001, 1.21, 1.5), 5, 1.1), Some(20));
        assert_eq!(trials_to_decide(&interval(0.9, 1.0, 1.05), 5, 1.1), Some(5), "decided");
        assert_eq!(trials_to_decide(&interval(0.9, 1.1, 1.3), 5, 1.1), None, "on the margin");
        assert_eq!(trials_to_decide(&interval(0.5, 1.099, 1.9), 5, 1.1), None, "beyond 1000");
        assert_eq!(trials_to_decide(&interval(0.5, 1.0, NEVER), 5, 1.1), None);
        assert_eq!(trials_to_decide(&interval(0.5, NEVER, NEVER), 5, 1.1), None);
    }
}
