//! A VictoriaMetrics of its own.
//!
//! Needs the Debian package victoria-metrics.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use benchgrid_measures::{CURVE_METRIC, Outcome, Record, exposition};

/// How long what was pushed may take to show.
pub(crate) const SHOWS: Duration = Duration::from_secs(45);

pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn start(more: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        // Free now; nothing else here asks for ports by number.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("victoria-metrics")
            .args([&format!("-storageDataPath={}", data.path().display()), &format!("-httpListenAddr={address}")])
            .args(["-retentionPeriod=100y", "-search.latencyOffset=0s", "-memory.allowedBytes=100MB"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs the program `victoria-metrics` (package victoria-metrics)");
        let store = Self { child, base: format!("http://{address}"), _data: data };
        let end = Instant::now() + SHOWS;
        while ureq::get(format!("{}/health", store.base)).call().is_err() {
            assert!(Instant::now() < end, "the store does not start");
            thread::sleep(Duration::from_millis(50));
        }
        store
    }

    fn post(&self, path: &str, body: &str) {
        ureq::post(format!("{}{path}", self.base)).send(body).unwrap();
    }

    /// Pushes what a probe pushes.
    pub(crate) fn push(&self, records: &[Record], outcomes: &[Outcome]) {
        let nodes = records.iter().map(|record| {
            let of = [&*record.node.system, &*record.node.group, &*record.node.pod];
            record.environment.line(&record.identity, of, record.ended_ms - 20_000)
        });
        let lines: Vec<_> = nodes.chain(records.iter().flat_map(Record::lines)).collect();
        self.post("/api/v1/import/prometheus", &exposition(&lines));
        let curves = records.iter().filter(|record| !record.curve.is_empty()).map(|record| {
            let mut metric: BTreeMap<_, _> =
                record.labels().into_iter().filter(|(_, value)| !value.is_empty()).collect();
            metric.insert("__name__".to_owned(), CURVE_METRIC.to_owned());
            let bytes: Vec<_> = record.curve.iter().map(|point| point.bytes).collect();
            serde_json::json!({"metric": metric, "values": bytes, "timestamps": record.curve_stamps()}).to_string()
        });
        self.post("/api/v1/import", &curves.fold(String::new(), |all, line| all + &line + "\n"));
        for outcome in outcomes {
            self.post("/api/v1/import/prometheus", &exposition(&[outcome.line()]));
        }
    }
}
