use std::io::{self, BufReader, Read};
use std::time::Duration;

use benchgrid_measures::Sample;
use serde::Deserialize;
use ureq::{Agent, Body, http::Response};

use super::{Selection, SourceError, lines::Lines, selection::selector};
use crate::{Campaign, campaign::Builder};

/// Longest time until the store is reached, and until it begins to answer: exports of millions of series do at once.
const BEGIN: Duration = Duration::from_mins(2);

/// Longest pause within an answer.
const PAUSE: Duration = Duration::from_secs(30);

/// Stores drop what lies further ahead of their clock, and hide what lies behind the end of the time that is asked for.
const AHEAD_MS: i64 = 2 * 86_400_000;

/// Most bytes of an answer that is not an export.
const MOST: u64 = 64 << 20;

/// Every metric.
const ALL: &str = "benchgrid_.+";

/// One series for each record and each outcome. Stores refuse to list names of very many series (300,000 of
/// VictoriaMetrics 1.79), though they export them.
const ONE_EACH: &str = "benchgrid_success|benchgrid_attempt_records";

/// Most names that are told as what is there.
const TOLD: usize = 10;

/// Reads what a store holds of a selection.
///
/// `read` is the base URL to which `/api/v1/export` is appended: `http://host:8428` of a single VictoriaMetrics,
/// `http://host:8481/select/<tenant>/prometheus` of a cluster. `now_ms` is the present, in milliseconds since 1970.
///
/// An export has no place for `isPartial`, which a cluster says in other answers while some of its storage nodes are gone. So it
/// is asked before and after.
pub fn from_store(read: &str, selection: &Selection, now_ms: i64) -> Result<Campaign, SourceError> {
    let store = Store::new(read, now_ms, PAUSE);
    let wanted = selection.wanted();
    store.names("attempt", &wanted)?;
    let campaign = store.export(&selector(ALL, &wanted))?;
    store.names("attempt", &wanted)?;
    if campaign.is_empty() {
        let help = store.help(&wanted)?;
        return Err(SourceError::Nothing { from: store.said(), selection: selection.words(), help });
    }
    Ok(campaign)
}

struct Store {
    base: String,
    agent: Agent,
    now_ms: i64,
}

/// What the store answers when it is asked for names.
#[derive(Deserialize)]
struct Names {
    data: Vec<String>,
    #[serde(default, rename = "isPartial")]
    partial: bool,
}

