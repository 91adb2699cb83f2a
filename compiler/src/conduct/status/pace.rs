use benchgrid_measures::Verdict;

use super::Look;
use super::Trial;
use crate::conduct::{Attempt, Cell, Done, Room, State, index::Index, settings::Taken};
use crate::plan::Demand;

/// What attempts take, by those that ended.
#[derive(Debug, Clone)]
pub(super) struct Pace<'a> {
    /// Seconds from admission to end, over those that were expected: lower quartile, median, upper quartile of the
    /// attempts that were measured; 1 where there are none.
    ratios: Range,
    /// How many attempts that is from.
    pub(super) attempts: usize,
    /// Attempts that failed, of those that were measured or failed.
    pub(super) failures: f64,
    /// Tries that a trial has in all.
    pub(super) tries: u32,
    /// Seconds until the place of one that ended is free.
    pub(super) place: f64,
    room: &'a Room,
    /// What attempts that ended and are still deployed take of it.
    held: Vec<&'a Demand>,
}

/// Something that is not known exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Range {
    pub(super) least: f64,
    pub(super) middle: f64,
    pub(super) most: f64,
}

impl Range {
    pub(super) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { least: change(self.least), middle: change(self.middle), most: change(self.most) }
    }

    pub(super) fn with(self, other: Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            least: join(self.least, other.least),
            middle: join(self.middle, other.middle),
            most: join(self.most, other.most),
        }
    }
}

impl<'a> Pace<'a> {
    pub(super) fn of(state: &State, held: &[(&'a Attempt, &Done)], index: &Index<'_>, look: &'a Look) -> Self {
        let mut ratios = Vec::new();
        let (mut measured, mut failed) = (0_u32, 0_u32);
        for done in &state.done {
            let Some(cell) = index.wanted(done.trial()) else { continue };
            failed += u32::from(done.outcome == Verdict::Failed);
            if done.outcome != Verdict::Measured {
                continue;
            }
            measured += 1;
            let expected = cell.expected_seconds.filter(|expected| *expected > 0);
            ratios.extend(expected.map(|expected| float(done.ended.0 - done.admitted.0).max(0.0) / whole(expected)));
        }
        ratios.sort_by(f64::total_cmp);
        let at = |part| quantile(&ratios, part).unwrap_or(1.0);
        Self {
            ratios: Range { least: at(0.25), middle: at(0.5), most: at(0.75) },
            attempts: ratios.len(),
            failures: f64::from(failed) / f64::from((failed + measured).max(1)),
            tries: look.settings.retries.saturating_add(1),
            place: look.place_seconds,
            room: &look.settings.room,
            held: held.iter().map(|(attempt, _)| &attempt.needs).collect(),
        }
    }

    /// How many of these trials there is room for at a time: at least one.
    pub(super) fn places(&self, trials: &[&Trial<'_>]) -> f64 {
        let mut taken = Taken::nothing(self.room);
        self.held.iter().for_each(|demand| taken.take(demand));
        let fits = |trial: &&&Trial<'_>| {
            let fits = taken.fits(&trial.cell.needs);
            taken.take(&trial.cell.needs);
            fits
        };
        count(trials.iter().take_while(fits).count().max(1))
    }

    /// Seconds from admission to end; no more than the deadline lets it have. None where the cell does not say.
    pub(super) fn seconds(&self, cell: &Cell) -> Option<Range> {
        let expected = whole(cell.expected_seconds?);
        Some(self.ratios.map(|ratio| (expected * ratio).min(whole(cell.deadline_seconds))))
    }

    /// Tries that are likely to be needed of so many that are left.
    pub(super) fn likely(&self, left: u32) -> f64 {
        // More than these a lab with sense does not allow, and they add nothing.
        (0..left.min(64)).map(|tried| self.failures.powi(i32::try_from(tried).unwrap_or(0))).sum()
    }
}

/// Between the neighbours, in proportion.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = part * count(last);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * place.fract())
}

#[expect(clippy::cast_precision_loss, reason = "seconds stay below 2^53")]
pub(super) fn float(seconds: i64) -> f64 {
    seconds as f64
}

#[expect(clippy::cast_precision_loss, reason = "seconds stay below 2^53")]
fn whole(seconds: u64) -> f64 {
    seconds as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.25), Some(1.25));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0, 8.0, 16.0], 0.75), Some(8.0));
    }
}
