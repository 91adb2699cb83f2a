use super::distribution::normal_two_sided;
use super::interval::NORMAL_POINT;
use super::{CONFIDENCE, real, usable};

/// Up to so many trials on both sides together, distributions are counted out; beyond, they are normal.
const COUNTED: usize = 40;

/// How often a trial of one system lies above one of the other, less how often below: -1 to 1, 0 where they are alike.
///
/// Cliff, Dominance statistics: ordinal analyses to answer ordinal questions, Psychological Bulletin 114, 1993. Two failures are
/// equal. None where a side has no trial.
pub fn cliffs_delta(level: &[f64], baseline: &[f64]) -> Option<f64> {
    if level.is_empty() || baseline.is_empty() || !usable(level) || !usable(baseline) {
        return None;
    }
    let pairs = level.iter().flat_map(|a| baseline.iter().map(move |b| a.total_cmp(b)));
    let sum: i64 = pairs.map(|order| order as i64).sum();
    #[expect(clippy::cast_precision_loss, reason = "a number of pairs")]
    Some(sum as f64 / (real(level.len()) * real(baseline.len())))
}

/// Two-sided p value of the rank sum test: that no system's trials tend to be above the other's.
///
/// Mann and Whitney, Annals of Mathematical Statistics 18, 1947. Exact given the ties, by counting every split of the midranks
/// (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, section 4.1); beyond 40 trials normal with
/// corrections for ties and continuity. None where a side has no trial.
pub fn mann_whitney(level: &[f64], baseline: &[f64]) -> Option<f64> {
    if level.is_empty() || baseline.is_empty() || !usable(level) || !usable(baseline) {
        return None;
    }
    let both: Vec<f64> = [level, baseline].concat();
    let ranks: Vec<usize> = both.iter().map(|value| doubled_rank(&both, *value)).collect();
    let seen: usize = ranks[..level.len()].iter().sum();
    // Of doubled ranks, whose mean is one more than there are.
    let mean = level.len() * (both.len() + 1);
    let off = seen.abs_diff(mean);
    if both.len() > COUNTED {
        return Some(normal_p(&ranks, level.len(), real(off) / 2.0));
    }
    let ways = splits(&ranks, level.len());
    let beyond: f64 = ways.iter().enumerate().filter(|(sum, _)| sum.abs_diff(mean) >= off).map(|(_, ways)| ways).sum();
    Some(beyond / ways.iter().sum::<f64>())
}

/// Twice the mean rank, from 1, of a value among all.
fn doubled_rank(all: &[f64], value: f64) -> usize {
    let below = all.iter().filter(|other| **other < value).count();
    let equal = all.iter().filter(|other| other.total_cmp(&value).is_eq()).count();
    2 * below + equal + 1
}

/// In how many ways so many of the ranks can be chosen, by their sum.
fn splits(ranks: &[usize], chosen: usize) -> Vec<f64> {
    let most: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; most + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for rank in ranks {
        for count in (1..=chosen).rev() {
            let (fewer, more) = ways.split_at_mut(count);
            for sum in *rank..=most {
                more[0][sum] += fewer[count - 1][sum - rank];
            }
        }
    }
    ways.swap_remove(chosen)
}

fn normal_p(doubled_ranks: &[usize], chosen: usize, off: f64) -> f64 {
    let (all, chosen) = (real(doubled_ranks.len()), real(chosen));
    let mean = all + 1.0;
    let squares: f64 = doubled_ranks.iter().map(|rank| (real(*rank) - mean).powi(2)).sum::<f64>() / 4.0;
    let variance = chosen * (all - chosen) * squares / (all * (all - 1.0));
    if variance > 0.0 { normal_two_sided((off - 0.5).max(0.0) / variance.sqrt()) } else { 1.0 }
}

