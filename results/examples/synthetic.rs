//! Writes the record files of a campaign whose truth is known, for benches/run, and prints that truth: FOLDER TRIALS POINTS,
//! and on standard input what `benchgrid plan matrices/codex-vs-bittorrent.yaml --format json` says of the cells.

#![expect(clippy::print_stdout, reason = "its result")]

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::{collections::BTreeMap, error::Error, path::Path};

use serde_json::Value;
use synthetic::{Design, MARGIN, Side, pairs};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, trials, points] = arguments.as_slice() else { return Err("FOLDER TRIALS POINTS".into()) };
    let (trials, points) = (trials.parse()?, points.parse()?);
    let ids = ids(&serde_json::from_reader(std::io::stdin())?);
    let mut pairs = pairs();
    for pair in &mut pairs {
        for side in [Side::Level, Side::Baseline] {
            let levels = pair.cell_levels(side);
            let id = ids.get(&levels).ok_or_else(|| format!("the plan has no cell {levels:?}"))?;
            pair.cells[side as usize].clone_from(id);
        }
    }
    let design = Design { pairs, trials, repetitions: 2, between: 0.05, leechers: u32::MAX, points, seed: 1 };
    design.write(Path::new(folder))?;
    for pair in design.pairs {
        println!("{:?}: {} times as long, allowed {MARGIN}; trouble: {:?}", pair.levels(), pair.ratio, pair.trouble);
    }
    Ok(())
}

/// Ids of a plan's cells, by their levels.
fn ids(plan: &Value) -> BTreeMap<BTreeMap<String, String>, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let cells = plan["cells"].as_array().into_iter().flatten();
    let levels = |cell: &Value| {
        let levels = cell["levels"].as_object().into_iter().flatten();
        levels.map(|(axis, level)| (axis.clone(), text(level))).collect()
    };
    cells.map(|cell| (levels(cell), text(&cell["id"]))).collect()
}
