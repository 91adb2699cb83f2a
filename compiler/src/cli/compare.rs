use std::path::{Path, PathBuf};
use std::str::FromStr;

use benchgrid_measures::Timestamp;
use benchgrid_results::analysis::{Analysis, Claim, ClaimVerdict, Metric, Question};
use benchgrid_results::{Campaign, Report, Selection, brief, from_records, from_store};

use super::measured::{from_branch, now_ms, told};
use super::report::written;
use super::{Exit, fail_git, inputs, print, say};
use crate::git::GitError;

/// `benchgrid compare`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid compare baseline/ rehearsal/\n  benchgrid compare origin/results,until=2026-11-01T00:00:00Z origin/results --claim time_to_100=1.05 \
                  --claim network_bytes=1.05\n  benchgrid compare labs/test.yaml,version=4.5.2 labs/test.yaml,version=5.0.4 --scenario smoke\n\nA source is a record file, a folder (of a \
                  rehearsal, of a report: its samples.jsonl is a stored baseline, of an archive), a lab file, whose store is read, or a branch, tag or commit with an archive. \
                  After it, parted by commas: version=TEXT (attempts with nodes of that software), digest=HEX (cells of that experiment), since=TIME, until=TIME (attempts \
                  that ended then).\n\nMetrics: time_to_first_byte, time_to_50, time_to_90, time_to_100, download_speed, upload_time, network_bytes, success.\n\nExit \
                  codes: 0 no claim is broken; 1 one is, or with --strict is not held; 2 the command line is wrong or names a file that is not there; 3 the store \
                  does not answer, or a file can't be written"
)]
pub(super) struct Arguments {
    /// What the other is compared with
    #[arg(value_name = "BASELINE")]
    baseline: Source,
    /// What is compared
    #[arg(value_name = "CANDIDATE")]
    candidate: Source,
    /// At most this many times worse than the baseline; below 1, better. Can be repeated; without any, time and bytes at 1.20
    #[arg(long, value_name = "METRIC=MARGIN", value_parser = claim)]
    claim: Vec<Claim>,
    /// The scenario, where a source has several
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// End with 1 also where a claim is undecided, or nothing can be compared
    #[arg(long)]
    strict: bool,
    /// Folder for the pages and tables, with the numbers of every cell
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Where a campaign is read, and which part.
#[derive(Debug, Clone, Default)]
struct Source {
    place: String,
    version: Option<String>,
    digests: Vec<String>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(',');
        let mut source = Self { place: words.next().unwrap_or_default().to_owned(), ..Self::default() };
        if source.place.is_empty() {
            return Err("a source starts with a file, a folder or a branch".to_owned());
        }
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not KEY=VALUE"))?;
            let time =
                || Ok::<_, String>(Some(value.parse::<Timestamp>().map_err(|error| error.to_string())?.0 * 1000));
            match key {
                "version" => source.version = Some(value.to_owned()),
                "digest" => source.digests.push(value.to_owned()),
                "since" => source.since_ms = time()?,
                "until" => source.until_ms = time()?,
                _ => return Err(format!("`{key}` is none of version, digest, since, until")),
            }
        }
        Ok(source)
    }
}

fn claim(text: &str) -> Result<Claim, String> {
    let (word, margin) = text.split_once('=').ok_or("a claim is METRIC=MARGIN, time_to_100=1.20 say")?;
    let metric = Metric::ALL.into_iter().find(|metric| metric.word() == word).ok_or_else(|| {
        let words: Vec<_> = Metric::ALL.iter().map(|metric| metric.word()).collect();
        format!("there is no metric `{word}`; there are {}", words.join(", "))
    })?;
    let margin: f64 = margin.parse().map_err(|_| format!("`{margin}` is no number"))?;
    if margin.is_finite() && margin > 0.0 {
        Ok(Claim { metric, margin })
    } else {
        Err(format!("a margin of {margin} can't be: 1.20 is at most 20 % worse, below 1 is better"))
    }
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        self.compare().unwrap_or_else(|exit| exit)
    }

    fn compare(&self) -> Result<Exit, Exit> {
        // Both are read, so that both are told of.
        let (baseline, candidate) = (self.side(&self.baseline), self.side(&self.candidate));
        let (baseline, candidate) = (baseline?, candidate?);
        let mut claims = self.claim.clone();
        if claims.is_empty() {
            claims = [Metric::TimeTo100, Metric::NetworkBytes].map(|metric| Claim { metric, margin: 1.2 }).to_vec();
        }
        let analysis = Analysis::against((&baseline.0, baseline.1), (&candidate.0, candidate.1), claims);
        if let Some(folder) = &self.out {
            written(folder, &Report::of(&analysis).files)?;
        }
        print(&brief(&analysis));
        Ok(self.gate(&analysis))
    }

    fn gate(&self, analysis: &Analysis) -> Exit {
        let is = |verdict| analysis.comparisons.iter().any(|comparison| comparison.verdict == verdict);
        let open = is(ClaimVerdict::Undecided) || is(ClaimVerdict::Empty) || analysis.comparisons.is_empty();
        if is(ClaimVerdict::Broken) || self.strict && open { Exit::No } else { Exit::Yes }
    }

    /// What a source has of the one scenario.
    fn side(&self, source: &Source) -> Result<(Campaign, Question), Exit> {
        let mut campaign = self.read(source)?;
        if let Some(version) = &source.version {
            campaign = campaign.of_version(version);
        }
        campaign = campaign.ended_in(source.since_ms.unwrap_or(i64::MIN)..source.until_ms.unwrap_or(i64::MAX));
        let mut found = Question::found(&campaign);
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok((campaign, only)),
            (None, _) => {
                say(&format!("error: {}: nothing of what was asked for is in it", source.place));
                Err(Exit::No)
            }
            (Some(last), false) => {
                let names: Vec<String> =
                    found.iter().chain([&last]).map(|it| format!("{} of lab {}", it.scenario, it.lab)).collect();
                say(&format!(
                    "error: {} has several scenarios: {}; name one by --scenario",
                    source.place,
                    names.join(", ")
                ));
                Err(Exit::Usage)
            }
        }
    }

    fn read(&self, source: &Source) -> Result<Campaign, Exit> {
        let mut selection =
            Selection { scenario: self.scenario.clone(), digests: source.digests.clone(), ..Selection::default() };
        let path = Path::new(&source.place);
        let is_lab = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if is_lab {
            let lab = inputs::lab(path)?;
            selection.lab = Some(lab.metadata.name);
            return told(from_store(&lab.spec.metrics.read, &selection, now_ms()));
        }
        if path.exists() {
            return told(from_records(&[path.to_owned()], &selection, now_ms()));
        }
        let read = from_branch(&source.place, &selection, now_ms());
        told(read.map_err(|error| {
            let exit = fail_git(&error);
            if matches!(error, GitError::NoReference { .. }) { Exit::Usage } else { exit }
        })?)
    }
}