impl Store {
    fn new(base: &str, now_ms: i64, pause: Duration) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let config = config.timeout_connect(Some(pause)).timeout_recv_response(Some(BEGIN.max(pause)));
        let agent = config.timeout_per_read(Some(pause)).build().into();
        Self { base: base.trim_end_matches('/').to_owned(), agent, now_ms }
    }

    fn said(&self) -> String {
        format!("the store at {}", self.base)
    }

    /// Every series of a selector.
    fn export(&self, selector: &str) -> Result<Campaign, SourceError> {
        let url = format!("{}/api/v1/export", self.base);
        let answer = self.ask(&url, selector)?;
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, answer.into_body().into_reader()));
        let mut builder = Builder::default();
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => return Err(SourceError::Cut { url, line: lines.number + 1, why: error.to_string() }),
            };
            match serde_json::from_slice::<Sample>(line.text) {
                Ok(sample) => builder.series(&sample),
                Err(_) if line.text.is_empty() => {}
                Err(error) if !error.is_data() && !line.ended && line.text.starts_with(b"{") => {
                    let why = "the line has no end".to_owned();
                    return Err(SourceError::Cut { url, line: line.number, why });
                }
                Err(source) => return Err(odd(url, "export", line.number, line.text, source)),
            }
        }
        Ok(builder.finish(Some(self.now_ms)))
    }

    /// The values of a label among the series with these labels.
    fn names(&self, label: &str, wanted: &[(&str, Vec<&str>)]) -> Result<Vec<String>, SourceError> {
        let url = format!("{}/api/v1/label/{label}/values", self.base);
        let text = text(self.ask(&url, &selector(ONE_EACH, wanted))?).map_err(|error| SourceError::Cut {
            url: url.clone(),
            line: 1,
            why: error.to_string(),
        })?;
        match serde_json::from_str(&text) {
            Ok(Names { partial: true, .. }) => Err(SourceError::Partial { url }),
            Ok(Names { data, .. }) => Ok(data),
            Err(source) => Err(odd(url, "list of names", 1, text.as_bytes(), source)),
        }
    }

    /// What is there instead of the first label that nothing has.
    fn help(&self, wanted: &[(&str, Vec<&str>)]) -> Result<String, SourceError> {
        for (i, (label, words)) in wanted.iter().enumerate() {
            let names = self.names(label, &wanted[..i])?;
            if !words.iter().any(|word| names.iter().any(|name| name == word)) {
                let told = names.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if names.len() > TOLD { format!(" and {} more", names.len() - TOLD) } else { String::new() };
                return Ok(match names.is_empty() {
                    true if i == 0 => {
                        "; it holds nothing of benchgrid at all: is it the right store, and tenant?".to_owned()
                    }
                    true => format!("; there is no {label} at all"),
                    false => format!("; every {label} that is there: {told}{more}"),
                });
            }
        }
        Ok(String::new())
    }

    fn ask(&self, url: &str, selector: &str) -> Result<Response<Body>, SourceError> {
        // VictoriaMetrics remembers for some ten seconds that a selector matched nothing, so it is a new one each time.
        let selector = selector.strip_suffix('}').unwrap_or(selector);
        let selector = format!("{selector},attempt!=\"asked-{}\"}}", self.now_ms);
        let end = self.now_ms.saturating_add(AHEAD_MS).div_euclid(1000).to_string();
        let request = self.agent.get(url).query("match[]", selector).query("start", "0").query("end", end);
        let answer = request.query("nocache", "1").call();
        let answer =
            answer.map_err(|source| SourceError::Unreachable { url: url.to_owned(), source: Box::new(source) })?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (status, to) = (answer.status().as_u16(), header("location").to_owned());
        let page = header("content-type").starts_with("text/html");
        let url = || url.to_owned();
        match status {
            300..400 => Err(SourceError::Redirect { url: url(), status, to }),
            200 if page => {
                Err(SourceError::Page { url: url(), text: start(text(answer).unwrap_or_default().as_bytes()) })
            }
            200 => Ok(answer),
            _ => Err(SourceError::Refused { url: url(), status, text: reason(&text(answer).unwrap_or_default()) }),
        }
    }
}

fn text(answer: Response<Body>) -> io::Result<String> {
    let mut bytes = Vec::new();
    answer.into_body().into_reader().take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Why the store says no, in its own words: those of its JSON, where it answers so.
fn reason(body: &str) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    match serde_json::from_str(body) {
        Ok(Refusal { error }) => start(error.as_bytes()),
        Err(_) => start(body.as_bytes()),
    }
}

/// The first words of a text.
fn start(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(1000)]).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "nothing".to_owned() } else { text.chars().take(200).collect() }
}

fn odd(url: String, what: &'static str, line: usize, text: &[u8], source: serde_json::Error) -> SourceError {
    let text = start(text);
    if text.starts_with('<') {
        SourceError::Page { url, text }
    } else {
        SourceError::Odd { url, what, line, source, text }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener, thread};

    use super::*;

    #[test]
    fn a_store_that_stops_in_the_middle_is_not_waited_for_without_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\n{\"a").unwrap();
            // Held open until the client is gone.
            stream.read_to_end(&mut Vec::new())
        });
        let store = Store::new(&base, 0, Duration::from_millis(200));
        let said = store.export("{}").unwrap_err().to_string();
        assert!(said.contains("was cut short in line 1: timeout"), "{said}");
        drop(store);
        drop(server.join().unwrap());
    }
}
