//! Parts of queries.
//!
//! Results are points of the past, each series often a single one: [`last`] finds them wherever they lie in the time that
//! is shown.

use serde_json::Value;

use super::board::variable;

/// Everything a lab's store has of a metric: records have a scenario, most of them the chosen system.
pub(super) struct Select<'a>(pub(super) &'a str);

impl Select<'_> {
    /// Selector of a metric of the chosen scenarios.
    pub(super) fn of(&self, metric: &str, more: &str) -> String {
        let comma = if more.is_empty() { "" } else { "," };
        format!("{metric}{{lab=\"{}\",scenario=~\"$scenario\"{comma}{more}}}", self.0)
    }

    /// The newest value of each series.
    pub(super) fn last(&self, metric: &str, more: &str) -> String {
        format!("last_over_time({}[$__range])", self.of(metric, more))
    }

    /// The same of each step of a panel over time.
    pub(super) fn step(&self, metric: &str, more: &str) -> String {
        format!("last_over_time({}[$__interval])", self.of(metric, more))
    }

    /// Outcomes of attempts.
    pub(super) fn outcomes(&self, more: &str) -> String {
        self.last(benchgrid_measures::OUTCOME_METRIC, more)
    }

    /// Seconds since the newest sample; nothing after six hours, since each minute of them is looked at.
    pub(super) fn since(&self, metric: &str, by: &str) -> String {
        format!("time() - max{by} (max_over_time(timestamp({})[6h:1m]))", self.of(metric, ""))
    }

    /// The choice of scenarios.
    pub(super) fn scenarios(&self) -> Value {
        variable(
            "scenario",
            &format!("label_values(benchgrid_success{{lab=\"{}\"}}, scenario)", self.0),
            "",
            Some(".*"),
        )
    }

    /// The choice of another label of records.
    pub(super) fn label(&self, label: &str) -> Value {
        let query = format!("label_values({}, {label})", self.of("benchgrid_success", ""));
        variable(label, &query, "", Some(".*"))
    }
}
