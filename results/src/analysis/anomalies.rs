//! What is odd about the numbers of a cell. Nothing of it is left out of them.

use super::{CellResult, Quantity};
use crate::Transfer;
use crate::statistics::median;

/// Later starts than this against the planned one are said, in seconds.
const SKEW: f64 = 0.1;
/// Pauses between two looks above this share of the time to 100 % are said.
const GAP: f64 = 0.05;
/// Segments sent again above this share are said.
const AGAIN: f64 = 0.01;

/// One phrase for each thing that is odd.
pub(super) fn anomalies(cell: &CellResult, transfers: &[&Transfer]) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |count: usize, what: String| {
        if count > 0 {
            found.push(what);
        }
    };
    let over = |metric: &str, limit: f64| -> (usize, f64) {
        let values = transfers.iter().filter_map(|transfer| transfer.value(metric));
        let high: Vec<f64> = values.filter(|value| value.abs() > limit).collect();
        (high.len(), high.iter().fold(0.0, |most, value| if value.abs() > f64::abs(most) { *value } else { most }))
    };
    let (late, most) = over("benchgrid_start_skew_seconds", SKEW);
    say(late, format!("{} started up to {most:.3} s off the planned instant", counted(late, "transfer")));
    if let Some(whole) = cell.all().and_then(|all| all.values.get(&Quantity::Whole)).map(|whole| whole.median) {
        let (coarse, most) = over("benchgrid_poll_gap_max_seconds", GAP * whole);
        let share = most / whole * 100.0;
        let words = counted(coarse, "transfer");
        say(
            coarse,
            format!("{words} had pauses of up to {most:.3} s between looks, {share:.0} % of the time to 100 %"),
        );
    }
    let (slowed, most) = over("benchgrid_agent_throttled_seconds", 0.0);
    say(slowed, format!("the agent was throttled in {}, up to {most:.3} s", counted(slowed, "transfer")));
    let share = |transfer: &&&Transfer| {
        let again = transfer.value("benchgrid_network_segments_retransmitted")?;
        Some(again / transfer.value("benchgrid_network_segments_sent").filter(|sent| *sent > 0.0)?)
    };
    let lossy = transfers.iter().filter(|transfer| share(transfer).is_some_and(|share| share > AGAIN)).count();
    say(lossy, format!("{} sent more than 1 % of its segments again", counted(lossy, "transfer")));
    let void: usize = cell.trials.iter().map(|trial| trial.void_repetitions).sum();
    say(void, format!("{} void, and left out", counted(void, "repetition")));
    let versions = cell.software.len();
    say(versions.saturating_sub(1), format!("nodes of {versions} versions: {}", list(&cell.software)));
    let far = far_repetitions(cell);
    say(far, format!("{} far from the others of the cell (Tukey's outer fence)", counted(far, "repetition")));
    found
}

fn list(words: &std::collections::BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// `1 transfer`, `2 transfers`.
pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Repetitions whose time to 100 % lies beyond three times the quartiles' distance (Tukey 1977, section 2D); they stay in the numbers.
fn far_repetitions(cell: &CellResult) -> usize {
    let mut values: Vec<f64> = cell.trials.iter().flat_map(|trial| trial.values(Quantity::Whole, None)).collect();
    values.sort_by(f64::total_cmp);
    // quartiles of fewer say nothing
    if values.len() < 8 {
        return 0;
    }
    let half = values.len() / 2;
    let (Some(low), Some(high)) = (median(&values[..half]), median(&values[values.len() - half..])) else { return 0 };
    let reach = 3.0 * (high - low);
    values.iter().filter(|value| **value < low - reach || **value > high + reach).count()
}
