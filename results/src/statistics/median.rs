use super::distribution::student_point;
use super::{CONFIDENCE, Interval, real, usable};

/// Fewer trials give no interval of a median: at 4 even the range misses it in one case of 8.
pub const MEDIAN_TRIALS_NEEDED: usize = 5;

/// The middle of the values, or the mean of the two middle ones; infinity sorts last.
///
/// A failed transfer is `+infinity`, so the median stays defined while fewer than half fail. None of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The 95 % interval of the median of one system, in the unit of the values.
///
/// At each end the wider of two: the order statistics of the sign test (Conover, Practical Nonparametric Statistics,
/// 3rd edition, section 3.2), which assume nothing, and Student's t on the logarithms, which is steadier at few trials.
/// At 5 trials the order statistics are the range, which covers in 93.75 %, from 6 on in 95 % or more. Where a trial failed they
/// stand alone. None with fewer than [`MEDIAN_TRIALS_NEEDED`], or where most failed.
pub fn median_interval(trials: &[f64]) -> Option<Interval> {
    let estimate = median(trials)?;
    if trials.len() < MEDIAN_TRIALS_NEEDED || !usable(trials) || estimate.is_infinite() {
        return None;
    }
    let sorted = sorted(trials);
    let skipped = skipped(sorted.len());
    let mut interval = Interval { estimate, low: sorted[skipped], high: sorted[sorted.len() - 1 - skipped] };
    if sorted.iter().all(|value| value.is_finite() && *value > 0.0) {
        let logs: Vec<f64> = sorted.iter().map(|value| value.ln()).collect();
        let n = real(logs.len());
        let mean = logs.iter().sum::<f64>() / n;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half = student_point(1.0 - CONFIDENCE, n - 1.0) * (variance / n).sqrt();
        interval.low = interval.low.min((mean - half).exp());
        interval.high = interval.high.max((mean + half).exp());
    }
    Some(interval)
}

/// How many of the values may be left out at each end for the sign test's interval: so many that a binomial with
/// probability 1/2 is at most that in 2.5 %.
fn skipped(count: usize) -> usize {
    let mut probability = 0.5_f64.powf(real(count));
    let (mut sum, mut skipped) = (probability, 0);
    while skipped < count / 2 {
        probability *= real(count - skipped) / real(skipped + 1);
        sum += probability;
        if sum > (1.0 - CONFIDENCE) / 2.0 {
            break;
        }
        skipped += 1;
    }
    skipped
}

/// The value below which the share `at` (0 to 1) of the values lies, interpolated between the two nearest.
///
/// Type 7 of Hyndman and Fan, Sample quantiles in statistical packages, 1996, which R and numpy have by default. None of nothing.
pub fn quantile(values: &[f64], at: f64) -> Option<f64> {
    let sorted = sorted(values);
    let place = at.clamp(0.0, 1.0) * real(sorted.len().checked_sub(1)?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the last index")]
    let below = place as usize;
    let (low, high) = (sorted[below], *sorted.get(below + 1).unwrap_or(&sorted[below]));
    let part = place - real(below);
    Some(if part == 0.0 || low.total_cmp(&high).is_eq() { low } else { low + part * (high - low) })
}

pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: f64 = f64::INFINITY;

    #[test]
    fn median_survives_failures() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 3.0, NEVER]), Some(2.5));
        assert_eq!(median(&[1.0, NEVER, NEVER]), Some(NEVER));
    }

    // Conover, table A3 (binomial, p = 1/2): 1 of 9 at each end leaves 0.0195 outside of each, 2 of 11 0.0327: too much.
    #[test]
    fn order_statistics_of_the_sign_test() {
        let seen: Vec<usize> = [5, 6, 8, 9, 11, 12, 15, 20].map(skipped).to_vec();
        assert_eq!(seen, [0, 0, 0, 1, 1, 2, 3, 5]);
    }

    // l = np.log([3.1, 3.4, 2.9, 3.3, 3.6]); np.exp(stats.t.interval(.95, 4, l.mean(), stats.sem(l)))  (scipy 1.17.1)
    #[test]
    fn interval_of_a_median() {
        let interval = median_interval(&[3.1, 3.4, 2.9, 3.3, 3.6]).unwrap();
        assert!((interval.high - 3.606_482_91).abs() < 1e-8, "{interval:?}");
        assert_eq!((interval.low, interval.estimate), (2.9, 3.3), "the range is wider at this end than 2.93");
        let failed = median_interval(&[3.1, 3.4, 2.9, 3.3, NEVER]).unwrap();
        assert_eq!((failed.low, failed.estimate, failed.high), (2.9, 3.3, NEVER));
        let alike = median_interval(&[2.0; 5]).unwrap();
        assert!((alike.low - 2.0).abs() + (alike.high - 2.0).abs() < 1e-12, "{alike:?}");
        for none in [vec![1.0; 4], vec![1.0, 1.0, NEVER, NEVER, NEVER], vec![1.0, 1.0, 1.0, 1.0, f64::NAN]] {
            assert_eq!(median_interval(&none), None, "{none:?}");
        }
    }

    // np.quantile([1, 2, 4, 8, 16], [0, .1, .25, .5, .9, 1])  (numpy 2.4.6)
    #[test]
    fn quantiles_of_type_7() {
        let seen = [0.0, 0.1, 0.25, 0.5, 0.9, 1.0].map(|at| quantile(&[16.0, 1.0, 2.0, 8.0, 4.0], at).unwrap());
        for (seen, published) in seen.into_iter().zip([1.0, 1.4, 2.0, 4.0, 12.8, 16.0]) {
            assert!((seen - published).abs() < 1e-12, "{seen}, not {published}");
        }
        assert_eq!(quantile(&[1.0, NEVER, NEVER], 0.9), Some(NEVER));
        assert_eq!(quantile(&[1.0, NEVER], 0.0), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
