use std::{fmt, str::FromStr};

/// What a quantity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Bytes.
    Size,
    /// Bits a second.
    Rate,
    /// Seconds.
    Duration,
    /// A part of one.
    Percentage,
}

/// A number with a unit: `100MB`, `20Mbit`, `5ms`, `0.1%`.
///
/// The value is in base units: bytes, bits a second, nanoseconds, or parts in a billion (what is written as text must
/// stay exact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    /// What it counts.
    pub family: Family,
    /// Bytes, bits a second, nanoseconds, or parts in a billion.
    pub base: u64,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// No number at the start.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// A number without a unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A unit nobody defined; with the one that was meant, where it is known.
    #[error("`{unit}` is no unit{}", .meant.as_ref().map(|m| format!("; `{m}` is")).unwrap_or_default())]
    UnknownUnit {
        /// What was written.
        unit: String,
        /// What was meant.
        meant: Option<&'static str>,
    },
    /// Not a whole number of base units, or too many.
    #[error("`{0}` is not a whole number of {1}")]
    NotWhole(String, &'static str),
}

impl Family {
    const ALL: [Self; 4] = [Self::Size, Self::Rate, Self::Duration, Self::Percentage];

    /// Units from the largest to the smallest, with their size in base units.
    pub fn units(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Size => &[
                ("TiB", 1 << 40),
                ("TB", 1_000_000_000_000),
                ("GiB", 1 << 30),
                ("GB", 1_000_000_000),
                ("MiB", 1 << 20),
                ("MB", 1_000_000),
                ("KiB", 1 << 10),
                ("kB", 1_000),
                ("B", 1),
            ],
            Self::Rate => &[("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)],
            Self::Duration => {
                &[("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)]
            }
            Self::Percentage => &[("%", 10_000_000)],
        }
    }

    /// Its name, which is also that of the function that makes a number of a text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Rate => "rate",
            Self::Duration => "duration",
            Self::Percentage => "percentage",
        }
    }

    /// One of it, for messages.
    pub fn example(self) -> &'static str {
        match self {
            Self::Size => "1GB",
            Self::Rate => "20Mbit",
            Self::Duration => "5ms",
            Self::Percentage => "0.1%",
        }
    }

    /// The base unit's name, as messages say it.
    pub fn base_unit(self) -> &'static str {
        match self {
            Self::Size => "bytes",
            Self::Rate => "bits a second",
            Self::Duration => "nanoseconds",
            Self::Percentage => "parts in a billion",
        }
    }
}

impl Quantity {
    /// A text of that family.
    pub fn of(family: Family, text: &str) -> Option<Self> {
        text.parse::<Self>().ok().filter(|quantity| quantity.family == family)
    }

    /// The number an expression works with: bytes, bits a second, seconds, a part of one.
    #[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53 bytes")]
    pub fn number(self) -> f64 {
        match self.family {
            Family::Duration | Family::Percentage => self.base as f64 / 1e9,
            _ => self.base as f64,
        }
    }

    /// The same as JSON: a whole number wherever it is one.
    pub fn value(self) -> serde_json::Value {
        match self.family {
            Family::Size | Family::Rate => self.base.into(),
            _ if self.base.is_multiple_of(1_000_000_000) => (self.base / 1_000_000_000).into(),
            _ => self.number().into(),
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        if number.is_empty() || number.starts_with('.') || number.ends_with('.') || number.matches('.').count() > 1 {
            return Err(QuantityError::NoNumber(text.to_owned()));
        }
        if unit.is_empty() {
            return Err(QuantityError::NoUnit(text.to_owned()));
        }
        let known = Family::ALL
            .into_iter()
            .find_map(|family| family.units().iter().find(|(name, _)| *name == unit).map(|(_, size)| (family, *size)));
        let Some((family, size)) = known else {
            return Err(QuantityError::UnknownUnit { unit: unit.to_owned(), meant: meant(unit) });
        };
        let base = scaled(number, size).ok_or_else(|| QuantityError::NotWhole(text.to_owned(), family.base_unit()))?;
        Ok(Self { family, base })
    }
}

/// Decimal text times a whole number, exactly.
fn scaled(number: &str, size: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let product = digits.checked_mul(u128::from(size))?;
    (product % divisor == 0).then_some(())?;
    u64::try_from(product / divisor).ok()
}

/// The unit that a misspelt one stands for; of bytes a second, the one of bits.
fn meant(unit: &str) -> Option<&'static str> {
    if let Some((unit, _)) = a_second(unit.trim()) {
        return Some(unit);
    }
    let compact = unit.trim().to_ascii_lowercase();
    let compact = compact.as_str();
    Family::ALL
        .into_iter()
        .flat_map(|family| family.units().iter().map(|(name, _)| *name))
        .find(|name| name.eq_ignore_ascii_case(compact))
        .or(match compact {
            "k" => Some("kB"),
            "g" => Some("GB"),
            "t" => Some("TB"),
            "sec" | "second" | "seconds" => Some("s"),
            "min" | "minute" | "minutes" => Some("m"),
            "hour" | "hours" => Some("h"),
            _ => None,
        })
}

