use super::board::{Board, variable};
use super::panel::{Column, Panel};
use super::select::Select;

/// What makes two records the same experiment: levels are the labels `axis_<name>` that the dashboard's user chose.
const CELL: &str = "scenario, cell, digest, system, observe, ${axis:csv}";

/// What was measured.
pub(super) fn board(lab: &str) -> Board {
    let select = Results(Select(lab));
    Board {
        word: "results",
        title: "results",
        description: "Medians by cell and system, of attempts that were measured: over leechers and repetitions of a trial, then over trials. Times are of downloads that arrived, so read them beside the share that did; the report (`benchgrid report`) counts the others as infinite, and has intervals and verdicts.",
        refresh: "",
        variables: vec![
            select.0.scenarios(),
            select.0.label("system"),
            select.0.label("observe"),
            variable("axis", "label_names()", "/^axis_.+$/", None),
        ],
        rows: vec![("By cell", vec![table(&select)]), ("Times", times(&select)), ("What went wrong", wrong(&select))],
    }
}

struct Results<'a>(Select<'a>);

impl Results<'_> {
    /// Values of records that count, of one kind.
    fn of(&self, metric: &str, kind: &str) -> String {
        let more = format!("system=~\"$system\",observe=~\"$observe\",phase=\"measured\",kind=\"{kind}\"");
        let measured = self.0.outcomes("outcome=\"measured\"");
        format!("({} and on (attempt) {measured})", self.0.last(metric, &more))
    }

    fn downloads(&self, metric: &str) -> String {
        self.of(metric, "download")
    }
}

/// The median over a trial's transfers, then over trials.
fn median(values: &str) -> String {
    format!("quantile by ({CELL}) (0.5, quantile by (attempt, {CELL}) (0.5, {values}))")
}

fn table(select: &Results<'_>) -> Panel {
    let time = |metric: &str| median(&select.downloads(metric));
    let whole = select.downloads("benchgrid_time_to_100_seconds");
    let received = format!(
        "{} / {}",
        select.downloads("benchgrid_network_received_bytes"),
        select.downloads("benchgrid_content_bytes")
    );
    let slowest = |metric: &str| format!("max by (attempt, repetition, {CELL}) ({})", select.downloads(metric));
    let (bound, time_of) = (slowest("benchgrid_fluid_bound_seconds"), slowest("benchgrid_time_to_100_seconds"));
    let failed = format!("{} == 0", select.downloads("benchgrid_success"));
    let efficiency = format!("{bound} / {time_of} unless on (attempt, repetition, system, observe) ({failed})");
    let columns: Vec<Column> = vec![
        ("first byte", "s", time("benchgrid_time_to_first_byte_seconds")),
        ("to 50 %", "s", time("benchgrid_time_to_50_seconds")),
        ("to 90 %", "s", time("benchgrid_time_to_90_seconds")),
        ("to 100 %", "s", median(&whole)),
        ("to 100 %, 95 of 100", "s", format!("quantile by ({CELL}) (0.95, {whole})")),
        ("speed", "Bps", time("benchgrid_download_bytes_per_second")),
        ("upload", "s", median(&select.of("benchgrid_upload_seconds", "upload"))),
        ("received / payload", "percentunit", median(&received)),
        ("of the fluid bound", "percentunit", median(&efficiency)),
        ("arrived", "percentunit", format!("avg by ({CELL}) ({})", select.downloads("benchgrid_success"))),
        (
            "trials",
            "none",
            format!("count by ({CELL}) (count by (attempt, {CELL}) ({}))", select.downloads("benchgrid_success")),
        ),
    ];
    Panel::table(
        "Medians",
        "A row for each cell, system and way of seeing it. `of the fluid bound`: the least possible time over the slowest leecher's, of repetitions in which all arrived. `95 of 100`: of all transfers, whatever trial they are of.",
        columns,
        &[],
    )
    .sized(24, 12)
}

fn times(select: &Results<'_>) -> Vec<Panel> {
    let time = |metric: &str| median(&select.downloads(metric));
    let more = "system=~\"$system\",observe=~\"$observe\",phase=\"measured\",kind=\"download\"";
    let drift = format!(
        "quantile by (scenario, system, observe) (0.5, {})",
        select.0.step("benchgrid_time_to_100_seconds", more)
    );
    let bars = |title: &str, unit: &str, metric: &str| {
        Panel::bars(title, "The medians of the table above.", unit, &time(metric), "")
    };
    vec![
        bars("Time to 100 %", "s", "benchgrid_time_to_100_seconds"),
        bars("Time to first byte", "s", "benchgrid_time_to_first_byte_seconds"),
        bars("Speed", "Bps", "benchgrid_download_bytes_per_second"),
        Panel::lines(
            "Time to 100 % as it went",
            "The median in each step, over all cells: a trend within one cell's trials means that the lab changed. Attempts that failed included.",
            "s",
            &drift,
            "{{scenario}}: {{system}} ({{observe}})",
        )
        .sized(12, 9),
    ]
}

fn wrong(select: &Results<'_>) -> Vec<Panel> {
    let arrived = format!("avg by ({CELL}) ({})", select.downloads("benchgrid_success"));
    let more = "system=~\"$system\",observe=~\"$observe\",phase=\"measured\"";
    let failures = select.0.last("benchgrid_success", &format!("{more},failure!=\"\""));
    let void = format!("count by (scenario, system) ({} == 0)", select.0.last("benchgrid_valid", more));
    vec![
        Panel::bars(
            "Downloads that arrived",
            "Whole and verified, of those of measured attempts.",
            "percentunit",
            &arrived,
            "",
        ),
        Panel::bars(
            "Failures",
            "Transfers that failed, by reason; those of failed attempts included.",
            "none",
            &format!("count by (scenario, system, failure) ({failures})"),
            "{{scenario}}: {{system}}: {{failure}}",
        ),
        Panel::bars(
            "Void records",
            "Of repetitions that something voids: a restart, a lost agent, a link that is not shaped as asked.",
            "none",
            &void,
            "{{scenario}}: {{system}}",
        ),
    ]
}
