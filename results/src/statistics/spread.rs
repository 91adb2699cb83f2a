use serde::Serialize;

/// How much of the spread of a quantity lies between trials, and how much within them.
///
/// One-way random-effects analysis of variance on the logarithms (Searle and others 1992, section 3.6), so the
/// two parts read as coefficients of variation. A negative estimate of the part between trials is shown as 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// Trials.
    pub trials: usize,
    /// Values in all.
    pub values: usize,
    /// Geometric mean of all values, in the quantity's unit.
    pub mean: f64,
    /// Standard deviation of the logarithms within a trial.
    pub within: f64,
    /// Standard deviation of the logarithms of the trials' true means.
    pub between: f64,
    /// Share of the variance that lies between trials (intraclass correlation), 0 to 1.
    pub correlation: f64,
}

/// Splits the spread of the values of several trials; none where fewer than two trials have two values.
#[expect(clippy::cast_precision_loss, reason = "counts of trials and repetitions are small")]
pub fn spread(trials: &[Vec<f64>]) -> Option<Spread> {
    let usable = |trial: &&Vec<f64>| trial.len() >= 2 && trial.iter().all(|value| value.is_finite() && *value > 0.0);
    let logs: Vec<Vec<f64>> =
        trials.iter().filter(usable).map(|t| t.iter().map(|value| value.ln()).collect()).collect();
    if logs.len() < 2 {
        return None;
    }
    let count: usize = logs.iter().map(Vec::len).sum();
    let (groups, n) = (logs.len() as f64, count as f64);
    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let grand = logs.iter().flatten().sum::<f64>() / n;
    let within_squares: f64 =
        logs.iter().map(|t| t.iter().map(|value| (value - mean_of(t)).powi(2)).sum::<f64>()).sum();
    let between_squares: f64 = logs.iter().map(|t| t.len() as f64 * (mean_of(t) - grand).powi(2)).sum();
    let within_mean = within_squares / (n - groups);
    let between_mean = between_squares / (groups - 1.0);
    // The effective size of a trial where trials have different numbers of values.
    let size = (n - logs.iter().map(|t| (t.len() as f64).powi(2)).sum::<f64>() / n) / (groups - 1.0);
    let between = ((between_mean - within_mean) / size).max(0.0);
    let total = between + within_mean;
    Some(Spread {
        trials: logs.len(),
        values: count,
        mean: grand.exp(),
        within: within_mean.sqrt(),
        between: between.sqrt(),
        correlation: if total > 0.0 { between / total } else { 0.0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_finds_its_parts() {
        // Trials differ, repetitions hardly: nearly all of the variance lies between.
        let apart = spread(&[vec![10.0, 10.1], vec![20.0, 20.2], vec![40.0, 40.1]]).unwrap();
        assert!(apart.correlation > 0.99, "{apart:?}");
        assert!(apart.within < 0.01, "{apart:?}");
        // The same values in every trial: nothing lies between.
        let alike = spread(&[vec![10.0, 20.0], vec![20.0, 10.0], vec![10.0, 20.0]]).unwrap();
        assert!(alike.between == 0.0 && alike.within > 0.4, "{alike:?}");
        assert_eq!(spread(&[vec![1.0, 2.0]]), None);
    }

    #[test]
    fn spread_agrees_with_a_hand_calculation() {
        // logs: trial 1 = 0, 2; trial 2 = 4, 6. Means 1 and 5, grand 3. Within squares 4 over 2 degrees = 2.
        // Between squares 2 * 4 + 2 * 4 = 16 over 1 degree; (16 - 2) / 2 = 7.
        let e = std::f64::consts::E;
        let split = spread(&[vec![1.0, e.powi(2)], vec![e.powi(4), e.powi(6)]]).unwrap();
        assert!((split.within.powi(2) - 2.0).abs() < 1e-9, "{split:?}");
        assert!((split.between.powi(2) - 7.0).abs() < 1e-9, "{split:?}");
        assert!((split.correlation - 7.0 / 9.0).abs() < 1e-9, "{split:?}");
    }
}
