//! `/healthz`: the process lives. `/readyz`: deliveries can be stored. `/metrics`: figures for
//! Prometheus, in the format that it asks for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::done::{Done, Status, done};
use super::reasons::STORE_NOT_WRITABLE;
use super::{AppState, Problem, auth};
use crate::metrics::Format;

/// Where it is asked whether the process lives.
pub(super) const ALIVE: &str = "/healthz";

pub(super) fn router(app: &Arc<AppState>) -> Router<Arc<AppState>> {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(Arc::clone(app), auth::guard));
    Router::new().route(ALIVE, get(alive)).route("/readyz", get(ready)).merge(guarded)
}

/// What a living process says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(super) struct Alive {
    /// Always `ticketroom`.
    service: &'static str,
    status: Status,
}

/// Whether the process lives.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    responses((status = 200, description = "The process lives", body = Alive), super::openapi::TooMany)
))]
pub(super) async fn alive() -> Json<Alive> {
    // `check` tells us from others that answer at the same address by this name.
    Json(Alive { service: "ticketroom", status: Status::Ok })
}

/// Whether deliveries can be stored.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    responses((status = 200, description = "They can", body = Done), super::openapi::Unavailable)
))]
async fn ready(State(app): State<Arc<AppState>>) -> Result<Json<Done>, Problem> {
    let (store, now) = (Arc::clone(&app.store), app.clock.now());
    let metrics = app.metrics.clone();
    let probe = async move {
        metrics.store_probed();
        store.probe().await
    };
    match app.readiness.at(now, probe).await {
        Ok(()) => Ok(done()),
        Err(_) => Err(Problem::unavailable(STORE_NOT_WRITABLE.reason("deliveries can't be stored just now"))),
    }
}

/// Figures for Prometheus.
///
/// What the store can't tell just now is left out: the rest is wanted most when it is away.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/metrics",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The figures, as OpenMetrics if Accept prefers that",
            content(
                (String = "text/plain; version=0.0.4; charset=utf-8"),
                (String = "application/openmetrics-text; version=1.0.0; charset=utf-8")
            )
        ),
        super::openapi::Guarded
    )
))]
async fn metrics(State(app): State<Arc<AppState>>, headers: HeaderMap) -> impl IntoResponse {
    let now = app.clock.now();
    let writes_per_day = app.live.now().config.docspace.limits.writes_per_day;
    let (counts, figures) = tokio::join!(app.store.counts(), app.store.figures(now, writes_per_day));
    match (counts, figures) {
        (Ok(counts), Ok(figures)) => app.metrics.stored(&counts, figures, now),
        _ => app.metrics.store_unreadable(),
    }
    let format = Format::accepted(&headers);
    ([(CONTENT_TYPE, format.content_type())], app.metrics.text(format))
}
