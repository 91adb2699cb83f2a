//! The HTTP side of the swarm: handlers that only move messages.
//!
//! In: requests of agents. Out: what the [`Swarm`] says, as documented in [`crate::protocol`].

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    coordinator::swarm::{Refused, Swarm},
    protocol::{LONG_POLL, PROTOCOL_VERSION, Poll, Refusal, Register, Report, VERSION_HEADER, version_refusal},
};

/// Routes of the coordinator.
pub(super) fn router(swarm: Swarm) -> Router {
    Router::new()
        .route("/v1/register", post(register))
        .route("/v1/step", get(step))
        .route("/v1/result", post(result))
        // Their size was bounded when they were read.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(same_version))
        .with_state(swarm)
}

async fn same_version(request: Request, next: Next) -> Response {
    let theirs = request.headers().get(VERSION_HEADER).and_then(|value| value.to_str().ok());
    if theirs.and_then(|text| text.parse().ok()) == Some(PROTOCOL_VERSION) {
        return next.run(request).await;
    }
    (StatusCode::UPGRADE_REQUIRED, Json(version_refusal(theirs))).into_response()
}

async fn register(
    State(swarm): State<Swarm>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Json(message): Json<Register>,
) -> Response {
    match swarm.register(&message, from.ip()) {
        Ok(registered) => Json(registered).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn step(State(swarm): State<Swarm>, Query(poll): Query<Poll>) -> Response {
    match hold(LONG_POLL, || swarm.poll(&poll)).await {
        Ok(Some(order)) => Json(order).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// Looks, and looks again when woken, until there is something or the time is over.
async fn hold<T, E>(
    limit: Duration,
    mut look: impl FnMut() -> Result<Result<T, std::sync::Arc<tokio::sync::Notify>>, E>,
) -> Result<Option<T>, E> {
    let end = tokio::time::Instant::now() + limit;
    loop {
        let wake = match look()? {
            Ok(found) => return Ok(Some(found)),
            Err(wake) => wake,
        };
        let notified = wake.notified();
        tokio::pin!(notified);
        // Listens before it looks once more: a step that came in between is not missed.
        notified.as_mut().enable();
        if let Ok(found) = look()? {
            return Ok(Some(found));
        }
        if tokio::time::timeout_at(end, notified).await.is_err() {
            return Ok(None);
        }
    }
}

async fn result(State(swarm): State<Swarm>, Json(report): Json<Report>) -> Response {
    match swarm.report(report) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Other(_) => StatusCode::CONFLICT,
            Self::Replaced(_) => StatusCode::GONE,
        };
        (status, Json(Refusal { error: self.to_string() })).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::{
        agent::link::Link,
        coordinator::swarm::Expected,
        protocol::{Reply, Step, StepResult},
        serve::serve,
    };

    fn name(i: usize) -> String {
        format!("bt-nodes-{i}")
    }

    /// A coordinator's HTTP side for that many nodes.
    fn coordinator(runtime: &tokio::runtime::Runtime, nodes: usize) -> (Swarm, String) {
        let expected = Expected { system: "bt".to_owned(), group: "nodes".to_owned(), driver: "http".to_owned() };
        let swarm = Swarm::new("bg-x", (0..nodes).map(|i| (name(i), expected.clone())));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, router(swarm.clone()), 1000).unwrap());
        (swarm, base)
    }

    fn register(i: usize) -> Register {
        Register {
            attempt: "bg-x".to_owned(),
            agent: name(i),
            system: "bt".to_owned(),
            group: "nodes".to_owned(),
            driver: "http".to_owned(),
            host: String::new(),
            instance: "one".to_owned(),
        }
    }

    /// An agent that answers every step at once.
    fn agent(base: &str, i: usize) {
        let (link, who) = (Link::new(base, Duration::from_secs(30)), register(i));
        let mut after = link.register(&who).unwrap().after;
        loop {
            let Some(order) = link.step(&who, after).unwrap() else { continue };
            after = order.number;
            let result = StepResult::Ok(Box::new(Reply::Done));
            let report = Report { agent: who.agent.clone(), instance: who.instance.clone(), number: after, result };
            link.report(&report).unwrap();
            if order.step == Step::Finish {
                return;
            }
        }
    }

    #[test]
    fn a_hundred_agents_get_their_steps_at_once() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (swarm, base) = coordinator(&runtime, 100);
        let agents: Vec<_> = (0..100)
            .map(|i| {
                let base = base.clone();
                thread::spawn(move || agent(&base, i))
            })
            .collect();
        assert!(swarm.wait_for_all(Duration::from_secs(30)).is_empty());
        let pods: Vec<_> = (0..100).map(name).collect();
        let start = Instant::now();
        for _ in 0..10 {
            let answers = swarm.all(&pods, Duration::from_secs(30), |_| Step::Idle { seconds: 0.0 });
            assert!(answers.len() == 100 && answers.values().all(|answer| *answer == Ok(Reply::Done)));
        }
        let a_step = start.elapsed() / 10;
        println!("a step of 100 agents: {a_step:?}");
        assert!(a_step < Duration::from_secs(2), "{a_step:?}");
        swarm.all(&pods, Duration::from_secs(30), |_| Step::Finish);
        for agent in agents {
            agent.join().unwrap();
        }
    }

    #[test]
    fn another_version_is_refused_and_both_are_named() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (swarm, base) = coordinator(&runtime, 1);
        let http: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{base}/v1/register");
        for (version, named) in [(Some("99"), "agent 99"), (None, "agent none at all")] {
            let request = http.post(&url);
            let request = if let Some(version) = version { request.header(VERSION_HEADER, version) } else { request };
            let mut response = request.send_json(register(0)).unwrap();
            assert_eq!(response.status(), 426);
            let refusal: Refusal = response.body_mut().read_json().unwrap();
            let ours = format!("protocol {PROTOCOL_VERSION}");
            assert!(refusal.error.contains(&ours) && refusal.error.contains(named), "{}", refusal.error);
        }
        assert_eq!(swarm.missing(), [name(0)]);
        let link = Link::new(&base, Duration::from_secs(5));
        let error = link.register(&Register { agent: "other".to_owned(), ..register(0) }).unwrap_err().to_string();
        assert!(error.contains("status 404: `other` is not a node of this cell"), "{error}");
        let error = link.register(&Register { attempt: "bg-y".to_owned(), ..register(0) }).unwrap_err().to_string();
        assert!(error.contains("status 409: this is attempt `bg-x`, not `bg-y`"), "{error}");
    }

    #[test]
    fn a_poll_without_news_is_held_and_then_empty() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let wake = std::sync::Arc::new(tokio::sync::Notify::new());
        let start = Instant::now();
        let look = || Ok::<Result<(), _>, ()>(Err(std::sync::Arc::clone(&wake)));
        assert_eq!(runtime.block_on(async { hold(Duration::from_millis(200), look).await }), Ok(None));
        assert!(start.elapsed() >= Duration::from_millis(200));
    }
}
