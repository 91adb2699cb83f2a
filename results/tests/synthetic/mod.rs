//! Campaigns whose truth is known: the reference matrix, with spread between and within trials and whatever goes wrong.
//!
//! In: a [`Design`] and its seed. Out: the records and outcomes of every attempt, as coordinators leave them.

pub(crate) mod draw;
mod matrix;
mod swarm;

use std::path::Path;

use benchgrid_measures::{Identity, Outcome, Reason, Record, Verdict};

pub(crate) use matrix::{MARGIN, Pair, Side, Trouble, pairs};

/// How a campaign is made; the same design gives the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct Design {
    /// What is measured.
    pub(crate) pairs: Vec<Pair>,
    /// Trials a cell.
    pub(crate) trials: u32,
    /// Measured repetitions a trial; there is one warm-up beside them.
    pub(crate) repetitions: u32,
    /// Standard deviation of the logarithms of trials.
    pub(crate) between: f64,
    /// No system has more leechers than that, whatever its network's size.
    pub(crate) leechers: u32,
    /// Points of a progress curve.
    pub(crate) points: u32,
    /// What all draws come from.
    pub(crate) seed: u64,
}

/// What one attempt leaves.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Its records.
    pub(crate) records: Vec<Record>,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// Milliseconds since 1970 at which the first attempt starts, and that one takes.
const BEGAN_MS: i64 = 1_700_000_000_000;
const ATTEMPT_MS: i64 = 600_000;

impl Design {
    /// Every attempt in the order of the campaign: the sides of a pair back to back.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = Attempt> {
        let trials = |pair| (1..=self.trials).map(move |trial| (pair, trial));
        let sides = |(pair, trial)| [Side::Level, Side::Baseline].map(|side| (pair, trial, side));
        let planned = self.pairs.iter().flat_map(trials).flat_map(sides);
        let tried = planned.filter(|(pair, _, side)| !(pair.trouble == Trouble::Missing && *side == Side::Baseline));
        (0_i64..)
            .zip(tried)
            .map(|(number, (pair, trial, side))| self.attempt(pair, side, trial, BEGAN_MS + number * ATTEMPT_MS))
    }

    /// Writes each attempt into a file of its own.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        for Attempt { records, outcome } in self.attempts() {
            let mut text = String::new();
            for record in &records {
                text += &serde_json::to_string(record)?;
                text.push('\n');
            }
            text += &serde_json::to_string(&outcome)?;
            text.push('\n');
            std::fs::write(folder.join(format!("{}.jsonl", outcome.identity.attempt)), text)?;
        }
        Ok(())
    }

    fn attempt(&self, pair: &Pair, side: Side, trial: u32, began_ms: i64) -> Attempt {
        let cell = pair.cells[side as usize].clone();
        let identity = Identity {
            lab: "synthetic".to_owned(),
            scenario: "codex-vs-bittorrent".to_owned(),
            attempt: format!("bg-codex-vs-bittorrent-{cell}-aaaaaa-t{trial}a1"),
            cell,
            digest: "aaaaaa".to_owned(),
            trial,
            number: 1,
        };
        let fails =
            side == Side::Level && (pair.trouble == Trouble::Broken || (pair.trouble == Trouble::Partial && trial > 3));
        let records = if fails { Vec::new() } else { swarm::records(self, pair, side, &identity, began_ms) };
        let (verdict, reason, detail) = if fails {
            (Verdict::Failed, Reason::TransferFailed, "two repetitions in a row in which every transfer failed")
        } else {
            (Verdict::Measured, Reason::Ok, "")
        };
        let outcome = Outcome {
            identity,
            verdict,
            reason,
            detail: detail.to_owned(),
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            ended_ms: began_ms + ATTEMPT_MS - 1000,
        };
        Attempt { records, outcome }
    }
}
