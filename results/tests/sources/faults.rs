//! A store that does not do what a store should.

use std::time::Duration;

use benchgrid_results::{Campaign, Selection, SourceError, from_store};

use super::scripted::{
    Answer::{self, Chunks, Drip, Open, Short, Whole},
    scripted,
};

const LINE: &str = "{\"metric\":{\"__name__\":\"benchgrid_success\",\"attempt\":\"a\",\"node\":\"n\"},\"values\":[1],\"timestamps\":[1780000000000]}\n";

fn ask(partial: Vec<bool>, answer: Answer) -> Result<Campaign, String> {
    let base = scripted(partial, answer);
    let read = from_store(&base, &Selection::of_lab("l"), 1_790_000_000_000);
    read.map_err(|error: SourceError| error.to_string().replace(&base, "URL"))
}

fn lines(count: usize) -> String {
    (0..count).map(|i| LINE.replace("\"n\"", &format!("\"n{i}\""))).collect()
}

#[test]
fn a_good_answer_is_read_however_it_comes() {
    for answer in [
        Whole(200, "", lines(3)),
        Whole(200, "content-type: application/stream+json\r\n", lines(3) + "\n"),
        Open(lines(3)),
        Open(lines(3).trim_end().to_owned()),
        Drip(lines(3), 7, Duration::from_millis(5)),
    ] {
        let campaign = ask(vec![], answer.clone());
        assert_eq!(campaign.map(|campaign| campaign.transfers.len()), Ok(3), "{answer:?}");
    }
}

#[test]
fn an_answer_that_was_cut_short_is_not_used() {
    let half = lines(3)[..LINE.len() * 2 + 40].to_owned();
    let export = "the answer of the store at URL/api/v1/export was cut short in line";
    for answer in [Short(lines(3)), Short(half.clone()), Chunks(lines(3)), Chunks(half.clone()), Open(half)] {
        let said = ask(vec![], answer.clone()).unwrap_err();
        assert!(said.starts_with(export) && said.ends_with("; nothing of it is used"), "{answer:?}: {said}");
    }
}

#[test]
fn a_partial_answer_is_refused() {
    for partial in [vec![true], vec![false, true]] {
        let said = ask(partial, Whole(200, "", lines(3))).unwrap_err();
        assert!(said.contains("/api/v1/label/attempt/values says that its answer is partial (isPartial)"), "{said}");
    }
}

#[test]
fn a_store_says_itself_what_is_wrong() {
    let json = "{\"status\":\"error\",\"errorType\":\"422\",\"error\":\"cannot select more than 3 series\"}".to_owned();
    let page = "<!doctype html>\n<html><title>Log in</title></html>".to_owned();
    let html = "content-type: text/html; charset=utf-8\r\n";
    for (answer, wanted) in [
        (Whole(422, "", json), "answered 422: cannot select more than 3 series"),
        (Whole(503, "", "no\n  storage node\n".to_owned()), "answered 503: no storage node"),
        (Whole(404, "", String::new()), "answered 404: nothing"),
        (
            Whole(302, "location: https://login/\r\n", String::new()),
            "answered 302 and points to https://login/: is a login before it?",
        ),
        (
            Whole(200, html, page.clone()),
            "answered a page for people, not data: a login, or another address than the store's? It begins: <!doctype html> <html>",
        ),
        (Whole(200, "", page), "answered a page for people, not data"),
        (
            Whole(200, "", lines(1) + "{\"status\":\"success\"}\n"),
            "answered something that is no export, in line 2: missing field `metric`",
        ),
        (
            Whole(200, "", LINE.replace("[1]", "[+Inf]")),
            "answered something that is no export, in line 1: expected value",
        ),
    ] {
        let said = ask(vec![], answer.clone()).unwrap_err();
        assert!(said.contains(wanted), "{answer:?}: {said}");
    }
}

#[test]
fn a_store_that_is_not_there_is_named() {
    let read = from_store("http://127.0.0.1:1/select/0/prometheus/", &Selection::default(), 0);
    let said = read.unwrap_err().to_string();
    let wanted = "the store at http://127.0.0.1:1/select/0/prometheus/api/v1/label/attempt/values does not answer: ";
    assert!(said.starts_with(wanted), "{said}");
}
