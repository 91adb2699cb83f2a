//! Numbers as people read them: three significant digits and a unit.

use benchgrid_measures::Timestamp;

use crate::analysis::{Estimate, Quantity, Unit};

/// What stands where there is no number.
pub(super) const NONE: &str = "n/a";

/// Three significant digits at least, no exponent.
pub(super) fn digits(value: f64) -> String {
    match value {
        _ if value.is_nan() => NONE.to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "∞" } else { "−∞" }.to_owned(),
        0.0 => "0".to_owned(),
        _ => {
            // the exponent after rounding: 9.999 is 10.0
            let scientific = format!("{value:.2e}");
            let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
            let decimals = usize::try_from(2 - exponent).unwrap_or(0).min(8);
            format!("{value:.decimals$}").replace('-', "−")
        }
    }
}

/// A share as percent.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{} %", digits(share * 100.0)) } else { digits(share) }
}

/// How many times.
pub(super) fn times(ratio: f64) -> String {
    format!("{}×", digits(ratio))
}

/// By what a unit's values are divided, and how the result is called.
fn scale(unit: Unit, value: f64) -> (f64, &'static str) {
    let size = if value.is_finite() { value.abs() } else { 0.0 };
    match unit {
        Unit::Seconds => (1.0, " s"),
        Unit::BytesPerSecond if size >= 1.25e8 => (1.25e8, " Gbit/s"),
        Unit::BytesPerSecond => (1.25e5, " Mbit/s"),
        Unit::Bytes if size >= 1e9 => (1e9, " GB"),
        Unit::Bytes if size >= 1e6 => (1e6, " MB"),
        Unit::Bytes => (1e3, " kB"),
        Unit::Ratio => (1.0, ""),
    }
}

/// A value with its unit.
pub(super) fn value(quantity: Quantity, value: f64) -> String {
    if !value.is_finite() {
        return digits(value);
    }
    let (divisor, unit) = scale(quantity.unit(), value);
    format!("{}{unit}", digits(value / divisor))
}

/// Ends of an interval in the unit of its estimate, without it.
pub(super) fn interval(quantity: Quantity, estimate: &Estimate) -> Option<String> {
    // an infinite median says what its ends would
    let (low, high) = estimate.interval.filter(|_| estimate.median.is_finite())?;
    let (divisor, _) = scale(quantity.unit(), estimate.median);
    Some(range(low / divisor, high / divisor))
}

/// Two ends.
pub(super) fn range(low: f64, high: f64) -> String {
    format!("{} – {}", digits(low), digits(high))
}

/// Bytes.
pub(super) fn bytes(count: f64) -> String {
    value(Quantity::Received, count)
}

/// Seconds.
pub(super) fn seconds(count: f64) -> String {
    value(Quantity::Whole, count)
}

/// `1 trial`, `2 trials`.
pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A moment, in UTC: `2026-11-21 08:17 UTC`.
pub(super) fn moment(milliseconds: i64) -> String {
    let text = Timestamp(milliseconds.div_euclid(1000)).to_string();
    match text.split_once('T') {
        Some((date, clock)) => format!("{date} {} UTC", clock.get(..5).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_significant() {
        let cases = [
            (0.0, "0"),
            (1.0, "1.00"),
            (0.012_345, "0.0123"),
            (9.999, "10.0"),
            (99.96, "100"),
            (12_345.6, "12346"),
            (-0.5, "−0.500"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "n/a"),
        ];
        for (value, shown) in cases {
            assert_eq!(digits(value), shown);
        }
    }

    #[test]
    fn an_interval_has_the_unit_of_its_estimate() {
        let estimate = Estimate { median: 2e6, interval: Some((9e5, f64::INFINITY)), trials: 6 };
        assert_eq!(value(Quantity::Received, 2e6), "2.00 MB");
        assert_eq!(interval(Quantity::Received, &estimate).unwrap(), "0.900 – ∞");
        assert_eq!(value(Quantity::Speed, f64::INFINITY), "∞");
        assert_eq!(moment(1_763_713_075_999), "2025-11-21 08:17 UTC");
    }
}
