//! A real VictoriaMetrics.

use std::thread;
use std::time::{Duration, Instant};

use benchgrid_results::{Campaign, Oddity, Selection, SourceError, from_store};

use super::campaign::{identity, made, now_ms};
use super::files::read;
use super::server::{SHOWS, Server};

/// What it holds, once that is what is waited for or nothing changes any more.
pub(crate) fn shows(store: &Server, selection: &Selection, wanted: &Campaign) -> Campaign {
    let end = Instant::now() + SHOWS;
    loop {
        let read = from_store(&store.base, selection, now_ms());
        match read {
            Ok(campaign) if campaign == *wanted || Instant::now() > end => return campaign,
            Err(error) if Instant::now() > end => panic!("{error}"),
            _ => thread::sleep(Duration::from_millis(500)),
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
        let store = Server::start(more);
        store.push(&made.records, &made.outcomes);
        same(&shows(&store, &Selection::default(), &printed), &printed);
        store.push(&made.records, &made.outcomes);
        thread::sleep(Duration::from_secs(3));
        same(&shows(&store, &Selection::default(), &printed), &printed);
    }
}

/// 90 records and outcomes have 1900 series.
#[test]
fn a_campaign_may_have_more_series_than_the_store_lists() {
    let made = made(now_ms() - 86_400_000);
    let printed = read(&made.lines(), &Selection::default()).unwrap();
    let store = Server::start(&["-search.maxUniqueTimeseries=100"]);
    store.push(&made.records, &made.outcomes);
    same(&shows(&store, &Selection::of_lab("test \"lab\""), &printed), &printed);
}

#[test]
fn only_what_is_wanted_is_read() {
    let made = made(now_ms() - 86_400_000);
    let store = Server::start(&[]);
    store.push(&made.records, &made.outcomes);
    let everything = read(&made.lines(), &Selection::default()).unwrap();
    same(&shows(&store, &Selection::default(), &everything), &everything);
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
    let store = Server::start(&[]);
    let said = |selection: &Selection| match from_store(&store.base, selection, now_ms()) {
        Err(error @ SourceError::Nothing { .. }) => error.to_string().replace(&store.base, "URL"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        said(&Selection::of_lab("here")),
        "the store at URL holds nothing of lab here; it holds nothing of benchgrid at all: is it the right store, and tenant?"
    );
    let made = made(now_ms() - 86_400_000);
    store.push(&made.records, &made.outcomes);
    let everything = read(&made.lines(), &Selection::default()).unwrap();
    shows(&store, &Selection::default(), &everything);
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
    let store = Server::start(&[]);
    store.push(&one.records, &one.outcomes);
    shows(&store, &Selection::default(), &read(&one.lines(), &Selection::default()).unwrap());
    one.records.truncate(1);
    one.records[0].content_bytes += 1;
    let more = one.records[0].content_bytes;
    store.push(&one.records, &one.outcomes);
    thread::sleep(Duration::from_secs(3));
    let campaign = from_store(&store.base, &Selection::default(), now_ms()).unwrap();
    let id = one.records[0].id.clone();
    #[expect(clippy::cast_precision_loss, reason = "a size")]
    let larger = Some(more as f64);
    assert_eq!(campaign.transfers.iter().find(|it| it.id == id).unwrap().value("benchgrid_content_bytes"), larger);
    assert_eq!(campaign.oddities, [Oddity::TwoValues { id, metric: "benchgrid_content_bytes".to_owned() }]);
}
