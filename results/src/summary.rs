use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Campaign, Spread, Transfer, median, spread};

/// A quantity of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Upload of one client, seconds.
    Upload,
    /// Time to first byte, seconds.
    FirstByte,
    /// Time to 50 %, seconds.
    Half,
    /// Time to 90 %, seconds.
    Ninety,
    /// Time to 100 %, seconds.
    Whole,
    /// Payload a second, bytes.
    Speed,
    /// Bytes received, as the pod's device counts.
    Received,
    /// Bytes received over the payload's bytes.
    Overhead,
}

impl Quantity {
    /// In the order of the tables.
    pub const ALL: [Self; 8] = [
        Self::Upload,
        Self::FirstByte,
        Self::Half,
        Self::Ninety,
        Self::Whole,
        Self::Speed,
        Self::Received,
        Self::Overhead,
    ];

    /// The quantity of one transfer. A failed download took forever and moved nothing; none where it does not apply.
    pub fn of(self, transfer: &Transfer) -> Option<f64> {
        let upload = transfer.label("kind") == "upload";
        if upload != (self == Self::Upload) {
            return None;
        }
        let failed = transfer.value("benchgrid_success") == Some(0.0);
        let time = |metric| transfer.value(metric).or(failed.then_some(f64::INFINITY));
        match self {
            Self::Upload => time("benchgrid_upload_seconds"),
            Self::FirstByte => time("benchgrid_time_to_first_byte_seconds"),
            Self::Half => time("benchgrid_time_to_50_seconds"),
            Self::Ninety => time("benchgrid_time_to_90_seconds"),
            Self::Whole => time("benchgrid_time_to_100_seconds"),
            Self::Speed => transfer.value("benchgrid_download_bytes_per_second").or(failed.then_some(0.0)),
            Self::Received => transfer.value("benchgrid_network_received_bytes"),
            Self::Overhead => {
                let bytes = transfer.value("benchgrid_network_received_bytes")?;
                Some(bytes / transfer.value("benchgrid_content_bytes").filter(|bytes| *bytes > 0.0)?)
            }
        }
    }
}

/// The numbers of one group of a cell, or of all leechers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Name of the group; `all` for every leecher of the system.
    pub group: String,
    /// Median over trials of the value of each trial; missing where nothing applies.
    pub values: BTreeMap<Quantity, f64>,
    /// Downloads that arrived whole and verified.
    pub succeeded: usize,
    /// Downloads tried.
    pub tried: usize,
}

/// The numbers of one system in one cell, seen in one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellSummary {
    /// The scenario.
    pub scenario: String,
    /// Id of the cell.
    pub cell: String,
    /// Levels, by axis.
    pub levels: BTreeMap<String, String>,
    /// The system.
    pub system: String,
    /// How progress was seen; numbers of different kinds are never put together.
    pub observe: String,
    /// Accepted attempts, one a trial.
    pub attempts: Vec<String>,
    /// Ids of the records behind the numbers.
    pub records: Vec<String>,
    /// All leechers, then each group.
    pub groups: Vec<GroupSummary>,
    /// Spread of the time to 100 % between and within trials, where there are enough.
    pub spread: Option<Spread>,
}

/// One summary for each measured system of each cell and each kind of observation, from accepted attempts, measured phase, valid records.
pub fn summarise(campaign: &Campaign) -> Vec<CellSummary> {
    let accepted = campaign.accepted();
    let mut cells: BTreeMap<[&str; 4], Vec<&Transfer>> = BTreeMap::new();
    for transfer in &campaign.transfers {
        let counts = accepted.contains(transfer.label("attempt"))
            && transfer.label("phase") == "measured"
            && transfer.value("benchgrid_valid") != Some(0.0);
        if counts {
            let key = ["scenario", "cell", "system", "observe"].map(|label| transfer.label(label));
            cells.entry(key).or_default().push(transfer);
        }
    }
    let mut summaries: Vec<_> = cells.into_iter().map(|(names, transfers)| summary(names, &transfers)).collect();
    summaries.sort_by_key(|s| (s.scenario.clone(), s.levels.clone(), s.system.clone(), s.observe.clone()));
    summaries
}

