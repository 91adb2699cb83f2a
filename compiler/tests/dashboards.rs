//! Every query of every dashboard, asked of stores that hold a campaign: it is answered, and not with nothing.
//!
//! It needs Debian's packages victoria-metrics and prometheus (with `promtool`).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use benchgrid::render::dashboards;
use benchgrid::spec::{Lab, load_lab};
use benchgrid_measures::{
    CURVE_METRIC, CurvePoint, ExpositionLine, Failure, Kind, Outcome, Phase, Reason, Record, Verdict, exposition,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A campaign of half an hour, which ended some minutes ago.
const LENGTH: i64 = 1800;
const AGO: i64 = 300;

/// A store on the loopback.
struct Store {
    url: String,
    process: Child,
    _files: TempDir,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Store {
    /// VictoriaMetrics with these lines.
    fn victoria_metrics(text: &str) -> Self {
        let store = Self::empty();
        ureq::post(format!("{}/api/v1/import/prometheus", store.url)).send(text).unwrap();
        store.flush();
        store
    }

    fn flush(&self) {
        ureq::get(format!("{}/internal/force_flush", self.url)).call().unwrap();
    }

    fn empty() -> Self {
        let files = tempfile::tempdir().unwrap();
        let store = Self::start(files, "victoria-metrics", |files, address| {
            // What was pushed last is shown at once.
            let now = "-search.latencyOffset=0s".to_owned();
            vec![format!("-storageDataPath={files}"), format!("-httpListenAddr={address}"), now]
        });
        store.wait("/health");
        store
    }

    /// Prometheus with the same. It is told of the past by files alone.
    fn prometheus(text: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        fs::write(files.path().join("samples"), open_metrics(text)).unwrap();
        fs::write(files.path().join("config.yaml"), "{}").unwrap();
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics", "samples", "data"])
            .current_dir(files.path())
            .output()
            .expect("this test needs the program `promtool` (package prometheus)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let store = Self::start(files, "prometheus", |files, address| {
            vec![
                format!("--config.file={files}/config.yaml"),
                format!("--storage.tsdb.path={files}/data"),
                format!("--web.listen-address={address}"),
            ]
        });
        store.wait("/-/ready");
        store
    }

    fn start(files: TempDir, program: &str, arguments: impl Fn(&str, &str) -> Vec<String>) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let process = Command::new(program)
            .args(arguments(files.path().to_str().unwrap(), &address))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs the program `{program}`: {error}"));
        Self { url: format!("http://{address}"), process, _files: files }
    }

    fn wait(&self, path: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while ureq::get(format!("{}{path}", self.url)).call().is_err() {
            assert!(Instant::now() < end, "{} does not come up", self.url);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the store says to a path and its parameters: `data` of the answer, or what is wrong.
    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.get(format!("{}{path}", self.url)).query("nocache", "1");
        let request = parameters.iter().fold(request, |request, (name, value)| request.query(name, value));
        let text = request.call().unwrap().body_mut().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).map_err(|_| text.clone())?;
        if answer["status"] == "success" { Ok(answer["data"].clone()) } else { Err(text) }
    }

    /// Series that a query gives, with a number in them.
    fn series(&self, query: &str, range: bool) -> Result<usize, String> {
        let (start, end) = ((now() - LENGTH - AGO).to_string(), now().to_string());
        let data = if range {
            self.ask("/api/v1/query_range", &[("query", query), ("start", &start), ("end", &end), ("step", "60")])
        } else {
            self.ask("/api/v1/query", &[("query", query), ("time", &end)])
        }?;
        let number = |value: &Value| value[1].as_str().is_some_and(|text| text.parse().is_ok_and(f64::is_finite));
        let has =
            |series: &&Value| series["values"].as_array().into_iter().flatten().chain([&series["value"]]).any(number);
        match data["result"].as_array().into_iter().flatten().filter(has).count() {
            0 => Err("no series has a number".to_owned()),
            count => Ok(count),
        }
    }

    /// The values of a dashboard's variable, as Grafana asks for them.
    fn values(&self, variable: &Value) -> Result<Vec<String>, String> {
        let query = variable["query"]["query"].as_str().unwrap();
        let (start, end) = ((now() - 86_400).to_string(), now().to_string());
        let parameters = [("start", start.as_str()), ("end", &end)];
        let data = match query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')) {
            Some(inside) => {
                let (selector, label) = inside.rsplit_once(", ").unwrap();
                let path = format!("/api/v1/label/{label}/values");
                self.ask(&path, &[&parameters[..], &[("match[]", selector)]].concat())?
            }
            None if query == "label_names()" => self.ask("/api/v1/labels", &parameters)?,
            None => return Err(format!("`{query}` is no query of a variable")),
        };
        // The only pattern there is.
        let prefix = variable["regex"].as_str().unwrap().trim_start_matches("/^").trim_end_matches(".+$/");
        let texts = data.as_array().into_iter().flatten().filter_map(Value::as_str);
        let values: Vec<String> = texts.filter(|text| text.starts_with(prefix)).map(str::to_owned).collect();
        if values.is_empty() { Err(format!("`{query}` has no value")) } else { Ok(values) }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn lab(file: &str) -> Lab {
    load_lab(&project().join(file)).0.unwrap().value
}

/// The campaign of the fixture as if it had just ended, with a failed transfer, a void record, an attempt that still
/// runs, and what the fixture leaves out.
fn campaign() -> (Vec<Record>, Vec<Outcome>) {
    let text = fs::read_to_string(project().join("compiler/tests/fixtures/records.jsonl")).unwrap();
    let mut records: Vec<Record> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut outcomes: Vec<Outcome> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let running: Vec<Record> = records.iter().filter(|record| record.identity.trial == 1).map(another).collect();
    records.extend(running);
    let last = records.iter().map(|record| record.ended_ms).max().unwrap();
    let shift = (now() - AGO) * 1000 - last;
    for (number, record) in records.iter_mut().enumerate() {
        record.ended_ms += shift;
        record.counters.agent_throttled_seconds = Some(0.01);
        "worker-1".clone_into(&mut record.environment.machine);
        "r/i@sha256:00".clone_into(&mut record.environment.image);
        if record.kind == Kind::Download {
            let point =
                |seconds: u32| CurvePoint { seconds: f64::from(seconds) * 10.0, bytes: u64::from(seconds) << 20 };
            record.curve = (0..6).map(point).collect();
        }
        if number % 8 == 5 {
            record.success = false;
            record.failure = Some(Failure::new("stalled", "no news"));
            record.timing.forget_marks();
            record.download_bytes_per_second = None;
        }
        if number == 7 {
            record.invalid = vec!["restart".to_owned()];
        }
    }
    for outcome in &mut outcomes {
        outcome.ended_ms += shift;
    }
    (records, outcomes)
}

/// The record as that of a later trial, which has no outcome yet.
fn another(record: &Record) -> Record {
    let mut record = record.clone();
    record.identity.trial = 9;
    record.identity.attempt = record.identity.attempt.replace("-t1a1", "-t9a1");
    record
}

/// Everything that the dashboards ask for, as lines with times.
fn everything() -> String {
    let (records, outcomes) = campaign();
    assert!(outcomes.iter().any(|outcome| (outcome.verdict, outcome.reason) == (Verdict::Failed, Reason::NotReady)));
    let mut lines: Vec<ExpositionLine> = outcomes.iter().map(Outcome::line).collect();
    for record in &records {
        lines.extend(record.lines());
        let node = [&*record.node.system, &*record.node.group, &*record.node.pod];
        lines.push(record.environment.line(&record.identity, node, record.ended_ms - 5000));
        lines.extend(record.curve.iter().zip(record.curve_stamps()).map(|(point, timestamp_ms)| ExpositionLine {
            name: CURVE_METRIC.to_owned(),
            labels: record.labels(),
            value: f64::from(u32::try_from(point.bytes).unwrap()),
            timestamp_ms,
        }));
    }
    exposition(&lines) + &foreign()
}

/// The same lines as `OpenMetrics`: series of one name together, times in seconds.
fn open_metrics(text: &str) -> String {
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, time) = line.rsplit_once(' ').unwrap();
        let milliseconds: i64 = time.parse().unwrap();
        let line = format!("{series} {}.{:03}", milliseconds / 1000, milliseconds % 1000);
        named.entry(line_name(series)).or_default().push(line);
    }
    let mut text = String::new();
    for (name, lines) in named {
        writeln!(text, "# TYPE {name} unknown\n{}", lines.join("\n")).unwrap();
    }
    text + "# EOF\n"
}

