use std::{fmt, str::FromStr};

/// The name of one attempt: `bg-<scenario>-<cell>-<digest>-t<trial>a<number>`.
///
/// It is at once a directory of the deploy branch, an Application and a namespace, so it is a DNS
/// label of at most 63 characters. Trial and number start at 1; an overlay that nobody admitted
/// carries `t0a0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptName {
    /// The scenario's name, cut to [`AttemptName::SCENARIO_LENGTH`] characters.
    pub scenario: String,
    /// The cell's id: 10 hex digits.
    pub cell: String,
    /// The first 6 hex digits of the cell's digest.
    pub digest: String,
    /// Which trial of the cell, from 1.
    pub trial: u32,
    /// Which try at that trial, from 1.
    pub number: u32,
}

/// A text that is not the name of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptNameError(String);

impl fmt::Display for AttemptNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not the name of an attempt (bg-<scenario>-<cell>-<digest>-t<trial>a<number>)", self.0)
    }
}

impl std::error::Error for AttemptNameError {}

impl AttemptName {
    /// How many characters of the scenario's name are kept.
    pub const SCENARIO_LENGTH: usize = 20;

    /// Names an attempt; cuts the scenario's name and the digest to their lengths.
    pub fn new(scenario: &str, cell: &str, digest: &str, trial: u32, number: u32) -> Self {
        let cut: String = scenario.chars().take(Self::SCENARIO_LENGTH).collect();
        Self {
            scenario: cut.trim_end_matches('-').to_owned(),
            cell: cell.to_owned(),
            digest: digest.chars().take(6).collect(),
            trial,
            number,
        }
    }
}

impl fmt::Display for AttemptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, cell, digest, trial, number } = self;
        write!(f, "bg-{scenario}-{cell}-{digest}-t{trial}a{number}")
    }
}

impl FromStr for AttemptName {
    type Err = AttemptNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let rest = text.strip_prefix("bg-")?;
            let (rest, last) = rest.rsplit_once('-')?;
            let (rest, digest) = rest.rsplit_once('-')?;
            let (scenario, cell) = rest.rsplit_once('-')?;
            let (trial, number) = last.strip_prefix('t')?.split_once('a')?;
            let hex = |s: &str, n| s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit());
            (hex(cell, 10) && hex(digest, 6) && !scenario.is_empty()).then_some(())?;
            Some(Self {
                scenario: scenario.to_owned(),
                cell: cell.to_owned(),
                digest: digest.to_owned(),
                trial: trial.parse().ok()?,
                number: number.parse().ok()?,
            })
        };
        parse().ok_or_else(|| AttemptNameError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let name = AttemptName::new("codex-vs-bittorrent-and-more", "0123456789", "abcdef0123", 12, 3);
        assert_eq!(name.to_string(), "bg-codex-vs-bittorrent-0123456789-abcdef-t12a3");
        assert_eq!(name.to_string().parse(), Ok(name));
    }

    #[test]
    fn longest_name_is_a_dns_label() {
        let name = AttemptName::new(&"x".repeat(50), "0123456789", "abcdef", 9999, 9999).to_string();
        assert!(name.len() <= 63, "{name} has {} characters", name.len());
    }

    #[test]
    fn refuses_other_names() {
        for text in
            ["", "bg-x-0123456789-abcdef-t1", "kube-system", "bg-x-01234-abcdef-t1a1", "bg--0123456789-abcdef-t1a1"]
        {
            assert!(text.parse::<AttemptName>().is_err(), "{text}");
        }
    }
}