fn summary([scenario, cell, system, observe]: [&str; 4], transfers: &[&Transfer]) -> CellSummary {
    let set = |label: &str| transfers.iter().map(|t| t.label(label)).collect::<BTreeSet<_>>();
    let downloads = transfers.iter().filter(|t| t.label("kind") == "download");
    let groups: BTreeSet<&str> = downloads.map(|t| t.label("group")).collect();
    let mut rows = vec![group_summary("all", transfers)];
    if groups.len() > 1 {
        for group in groups {
            let of_group: Vec<_> = transfers.iter().copied().filter(|t| t.label("group") == group).collect();
            rows.push(group_summary(group, &of_group));
        }
    }
    let owned = |levels: BTreeMap<&str, &str>| levels.into_iter().map(|(a, l)| (a.to_owned(), l.to_owned())).collect();
    CellSummary {
        scenario: scenario.to_owned(),
        cell: cell.to_owned(),
        levels: transfers.first().map(|t| owned(t.levels())).unwrap_or_default(),
        system: system.to_owned(),
        observe: observe.to_owned(),
        attempts: set("attempt").into_iter().map(str::to_owned).collect(),
        records: transfers.iter().map(|t| t.id.clone()).collect(),
        groups: rows,
        spread: spread(&by_trial(transfers, Quantity::Whole)),
    }
}

fn group_summary(group: &str, transfers: &[&Transfer]) -> GroupSummary {
    let downloads: Vec<_> = transfers.iter().filter(|t| t.label("kind") == "download").collect();
    let value = |quantity| {
        let trials: Vec<f64> = by_trial(transfers, quantity).iter().filter_map(|values| median(values)).collect();
        Some((quantity, median(&trials)?))
    };
    GroupSummary {
        group: group.to_owned(),
        values: Quantity::ALL.into_iter().filter_map(value).collect(),
        succeeded: downloads.iter().filter(|t| t.value("benchgrid_success") == Some(1.0)).count(),
        tried: downloads.len(),
    }
}

