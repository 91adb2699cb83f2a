use serde::Serialize;

use super::Interval;
use super::interval::NORMAL_POINT;

/// How many of those tried succeeded, and the 95 % interval of the share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Proportion {
    /// Which did.
    pub succeeded: u64,
    /// All of them.
    pub tried: u64,
    /// Lower end, 0 to 1.
    pub low: f64,
    /// Upper end, 0 to 1.
    pub high: f64,
}

/// Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American Statistical Association
/// 22, 1927. Nothing tried: 0 to 1.
///
/// It takes what was tried as independent, which transfers of one trial are not: counted by transfers it is too narrow.
pub fn wilson(succeeded: u64, tried: u64) -> Proportion {
    if tried == 0 {
        return Proportion { succeeded, tried, low: 0.0, high: 1.0 };
    }
    let (n, share, square) = (real(tried), real(succeeded) / real(tried), NORMAL_POINT.powi(2));
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = NORMAL_POINT * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
    let low = if succeeded == 0 { 0.0 } else { middle - half };
    let high = if succeeded == tried { 1.0 } else { middle + half };
    Proportion { succeeded, tried, low, high }
}

/// How many times more often the baseline succeeds than the level (each as succeeded and tried): above 1 is worse.
///
/// MOVER-R with Wilson's limits: Donner and Zou, Closed-form confidence intervals for functions of the normal mean and standard
/// deviation, Statistical Methods in Medical Research 21, 2012, section 3; in the form that does not divide by a difference
/// that may be 0. Infinite where the level never succeeds. None where a side tried nothing, or neither ever succeeds.
pub fn proportion_ratio(level: (u64, u64), baseline: (u64, u64)) -> Option<Interval> {
    if level.1 == 0 || baseline.1 == 0 || (level.0 == 0 && baseline.0 == 0) {
        return None;
    }
    let [above, below] = [baseline, level].map(|(succeeded, tried)| wilson(succeeded, tried));
    let (p, q) = (real(baseline.0) / real(baseline.1), real(level.0) / real(level.1));
    let part = |limit: f64, share: f64| limit * (2.0 * share - limit);
    let root = |up: f64, down: f64| ((p * q).powi(2) - up * down).max(0.0).sqrt();
    let (up, down) = (part(above.low, p), part(below.high, q));
    let low = if up > 0.0 { up / (p * q + root(up, down)) } else { 0.0 };
    let (up, down) = (part(above.high, p), part(below.low, q));
    let high = if down > 0.0 { (p * q + root(up, down)) / down } else { f64::INFINITY };
    Some(Interval { estimate: p / q, low, high })
}

#[expect(clippy::cast_precision_loss, reason = "counts of transfers are far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    // Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17, 1998, table I, method 3
    #[test]
    fn wilson_as_published() {
        let published =
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)];
        for (succeeded, tried, low, high) in published {
            let seen = wilson(succeeded, tried);
            assert!((seen.low - low).abs() < 5e-5 && (seen.high - high).abs() < 5e-5, "{seen:?}");
        }
    }

    // proportion_confint(k, n, method="wilson")  (statsmodels 0.15.0)
    #[test]
    fn wilson_like_elsewhere() {
        let published = [
            (10, 10, 0.722_467_200_137_110_6, 1.0),
            (30, 30, 0.886_486_606_826_031_1, 1.0),
            (310, 310, 0.987_759_874_571_291_8, 1.0),
            (9, 10, 0.595_849_973_204_764_4, 0.982_123_786_904_927),
            (0, 10, 0.0, 0.277_532_799_862_889_3),
            (5, 20, 0.111_861_701_407_665_63, 0.468_700_877_618_744_1),
            (0, 0, 0.0, 1.0),
        ];
        for (succeeded, tried, low, high) in published {
            let seen = wilson(succeeded, tried);
            assert!((seen.low - low).abs() < 1e-9 && (seen.high - high).abs() < 1e-9, "{seen:?}");
        }
    }

    type Pair = (u64, u64);

    // The formulas as printed, with proportion_confint's limits:
    //   L = (t - sqrt(t*t - l1*u2*(2*p-l1)*(2*q-u2))) / (u2*(2*q-u2)), U = (t + sqrt(t*t - u1*l2*(2*p-u1)*(2*q-l2))) / (l2*(2*q-l2)),
    // t = p*q; beside them confint_proportions_2indep(baseline, level, compare="ratio", method="score")  (statsmodels 0.15.0)
    #[test]
    fn ratio_of_shares() {
        let published: [(Pair, Pair, f64, f64); 4] = [
            // score: 0.8318, 1.3765
            ((18, 20), (19, 20), 0.838_107_655_419_481_7, 1.363_537_465_389_741_2),
            // score: 0.9803, 3.9561
            ((5, 10), (9, 10), 0.996_495_289_516_659_3, 3.818_147_794_954_919_4),
            // score: 0.4469, 0.8394
            ((40, 50), (25, 50), 0.450_913_909_373_985_4, 0.840_993_712_072_235),
            ((27, 30), (30, 30), 0.966_740_683_446_593_8, 1.344_467_000_430_067_2),
        ];
        for (level, baseline, low, high) in published {
            let seen = proportion_ratio(level, baseline).unwrap();
            assert!((seen.low - low).abs() < 1e-9 && (seen.high - high).abs() < 1e-9, "{seen:?}");
            assert!(seen.low <= seen.estimate && seen.estimate <= seen.high, "{seen:?}");
        }
    }

    #[test]
    fn never_is_infinite() {
        let never = proportion_ratio((0, 10), (10, 10)).unwrap();
        assert!(never.estimate == f64::INFINITY && never.high == f64::INFINITY && never.low > 2.0, "{never:?}");
        let only = proportion_ratio((10, 10), (0, 10)).unwrap();
        assert!(only.estimate == 0.0 && only.low == 0.0 && only.high < 0.5, "{only:?}");
        assert_eq!(proportion_ratio((0, 10), (0, 10)), None);
        assert_eq!(proportion_ratio((0, 0), (10, 10)), None);
    }

    #[test]
    fn never_nan_and_always_in_order() {
        for (a, b) in (0..=12).flat_map(|a| (0..=7).map(move |b| (a, b))).filter(|pair| *pair != (0, 0)) {
            let seen = proportion_ratio((a, 12), (b, 7)).unwrap();
            assert!(seen.low <= seen.estimate && seen.estimate <= seen.high, "{a}/12, {b}/7: {seen:?}");
        }
    }
}
