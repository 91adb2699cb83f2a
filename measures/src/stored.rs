use std::collections::BTreeMap;

use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::{
    AttemptName, CURVE_METRIC, Counters, Environment, METRICS, NODE_METRIC, OUTCOME_METRIC, RECORD_SCHEMA, Record,
    Sample,
};

/// Labels that are words of the record, and the fields they come from.
const WORDS: [(&str, &str); 15] = [
    ("lab", "/lab"),
    ("scenario", "/scenario"),
    ("cell", "/cell"),
    ("digest", "/digest"),
    ("attempt", "/attempt"),
    ("system", "/system"),
    ("group", "/group"),
    ("node", "/pod"),
    ("role", "/role"),
    ("kind", "/kind"),
    ("phase", "/phase"),
    ("observe", "/observe"),
    ("driver", "/driver"),
    ("version", "/version"),
    ("failure", "/failure/reason"),
];

/// Labels that are numbers of the record.
const NUMBERS: [(&str, &str); 2] = [("trial", "/trial"), ("repetition", "/repetition")];

/// A number with as many digits as the store is sure to keep: whole ones as they are, others to 11 significant digits.
///
/// VictoriaMetrics keeps decimals: it multiplies by 100 until the number is whole to one part in 10^12 or exceeds 10^12, and cuts
/// off what is left (`positiveFloatToDecimalSlow` of its `lib/decimal`). A number of 11 digits is whole before that, so
/// it comes back as it went.
pub fn as_stored(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value;
    }
    format!("{value:.10e}").parse().unwrap_or(value)
}

/// Fields of a record that hold a number, a word or a list of them: JSON pointer (`*` for each element of a list) and
/// description, which says whether it is stored.
pub fn record_fields() -> Vec<(String, String)> {
    let schema = schema_for!(Record).to_value();
    let mut fields = Vec::new();
    collect(&schema, &schema, "", &mut fields);
    fields
}

fn collect(schema: &Value, object: &Value, at: &str, fields: &mut Vec<(String, String)>) {
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let (inner, at) = match resolve(schema, field) {
            Some((inner, true)) => (Some(inner), format!("{at}/{name}/*")),
            Some((inner, false)) => (Some(inner), format!("{at}/{name}")),
            None => (None, format!("{at}/{name}")),
        };
        match inner {
            Some(inner) => collect(schema, inner, &at, fields),
            None => fields.push((at, field["description"].as_str().unwrap_or_default().to_owned())),
        }
    }
}

/// The type that a field refers to, where that has fields itself, and whether the field is a list of it.
fn resolve<'a>(schema: &'a Value, field: &'a Value) -> Option<(&'a Value, bool)> {
    let options = ["anyOf", "allOf"].into_iter().filter_map(|key| field[key].as_array()).flatten();
    let list = (field.get("items")).map(|items| (items, true));
    let mut all = options.chain([field]).map(|field| (field, false)).chain(list);
    let refers = |(field, list): (&'a Value, bool)| {
        let inner = schema.pointer(field["$ref"].as_str()?.strip_prefix('#')?)?;
        inner.get("properties").is_some().then_some((inner, list))
    };
    all.find_map(refers)
}

/// A record as far as the store holds it: what its schema marks as stored, and whether it is `valid`. Empty fields are
/// left out, numbers are floating, points of the curve stand on whole milliseconds.
pub fn stored_part(record: &Record) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    for (point, stamp) in value["curve"].as_array_mut().into_iter().flatten().zip(record.curve_stamps()) {
        point["seconds"] = seconds_since(record.curve_stamps().first(), stamp);
    }
    for (pointer, description) in record_fields() {
        if description.contains("Not stored") {
            remove(&mut value, &pointer.split('/').skip(1).collect::<Vec<_>>());
        }
    }
    if record.counters.seconds <= 0.0 {
        // Nothing was counted, which is not the same as nothing that came.
        remove(&mut value, &["counters"]);
    }
    for metric in METRICS {
        // Rounded in the unit that is stored, which the record's may not be.
        let number = value.pointer_mut(metric.field).filter(|number| number.is_number());
        if let (Some(number), Some(stored)) = (number, (metric.value)(record)) {
            *number = json!(metric.restored(as_stored(stored)));
        }
    }
    value["valid"] = json!(record.invalid.is_empty());
    plain(value)
}

/// A record from its [`stored_part`]; what is not stored is empty in it.
pub fn stored_record(stored: &Value) -> Result<Record, serde_json::Error> {
    let mut record = json!({
        "schema": RECORD_SCHEMA, "number": 0, "levels": {}, "driver": "", "version": "", "content_sha256": "", "seeders": [],
        "timing": {}, "counters": Counters::default(), "baseline": {}, "curve": [],
        "invalid": if stored["valid"] == json!(true) { json!([]) } else { json!(["not stored"]) },
    });
    merge(&mut record, whole_numbers(stored));
    if let Some(failure) = record["failure"].as_object_mut() {
        failure.insert("detail".to_owned(), json!(""));
    }
    serde_json::from_value(record)
}

