use super::distribution::{student_point, student_two_sided};
use super::{CONFIDENCE, real};

/// Two-sided p value of "both systems take equally long", by the logarithms: of [`super::ratio`]'s two parts the one that gets
/// below what [`super::holm`] asks of many cells at 5 trials. None with fewer than 2 trials a side, a failure, or no spread at all.
///
/// Welch, The generalization of Student's problem when several different population variances are involved, Biometrika 34, 1947.
pub fn welch(level: &[f64], baseline: &[f64]) -> Option<f64> {
    let parts = Difference::of(level, baseline)?;
    (parts.error > 0.0).then(|| student_two_sided(parts.mean / parts.error, parts.degrees))
}

/// Mean difference of the logarithms, its standard error, and Satterthwaite's degrees of freedom.
pub(super) struct Difference {
    mean: f64,
    error: f64,
    degrees: f64,
}

impl Difference {
    /// None with fewer than 2 values a side, or where a value has no finite logarithm.
    pub(super) fn of(level: &[f64], baseline: &[f64]) -> Option<Self> {
        let [(mean, square, n), (other_mean, other_square, m)] = [moments(level)?, moments(baseline)?];
        let both = square + other_square;
        let degrees = both.powi(2) / (square.powi(2) / (n - 1.0) + other_square.powi(2) / (m - 1.0));
        Some(Self { mean: mean - other_mean, error: both.sqrt(), degrees })
    }

    /// Ends of the 95 % interval of the difference.
    pub(super) fn ends(&self) -> [f64; 2] {
        if self.error > 0.0 && self.degrees.is_finite() {
            let half = student_point(1.0 - CONFIDENCE, self.degrees) * self.error;
            [self.mean - half, self.mean + half]
        } else {
            [self.mean; 2]
        }
    }
}

/// Mean of the logarithms, its squared standard error, the number of values.
fn moments(values: &[f64]) -> Option<(f64, f64, f64)> {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    if logs.len() < 2 || !logs.iter().all(|log| log.is_finite()) {
        return None;
    }
    let n = real(logs.len());
    let mean = logs.iter().sum::<f64>() / n;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    Some((mean, squares / (n - 1.0) / n, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 5] = [11.2, 10.1, 12.9, 10.8, 11.5];
    const B: [f64; 5] = [9.7, 10.4, 9.9, 10.0, 9.1];

    // r = stats.ttest_ind(np.log(a), np.log(b), equal_var=False)
    // r.pvalue, np.exp(r.confidence_interval(.95).low), np.exp(r.confidence_interval(.95).high)  (scipy 1.17.1)
    #[test]
    fn like_elsewhere() {
        let p = welch(&A, &B).unwrap();
        assert!((p - 0.022_954_647_199_350_038).abs() < 1e-9, "{p}");
        let ends = Difference::of(&A, &B).unwrap().ends().map(f64::exp);
        for (seen, published) in ends.into_iter().zip([1.026_847_457_313_568, 1.283_517_176_105_703_4]) {
            assert!((seen - published).abs() < 1e-9, "{seen}, not {published}");
        }
        assert_eq!(welch(&[1.0, f64::INFINITY, 1.0], &B), None);
        assert_eq!(welch(&[1.0, 1.0], &[1.0, 1.0]), None);
    }
}