fn line_name(series: &str) -> &str {
    series.split(['{', ' ']).next().unwrap()
}

/// Series of kube-state-metrics and of the kubelet, as far as the dashboards ask for them.
fn foreign() -> String {
    let pod = "namespace=\"bg-smoke-0123456789-abcdef-t1a1\",pod=\"http-fast-0\"";
    let container = format!("{pod},container=\"node\"");
    let series = [
        ("kube_pod_status_phase", format!("{pod},phase=\"Running\""), [1.0, 0.0]),
        ("kube_pod_container_status_waiting_reason", format!("{container},reason=\"ImagePullBackOff\""), [1.0, 0.0]),
        ("kube_pod_container_status_restarts_total", container.clone(), [1.0, 0.0]),
        ("kube_pod_container_status_last_terminated_reason", format!("{container},reason=\"OOMKilled\""), [1.0, 0.0]),
        ("container_cpu_usage_seconds_total", container.clone(), [5.0, 0.7]),
        ("container_cpu_cfs_periods_total", container.clone(), [50.0, 10.0]),
        ("container_cpu_cfs_throttled_periods_total", container.clone(), [5.0, 1.0]),
        ("container_memory_working_set_bytes", container, [1e8, 0.0]),
        ("container_network_receive_bytes_total", format!("{pod},interface=\"eth0\""), [1e6, 1e6]),
        ("container_network_transmit_bytes_total", format!("{pod},interface=\"eth0\""), [1e6, 1e6]),
    ];
    let mut text = String::new();
    for (name, labels, [start, growth]) in series {
        for step in 0..60_u32 {
            let at = (now() - AGO - LENGTH + i64::from(step) * 30) * 1000;
            writeln!(text, "{name}{{{labels}}} {} {at}", start + growth * f64::from(step)).unwrap();
        }
    }
    text
}

