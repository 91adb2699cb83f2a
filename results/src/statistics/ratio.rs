use super::ranks::differences_left_out;
use super::welch::Difference;
use super::{Interval, median, usable};

/// Fewer trials on a side give no ratio: from 4 on, some order of all trials is rarer than 1 in 20.
pub const RATIO_TRIALS_NEEDED: usize = 4;

/// How many times the baseline's median the level's is, with a 95 % interval over trials.
///
/// The estimate is the ratio of medians. Each end is the wider one of two intervals of the shift of logarithms: Welch's t
/// (Biometrika 34, 1947), and what the exact rank sum test does not reject (Hodges and Lehmann, Annals of Mathematical Statistics 34,
/// 1963; Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, section 4.3). The first holds where the two
/// sides spread differently, the second where a distribution has two modes or a long tail; neither does for both. The table of
/// what was compared is in docs/methodology.md.
///
/// A failed trial (infinite, or 0 where more is better) leaves the ranks alone, which may make an end infinite or 0. None with fewer
/// than [`RATIO_TRIALS_NEEDED`] trials on a side, a value that is negative or NaN, or where most trials of both sides failed.
pub fn ratio(level: &[f64], baseline: &[f64]) -> Option<Interval> {
    if level.len().min(baseline.len()) < RATIO_TRIALS_NEEDED || !usable(level) || !usable(baseline) {
        return None;
    }
    let estimate = median(level)? / median(baseline)?;
    if estimate.is_nan() {
        return None;
    }
    let [mut low, mut high] = rank_ends(level, baseline)?;
    if let Some(difference) = Difference::of(level, baseline) {
        let [lower, upper] = difference.ends();
        (low, high) = (low.min(lower), high.max(upper));
    }
    // Rounding, and midpoints of even numbers of trials, must not push the estimate out.
    Some(Interval { estimate, low: low.exp().min(estimate), high: high.exp().max(estimate) })
}

/// Ends of the interval of the shift that the rank sum test leaves. What two failures differ by is unknown, so it is
/// taken as the least for the lower end and as the greatest for the upper one.
fn rank_ends(level: &[f64], baseline: &[f64]) -> Option<[f64; 2]> {
    let left_out = differences_left_out(level.len(), baseline.len())?;
    let differences = |unknown: f64| {
        let pairs = level.iter().flat_map(|a| baseline.iter().map(move |b| a.ln() - b.ln()));
        let mut all: Vec<f64> =
            pairs.map(|difference| if difference.is_nan() { unknown } else { difference }).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (lowest, highest) = (differences(f64::NEG_INFINITY), differences(f64::INFINITY));
    Some([lowest[left_out], highest[highest.len() - 1 - left_out]])
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 5] = [11.2, 10.1, 12.9, 10.8, 11.5];
    const B: [f64; 5] = [9.7, 10.4, 9.9, 10.0, 9.1];
    const NEVER: f64 = f64::INFINITY;

    fn with(values: [f64; 5], failures: usize) -> Vec<f64> {
        values.iter().enumerate().map(|(index, value)| if index < failures { NEVER } else { *value }).collect()
    }

    // d = np.sort(np.subtract.outer(np.log(a), np.log(b)).ravel()); np.exp(d[2]), np.exp(d[22]): 1.0202, 1.3030
    // np.exp(stats.ttest_ind(np.log(a), np.log(b), equal_var=False).confidence_interval(.95)): 1.0268, 1.2835  (scipy 1.17.1)
    #[test]
    fn the_wider_of_two() {
        let seen = ratio(&A, &B).unwrap();
        assert!((seen.estimate - 11.2 / 9.9).abs() < 1e-12, "{seen:?}");
        assert!((seen.low - 1.020_202_020_202_02).abs() < 1e-9, "{seen:?}");
        assert!((seen.high - 1.303_030_303_030_303).abs() < 1e-9, "{seen:?}");
        // Without spread on one side it is Welch's that is wider.
        let even = ratio(&A, &[10.0; 5]).unwrap();
        assert!(even.low < 1.008, "ranks: 1.01; {even:?}");
    }

    #[test]
    fn the_other_way_round_it_is_the_inverse() {
        let (there, back) = (ratio(&A, &B).unwrap(), ratio(&B, &A).unwrap());
        for (one, other) in [(there.estimate, back.estimate), (there.low, back.high), (there.high, back.low)] {
            assert!((one * other - 1.0).abs() < 1e-9, "{there:?} {back:?}");
        }
    }

    #[test]
    fn failures_widen() {
        let one = ratio(&with(A, 1), &B).unwrap();
        assert!(one.estimate > 1.0 && one.low > 1.0 && one.high == NEVER, "{one:?}");
        let other = ratio(&A, &with(B, 1)).unwrap();
        assert!(other.low == 0.0 && other.high.is_finite(), "{other:?}");
        let both = ratio(&with(A, 1), &with(B, 1)).unwrap();
        assert!(both.low == 0.0 && both.high == NEVER && both.estimate.is_finite(), "{both:?}");
        let most = ratio(&with(A, 3), &B).unwrap();
        assert!(most.estimate == NEVER && most.low > 1.0, "{most:?}");
        let gone = ratio(&with(A, 5), &B).unwrap();
        assert_eq!((gone.low, gone.high), (NEVER, NEVER));
        assert_eq!(ratio(&with(A, 3), &with(B, 3)), None);
        // Speeds: a failure is 0.
        let slow = ratio(&[0.0, 9.0, 9.5, 9.0, 9.0], &B).unwrap();
        assert!(slow.low == 0.0 && slow.high < 1.1, "{slow:?}");
    }

    #[test]
    fn never_nan_and_always_in_order() {
        let some = [0.0, 1.0, 2.5, NEVER];
        for code in 0..4_usize.pow(8) {
            let value = |place: u32| some[code / 4_usize.pow(place) % 4];
            let (level, baseline) = ([0, 1, 2, 3].map(value), [4, 5, 6, 7].map(value));
            if let Some(it) = ratio(&level, &baseline) {
                assert!(it.low <= it.estimate && it.estimate <= it.high, "{level:?} {baseline:?}: {it:?}");
            }
        }
    }

    #[test]
    fn too_little_gives_none() {
        assert_eq!(ratio(&A[..3], &B), None);
        assert!(ratio(&A[..4], &B[..4]).is_some());
        assert_eq!(ratio(&[1.0, 1.0, 1.0, f64::NAN], &B), None);
        assert_eq!(ratio(&[1.0, 1.0, 1.0, -1.0], &B), None);
        let alike = ratio(&[2.0; 4], &[1.0; 4]).unwrap();
        assert!((alike.low - 2.0).abs() + (alike.high - 2.0).abs() < 1e-12, "{alike:?}");
    }
}
