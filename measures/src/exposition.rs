use std::{collections::BTreeMap, fmt::Write};

use serde::Deserialize;

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
    use super::*;

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
    fn reads_what_the_store_exports() {
        let body = "{\"metric\":{\"__name__\":\"m\",\"a\":\"b\"},\"values\":[1,2.5],\"timestamps\":[10,20]}\n";
        let samples = parse_export(body).unwrap();
        assert_eq!(samples.len(), 1);
        assert_eq!((samples[0].name(), samples[0].label("a"), samples[0].last()), ("m", "b", Some(2.5)));
    }
}
