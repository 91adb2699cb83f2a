use super::real;

/// P values adjusted for being as many as they are, in the order given: below 5 %, the smallest of them is wrong in at most 5 % of
/// families, and so on.
///
/// Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(p_values[index] * real(p_values.len() - rank)).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    // multipletests([.01, .04, .03, .005], method="holm")[1]  (statsmodels 0.15.0)
    #[test]
    fn adjusted_like_elsewhere() {
        for (seen, published) in holm(&[0.01, 0.04, 0.03, 0.005]).into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((seen - published).abs() < 1e-12, "{seen}, not {published}");
        }
        assert_eq!(holm(&[0.7, 0.6]), [1.0, 1.0]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}
