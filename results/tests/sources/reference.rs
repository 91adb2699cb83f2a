//! The reference matrix, its truth known, in a real store.

use benchgrid_results::analysis::{Analysis, Claim, Compare, Metric, Question};
use benchgrid_results::{Campaign, Selection, from_records};

use super::campaign::Made;
use super::server::Server;
use super::store::{same, shows};
use super::synthetic::{Design, MARGIN, pairs};

fn judged(campaign: &Campaign) -> Analysis {
    let mut question = Question::found(campaign).remove(0);
    let claims = vec![Claim { metric: Metric::TimeTo100, margin: MARGIN }];
    question.compare = Some(Compare { axis: "system".to_owned(), baseline: "bittorrent".to_owned(), claims });
    Analysis::new(campaign, question)
}

#[test]
fn the_store_gives_the_verdicts_of_the_record_files() {
    let design = Design { pairs: pairs(), trials: 5, repetitions: 2, between: 0.05, leechers: 3, points: 5, seed: 1 };
    let folder = tempfile::tempdir().unwrap();
    design.write(folder.path()).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    let printed = from_records(&files, &Selection::default(), i64::MAX).unwrap();

    let mut made = Made { records: Vec::new(), outcomes: Vec::new() };
    for attempt in design.attempts() {
        made.records.extend(attempt.records);
        made.outcomes.push(attempt.outcome);
    }
    let store = Server::start(&[]);
    store.push(&made.records, &made.outcomes);
    let stored = shows(&store, &Selection::default(), &printed);
    same(&stored, &printed);
    let (stored, printed) = (judged(&stored), judged(&printed));
    assert_eq!(printed.comparisons[0].pairs.len(), 39);
    assert_eq!(stored, printed);
}
