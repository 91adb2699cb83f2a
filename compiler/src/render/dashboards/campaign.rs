use super::board::Board;
use super::panel::Panel;
use super::select::Select;
use benchgrid_measures::{CURVE_METRIC, OUTCOME_METRIC};

/// A record, whatever it says.
const RECORD: &str = "benchgrid_success";

/// What goes on now.
pub(super) fn board(lab: &str) -> Board {
    let select = Select(lab);
    Board {
        word: "campaign",
        title: "campaign",
        description: "What the campaigns of this lab do now: attempts that ended, records that arrive. How much is left, `benchgrid status` says: the store does not know the plan.",
        refresh: "30s",
        variables: vec![select.scenarios()],
        rows: vec![("Now", now(&select)), ("Attempts", attempts(&select)), ("Transfers", transfers(&select))],
    }
}

fn now(select: &Select<'_>) -> Vec<Panel> {
    let count = |outcome: &str| format!("count({})", select.outcomes(&format!("outcome=\"{outcome}\"")));
    vec![
        Panel::number("Measured", "Attempts that gave their numbers, in the time shown.", "none", &count("measured")),
        Panel::number(
            "Failed",
            "Attempts that can't be used, in the time shown; why, below.",
            "none",
            &count("failed"),
        ),
        Panel::number(
            "Running",
            "Attempts that have a record and no outcome yet. One that never ends was removed, or lost its coordinator.",
            "none",
            &format!("count({})", running(select)),
        ),
        Panel::number(
            "Records",
            "Transfers and uploads, in the time shown.",
            "none",
            &format!("count({})", select.last(RECORD, "")),
        ),
        Panel::number(
            "Since the last record",
            "Longer than a repetition and its pauses take: look at the conductor's log. Nothing is shown after six hours.",
            "s",
            &select.since(RECORD, ""),
        ),
        Panel::number(
            "Since the last outcome",
            "Longer than an attempt's deadline: the conductor is paused, or is not there. Nothing is shown after six hours.",
            "s",
            &select.since(OUTCOME_METRIC, ""),
        ),
    ]
}

/// Records of each attempt that has not ended.
fn running(select: &Select<'_>) -> String {
    let records = format!("count by (scenario, cell, attempt) ({})", select.last(RECORD, ""));
    format!("{records} unless on (attempt) {}", select.outcomes(""))
}

fn attempts(select: &Select<'_>) -> Vec<Panel> {
    let ended = format!("sum by (outcome) (count_over_time({}[$__interval]))", select.of(OUTCOME_METRIC, ""));
    let reasons = format!("count by (outcome, reason) ({})", select.outcomes(""));
    let running_since = format!(
        "{} unless on (attempt) {}",
        select.since(RECORD, " by (scenario, cell, attempt)"),
        select.outcomes("")
    );
    vec![
        Panel::columns("Ends", "Attempts that ended in each step, by outcome.", "none", &ended, "{{outcome}}"),
        Panel::bars(
            "Outcomes and reasons",
            "How attempts ended, in the time shown. What a reason means, the operator's guide says.",
            "none",
            &reasons,
            "{{outcome}}: {{reason}}",
        )
        .sized(12, 8),
        Panel::table(
            "Attempts that run",
            "Records so far, and how long ago the last one ended.",
            vec![("records", "none", running(select)), ("since the last record", "s", running_since)],
            &[],
        ),
        Panel::table(
            "Attempts that ended",
            "With their number of records, and the reason in the words of whoever knew.",
            vec![("records", "none", select.outcomes(""))],
            &["digest", "lab", "trial"],
        ),
    ]
}

fn transfers(select: &Select<'_>) -> Vec<Panel> {
    let arriving = format!("count by (scenario, system) ({})", select.step(RECORD, ""));
    let progress = format!("avg by (attempt, system) ({})", select.step(CURVE_METRIC, ""));
    let failures = format!("count by (scenario, system, failure) ({})", select.last(RECORD, "failure!=\"\""));
    vec![
        Panel::columns(
            "Records arriving",
            "In each step, by the time at which their transfers ended.",
            "none",
            &arriving,
            "{{scenario}}: {{system}}",
        ),
        Panel::lines(
            "Progress of the cell",
            "Verified bytes that a node holds, the mean over the nodes of an attempt that download. It comes with the record, when a transfer has ended.",
            "bytes",
            &progress,
            "{{system}}: {{attempt}}",
        ),
        Panel::bars(
            "Transfers that failed",
            "By reason, warm-up included.",
            "none",
            &failures,
            "{{scenario}}: {{system}}: {{failure}}",
        ),
    ]
}