/// Puts fields over those that are there.
fn merge(value: &mut Value, over: Value) {
    match (value, over) {
        (Value::Object(fields), Value::Object(over)) => {
            over.into_iter().for_each(|(name, field)| merge(fields.entry(name).or_insert(Value::Null), field));
        }
        (value, over) => *value = over,
    }
}

/// Whole numbers as such: fields that count take no others.
#[expect(clippy::cast_possible_truncation, reason = "what fits and is whole is the same after it")]
fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() < 1e18 => json!(number as i64),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(map) => map.iter().map(|(name, field)| (name.clone(), whole_numbers(field))).collect(),
        other => other.clone(),
    }
}

fn remove(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Object(map), [name]) => drop(map.remove(*name)),
        (Value::Object(map), [name, rest @ ..]) => map.get_mut(*name).into_iter().for_each(|inner| remove(inner, rest)),
        (Value::Array(items), ["*", rest @ ..]) => items.iter_mut().for_each(|item| remove(item, rest)),
        _ => {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
fn seconds_since(first: Option<&i64>, stamp: i64) -> Value {
    json!(first.map_or(0.0, |first| (stamp - first) as f64 / 1e3))
}

/// Numbers as floating ones; nothing that is empty.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Object(map) => {
            let fields = map.into_iter().map(|(name, field)| (name, plain(field)));
            let empty = [Value::Null, json!(""), json!([]), json!({})];
            Value::Object(fields.filter(|(_, field)| !empty.contains(field)).collect())
        }
        other => other,
    }
}

/// Puts records together from what the store exports: by id, each in the form of [`stored_part`].
///
/// Where an attempt's name was used again, the last one counts.
pub fn rebuild(samples: &[Sample]) -> BTreeMap<String, Value> {
    let mut series: BTreeMap<&BTreeMap<String, String>, Vec<(i64, f64)>> = BTreeMap::new();
    let of_records = |sample: &&Sample| ![OUTCOME_METRIC, NODE_METRIC].contains(&sample.name());
    for sample in samples.iter().filter(of_records) {
        // The export may give a series in several parts.
        let points = sample.timestamps.iter().copied().zip(sample.values.iter().copied());
        series.entry(&sample.metric).or_default().extend(points);
    }
    let mut records: BTreeMap<BTreeMap<String, String>, Built> = BTreeMap::new();
    for (metric, mut points) in series {
        points.sort_by_key(|(time, _)| *time);
        // A retried push repeats the same points.
        points.dedup();
        let mut labels = metric.clone();
        let name = labels.remove("__name__").unwrap_or_default();
        let record = records.entry(labels).or_default();
        match points.last() {
            Some(_) if name == CURVE_METRIC => record.curve = points,
            Some((time, value)) => {
                record.ended_ms = *time;
                record.values.insert(name, *value);
            }
            None => {}
        }
    }
    let environment = |labels: &BTreeMap<String, String>| {
        let of =
            |sample: &&Sample| ["attempt", "node"].iter().all(|name| labels.get(*name) == sample.metric.get(*name));
        let stored = samples.iter().filter(|sample| sample.name() == NODE_METRIC).find(of)?;
        Some(Environment::from_labels(&stored.metric))
    };
    records.into_iter().map(|(labels, built)| built.record(&labels, environment(&labels).as_ref())).collect()
}

/// What was found of one record.
#[derive(Default)]
struct Built {
    ended_ms: i64,
    values: BTreeMap<String, f64>,
    curve: Vec<(i64, f64)>,
}

