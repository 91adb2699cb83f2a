use std::{collections::BTreeMap, fmt::Write};

use serde::Deserialize;

use crate::metric::help;

/// One value on its way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpositionLine {
    /// Name of the metric.
    pub name: String,
    /// Its labels, sorted.
    pub labels: BTreeMap<String, String>,
    /// The number, finite.
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// Writes one value in the Prometheus text format.
///
/// Empty labels are left out: the store can't tell them from missing ones.
pub fn sample_line(line: &ExpositionLine) -> String {
    let mut text = line.name.clone();
    text.push('{');
    for (i, (name, value)) in line.labels.iter().filter(|(_, value)| !value.is_empty()).enumerate() {
        if i > 0 {
            text.push(',');
        }
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        // Writing to a string can't fail.
        let _ = write!(text, "{name}=\"{value}\"");
    }
    let _ = writeln!(text, "}} {} {}", line.value, line.timestamp_ms);
    text
}

/// Writes values in the Prometheus text format, each metric once with what it is, in the order in which metrics come
/// first.
pub fn exposition(lines: &[ExpositionLine]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for line in lines {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    let mut text = String::new();
    for name in names {
        // Writing to a string can't fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} gauge", help(name));
        lines.iter().filter(|line| line.name == name).for_each(|line| text.push_str(&sample_line(line)));
    }
    text
}

/// One series as the store's `/api/v1/export` gives it back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sample {
    /// Labels, the name among them as `__name__`.
    pub metric: BTreeMap<String, String>,
    /// Values.
    pub values: Vec<f64>,
    /// Milliseconds since 1970, one a value.
    pub timestamps: Vec<i64>,
}

impl Sample {
    /// Name of the metric.
    pub fn name(&self) -> &str {
        self.label("__name__")
    }

    /// A label's value, empty where it is missing.
    pub fn label(&self, name: &str) -> &str {
        self.metric.get(name).map_or("", String::as_str)
    }

    /// The value written last. A record is written once; a retry repeats the same bytes.
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied()
    }
}

/// Reads what `/api/v1/export` answers: one JSON object a line.
pub fn parse_export(body: &str) -> Result<Vec<Sample>, serde_json::Error> {
    body.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::{CURVE_METRIC, METRICS, NODE_METRIC, OUTCOME_METRIC};

    #[test]
    fn escapes_label_values_and_leaves_empty_ones_out() {
        let line = ExpositionLine {
            name: "m".to_owned(),
            labels: BTreeMap::from([
                ("a".to_owned(), "x\"y\\z\nw".to_owned()),
                ("b".to_owned(), String::new()),
                ("c".to_owned(), "1".to_owned()),
            ]),
            value: 0.25,
            timestamp_ms: 7,
        };
        assert_eq!(sample_line(&line), "m{a=\"x\\\"y\\\\z\\nw\",c=\"1\"} 0.25 7\n");
    }

    #[test]
    fn metrics_are_kept_together() {
        let line = |name: &str, value| ExpositionLine {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            value,
            timestamp_ms: 7,
        };
        let text = exposition(&[line("benchgrid_success", 1.0), line("other", 2.0), line("benchgrid_success", 0.0)]);
        assert_eq!(
            text,
            "# HELP benchgrid_success 1 when the payload arrived whole and verified, else 0.\n\
             # TYPE benchgrid_success gauge\nbenchgrid_success{} 1 7\nbenchgrid_success{} 0 7\n\
             # HELP other \n# TYPE other gauge\nother{} 2 7\n"
        );
        assert_eq!(exposition(&[]), "");
    }

    /// Every name that is ever pushed, held against what Prometheus asks of names.
    #[test]
    fn promtool_finds_nothing_wrong() {
        let names = METRICS.iter().map(|metric| metric.name).chain([OUTCOME_METRIC, NODE_METRIC, CURVE_METRIC]);
        let line = |name: &str| ExpositionLine {
            name: name.to_owned(),
            labels: BTreeMap::from([("attempt".to_owned(), "a\"b\\c".to_owned())]),
            value: 0.5,
            timestamp_ms: 1_700_000_000_000,
        };
        let text = exposition(&names.map(line).collect::<Vec<_>>());
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this test needs the program `promtool` (package prometheus)");
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }

    #[test]
    fn reads_what_the_store_exports() {
        let body = "{\"metric\":{\"__name__\":\"m\",\"a\":\"b\"},\"values\":[1,2.5],\"timestamps\":[10,20]}\n";
        let samples = parse_export(body).unwrap();
        assert_eq!(samples.len(), 1);
        assert_eq!((samples[0].name(), samples[0].label("a"), samples[0].last()), ("m", "b", Some(2.5)));
    }
}
