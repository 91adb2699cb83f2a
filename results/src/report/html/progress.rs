//! How far downloads were, and when.

use crate::analysis::{CellResult, Node};
use crate::statistics::median;

/// When a share of the payload was there: median of the repetitions, and the fastest and the slowest of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// Share of the payload, 0 to 1.
    pub(super) share: f64,
    /// Seconds since the start of the download.
    pub(super) median: f64,
    /// Of the fastest repetition.
    pub(super) low: f64,
    /// Of the slowest repetition; infinite where one never got there.
    pub(super) high: f64,
}

/// The course of a result's downloads in some steps: of a repetition the median over its leechers. Nothing where no curve is stored.
#[expect(clippy::cast_precision_loss, reason = "some steps")]
pub(super) fn moments(result: &CellResult, steps: usize) -> Vec<Moment> {
    let Some(payload) = payload(result) else { return Vec::new() };
    let repetitions: Vec<Vec<&Node>> = repetitions(result);
    let mut moments = Vec::new();
    for step in 0..=steps {
        let share = step as f64 / steps as f64;
        let of =
            |nodes: &Vec<&Node>| median(&nodes.iter().map(|node| reached(node, share * payload)).collect::<Vec<_>>());
        let values: Vec<f64> = repetitions.iter().filter_map(of).collect();
        let Some(median) = median(&values) else { continue };
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        moments.push(Moment { share, median, low, high });
    }
    moments
}

/// Leechers with a curve, by repetition.
fn repetitions(result: &CellResult) -> Vec<Vec<&Node>> {
    let all = result.trials.iter().flat_map(|trial| &trial.repetitions);
    let curved =
        all.map(|repetition| repetition.nodes.iter().filter(|node| node.downloads && !node.curve.is_empty()).collect());
    curved.filter(|nodes: &Vec<&Node>| !nodes.is_empty()).collect()
}

/// Bytes of the payload: as stored, else the most that a download that arrived held.
fn payload(result: &CellResult) -> Option<f64> {
    let nodes = repetitions(result).into_iter().flatten().filter(|node| node.success);
    let most = nodes.filter_map(|node| node.curve.last()).map(|(_, bytes)| *bytes).reduce(f64::max);
    result.content_bytes.or(most).filter(|bytes| *bytes > 0.0)
}

/// The first look at which a node held this much. Between two looks nothing is known, so nothing is interpolated.
fn reached(node: &Node, bytes: f64) -> f64 {
    let place = node.curve.partition_point(|(_, held)| *held < bytes);
    node.curve.get(place).map_or(f64::INFINITY, |(seconds, _)| *seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reached_at_the_first_look_that_shows_it() {
        let node = Node {
            name: "n".to_owned(),
            group: "g".to_owned(),
            downloads: true,
            values: std::collections::BTreeMap::new(),
            success: false,
            failure: None,
            curve: vec![(0.0, 0.0), (1.0, 10.0), (3.0, 20.0)],
        };
        let at = |bytes: f64| reached(&node, bytes).to_string();
        assert_eq!([0.0, 10.0, 11.0, 21.0].map(at), ["0", "1", "3", "inf"]);
    }
}
