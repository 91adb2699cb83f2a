//! Writes the record files of a campaign whose truth is known, for benches/run: FOLDER TRIALS POINTS.

#![expect(clippy::print_stdout, reason = "its result")]

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::{error::Error, path::Path};

use synthetic::{Design, MARGIN, pairs};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, trials, points] = arguments.as_slice() else { return Err("FOLDER TRIALS POINTS".into()) };
    let (trials, points) = (trials.parse()?, points.parse()?);
    let design = Design { trials, repetitions: 2, between: 0.05, leechers: u32::MAX, points, seed: 1 };
    design.write(Path::new(folder))?;
    for pair in pairs() {
        println!("{:?}: {} times as long, allowed {MARGIN}; trouble: {:?}", pair.levels(), pair.ratio, pair.trouble);
    }
    Ok(())
}