/// Values of a dashboard's variables, as a query has them where everything is chosen, and where all are chosen one by
/// one.
struct Chosen(BTreeMap<String, (String, Vec<String>)>);

impl Chosen {
    fn new(board: &Value, store: &Store) -> Self {
        let mut chosen = BTreeMap::new();
        for variable in board["templating"]["list"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap().to_owned();
            if variable["type"] == "datasource" {
                continue;
            }
            // A variable's query may hold those before it.
            let mut asked = variable.clone();
            let query = Self(chosen.clone()).put(variable["query"]["query"].as_str().unwrap(), false);
            asked["query"]["query"] = Value::String(query);
            let values = store.values(&asked).unwrap_or_else(|why| panic!("{}, ${name}: {why}", board["uid"]));
            let all = variable["allValue"].as_str().map_or(values.join(","), str::to_owned);
            chosen.insert(name, (all, values));
        }
        Self(chosen)
    }

    /// The query as Grafana sends it.
    fn put(&self, query: &str, each: bool) -> String {
        let mut text = query.replace("$__range", &format!("{}s", LENGTH + AGO)).replace("$__rate_interval", "2m");
        text = text.replace("$__interval", "60s");
        for (name, (all, values)) in &self.0 {
            text = text.replace(&format!("${{{name}:csv}}"), &values.join(","));
            let value = if each { format!("({})", values.join("|")) } else { all.clone() };
            text = text.replace(&format!("${name}"), &value);
        }
        text
    }
}

/// Every query of a dashboard: its panel's title, the query, whether it is one over time.
fn queries(board: &Value) -> Vec<(String, String, bool)> {
    let mut all = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let title = format!("{}, «{}» {}", text(&board["uid"]), text(&panel["title"]), text(&target["refId"]));
            all.push((title, text(&target["expr"]), target["range"] == true));
        }
    }
    all
}

