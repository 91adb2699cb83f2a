use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use benchgrid_results::analysis::{Analysis, Question};
use benchgrid_results::{Campaign, Report, markdown};

use super::measured::Measured;
use super::{Exit, fail, inputs, print};

/// `benchgrid report`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid report matrices/smoke.yaml --lab labs/test.yaml --out report/\n  benchgrid report --lab labs/test.yaml\n  \
                        benchgrid report matrices/smoke.yaml --records rehearsal/\n  benchgrid report matrices/smoke.yaml --lab labs/test.yaml --archive origin/results\n\nOpen index.html of the folder. Without a scenario, every scenario that left \
                        results is reported, and what is missing can't be known.\n\nExit codes: 0 a report was made; 1 the scenario or what was read is wrong; 2 the \
                        command line is wrong or names a file that is not there; 3 the store does not answer, or a file can't be written"
)]
pub(super) struct Arguments {
    /// Scenario file: its question, its cells, its claims
    #[arg(value_name = "SCENARIO", conflicts_with = "scenario")]
    file: Option<PathBuf>,
    /// What is read.
    #[command(flatten)]
    measured: Measured,
    /// Folder for the pages and tables; of several scenarios, each has a folder in it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        self.report().map_or_else(|exit| exit, |()| Exit::Yes)
    }

    fn report(&self) -> Result<(), Exit> {
        let question = self.file.as_ref().map(|scenario| self.question(scenario)).transpose()?;
        let campaign = self.measured.read(question.as_ref().map(|question| question.scenario.as_str()))?;
        let found = Question::found(&campaign);
        let questions = match question {
            Some(question) => vec![self.in_its_lab(question, &found)],
            None => found,
        };
        let several = questions.len() > 1;
        for question in questions {
            let analysis = Analysis::new(&campaign, question);
            if let Some(out) = &self.out {
                Self::write(out, &campaign, &analysis, several)?;
            }
            print(&markdown(&analysis));
        }
        Ok(())
    }

    /// Writes the report; of several scenarios, each has a folder with what is its own.
    fn write(out: &Path, campaign: &Campaign, analysis: &Analysis, several: bool) -> Result<(), Exit> {
        let Question { lab, scenario, .. } = &analysis.question;
        if several {
            return filled(&out.join(scenario), &campaign.clone().of_scenario(lab, scenario), analysis);
        }
        filled(out, campaign, analysis)
    }

    /// What the scenario asks. Records on a disk may be of another lab than the plan's, a rehearsal's say, where the same cell is
    /// another experiment.
    fn question(&self, scenario: &Path) -> Result<Question, Exit> {
        let (plan, _) = match &self.measured.lab {
            Some(lab) => inputs::planned(scenario, lab)?,
            None => inputs::planned_with(scenario, inputs::local_lab(), &|_, _| {})?,
        };
        let mut question = plan.question();
        if self.measured.is_of_any_lab() {
            question.cells.iter_mut().for_each(|cell| cell.digest.clear());
        }
        Ok(question)
    }

    /// Records on a disk name their lab themselves.
    fn in_its_lab(&self, question: Question, found: &[Question]) -> Question {
        let labs: Vec<&Question> = found.iter().filter(|found| found.scenario == question.scenario).collect();
        match labs.as_slice() {
            [only] if self.measured.is_of_any_lab() => Question { lab: only.lab.clone(), ..question },
            _ => question,
        }
    }
}

/// Writes a report's files, and what it was made from line by line: that is most of it.
fn filled(folder: &Path, campaign: &Campaign, analysis: &Analysis) -> Result<(), Exit> {
    written(folder, &Report::of(analysis).files)?;
    samples(&folder.join("samples.jsonl"), campaign).map_err(|error| fail(Exit::Environment, &error))
}

fn samples(path: &Path, campaign: &Campaign) -> std::io::Result<()> {
    let at = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file = BufWriter::new(File::create(path).map_err(at)?);
    campaign.samples().try_for_each(|line| writeln!(file, "{line}")).and_then(|()| file.flush()).map_err(at)
}

/// Writes a report's files.
pub(super) fn written(folder: &Path, files: &BTreeMap<String, String>) -> Result<(), Exit> {
    write(folder, files).map_err(|error| fail(Exit::Environment, &error))
}

fn write(folder: &Path, files: &BTreeMap<String, String>) -> std::io::Result<()> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(at(parent))?;
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}