/// How many of the sorted differences between trials of the two sides the 95 % interval of the shift leaves out at each end:
/// so many that the rank sum statistic is less than that in 2.5 %. None where there are too few trials for that.
pub(super) fn differences_left_out(level: usize, baseline: usize) -> Option<usize> {
    let outside = (1.0 - CONFIDENCE) / 2.0;
    let all = level + baseline;
    if all > COUNTED {
        let (n, m) = (real(level), real(baseline));
        let left = n * m / 2.0 - NORMAL_POINT * (n * m * (n + m + 1.0) / 12.0).sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no less than 0, and below n * m"
        )]
        return (left >= 1.0).then_some(left as usize - 1);
    }
    let ways = splits(&(1..=all).collect::<Vec<_>>(), level);
    let allowed = outside * ways.iter().sum::<f64>();
    let mut sum = 0.0;
    // The least sum of ranks, at which no difference is negative.
    let tail = ways.iter().skip(level * (level + 1) / 2);
    let fits = tail.take_while(|ways| {
        sum += **ways;
        sum <= allowed
    });
    fits.count().checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: Option<f64>, published: f64) {
        let seen = seen.unwrap();
        assert!((seen - published).abs() < 1e-9, "{seen}, not {published}");
    }

    // stats.mannwhitneyu(a, b, method="exact").pvalue; with ties, over all splits:
    // stats.permutation_test((x, y), lambda p, q: abs(stats.mannwhitneyu(p, q, method="asymptotic").statistic - len(p) * len(q) / 2),
    //   permutation_type="independent", n_resamples=np.inf, alternative="greater").pvalue  (scipy 1.17.1)
    #[test]
    fn exact_like_elsewhere() {
        let p = mann_whitney(&[11.2, 10.1, 12.9, 10.8, 11.5], &[9.7, 10.4, 9.9, 10.0, 9.1]);
        close(p, 0.015_873_015_873_015_872);
        close(mann_whitney(&[1.0, 2.0, 2.0, 3.0, 5.0], &[2.0, 3.0, 3.0, 4.0, 6.0, 7.0]), 0.170_995_670_995_671);
        close(mann_whitney(&[1.0, 1.0], &[1.0, 1.0, 1.0]), 1.0);
        assert_eq!(mann_whitney(&[], &[1.0]), None);
        assert_eq!(mann_whitney(&[f64::NAN], &[1.0]), None);
    }

    // The least p of n against n is 2 / (2n choose n).
    #[test]
    fn least_p() {
        let low: Vec<f64> = (1..=10_u8).map(f64::from).collect();
        let high: Vec<f64> = (21..=30_u8).map(f64::from).collect();
        for (n, ways) in [(3, 20.0), (4, 70.0), (5, 252.0), (7, 3432.0), (10, 184_756.0)] {
            close(mann_whitney(&low[..n], &high[..n]), 2.0 / ways);
        }
    }

    // u = np.arange(1, 31); stats.mannwhitneyu(u, u + 6.5, method="asymptotic").pvalue, and of np.round(u / 3) and 4 more
    #[test]
    fn normal_beyond_forty() {
        let low: Vec<f64> = (1..=30_u8).map(f64::from).collect();
        let high: Vec<f64> = low.iter().map(|value| value + 6.5).collect();
        close(mann_whitney(&low, &high), 0.010_314_672_402_337_998);
        let low: Vec<f64> = low.iter().map(|value| (value / 3.0).round_ties_even()).collect();
        let high: Vec<f64> = low.iter().map(|value| value + 4.0).collect();
        close(mann_whitney(&low, &high), 2.290_548_776_165_542_5e-5);
    }

    // Critical values of U, two-sided 5 %: Mann and Whitney's table as in Conover, table A7. 3 against 3 has none.
    #[test]
    fn critical_values() {
        let published = [
            ((3, 3), None),
            ((4, 4), Some(0)),
            ((4, 5), Some(1)),
            ((5, 5), Some(2)),
            ((5, 6), Some(3)),
            ((7, 7), Some(8)),
            ((8, 10), Some(17)),
            ((10, 10), Some(23)),
            ((15, 15), Some(64)),
            ((20, 20), Some(127)),
        ];
        for ((n, m), left) in published {
            assert_eq!(differences_left_out(n, m), left, "{n}, {m}");
        }
        assert_eq!(differences_left_out(21, 21), Some(141), "normal, rounded to the safe side; exact: 142");
    }

    #[test]
    fn delta_counts_pairs() {
        assert_eq!(cliffs_delta(&[2.0, 3.0], &[1.0, 1.5]), Some(1.0));
        assert_eq!(cliffs_delta(&[1.0, 3.0], &[2.0, f64::INFINITY]), Some(-0.5));
        assert_eq!(cliffs_delta(&[f64::INFINITY], &[f64::INFINITY]), Some(0.0));
        assert_eq!(cliffs_delta(&[], &[1.0]), None);
        assert_eq!(cliffs_delta(&[f64::NAN], &[1.0]), None);
    }
}
