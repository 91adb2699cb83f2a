//! The agent's side of the protocol.
//!
//! In: messages. Out: the coordinator's answers, after retries.

use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::{Body, http::Response};

use crate::{
    protocol::{LONG_POLL, Order, PROTOCOL_VERSION, Refusal, Register, Registered, Report, VERSION_HEADER},
    retry::{Patience, Try, retry},
};

/// First pause between two tries; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two tries: a coordinator that comes up is found within two seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A name that does not resolve yet, a pod that does not answer yet: how long one try may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// Why the coordinator could not be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It refused; asking again is of no use.
    #[error("{url}: refused with status {status}: {text}")]
    Refused {
        /// Which request.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        text: String,
    },
    /// It could not be reached in time.
    #[error("{url}: no answer for {seconds} s, last: {last}")]
    Unreachable {
        /// Which request.
        url: String,
        /// How long it was tried.
        seconds: u64,
        /// Last error.
        last: String,
    },
}

/// The way to the coordinator.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    base: String,
    agent: ureq::Agent,
    patience: Duration,
}

/// The coordinator's no.
struct Refused {
    status: u16,
    text: String,
}

impl Link {
    /// A way to the coordinator at that base URL; each message is tried for at most `patience`.
    pub(crate) fn new(base: &str, patience: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_resolve(Some(CONNECT))
            .timeout_global(Some(LONG_POLL + CONNECT + CONNECT))
            .build()
            .into();
        Self { base: base.trim_end_matches('/').to_owned(), agent, patience }
    }

    /// Registers.
    pub(crate) fn register(&self, message: &Register) -> Result<Registered, LinkError> {
        let url = format!("{}/v1/register", self.base);
        self.retry(&url, || {
            let response = self.agent.post(&url).header(VERSION_HEADER, version()).send_json(message);
            json(accepted(response)?)
        })
    }

    /// Whether the coordinator answers now: registering again changes nothing and is answered at once.
    pub(crate) fn reaches(&self, message: &Register) -> bool {
        Self { patience: Duration::ZERO, ..self.clone() }.register(message).is_ok()
    }

    /// Asks for the step after number `after`; none when there is none for now.
    pub(crate) fn step(&self, who: &Register, after: u64) -> Result<Option<Order>, LinkError> {
        let url = format!("{}/v1/step", self.base);
        self.retry(&url, || {
            let request = self.agent.get(&url).header(VERSION_HEADER, version());
            let request = request.query("agent", &who.agent).query("instance", &who.instance);
            let response = accepted(request.query("after", after.to_string()).call())?;
            if response.status() == 204 { Ok(None) } else { json(response).map(Some) }
        })
    }

    /// Says how a step went.
    pub(crate) fn report(&self, message: &Report) -> Result<(), LinkError> {
        let url = format!("{}/v1/result", self.base);
        self.retry(&url, || {
            let response = self.agent.post(&url).header(VERSION_HEADER, version()).send_json(message);
            accepted(response).map(drop)
        })
    }

    fn retry<T>(&self, url: &str, attempt: impl Fn() -> Result<T, Try<Refused>>) -> Result<T, LinkError> {
        let patience = Patience { first: FIRST_PAUSE, longest: LONGEST_PAUSE, whole: self.patience };
        let given_up = |seconds, last| LinkError::Unreachable { url: url.to_owned(), seconds, last };
        retry(patience, given_up, || {
            attempt().map_err(|failed| match failed {
                Try::Again(last) => Try::Again(last),
                Try::Final(Refused { status, text }) => {
                    Try::Final(LinkError::Refused { url: url.to_owned(), status, text })
                }
            })
        })
    }
}

fn version() -> String {
    PROTOCOL_VERSION.to_string()
}

/// Sorts answers: taken, refused for good (4xx), to be tried again.
fn accepted(response: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Try<Refused>> {
    let mut response = response.map_err(|error| Try::Again(error.to_string()))?;
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(response);
    }
    let body = response.body_mut().read_to_string().unwrap_or_default();
    let text = serde_json::from_str(&body).map_or(body, |refusal: Refusal| refusal.error);
    Err(if (400..500).contains(&status) {
        Try::Final(Refused { status, text })
    } else {
        Try::Again(format!("{status} {text}"))
    })
}

fn json<T: DeserializeOwned>(mut response: Response<Body>) -> Result<T, Try<Refused>> {
    response.body_mut().read_json().map_err(|error| Try::Again(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn gives_up_on_a_closed_port_in_time() {
        // A port nobody listens on: bound, noted, closed.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let link = Link::new(&format!("http://127.0.0.1:{port}"), Duration::from_millis(400));
        let register = Register {
            attempt: String::new(),
            agent: String::new(),
            system: String::new(),
            group: String::new(),
            driver: String::new(),
            host: String::new(),
            instance: String::new(),
        };
        let start = Instant::now();
        let error = link.register(&register).unwrap_err();
        assert!(matches!(error, LinkError::Unreachable { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
