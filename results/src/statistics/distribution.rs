//! The two distributions that the tests and intervals need.

/// Probability of a standard normal beyond `z` on either side.
///
/// Marsaglia, Evaluating the normal distribution, Journal of Statistical Software 11(4), 2004; good to about 1e-15.
pub(super) fn normal_two_sided(z: f64) -> f64 {
    let z = z.abs();
    if z > 8.0 {
        return 0.0;
    }
    let (mut sum, mut term, mut k) = (z, z, 1.0);
    while term > sum * 1e-17 {
        k += 2.0;
        term *= z * z / k;
        sum += term;
    }
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (1.0 - 2.0 * density * sum).max(0.0)
}

/// Probability of Student's t with `degrees` of freedom beyond `t` on either side.
///
/// The regularised incomplete beta function I(degrees / (degrees + t^2); degrees / 2, 1 / 2), DLMF 8.17.
pub(super) fn student_two_sided(t: f64, degrees: f64) -> f64 {
    incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The t beyond which, on either side, `outside` of Student's distribution lies.
pub(super) fn student_point(outside: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 2.0);
    while student_two_sided(high, degrees) > outside {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if student_two_sided(middle, degrees) > outside { low = middle } else { high = middle }
    }
    high
}

/// DLMF 8.17.22, a continued fraction, evaluated by Lentz's method; 8.17.4 where it converges slowly.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let safe = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut above = 1.0;
    let mut below = 1.0 / safe(1.0 - (a + b) * x / (a + 1.0));
    let mut result = below;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            below = 1.0 / safe(1.0 + coefficient * below);
            above = safe(1.0 + coefficient / above);
            change = above * below;
            result *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

/// Stirling's series (DLMF 5.11.1) where the argument is above 10, the recurrence below.
fn log_gamma(x: f64) -> f64 {
    if x < 10.0 {
        return log_gamma(x + 1.0) - x.ln();
    }
    let square = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    // python3 -c "from scipy import stats; print([stats.t.ppf(.975, d) for d in (1, 2.5, 4.7, 8, 18, 100)])"  (scipy 1.17.1)
    #[test]
    fn points_of_student() {
        let published = [
            (1.0, 12.706_204_736_174_694),
            (2.5, 3.574_654_842_003_681_7),
            (4.7, 2.620_726_075_353_17),
            (8.0, 2.306_004_135_204_166),
            (18.0, 2.100_922_040_241_038_2),
            (100.0, 1.983_971_518_523_551_8),
        ];
        for (degrees, point) in published {
            let ours = student_point(0.05, degrees);
            assert!((ours / point - 1.0).abs() < 1e-9, "{degrees}: {ours}, not {point}");
        }
    }

    // Tables of the normal distribution: 1.959964 leaves 5 %, 2.575829 leaves 1 %.
    #[test]
    fn tails_of_the_normal() {
        for (z, outside) in [(0.0, 1.0), (1.959_963_984_540_054, 0.05), (-2.575_829_303_548_901, 0.01)] {
            assert!((normal_two_sided(z) - outside).abs() < 1e-12, "{z}: {}", normal_two_sided(z));
        }
        assert!(normal_two_sided(50.0) < 1e-12);
    }
}
