pub mod html;

use std::fmt::Write;

use crate::{Campaign, CellSummary, GroupSummary, Quantity, summarise};

/// A report, as the files of its folder.
pub struct Report {
    /// `report.md`: what people read.
    pub markdown: String,
    /// `cells.csv`: one line for each row of the tables.
    pub csv: String,
    /// `samples.jsonl`: every record that was read, one a line.
    pub samples: String,
}

const HEADS: [&str; 8] = ["upload", "TTFB", "T50", "T90", "T100", "speed", "bytes received", "received / payload"];

impl Report {
    /// Makes every file.
    pub fn new(campaign: &Campaign) -> Self {
        let summaries = summarise(campaign);
        let samples = campaign.transfers.iter().filter_map(|transfer| serde_json::to_string(transfer).ok());
        Self {
            markdown: markdown(campaign, &summaries),
            csv: csv(&summaries),
            samples: samples.fold(String::new(), |text, line| text + &line + "\n"),
        }
    }
}

/// The tables, in Markdown.
pub fn markdown(campaign: &Campaign, summaries: &[CellSummary]) -> String {
    let mut text = String::from("# Results\n\n");
    if summaries.is_empty() {
        text.push_str("No cell has an accepted attempt.\n\n");
    } else {
        table(&mut text, summaries);
    }
    spreads(&mut text, summaries);
    failures(&mut text, campaign);
    provenance(&mut text, campaign, summaries);
    text
}

fn table(text: &mut String, summaries: &[CellSummary]) {
    text.push_str(
        "One value a trial (median over leechers, then over repetitions), then the median over trials. Times in seconds \
         from the start of the download; a failed download counts as infinite. Seen by `counter`: what the node itself holds; by \
         `stream`: what a reader of its API gets, in order. One is never compared with the other.\n\n",
    );
    let _ = writeln!(text, "| cell | system | seen by | leechers | {} | whole | trials |", HEADS.join(" | "));
    let _ = writeln!(text, "| --- | --- | --- | --- |{} --- | --- |", " ---: |".repeat(HEADS.len()));
    for summary in summaries {
        for group in &summary.groups {
            let cells: Vec<String> = Quantity::ALL.iter().map(|quantity| shown(*quantity, group)).collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} of {} | {} |",
                levels(summary),
                summary.system,
                summary.observe,
                group.group,
                cells.join(" | "),
                group.succeeded,
                group.tried,
                summary.attempts.len(),
            );
        }
    }
    text.push('\n');
}

fn levels(summary: &CellSummary) -> String {
    let levels: Vec<String> = summary.levels.iter().map(|(axis, level)| format!("{axis} {level}")).collect();
    if levels.is_empty() { summary.cell.clone() } else { levels.join(", ") }
}

fn shown(quantity: Quantity, group: &GroupSummary) -> String {
    let Some(value) = group.values.get(&quantity) else { return "n/a".to_owned() };
    match quantity {
        _ if value.is_infinite() => "∞".to_owned(),
        Quantity::Speed => format!("{:.2} Mbit/s", value * 8.0 / 1e6),
        Quantity::Received => format!("{:.3} MB", value / 1e6),
        Quantity::Overhead => format!("{value:.3}"),
        _ => format!("{value:.3} s"),
    }
}

fn spreads(text: &mut String, summaries: &[CellSummary]) {
    let with: Vec<_> = summaries.iter().filter_map(|summary| Some((summary, summary.spread.as_ref()?))).collect();
    if with.is_empty() {
        return;
    }
    text.push_str("## Spread of the time to 100 %\n\nStandard deviations of logarithms, which read as coefficients of variation.\n\n");
    text.push_str(
        "| cell | system | seen by | trials | values | mean | within a trial | between trials | share between |\n",
    );
    text.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (summary, spread) in with {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.3} s | {:.2} % | {:.2} % | {:.0} % |",
            levels(summary),
            summary.system,
            summary.observe,
            spread.trials,
            spread.values,
            spread.mean,
            spread.within * 100.0,
            spread.between * 100.0,
            spread.correlation * 100.0,
        );
    }
    text.push('\n');
}

fn failures(text: &mut String, campaign: &Campaign) {
    let (accepted, experiments) = (campaign.accepted(), campaign.experiments());
    let rest: Vec<_> = campaign.endings.iter().filter(|(attempt, _)| !accepted.contains(attempt.as_str())).collect();
    if rest.is_empty() {
        return;
    }
    text.push_str(
        "## Attempts that don't count\n\n| attempt | outcome | reason | detail |\n| --- | --- | --- | --- |\n",
    );
    for (attempt, ending) in rest {
        let label = |name| ending.labels.get(name).map_or("", String::as_str).replace('|', "\\|");
        let missing = ending.records - campaign.records_of(attempt);
        let detail = if ending.by_hand() {
            "an overlay deployed by hand: no campaign admitted it, so others may have run beside it".to_owned()
        } else if missing > 0.0 && label("outcome") == "measured" {
            format!("{missing} of {} records are not in the store", ending.records)
        } else if experiments.get(&ending.cell()).is_some_and(|(_, digest)| *digest != ending.label("digest")) {
            "its cell is another experiment now".to_owned()
        } else if label("outcome") == "measured" {
            "its trial was measured again, later".to_owned()
        } else {
            label("detail")
        };
        let _ = writeln!(text, "| {attempt} | {} | {} | {detail} |", label("outcome"), label("reason"));
    }
    text.push('\n');
}

fn provenance(text: &mut String, campaign: &Campaign, summaries: &[CellSummary]) {
    if summaries.is_empty() {
        return;
    }
    text.push_str("## Where the numbers come from\n\n| cell | system | seen by | id | attempts | records |\n| --- | --- | --- | --- | --- | ---: |\n");
    for summary in summaries {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            levels(summary),
            summary.system,
            summary.observe,
            summary.cell,
            summary.attempts.join(" "),
            summary.records.len(),
        );
    }
    let _ = writeln!(text, "\n{} records were read, warm-up included.", campaign.transfers.len());
}

fn csv(summaries: &[CellSummary]) -> String {
    let mut text = String::from(
        "scenario,cell,levels,system,observe,leechers,upload_seconds,time_to_first_byte_seconds,time_to_50_seconds,time_to_90_seconds,\
         time_to_100_seconds,download_bytes_per_second,received_bytes,received_ratio,succeeded,tried,trials\n",
    );
    for summary in summaries {
        for group in &summary.groups {
            let number = |quantity| group.values.get(quantity).map_or(String::new(), ToString::to_string);
            let values: Vec<String> = Quantity::ALL.iter().map(number).collect();
            let _ = writeln!(
                text,
                "{},{},\"{}\",{},{},{},{},{},{},{}",
                summary.scenario,
                summary.cell,
                levels(summary).replace('"', "\"\""),
                summary.system,
                summary.observe,
                group.group,
                values.join(","),
                group.succeeded,
                group.tried,
                summary.attempts.len(),
            );
        }
    }
    text
}
