//! The HTTP client of the drivers.
//!
//! In: a node's base URL and requests. Out: bodies of answers that say success; everything else is a
//! [`DriverError::Node`] that says what was tried and what came back.

use std::{
    fs::File,
    io::Read,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use ureq::{Agent, Body, http::Response};

use super::DriverError;

/// A local API either answers soon or is stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the node has to take or give the next bytes of a long body.
const STALL: Duration = Duration::from_mins(1);

/// How long a look at a transfer may take: a node that is stuck must not hold up who looks.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// One node's API.
#[derive(Debug, Clone)]
pub(super) struct Api {
    agent: Agent,
    base: String,
}

impl Api {
    pub(super) fn new(base: &str) -> Self {
        Self::keeping(base, 3)
    }

    /// An API whose connections can't be used twice.
    pub(super) fn of_single_use(base: &str) -> Self {
        Self::keeping(base, 0)
    }

    fn keeping(base: &str, idle_connections: usize) -> Self {
        let config = Agent::config_builder()
            .max_idle_connections(idle_connections)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(STALL))
            .timeout_per_read(Some(STALL))
            .timeout_per_write(Some(STALL))
            .http_status_as_error(false)
            .build();
        Self { agent: config.into(), base: base.trim_end_matches('/').to_owned() }
    }

    /// Gets a text.
    pub(super) fn text(&self, path: &str) -> Result<String, DriverError> {
        let action = format!("GET {path}");
        read(&action, self.agent.get(self.url(path)).call())
    }

    /// Gets a JSON value.
    pub(super) fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, DriverError> {
        let text = self.text(path)?;
        serde_json::from_str(&text).map_err(|error| failed(&format!("GET {path}"), format!("{error} in {text:?}")))
    }

    /// Gets a JSON value from a node that may take its time.
    pub(super) fn json_within<T: DeserializeOwned>(&self, path: &str, limit: Duration) -> Result<T, DriverError> {
        let action = format!("GET {path}");
        let request = self.agent.get(self.url(path)).config().timeout_recv_response(Some(limit)).build();
        let text = read(&action, request.call())?;
        serde_json::from_str(&text).map_err(|error| failed(&action, format!("{error} in {text:?}")))
    }

    /// Gets a body to be read, and how long it says to be.
    pub(super) fn sized(&self, path: &str) -> Result<(Option<u64>, impl Read + use<>), DriverError> {
        let action = format!("GET {path}");
        let answer = accept(&action, self.agent.get(self.url(path)).call())?;
        let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        Ok((length, answer.into_body().into_reader()))
    }

    /// Gets a body to be read.
    pub(super) fn stream(&self, path: &str) -> Result<impl Read + use<>, DriverError> {
        let action = format!("GET {path}");
        Ok(accept(&action, self.agent.get(self.url(path)).call())?.into_body().into_reader())
    }

    /// Posts a body of that type.
    pub(super) fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<String, DriverError> {
        let request = self.agent.post(self.url(path)).content_type(kind);
        read(&format!("POST {path}"), request.send(body))
    }

    /// Posts a body of that type, to a node that may take its time.
    pub(super) fn post_within(
        &self,
        path: &str,
        kind: &str,
        body: &[u8],
        limit: Duration,
    ) -> Result<String, DriverError> {
        let request = self.agent.post(self.url(path)).content_type(kind);
        let request = request.config().timeout_recv_response(Some(limit)).build();
        read(&format!("POST {path}"), request.send(body))
    }

    /// Posts nothing, to a node that may take its time.
    pub(super) fn order(&self, path: &str, limit: Duration) -> Result<String, DriverError> {
        let request = self.agent.post(self.url(path)).config().timeout_recv_response(Some(limit)).build();
        read(&format!("POST {path}"), request.send_empty())
    }

    /// Posts a file of that type.
    pub(super) fn upload(&self, path: &str, kind: &str, file: &File, limit: Duration) -> Result<String, DriverError> {
        let request = self.agent.post(self.url(path)).content_type(kind);
        let request = request.config().timeout_recv_response(Some(limit)).build();
        read(&format!("POST {path}"), request.send(file))
    }

    /// Posts a form.
    pub(super) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<String, DriverError> {
        let request = self.agent.post(self.url(path));
        read(&format!("POST {path}"), request.send_form(fields.iter().copied()))
    }

    /// Puts a file.
    pub(super) fn put(&self, path: &str, file: &File, limit: Duration) -> Result<String, DriverError> {
        let request = self.agent.put(self.url(path)).config().timeout_recv_response(Some(limit)).build();
        read(&format!("PUT {path}"), request.send(file))
    }

    /// Deletes.
    pub(super) fn delete(&self, path: &str) -> Result<String, DriverError> {
        read(&format!("DELETE {path}"), self.agent.delete(self.url(path)).call())
    }

    /// Deletes what takes its time.
    pub(super) fn delete_within(&self, path: &str, limit: Duration) -> Result<String, DriverError> {
        let request = self.agent.delete(self.url(path)).config().timeout_recv_response(Some(limit)).build();
        read(&format!("DELETE {path}"), request.call())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// Asks again and again until there is an answer.
pub(super) fn wait_for<T>(
    action: &str,
    limit: Duration,
    pause: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, DriverError>,
) -> Result<T, DriverError> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            return Err(DriverError::Slow { action: action.to_owned(), seconds: limit.as_secs_f64() });
        }
        std::thread::sleep(pause);
    }
}

/// The trouble of a node.
pub(super) fn failed(action: &str, detail: impl Into<String>) -> DriverError {
    DriverError::Node { action: action.to_owned(), detail: detail.into() }
}

fn accept(action: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, DriverError> {
    let mut answer = answer.map_err(|error| failed(action, error.to_string()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.body_mut().read_to_string().unwrap_or_default();
    Err(failed(action, format!("{status} {}", body.trim())))
}

fn read(action: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<String, DriverError> {
    let mut answer = accept(action, answer)?;
    answer.body_mut().read_to_string().map_err(|error| failed(action, error.to_string()))
}
