use std::path::{Path, PathBuf};

use benchgrid_results::{Campaign, Report, SourceError, from_records, from_store};

use crate::rehearsal::names;

use super::{Exit, fail, inputs, print, say};

/// `benchgrid report`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid report --lab labs/test.yaml\n  benchgrid report --lab labs/test.yaml --scenario smoke \
                        --out report/\n  benchgrid report --records records.jsonl"
)]
pub(super) struct Arguments {
    /// Lab file; its store is read
    #[arg(long, value_name = "FILE", required_unless_present = "records")]
    lab: Option<PathBuf>,
    /// Base URL of the store, where this machine reaches it by another address than the lab file says
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Only this scenario
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Record files (what coordinators print) or folders of rehearsals, instead of the store
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., conflicts_with_all = ["store", "lab", "scenario"])]
    records: Vec<PathBuf>,
    /// Write report.md, cells.csv and samples.jsonl to this folder as well
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        let campaign = match self.campaign() {
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

    fn campaign(&self) -> Result<Campaign, Exit> {
        let answer = |result: Result<Campaign, SourceError>| result.map_err(|error| fail(Exit::Environment, &error));
        if !self.records.is_empty() {
            self.records.iter().try_for_each(|path| inputs::there(path))?;
            let files: Vec<PathBuf> = self.records.iter().map(|path| records(path)).collect();
            let campaign = answer(from_records(&files))?;
            if campaign.transfers.is_empty() && campaign.endings.is_empty() {
                say("warning: there is no record and no outcome in these files; each is a line that starts with `{`");
            }
            return Ok(campaign);
        }
        let Some(path) = &self.lab else { return Err(Exit::Usage) };
        let lab = inputs::lab(path)?;
        let store = self.store.as_ref().unwrap_or(&lab.spec.metrics.read);
        answer(from_store(store, &lab.metadata.name, self.scenario.as_deref()))
    }
}

/// The records of a rehearsal's folder, or the file itself.
fn records(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(names::RECORDS) } else { path.to_owned() }
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
