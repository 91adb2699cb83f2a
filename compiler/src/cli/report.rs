use std::path::{Path, PathBuf};

use benchgrid_results::analysis::{Analysis, Question};
use benchgrid_results::{Campaign, Report, SourceError, from_records, from_store};

use crate::rehearsal::names;

use super::{Exit, fail, inputs, print, say};

/// `benchgrid report`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid report matrices/smoke.yaml --lab labs/test.yaml --out report/\n  benchgrid report --lab labs/test.yaml\n  \
                        benchgrid report matrices/smoke.yaml --records rehearsal/\n\nOpen index.html of the folder. Without a scenario, every scenario that left \
                        results is reported, and what is missing can't be known.\n\nExit codes: 0 a report was made; 1 the scenario or what was read is wrong; 2 the \
                        command line is wrong or names a file that is not there; 3 the store does not answer, or a file can't be written"
)]
pub(super) struct Arguments {
    /// Scenario file: its question, its cells, its claims
    #[arg(value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
    /// Lab file; its store is read
    #[arg(long, value_name = "FILE", required_unless_present = "records")]
    lab: Option<PathBuf>,
    /// Base URL of the store, where this machine reaches it by another address than the lab file says
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Record files (what coordinators print) or folders of rehearsals, instead of the store
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., conflicts_with = "store")]
    records: Vec<PathBuf>,
    /// Folder for the pages and tables; of several scenarios, each has a folder in it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        self.report().map_or_else(|exit| exit, |()| Exit::Yes)
    }

    fn report(&self) -> Result<(), Exit> {
        let question = self.scenario.as_ref().map(|scenario| self.question(scenario)).transpose()?;
        let campaign = self.campaign(question.as_ref())?;
        let found = Question::found(&campaign);
        let questions = match question {
            Some(question) => vec![self.in_its_lab(question, &found)],
            None => found,
        };
        let several = questions.len() > 1;
        for question in questions {
            let folder = self.out.as_ref().map(|out| if several { out.join(&question.scenario) } else { out.clone() });
            let report = Report::new(&campaign, &Analysis::new(&campaign, question));
            if let Some(folder) = folder {
                write(&folder, &report).map_err(|error| fail(Exit::Environment, &error))?;
            }
            print(report.markdown());
        }
        Ok(())
    }

    /// What the scenario asks. Records on a disk may be of another lab than the plan's, a rehearsal's say, where the same cell is
    /// another experiment.
    fn question(&self, scenario: &Path) -> Result<Question, Exit> {
        let (plan, _) = match &self.lab {
            Some(lab) => inputs::planned(scenario, lab)?,
            None => inputs::planned_with(scenario, inputs::local_lab(), &|_, _| {})?,
        };
        let mut question = plan.question();
        if !self.records.is_empty() {
            question.cells.iter_mut().for_each(|cell| cell.digest.clear());
        }
        Ok(question)
    }

    /// Records on a disk name their lab themselves.
    fn in_its_lab(&self, question: Question, found: &[Question]) -> Question {
        let labs: Vec<&Question> = found.iter().filter(|found| found.scenario == question.scenario).collect();
        match labs.as_slice() {
            [only] if !self.records.is_empty() => Question { lab: only.lab.clone(), ..question },
            _ => question,
        }
    }

    fn campaign(&self, question: Option<&Question>) -> Result<Campaign, Exit> {
        let answer = |result: Result<Campaign, SourceError>| result.map_err(|error| fail(Exit::Environment, &error));
        if !self.records.is_empty() {
            self.records.iter().try_for_each(|path| inputs::there(path))?;
            let files: Vec<PathBuf> = self.records.iter().map(|path| records(path)).collect();
            let campaign = answer(from_records(&files))?;
            if campaign.is_empty() {
                say("warning: there is no record and no outcome in these files; each is a line that starts with `{`");
            }
            return Ok(campaign);
        }
        let Some(path) = &self.lab else { return Err(Exit::Usage) };
        let lab = inputs::lab(path)?;
        let store = self.store.as_ref().unwrap_or(&lab.spec.metrics.read);
        answer(from_store(store, &lab.metadata.name, question.map(|question| question.scenario.as_str())))
    }
}

/// The records of a rehearsal's folder, or the file itself.
fn records(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(names::RECORDS) } else { path.to_owned() }
}

fn write(folder: &Path, report: &Report) -> std::io::Result<()> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    for (name, text) in &report.files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(at(parent))?;
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}
