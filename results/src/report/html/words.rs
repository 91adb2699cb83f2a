//! What the report calls things.

use crate::analysis::{Analysis, CellState, Compare, Metric, PairVerdict, Quantity};

/// A metric of a claim, as it stands in a sentence.
pub(super) fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::TimeToFirstByte => "time to first byte",
        Metric::TimeTo50 => "time to 50 %",
        Metric::TimeTo90 => "time to 90 %",
        Metric::TimeTo100 => "time to 100 %",
        Metric::DownloadSpeed => "download speed",
        Metric::UploadTime => "upload time",
        Metric::NetworkBytes => "bytes received per byte of payload",
        Metric::Success => "failed downloads",
    }
}

/// The sign that stands with a verdict, so that it is seen without colour.
pub(super) fn sign(verdict: PairVerdict) -> &'static str {
    match verdict {
        PairVerdict::NonInferior => "✓",
        PairVerdict::Inferior => "✗",
        PairVerdict::Undecided => "?",
        PairVerdict::Missing => "–",
    }
}

/// The class of a verdict.
pub(super) fn verdict_class(verdict: PairVerdict) -> &'static str {
    match verdict {
        PairVerdict::NonInferior => "verdict yes",
        PairVerdict::Inferior => "verdict no",
        PairVerdict::Undecided => "verdict open",
        PairVerdict::Missing => "verdict gone",
    }
}

/// The class of a state.
pub(super) fn state_class(state: CellState) -> &'static str {
    match state {
        CellState::Measured => "verdict yes",
        CellState::Partial => "verdict open",
        CellState::Failed => "verdict no",
        CellState::Missing => "verdict gone",
    }
}

/// How progress was seen.
pub(super) fn observe(observe: &str) -> &'static str {
    match observe {
        "counter" => "what the node itself holds, verified",
        "stream" => "what a reader of the node's own API gets, in order",
        _ => "as the record says",
    }
}

/// Why a quantity may have no number.
pub(super) fn absent(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Upload => "no upload counts here",
        Quantity::FirstByte
        | Quantity::Half
        | Quantity::Ninety
        | Quantity::Whole
        | Quantity::Last
        | Quantity::Speed => "no download counts here, or the driver does not see it",
        Quantity::Efficiency => "no least possible time is stored: no link was asked for",
        Quantity::Received | Quantity::Overhead => "the pod's network counters were not read",
        Quantity::WireOverhead => "the shaped link was not counted",
        Quantity::Stall => "no progress was recorded",
    }
}

/// What a quantity is.
pub(super) fn definition(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Upload => "Seconds that the first seeder's upload took, one client alone.",
        Quantity::FirstByte => "Seconds from the start of the download to the first verified byte.",
        Quantity::Half => "Seconds until half of the payload was there and verified.",
        Quantity::Ninety => "Seconds until 90 % of the payload was there and verified.",
        Quantity::Whole => {
            "Seconds until all of the payload was there and verified; a failed download counts as infinite."
        }
        Quantity::Last => "Time to 100 % of the slowest leecher of a repetition.",
        Quantity::Speed => "Payload over the time to 100 %; 0 for a failed download.",
        Quantity::Efficiency => {
            "Least possible time of the slowest leecher, from the rates of the links (Kumar and Ross 2006), over the time it took; of \
             the leechers, the worst."
        }
        Quantity::Received => "Bytes that the pod's network device received during the download.",
        Quantity::Overhead => {
            "Bytes received over the payload's bytes, as the device counts; offloads hide most headers from it."
        }
        Quantity::WireOverhead => "Bytes that passed the shaped link, all headers included, over the payload's bytes.",
        Quantity::Stall => "Longest time during a download without a newly verified byte.",
    }
}

/// What the report is called.
pub(super) fn heading(analysis: &Analysis) -> String {
    let question = &analysis.question;
    let campaigns = question.compare.as_ref().is_some_and(Compare::is_of_campaigns);
    match &question.text {
        _ if campaigns => format!("Two campaigns of {}", question.scenario),
        Some(text) if !text.trim().is_empty() => text.clone(),
        _ if question.scenario.is_empty() => "Results".to_owned(),
        _ => format!("Results of {}", question.scenario),
    }
}

/// The class of a ratio on the diverging scale, from `d-4` (far better) to `d4` (far worse).
pub(super) fn step(ratio: f64) -> &'static str {
    const CLASSES: [[&str; 5]; 2] = [["d0", "b1", "b2", "b3", "b4"], ["d0", "w1", "w2", "w3", "w4"]];
    let size = if ratio < 1.0 { ratio.recip() } else { ratio };
    let place = STEPS.iter().filter(|bound| size > **bound).count();
    CLASSES[usize::from(ratio > 1.0)][place]
}

/// Where the scale's steps begin: ratios, the same to both sides of 1.
pub(super) const STEPS: [f64; 4] = [1.05, 1.2, 1.5, 2.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_the_same_to_both_sides() {
        let cases = [
            (1.0, "d0"),
            (1.05, "d0"),
            (1.1, "w1"),
            (1.2, "w1"),
            (1.3, "w2"),
            (2.0, "w3"),
            (f64::INFINITY, "w4"),
            (0.0, "b4"),
            (0.9, "b1"),
        ];
        for (ratio, class) in cases {
            assert_eq!(step(ratio), class, "{ratio}");
        }
    }
}
