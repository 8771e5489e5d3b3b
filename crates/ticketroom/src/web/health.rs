//! `/healthz`: the process lives. `/readyz`: deliveries can be stored. `/metrics`: figures for Prometheus, in the
//! format that it asks for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Doors, Problem, auth};
use crate::metrics::Format;

/// Where it is asked whether the process lives.
pub(super) const ALIVE: &str = "/healthz";

pub(super) fn router(doors: &Arc<Doors>) -> Router<Arc<Doors>> {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(Arc::clone(doors), auth::guard));
    Router::new().route(ALIVE, get(alive)).route("/readyz", get(ready)).merge(guarded)
}

pub(super) async fn alive() -> Json<Value> {
    // `check` tells us from others that answer at the same address by this name.
    Json(json!({ "status": "ok", "service": "ticketroom" }))
}

async fn ready(State(doors): State<Arc<Doors>>) -> Result<Json<Value>, Problem> {
    let (store, now) = (Arc::clone(&doors.store), doors.clock.now());
    let metrics = doors.metrics.clone();
    let probe = async move {
        metrics.store_probed();
        store.probe(now).await
    };
    match doors.readiness.at(now, probe).await {
        Ok(()) => Ok(Json(json!({ "status": "ok" }))),
        Err(_) => Err(Problem::unavailable("deliveries can't be stored just now")),
    }
}

/// What the store can't tell just now is left out: the rest is wanted most when it is away.
async fn metrics(State(doors): State<Arc<Doors>>, headers: HeaderMap) -> impl IntoResponse {
    let now = doors.clock.now();
    let (counts, figures) =
        tokio::join!(doors.store.counts(), doors.store.figures(now, doors.writes_per_day));
    match (counts, figures) {
        (Ok(counts), Ok(figures)) => doors.metrics.stored(&counts, figures, now),
        _ => doors.metrics.store_unreadable(),
    }
    let format = Format::accepted(&headers);
    ([(CONTENT_TYPE, format.content_type())], doors.metrics.text(format))
}