impl Built {
    fn record(self, labels: &BTreeMap<String, String>, environment: Option<&Environment>) -> (String, Value) {
        let label = |name: &str| labels.get(name).map_or("", String::as_str);
        let mut record = Map::new();
        for (name, field) in WORDS {
            set(&mut record, field, json!(label(name)));
        }
        for (name, field) in NUMBERS {
            set(&mut record, field, json!(label(name).parse::<u32>().ok()));
        }
        let number = label("attempt").parse::<AttemptName>().ok().map(|attempt| attempt.number);
        set(&mut record, "/number", json!(number));
        for (axis, level) in labels.iter().filter_map(|(name, level)| Some((name.strip_prefix("axis_")?, level))) {
            set(&mut record, &format!("/levels/{axis}"), json!(level));
        }
        let [attempt, phase, repetition, observe, kind, node] =
            ["attempt", "phase", "repetition", "observe", "kind", "node"].map(label);
        let id = format!("{attempt}/{phase}{repetition}/{observe}/{kind}/{node}");
        set(&mut record, "/id", json!(id));
        set(&mut record, "/ended_ms", json!(self.ended_ms));
        for metric in METRICS {
            let value = self.values.get(metric.name).map(|value| metric.restored(*value));
            let flag = ["/success", "/valid"].contains(&metric.field);
            set(&mut record, metric.field, if flag { json!(value.map(|value| value != 0.0)) } else { json!(value) });
        }
        set(&mut record, "/environment", json!(environment));
        let first = self.curve.first().map(|(time, _)| *time);
        let point =
            |(time, bytes): &(i64, f64)| json!({"seconds": seconds_since(first.as_ref(), *time), "bytes": bytes});
        set(&mut record, "/curve", self.curve.iter().map(point).collect());
        (id, plain(Value::Object(record)))
    }
}

