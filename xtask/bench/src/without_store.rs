//! The endpoint for deliveries without a store: same router, same signature check, same parsing,
//! but the answer waits for nothing. The difference to the real endpoint is the cost of durability.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde_json::{Value, json};
use ticketroom::clock::{Clock, SystemClock};
use ticketroom::source::{RawDelivery, Source};
use tokio::net::TcpListener;

const LARGEST: usize = 1024 * 1024;

/// Answers deliveries of this source for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, source: Arc<dyn Source>) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().route("/webhooks/{helpdesk}", post(deliver)).with_state(source);
    axum::serve(listener, router).await
}

async fn deliver(State(source): State<Arc<dyn Source>>, request: Request) -> Result<Json<Value>, StatusCode> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let raw = RawDelivery { headers: head.headers, query: head.uri.query().map(str::to_owned), body };
    let verified = source.verify(raw, SystemClock.now()).map_err(|_| StatusCode::UNAUTHORIZED)?;
    source.read(&verified).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Json(json!({ "status": "ok" })))
}