/// `Mbps`, `Mbit/s`, `MB/s`: our unit of bits, and how many bits one of theirs is.
fn a_second(unit: &str) -> Option<(&'static str, u64)> {
    let stem = unit.strip_suffix("/s").or_else(|| unit.strip_suffix("ps"))?;
    let (prefix, bits) = ["bits", "bit", "b"]
        .into_iter()
        .find_map(|bits| stem.strip_suffix(bits))
        .map(|prefix| (prefix, 1))
        .or_else(|| Some((stem.strip_suffix('B')?, 8)))?;
    let unit = match prefix {
        "" => "bit",
        "k" | "K" => "kbit",
        "M" | "m" => "Mbit",
        "G" | "g" => "Gbit",
        _ => return None,
    };
    Some((unit, bits))
}

/// The quantity that a misspelt text stands for: `2 GB` is 2GB, `5MB/s` is 40Mbit.
pub fn mend(text: &str) -> Option<String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let mended = match a_second(unit.trim()) {
        Some((unit, 8)) => format!("{}{unit}", number.parse::<f64>().ok()? * 8.0),
        _ => format!("{number}{}", meant(unit)?),
    };
    mended.parse::<Quantity>().is_ok().then_some(mended)
}

impl fmt::Display for Quantity {
    /// The largest unit of the family that gives a whole number: 1000MB shows as 1GB. Decimal units come first:
    /// a size shows in binary units only where no decimal one above bytes fits.
    ///
    /// A percentage has one unit, and decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.family == Family::Percentage {
            let (whole, fraction) = (self.base / 10_000_000, format!("{:07}", self.base % 10_000_000));
            let point = if self.base.is_multiple_of(10_000_000) { "" } else { "." };
            return write!(f, "{whole}{point}{}%", fraction.trim_end_matches('0'));
        }
        let fits = |(_, size): &&(&str, u64)| self.base != 0 && self.base.is_multiple_of(*size);
        let units = self.family.units();
        let decimal = units.iter().filter(|(name, _)| !name.contains('i') || name.ends_with("bit"));
        let best = decimal.clone().find(fits).filter(|(_, size)| *size > 1);
        let (name, size) =
            best.or_else(|| units.iter().find(fits)).or_else(|| units.last()).copied().unwrap_or(("", 1));
        write!(f, "{}{name}", self.base / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_shows_the_largest_whole_one() {
        for (text, base, shown) in [
            ("100MB", 100_000_000, "100MB"),
            ("1000MB", 1_000_000_000, "1GB"),
            ("1.5GB", 1_500_000_000, "1500MB"),
            ("100MiB", 100 << 20, "100MiB"),
            ("20Mbit", 20_000_000, "20Mbit"),
            ("5ms", 5_000_000, "5ms"),
            ("120s", 120_000_000_000, "2m"),
            ("0B", 0, "0B"),
            ("0.1%", 1_000_000, "0.1%"),
            ("2.50%", 25_000_000, "2.5%"),
            ("10%", 100_000_000, "10%"),
            ("0%", 0, "0%"),
        ] {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!((quantity.base, quantity.to_string().as_str()), (base, shown), "{text}");
        }
    }

    #[test]
    fn names_the_unit_that_was_meant() {
        for (text, unit) in
            [("5mb", "MB"), ("5 %", "%"), ("5Gbps", "Gbit"), ("5 GB", "GB"), ("5GB/s", "Gbit"), ("5sec", "s")]
        {
            match text.parse::<Quantity>() {
                Err(QuantityError::UnknownUnit { meant, .. }) => {
                    assert_eq!(meant, Some(unit), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        for (text, mended) in
            [("5mb", "5MB"), ("5MB/s", "40Mbit"), ("1.5 Gbps", "1.5Gbit"), ("2 GB", "2GB"), ("3sec", "3s")]
        {
            assert_eq!(mend(text).as_deref(), Some(mended));
        }
        assert!(matches!("0.00000001%".parse::<Quantity>(), Err(QuantityError::NotWhole(..))));
        assert!(matches!("1.0001kB".parse::<Quantity>(), Err(QuantityError::NotWhole(..))));
        assert!(matches!("5".parse::<Quantity>(), Err(QuantityError::NoUnit(_))));
    }
}