/// Sets a field, or a field of a field.
fn set(record: &mut Map<String, Value>, pointer: &str, value: Value) {
    let path = pointer.trim_start_matches('/');
    match path.split_once('/') {
        None => drop(record.insert(path.to_owned(), value)),
        Some((outer, inner)) => {
            let outer = record.entry(outer).or_insert_with(|| json!({}));
            drop(outer.as_object_mut().map(|outer| outer.insert(inner.to_owned(), value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Baseline, Cgroup, CurvePoint, ExpositionLine, Failure, Identity, Isolation, Kind, Node, Observation, Phase,
        Role, Timing,
    };

    /// A record with something in every field, no number twice.
    fn record() -> Record {
        let attempt = AttemptName::new("x", "0123456789", "abcdef", 3, 2);
        let some = |number: u32| Some(f64::from(number) + 0.0625);
        Record {
            schema: RECORD_SCHEMA,
            id: Record::name(&attempt.to_string(), Phase::Measured, 4, Observation::Counter, Kind::Download, "bt-n-0"),
            identity: Identity {
                lab: "l".to_owned(),
                scenario: "x".to_owned(),
                cell: attempt.cell.clone(),
                digest: attempt.digest.clone(),
                trial: 3,
                number: 2,
                attempt: attempt.to_string(),
            },
            levels: BTreeMap::from([("size".to_owned(), "1MB".to_owned()), ("net".to_owned(), "a \"b\"".to_owned())]),
            node: Node {
                system: "bt".to_owned(),
                group: "n".to_owned(),
                pod: "bt-n-0".to_owned(),
                role: Role::Leecher,
            },
            kind: Kind::Download,
            phase: Phase::Measured,
            repetition: 4,
            observe: Observation::Counter,
            driver: "qbittorrent".to_owned(),
            version: "fatal: not a repository\n".to_owned(),
            environment: Environment {
                kernel: "6.1".to_owned(),
                cpu_model: "fast".to_owned(),
                cpus: 30,
                cpu_frequency_hertz: Some(31),
                cpu_governor: "performance".to_owned(),
                memory_bytes: 32,
                clock_source: "tsc".to_owned(),
                cgroup: Cgroup::V2,
                cpu_limit: Some(0.5),
                memory_limit_bytes: Some(33),
                machine: "worker-1".to_owned(),
                image: "r/i@sha256:00".to_owned(),
                isolation: Isolation::Enforced,
            },
            content_bytes: 1_000_001,
            content_sha256: "00".to_owned(),
            seeders: vec!["bt-n-1".to_owned()],
            success: false,
            failure: Some(Failure { reason: "stalled".to_owned(), detail: "no news".to_owned() }),
            invalid: vec!["restart".to_owned()],
            ended_ms: 1_700_000_000_123,
            timing: Timing {
                time_to_first_byte_seconds: some(1),
                time_to_50_seconds: some(2),
                time_to_90_seconds: some(3),
                time_to_100_seconds: some(4),
                upload_seconds: some(5),
                start_skew_seconds: some(6),
                poll_gap_max_seconds: some(7),
                stall_max_seconds: some(8),
                verify_seconds: some(9),
            },
            download_bytes_per_second: some(10),
            counters: Counters {
                received_bytes: 11,
                sent_bytes: 12,
                received_packets: 13,
                sent_packets: 14,
                segments_sent: 15,
                segments_retransmitted: 16,
                sent_wire_bytes: 17,
                received_wire_bytes: Some(26),
                idle_received_bytes_per_second: 18.5,
                idle_sent_bytes_per_second: 19.5,
                seconds: 20.5,
                agent_throttled_seconds: Some(27.5),
                agent_throttled_periods: Some(28),
                agent_oom_kills: Some(29),
            },
            baseline: Baseline {
                up_asked_bits_per_second: Some(21),
                down_asked_bits_per_second: Some(22),
                up_bits_per_second: some(23),
                down_bits_per_second: some(24),
            },
            fluid_bound_seconds: some(25),
            curve: vec![CurvePoint { seconds: 0.0, bytes: 0 }, CurvePoint { seconds: 1.2344, bytes: 700_000 }],
        }
    }

    fn samples(record: &Record) -> Vec<Sample> {
        let sample = |line: ExpositionLine| {
            let mut metric = line.labels;
            metric.insert("__name__".to_owned(), line.name);
            Sample { metric, values: vec![line.value], timestamps: vec![line.timestamp_ms] }
        };
        let of = [&*record.node.system, &*record.node.group, &*record.node.pod];
        let machine = record.environment.line(&record.identity, of, record.ended_ms - 5000);
        let mut samples: Vec<_> = record.lines().into_iter().chain([machine]).map(sample).collect();
        let mut metric = record.labels();
        metric.insert("__name__".to_owned(), CURVE_METRIC.to_owned());
        // In two parts, one of them twice.
        for range in [1..2, 0..1, 1..2].into_iter().filter(|range| range.end <= record.curve.len()) {
            #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
            let values = record.curve[range.clone()].iter().map(|point| point.bytes as f64).collect();
            samples.push(Sample { metric: metric.clone(), values, timestamps: record.curve_stamps()[range].to_vec() });
        }
        samples
    }

    #[test]
    fn numbers_keep_what_the_store_keeps() {
        for (value, stored) in [
            (131.493_448_838_985_2, 131.493_448_84),
            (-0.000_012_345_678_901_26, -0.000_012_345_678_901),
            (0.1 + 0.2, 0.3),
            (123_456_789_012.75, 123_456_789_010.0),
            (9_007_199_254_740_991.0, 9_007_199_254_740_991.0),
            (0.0, 0.0),
        ] {
            assert_eq!(as_stored(value).to_bits(), f64::to_bits(stored), "{value}");
            assert_eq!(as_stored(stored).to_bits(), f64::to_bits(stored), "{value}, again");
        }
        assert!(as_stored(f64::NAN).is_nan());
    }

    #[test]
    fn every_field_says_whether_it_is_stored() {
        let fields = record_fields();
        for (pointer, description) in &fields {
            let marks = description.matches("Stored").count() + description.matches("Not stored").count();
            assert_eq!(marks, 1, "{pointer}: {description:?}");
        }
        assert!(fields.iter().any(|(pointer, _)| pointer == "/curve/*/bytes"));
        assert!(fields.iter().any(|(pointer, _)| pointer == "/failure/reason"));
    }

    #[test]
    fn what_is_marked_as_stored_is_rebuilt() {
        let record = record();
        let whole = stored_part(&record);
        for (pointer, description) in record_fields() {
            let there = whole.pointer(&pointer.replace('*', "1")).is_some();
            assert_eq!(there, description.contains("Stored"), "{pointer} needs a value in this test");
        }
        assert_eq!(rebuild(&samples(&record)), BTreeMap::from([(record.id.clone(), whole.clone())]));
        assert_eq!(whole["curve"][1]["seconds"], json!(1.234));
        assert_eq!((&whole["valid"], &whole["number"]), (&json!(false), &json!(2.0)));
    }

    #[test]
    fn a_record_comes_back_from_its_stored_part() {
        let third = Some(1e8 / 3.0);
        let odd = Baseline { up_bits_per_second: third, down_bits_per_second: third, ..Baseline::default() };
        let odd = Record { baseline: odd, download_bytes_per_second: third, ..record() };
        assert_eq!(rebuild(&samples(&odd)), BTreeMap::from([(odd.id.clone(), stored_part(&odd))]));
        let nothing = Record { counters: Counters::default(), curve: Vec::new(), version: String::new(), ..record() };
        for record in [record(), Record { failure: None, success: true, invalid: Vec::new(), ..record() }, odd, nothing]
        {
            let stored = stored_part(&record);
            let back = stored_record(&stored).unwrap();
            assert_eq!((stored_part(&back), back.lines()), (stored, record.lines()));
            assert_eq!((back.labels(), back.curve_stamps()), (record.labels(), record.curve_stamps()));
        }
        assert!(stored_record(&json!({})).is_err());
    }

    #[test]
    fn a_good_record_has_no_failure() {
        let good = Record { success: true, failure: None, invalid: Vec::new(), curve: Vec::new(), ..record() };
        let rebuilt = rebuild(&samples(&good));
        assert_eq!(rebuilt[&good.id], stored_part(&good));
        assert_eq!((&rebuilt[&good.id]["failure"], &rebuilt[&good.id]["valid"]), (&Value::Null, &json!(true)));
    }
}
