use std::path::{Path, PathBuf};

use benchgrid_results::Report;

use super::measured::Measured;
use super::{Exit, print, say};

/// `benchgrid report`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid report --lab labs/test.yaml\n  benchgrid report --lab labs/test.yaml --scenario smoke \
                        --out report/\n  benchgrid report --records records.jsonl\n  \
                        benchgrid report --archive origin/results --scenario smoke"
)]
pub(super) struct Arguments {
    /// What is read.
    #[command(flatten)]
    measured: Measured,
    /// Write report.md, cells.csv and samples.jsonl to this folder as well
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        let campaign = match self.measured.read() {
            Ok(campaign) => campaign,
            Err(exit) => return exit,
        };
        let report = Report::new(&campaign);
        if let Some(folder) = &self.out
            && let Err(error) = write(folder, &report)
        {
            say(&format!("error: {}: {error}", folder.display()));
            return Exit::Environment;
        }
        print(&report.markdown);
        Exit::Yes
    }
}

fn write(folder: &Path, report: &Report) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in
        [("report.md", &report.markdown), ("cells.csv", &report.csv), ("samples.jsonl", &report.samples)]
    {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