/// For each trial the value of each repetition: the median over its nodes.
fn by_trial(transfers: &[&Transfer], quantity: Quantity) -> Vec<Vec<f64>> {
    let mut trials: BTreeMap<&str, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for transfer in transfers {
        if let Some(value) = quantity.of(transfer) {
            let repetitions = trials.entry(transfer.label("trial")).or_default();
            repetitions.entry(transfer.label("repetition")).or_default().push(value);
        }
    }
    trials.into_values().map(|repetitions| repetitions.values().filter_map(|nodes| median(nodes)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use benchgrid_measures::Sample;

    use super::*;

    fn sample(name: &str, value: f64, labels: &[(&str, &str)]) -> Sample {
        let mut metric: BTreeMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        metric.insert("__name__".to_owned(), name.to_owned());
        Sample { metric, values: vec![value], timestamps: vec![1] }
    }

    fn download(attempt: &str, trial: &str, repetition: &str, node: &str, seconds: Option<f64>) -> Vec<Sample> {
        let labels = [
            ("attempt", attempt),
            ("trial", trial),
            ("repetition", repetition),
            ("node", node),
            ("group", "leechers"),
            ("kind", "download"),
            ("phase", "measured"),
            ("observe", "counter"),
            ("scenario", "s"),
            ("cell", "c"),
            ("system", "http"),
            ("axis_fileSize", "5MB"),
        ];
        let success = sample("benchgrid_success", if seconds.is_some() { 1.0 } else { 0.0 }, &labels);
        let time = seconds.map(|seconds| sample("benchgrid_time_to_100_seconds", seconds, &labels));
        [Some(success), time].into_iter().flatten().collect()
    }

    fn ending(attempt: &str, outcome: &str, records: f64) -> Sample {
        sample(benchgrid_measures::OUTCOME_METRIC, records, &[("attempt", attempt), ("outcome", outcome)])
    }

    fn whole(samples: Vec<Sample>) -> Option<f64> {
        let summaries = summarise(&Campaign::from_samples(samples));
        summaries.first()?.groups[0].values.get(&Quantity::Whole).copied()
    }

    #[test]
    fn a_trial_is_one_value() {
        // Trial 1: repetitions 2 (median of 1 and 3) and 4; trial 2: 10. Trials 3 and 10: 6.5.
        let mut samples = vec![ending("a", "measured", 3.0), ending("b", "measured", 1.0)];
        samples.extend(download("a", "1", "1", "n-0", Some(1.0)));
        samples.extend(download("a", "1", "1", "n-1", Some(3.0)));
        samples.extend(download("a", "1", "2", "n-0", Some(4.0)));
        samples.extend(download("b", "2", "1", "n-0", Some(10.0)));
        assert_eq!(whole(samples), Some(6.5));
    }

    #[test]
    fn what_a_reader_saw_is_apart() {
        let mut samples = vec![ending("a", "measured", 2.0)];
        samples.extend(download("a", "1", "1", "n-0", Some(1.0)));
        let read = download("a", "1", "1", "n-0", Some(9.0)).into_iter().map(|mut sample| {
            sample.metric.insert("observe".to_owned(), "stream".to_owned());
            sample
        });
        samples.extend(read);
        let summaries = summarise(&Campaign::from_samples(samples));
        let seen: Vec<_> =
            summaries.iter().map(|it| (it.observe.as_str(), it.groups[0].values[&Quantity::Whole])).collect();
        assert_eq!(seen, [("counter", 1.0), ("stream", 9.0)]);
    }

    #[test]
    fn a_failed_download_counts_as_infinite() {
        let mut samples = vec![ending("a", "measured", 3.0)];
        samples.extend(download("a", "1", "1", "n-0", Some(1.0)));
        samples.extend(download("a", "1", "1", "n-1", None));
        samples.extend(download("a", "1", "1", "n-2", None));
        assert_eq!(whole(samples), Some(f64::INFINITY));
    }

    #[test]
    fn only_whole_measured_attempts_count() {
        let mut failed = vec![ending("a", "failed", 1.0)];
        failed.extend(download("a", "1", "1", "n-0", Some(1.0)));
        assert_eq!(whole(failed), None);
        let mut short = vec![ending("a", "measured", 2.0)];
        short.extend(download("a", "1", "1", "n-0", Some(1.0)));
        assert_eq!(whole(short), None, "a record is missing");
        assert_eq!(whole(download("a", "1", "1", "n-0", Some(1.0))), None, "no ending");
    }

    #[test]
    fn an_overlay_deployed_by_hand_is_no_trial() {
        let of = |trial: &str| {
            let mut marker = ending("a", "measured", 1.0);
            marker.metric.insert("trial".to_owned(), trial.to_owned());
            let mut samples = vec![marker];
            samples.extend(download("a", trial, "1", "n-0", Some(1.0)));
            samples
        };
        assert_eq!(whole(of("1")), Some(1.0));
        assert_eq!(whole(of("0")), None);
        let text = crate::report::markdown(&Campaign::from_samples(of("0")), &[]);
        assert!(text.contains("| a | measured |  | an overlay deployed by hand"), "{text}");
    }

    #[test]
    fn a_trial_measured_again_counts_once() {
        let mut samples = Vec::new();
        for (attempt, ended, seconds) in [("t1a2", 20, 7.0), ("t1a1", 10, 1.0)] {
            let mut marker = ending(attempt, "measured", 1.0);
            marker.metric.insert("trial".to_owned(), "1".to_owned());
            marker.timestamps = vec![ended];
            samples.push(marker);
            samples.extend(download(attempt, "1", "1", "n-0", Some(seconds)));
        }
        let campaign = Campaign::from_samples(samples.clone());
        assert_eq!(whole(samples), Some(7.0));
        let text = crate::report::markdown(&campaign, &[]);
        assert!(text.contains("| t1a1 | measured |  | its trial was measured again, later |"), "{text}");
    }

    #[test]
    fn two_experiments_of_a_cell_are_never_mixed() {
        let mut samples = Vec::new();
        for (attempt, trial, digest, ended, seconds) in
            [("a1", "1", "old", 10, 1.0), ("a2", "2", "old", 11, 1.0), ("b1", "1", "new", 20, 7.0)]
        {
            let mut marker = ending(attempt, "measured", 1.0);
            marker.metric.insert("trial".to_owned(), trial.to_owned());
            marker.metric.insert("digest".to_owned(), digest.to_owned());
            marker.timestamps = vec![ended];
            samples.push(marker);
            samples.extend(download(attempt, trial, "1", "n-0", Some(seconds)));
        }
        let campaign = Campaign::from_samples(samples.clone());
        assert_eq!(whole(samples.clone()), Some(7.0));
        let text = crate::report::markdown(&campaign, &[]);
        assert!(text.contains("| a2 | measured |  | its cell is another experiment now |"), "{text}");
        // What was tried last and failed is what the cell is now: there is no number of it yet.
        let mut failed = ending("c1", "failed", 0.0);
        failed.metric.insert("trial".to_owned(), "1".to_owned());
        failed.metric.insert("digest".to_owned(), "newer".to_owned());
        failed.timestamps = vec![30];
        samples.push(failed);
        assert_eq!(whole(samples), None);
    }

    #[test]
    fn a_name_used_again_is_another_deployment() {
        let at =
            |samples: Vec<Sample>, time: i64| samples.into_iter().map(move |s| Sample { timestamps: vec![time], ..s });
        let mut samples: Vec<Sample> = at(vec![ending("a", "measured", 2.0)], 10).collect();
        samples.extend(at(download("a", "1", "1", "n-0", Some(1.0)), 9));
        samples.extend(at(download("a", "1", "1", "n-1", Some(1.0)), 9));
        samples.extend(at(vec![ending("a", "measured", 1.0)], 20));
        samples.extend(at(download("a", "1", "1", "n-0", Some(7.0)), 19));
        assert_eq!(whole(samples), Some(7.0));
    }
}
