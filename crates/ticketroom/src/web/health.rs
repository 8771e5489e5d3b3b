//! `/healthz`: the process lives. `/readyz`: deliveries can be stored. `/metrics`: Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Doors, Problem, auth};

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

async fn metrics(State(doors): State<Arc<Doors>>) -> Result<impl IntoResponse, Problem> {
    let counts = doors.store.counts().await;
    let counts = counts.map_err(|_| Problem::unavailable("the store can't be read just now"))?;
    for (state, count) in counts {
        doors.metrics.tickets(state.as_str(), i64::try_from(count).unwrap_or(i64::MAX));
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], doors.metrics.text()))
}
