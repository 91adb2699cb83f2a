//! A real VictoriaMetrics.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use benchgrid_measures::{CURVE_METRIC, exposition};
use benchgrid_results::{Campaign, Oddity, Selection, SourceError, from_store};

use super::campaign::{Made, identity, made, now_ms};
use super::files::read;

/// How long what was pushed may take to show.
const SHOWS: Duration = Duration::from_secs(45);

pub(crate) struct Store {
    child: Child,
    pub(crate) base: String,
    _data: tempfile::TempDir,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Store {
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

    pub(crate) fn post(&self, path: &str, body: &str) {
        ureq::post(format!("{}{path}", self.base)).send(body).unwrap();
    }

    /// Pushes what a probe pushes.
    pub(crate) fn push(&self, made: &Made) {
        let nodes = made.records.iter().map(|record| {
            let of = [&*record.node.system, &*record.node.group, &*record.node.pod];
            record.environment.line(&record.identity, of, record.ended_ms - 20_000)
        });
        let lines: Vec<_> = nodes.chain(made.records.iter().flat_map(benchgrid_measures::Record::lines)).collect();
        self.post("/api/v1/import/prometheus", &exposition(&lines));
        let curves = made.records.iter().filter(|record| !record.curve.is_empty()).map(|record| {
            let mut metric: BTreeMap<_, _> =
                record.labels().into_iter().filter(|(_, value)| !value.is_empty()).collect();
            metric.insert("__name__".to_owned(), CURVE_METRIC.to_owned());
            let bytes: Vec<_> = record.curve.iter().map(|point| point.bytes).collect();
            serde_json::json!({"metric": metric, "values": bytes, "timestamps": record.curve_stamps()}).to_string()
        });
        self.post("/api/v1/import", &curves.fold(String::new(), |all, line| all + &line + "\n"));
        for outcome in &made.outcomes {
            self.post("/api/v1/import/prometheus", &exposition(&[outcome.line()]));
        }
    }

    /// What it holds, once that is what is waited for or nothing changes any more.
    pub(crate) fn shows(&self, selection: &Selection, wanted: &Campaign) -> Campaign {
        let end = Instant::now() + SHOWS;
        loop {
            let read = from_store(&self.base, selection, now_ms());
            match read {
                Ok(campaign) if campaign == *wanted || Instant::now() > end => return campaign,
                Err(error) if Instant::now() > end => panic!("{error}"),
                _ => thread::sleep(Duration::from_millis(500)),
            }
        }
    }
}

#[track_caller]
pub(crate) fn same(one: &Campaign, other: &Campaign) {
    for (one, other) in one.transfers.iter().zip(&other.transfers) {
        assert_eq!(one, other);
    }
    assert_eq!(one.transfers.len(), other.transfers.len());
    assert_eq!(one.endings, other.endings);
    assert_eq!(one.nodes, other.nodes);
    assert_eq!(one.oddities, other.oddities);
}

#[test]
fn the_store_gives_the_campaign_of_the_record_file() {
    let made = made(now_ms() - 86_400_000);
    let printed = read(&made.lines(), &Selection::default()).unwrap();
    assert_eq!((printed.transfers.len(), printed.endings.len()), (84, 6));
    assert_eq!((printed.nodes.len(), printed.oddities.len()), (7, 0));
    assert!(printed.transfers.iter().filter(|transfer| transfer.curve.len() == 21).count() > 40);
    // Stores of a cluster drop duplicates, single ones keep them.
    for more in [&[][..], &["-dedup.minScrapeInterval=1ms"]] {
        let store = Store::start(more);
        store.push(&made);
        same(&store.shows(&Selection::default(), &printed), &printed);
        store.push(&made);
        thread::sleep(Duration::from_secs(3));
        same(&store.shows(&Selection::default(), &printed), &printed);
    }
}

#[test]
fn only_what_is_wanted_is_read() {
    let made = made(now_ms() - 86_400_000);
    let store = Store::start(&[]);
    store.push(&made);
    let everything = read(&made.lines(), &Selection::default()).unwrap();
    same(&store.shows(&Selection::default(), &everything), &everything);
    let [one, other] = [identity(1, 1, 1), identity(2, 2, 1)];
    let lab = Selection::of_lab("test \"lab\"");
    for (selection, transfers) in [
        (Selection { cells: vec![one.cell.clone()], ..lab.clone() }, 36),
        (Selection { digests: vec![format!("{}0123", one.digest)], ..lab.clone() }, 36),
        (
            Selection { attempts: vec![one.attempt.clone(), other.attempt], scenario: Some("smoke".to_owned()), ..lab },
            24,
        ),
    ] {
        let stored = from_store(&store.base, &selection, now_ms()).unwrap();
        assert_eq!(stored.transfers.len(), transfers, "{selection:?}");
        same(&stored, &read(&made.lines(), &selection).unwrap());
    }
}

#[test]
fn a_store_without_what_is_wanted_says_what_it_has() {
    let store = Store::start(&[]);
    let said = |selection: &Selection| match from_store(&store.base, selection, now_ms()) {
        Err(error @ SourceError::Nothing { .. }) => error.to_string().replace(&store.base, "URL"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        said(&Selection::of_lab("here")),
        "the store at URL holds nothing of lab here; it holds nothing of benchgrid at all: is it the right store, and tenant?"
    );
    let made = made(now_ms() - 86_400_000);
    store.push(&made);
    let everything = read(&made.lines(), &Selection::default()).unwrap();
    store.shows(&Selection::default(), &everything);
    assert_eq!(
        said(&Selection::of_lab("here")),
        "the store at URL holds nothing of lab here; every lab that is there: test \"lab\""
    );
    let cell = Selection { cells: vec!["00000000ff".to_owned()], ..Selection::of_lab("test \"lab\"") };
    assert_eq!(
        said(&cell),
        "the store at URL holds nothing of lab test \"lab\", cell 00000000ff; every cell that is there: 0000000001, 0000000002"
    );
}

#[test]
fn two_values_for_one_instant_are_told() {
    let all = made(now_ms() - 86_400_000);
    let mut one = all.of(&identity(1, 1, 1).attempt);
    let store = Store::start(&[]);
    store.push(&one);
    store.shows(&Selection::default(), &read(&one.lines(), &Selection::default()).unwrap());
    one.records.truncate(1);
    one.records[0].content_bytes += 1;
    let more = one.records[0].content_bytes;
    store.push(&one);
    thread::sleep(Duration::from_secs(3));
    let campaign = from_store(&store.base, &Selection::default(), now_ms()).unwrap();
    let id = one.records[0].id.clone();
    #[expect(clippy::cast_precision_loss, reason = "a size")]
    let larger = Some(more as f64);
    assert_eq!(campaign.transfers.iter().find(|it| it.id == id).unwrap().value("benchgrid_content_bytes"), larger);
    assert_eq!(campaign.oddities, [Oddity::TwoValues { id, metric: "benchgrid_content_bytes".to_owned() }]);
}
