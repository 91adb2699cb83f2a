/// How the values of an axis lie along it.
#[derive(Debug, Clone)]
pub(super) enum Scale {
    /// Evenly, between two ends.
    Linear(f64, f64),
    /// By their logarithm, between two ends above 0.
    Log(f64, f64),
    /// Words, evenly; the value is the place of a word.
    Words(Vec<String>),
}

/// A value that is marked along an axis, and how it is written.
pub(super) type Tick = (f64, String);

impl Scale {
    /// From 0 to the largest finite value; by the logarithm where the values span more than two orders of magnitude.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let (low, high) = finite.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        match high {
            0.0 => Self::Linear(0.0, 1.0),
            _ if high / low > 100.0 => Self::Log(low * 0.8, high * 1.25),
            _ => Self::Linear(0.0, high * 1.06),
        }
    }

    /// Whether equal distances are equal ratios.
    pub(super) fn is_log(&self) -> bool {
        matches!(self, Self::Log(..))
    }

    /// Where a value lies, from 0 to 1; what is beyond an end lies at it.
    #[expect(clippy::cast_precision_loss, reason = "some words")]
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self {
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value.max(*low) / low).ln() / (high / low).ln(),
            Self::Words(words) => (value + 0.5) / words.len().max(1) as f64,
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Round values, about as many as asked for.
    #[expect(clippy::cast_precision_loss, reason = "some words")]
    pub(super) fn ticks(&self, about: usize) -> Vec<Tick> {
        match self {
            Self::Linear(low, high) => linear(*low, *high, about),
            Self::Log(low, high) => log(*low, *high, about),
            Self::Words(words) => words.iter().enumerate().map(|(place, word)| (place as f64, word.clone())).collect(),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "some ticks, exponents of physical sizes"
)]
fn linear(low: f64, high: f64, about: usize) -> Vec<Tick> {
    let raw = (high - low) / about.max(1) as f64;
    let power = 10_f64.powi(raw.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= raw).unwrap_or(raw);
    let decimals = (-step.log10().floor()).max(0.0) as i32;
    let first = (low / step).ceil();
    let values =
        (0..=2 * about).map(|place| (first + place as f64) * step).take_while(|value| *value <= high + step * 1e-9);
    values.map(|value| (value, format!("{value:.*}", usize::try_from(decimals).unwrap_or(0)))).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "exponents of physical sizes")]
fn log(low: f64, high: f64, about: usize) -> Vec<Tick> {
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |times: &[f64]| -> Vec<f64> {
        let all = exponents.clone().flat_map(|exponent| times.iter().map(move |times| times * 10_f64.powi(exponent)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    // as fine as there is room for
    let choices = [of(&[1.0]), of(&[1.0, 3.0]), of(&[1.0, 2.0, 5.0])];
    let values =
        choices.into_iter().rev().find(|values| values.len() <= about.max(2) + 1).unwrap_or_else(|| of(&[1.0]));
    let written = |value: f64| {
        let decimals = usize::try_from(-(value.log10() + 1e-9).floor() as i32).unwrap_or(0);
        (value, format!("{value:.decimals$}"))
    };
    values.into_iter().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scale: &Scale, about: usize) -> Vec<String> {
        scale.ticks(about).into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(words(&Scale::Linear(0.0, 10.6), 4), ["0", "5", "10"]);
        assert_eq!(words(&Scale::Linear(0.0, 0.31), 4), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(words(&Scale::Log(0.8, 1250.0), 4), ["1", "10", "100", "1000"]);
        assert_eq!(words(&Scale::Log(0.02, 3.0), 5), ["0.03", "0.1", "0.3", "1", "3"]);
        assert_eq!(words(&Scale::Words(vec!["a".to_owned()]), 4), ["a"]);
    }

    #[test]
    fn a_scale_keeps_what_is_beyond_it() {
        let scale = Scale::of([1.0, 10.0, f64::INFINITY]);
        assert!(scale.at(f64::INFINITY) > 0.999 && scale.at(-1.0) < 0.001);
        assert!(Scale::of([1.0, 1000.0]).is_log());
        assert!(Scale::of([f64::NAN]).at(f64::NAN) < 0.001);
    }
}
