use std::collections::BTreeMap;

use serde::Serialize;

use super::Claim;
use crate::statistics::{Interval, half_width};

/// One claim about one level against the baseline, over all cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What is claimed.
    pub claim: Claim,
    /// The level.
    pub level: String,
    /// What it is compared with.
    pub baseline: String,
    /// How progress was seen.
    pub observe: String,
    /// Each cell of the level with its partner, in the order of the cells.
    pub pairs: Vec<Pair>,
    /// What comes out for the claim as a whole: it holds only if it holds in every cell (intersection-union test, Berger 1982).
    pub verdict: ClaimVerdict,
    /// Geometric mean of the ratios that have an interval or, where none has, of all; infinite where one is.
    pub mean: Option<f64>,
    /// Its 95 % interval, where ratios have intervals.
    pub mean_interval: Option<(f64, f64)>,
}

/// A cell of the level and its partner: the same other levels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// Place of the level's cell in [`super::Analysis::cells`]; none: there is no such cell.
    pub cell: Option<usize>,
    /// Place of the baseline's cell.
    pub partner: Option<usize>,
    /// The other levels, which both have.
    pub levels: BTreeMap<String, String>,
    /// How many times worse the level's median is than the baseline's: above 1 is worse, whatever the metric.
    pub times_worse: Option<f64>,
    /// The same with its 95 % interval over trials, where there are trials enough.
    pub ratio: Option<Interval>,
    /// Cliff's delta of the level's trials against the baseline's, from -1 (all better) to 1 (all worse).
    pub delta: Option<f64>,
    /// Two-sided p of "no difference": Welch's; where a trial failed or nothing spreads, of the rank sum test.
    pub p: Option<f64>,
    /// The same, adjusted over the pairs of this comparison (Holm 1979).
    pub adjusted_p: Option<f64>,
    /// What comes out.
    pub verdict: PairVerdict,
    /// Trials of the level and of the baseline.
    pub trials: [usize; 2],
    /// Trials a side that would decide it if the ratio stays what it is; none: decided, or more than a thousand.
    pub trials_to_decide: Option<u32>,
    /// What to know of it: why there is no ratio, that the sides were measured too far apart.
    pub notes: Vec<String>,
}

/// What comes out for one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairVerdict {
    /// The whole interval is within the margin.
    NonInferior,
    /// The whole interval is beyond the margin.
    Inferior,
    /// The margin lies in the interval, or there is none.
    Undecided,
    /// A side has no number.
    Missing,
}

/// What comes out for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// It holds in every cell.
    Held,
    /// In at least one cell it does not.
    Broken,
    /// Neither is shown.
    Undecided,
    /// No cell has numbers of both sides.
    Empty,
}

/// Which side is better in a pair, whatever the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// The level is better: the interval lies below 1.
    Better,
    /// The level is worse: the interval lies above 1.
    Worse,
    /// 1 lies in the interval.
    NoneShown,
}

impl Pair {
    /// How precise the ratio is: 0.1 reads "to within 10 %"; none without an interval that has two ends.
    pub fn precision(&self) -> Option<f64> {
        self.ratio.as_ref().map(half_width).filter(|width| width.is_finite())
    }

    /// Which side is better; none where there is no interval.
    pub fn difference(&self) -> Option<Difference> {
        let ratio = self.ratio?;
        Some(match () {
            () if ratio.high < 1.0 => Difference::Better,
            () if ratio.low > 1.0 => Difference::Worse,
            () => Difference::NoneShown,
        })
    }
}

impl PairVerdict {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::NonInferior => "non-inferior",
            Self::Inferior => "inferior",
            Self::Undecided => "undecided",
            Self::Missing => "missing",
        }
    }
}

impl ClaimVerdict {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Undecided => "undecided",
            Self::Empty => "empty",
        }
    }
}