/// What is wrong with the queries of all dashboards.
fn wrong_in(store: &Store) -> Vec<String> {
    let mut wrong = Vec::new();
    for board in dashboards(&lab("labs/test.yaml")) {
        let chosen = Chosen::new(&board, store);
        for (title, query, range) in queries(&board) {
            for each in [false, true] {
                let asked = chosen.put(&query, each);
                if let Err(why) = store.series(&asked, range) {
                    wrong.push(format!("{title}: {why}\n  {asked}"));
                }
            }
        }
    }
    wrong
}

#[test]
fn every_query_finds_something_in_victoria_metrics() {
    let store = Store::victoria_metrics(&everything());
    let wrong = wrong_in(&store);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    what_is_wrong_is_noticed(&store);
}

/// So they are plain PromQL.
#[test]
fn every_query_finds_something_in_prometheus() {
    let store = Store::prometheus(&everything());
    let wrong = wrong_in(&store);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    what_is_wrong_is_noticed(&store);
    for only_victoria_metrics in ["last_over_time(benchgrid_success)", "median(benchgrid_success)"] {
        assert!(store.series(only_victoria_metrics, false).is_err(), "{only_victoria_metrics}");
    }
}

/// What the dashboard says of a rehearsal is what its records say.
#[test]
fn a_rehearsals_median_is_that_of_its_records() {
    const SCENARIO: &str = "apiVersion: benchgrid.io/v1alpha1
kind: Scenario
metadata: {name: tiny}
spec:
  axes: {fileSize: [1MB]}
  systems: {http: {base: BASE, groups: {nodes: {replicas: 4, network: {up: 80Mbit, down: 80Mbit}}}}}
  measure: {fileSize: '{{ fileSize }}', seeders: 1, repetitions: 1, warmup: 1}
";
    let (store, folder) = (Store::empty(), tempfile::tempdir().unwrap());
    let base = project().canonicalize().unwrap().join("base/http");
    fs::write(folder.path().join("tiny.yaml"), SCENARIO.replace("BASE", base.to_str().unwrap())).unwrap();
    let rehearsal = Command::new(env!("CARGO_BIN_EXE_benchgrid"))
        .args(["rehearse", "tiny.yaml", "--out", "out", "--store", &store.url])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(rehearsal.status.success(), "{}", String::from_utf8_lossy(&rehearsal.stderr));
    let text = fs::read_to_string(folder.path().join("out/records.jsonl")).unwrap();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    let counts = records.filter(|record| (record.kind, record.phase) == (Kind::Download, Phase::Measured));
    let mut times: Vec<f64> = counts.filter_map(|record| record.timing.time_to_100_seconds).collect();
    times.sort_by(f64::total_cmp);
    assert_eq!(times.len(), 3);

    store.flush();
    let lab = lab("labs/local.yaml");
    let board = dashboards(&lab).into_iter().find(|board| board["uid"] == "benchgrid-local-results").unwrap();
    let chosen = Chosen::new(&board, &store);
    let medians: Vec<String> = queries(&board)
        .into_iter()
        .filter(|(title, _, _)| title.contains("«Time to 100 %»"))
        .map(|(_, query, _)| chosen.put(&query, false))
        .collect();
    let data = store.ask("/api/v1/query", &[("query", &medians[0]), ("time", &(now() + 1).to_string())]).unwrap();
    let [series] = &data["result"].as_array().unwrap()[..] else { panic!("{data}") };
    assert_eq!((&series["metric"]["axis_fileSize"], &series["metric"]["system"]), (&json!("1MB"), &json!("http")));
    assert_eq!(series["value"][1].as_str().unwrap().parse(), Ok(times[1]));
}

/// A name that nobody pushes, a label that nobody has, a query that is none.
fn what_is_wrong_is_noticed(store: &Store) {
    let good = "last_over_time(benchgrid_success{lab=\"test\"}[1h])";
    assert!(store.series(good, false).is_ok());
    for (from, to) in [("benchgrid_success", "benchgrid_succes"), ("test", "tests"), ("[1h]", "[1h")] {
        assert!(store.series(&good.replace(from, to), false).is_err(), "{from} -> {to}");
    }
}
