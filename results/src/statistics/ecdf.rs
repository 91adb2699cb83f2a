use super::median::sorted;
use super::real;

/// Steps of the empirical distribution: each finite value, ascending, with the share (0 to 1) of all values up to it.
///
/// Infinite values count among all, so a curve with failures ends below 1.
pub fn ecdf(values: &[f64]) -> Vec<(f64, f64)> {
    let sorted = sorted(values);
    let count = real(sorted.len());
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (index, value) in sorted.into_iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let share = real(index + 1) / count;
        match steps.last_mut() {
            Some(last) if last.0.total_cmp(&value).is_eq() => last.1 = share,
            _ => steps.push((value, share)),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_where_failures_begin() {
        assert_eq!(ecdf(&[3.0, 1.0, 1.0, f64::INFINITY]), [(1.0, 0.5), (3.0, 0.75)]);
        assert_eq!(ecdf(&[]), []);
    }
}
