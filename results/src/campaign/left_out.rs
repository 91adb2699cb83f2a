use std::fmt;

use serde::Serialize;

/// Why the numbers of an attempt are not used. Its words are for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum LeftOut {
    /// An overlay itself was deployed; no campaign admitted it.
    ByHand,
    /// It ended as measured, and not every record it made was found.
    RecordsMissing {
        /// How many were found.
        there: usize,
        /// How many it made.
        made: usize,
    },
    /// The newest attempt at its cell has another digest.
    OtherExperiment,
    /// The scenario has no such cell any more.
    OtherMatrix,
    /// A later attempt at the same trial counts.
    MeasuredAgain,
    /// It failed.
    Failed {
        /// What it said.
        detail: String,
    },
    /// Nobody wanted it any more.
    Superseded {
        /// What was said of it.
        detail: String,
    },
    /// It made records and has not said how it ended: it still runs, or was killed.
    Unfinished {
        /// How many records were found.
        there: usize,
    },
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByHand => {
                f.write_str("an overlay deployed by hand: no campaign admitted it, so others may have run beside it")
            }
            Self::RecordsMissing { there, made } => {
                write!(f, "{} of {made} records are not in the store", made.saturating_sub(*there))
            }
            Self::OtherMatrix => f.write_str("the scenario has no such cell any more"),
            Self::OtherExperiment => f.write_str("its cell is another experiment now"),
            Self::MeasuredAgain => f.write_str("its trial was measured again, later"),
            Self::Failed { detail } | Self::Superseded { detail } => f.write_str(detail),
            Self::Unfinished { there: 1 } => f.write_str("one record and no outcome: it still runs, or was killed"),
            Self::Unfinished { there } => write!(f, "{there} records and no outcome: it still runs, or was killed"),
        }
    }
}
