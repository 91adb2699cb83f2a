//! The HTTP side of the swarm: handlers that only move messages.
//!
//! In: requests of agents. Out: what the [`Swarm`] says, as documented in [`crate::protocol`].

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Query, Request, State},
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
        .layer(middleware::from_fn(same_version))
        .with_state(swarm)
}

async fn same_version(request: Request, next: Next) -> Response {
    let theirs = request.headers().get(VERSION_HEADER).and_then(|value| value.to_str().ok());
    if theirs.and_then(|text| text.parse().ok()) == Some(PROTOCOL_VERSION) {
        next.run(request).await
    } else {
        (StatusCode::UPGRADE_REQUIRED, Json(version_refusal(theirs))).into_response()
    }
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

/// Serves a router on a listener until the process ends.
pub(super) fn serve(listener: std::net::TcpListener, router: Router) -> std::io::Result<impl Future<Output = ()>> {
    listener.set_nonblocking(true)?;
    Ok(async move {
        // Both can only fail when the process is out of resources; the experiment then sees silent agents.
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let _ = axum::serve(listener, service).await;
        }
    })
}
