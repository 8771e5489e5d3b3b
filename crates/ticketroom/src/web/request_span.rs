//! A span around each request: each line that is logged in it names the request's method, its route
//! (the pattern, not the address), and its helpdesk and ticket as soon as they are known. A last
//! line has the answer's status.
//!
//! Spans and that line are at the level debug. The log's filter is fixed when the process starts,
//! so without debug the middleware is not added at all, and requests cost nothing more.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument as _, Level, Span};

use super::problem::RefusedFor;
use crate::telemetry::REQUEST;

/// The router with a span around each request, if the log's filter lets them through.
pub(super) fn with_spans<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    if tracing::span_enabled!(target: REQUEST, Level::DEBUG) {
        router.layer(from_fn(in_span))
    } else {
        router
    }
}

async fn in_span(request: Request, next: Next) -> Response {
    let began = Instant::now();
    // An address that matches no route is the caller's text, and may hold anything.
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let span = tracing::debug_span!(
        target: REQUEST,
        "request",
        method = request.method().as_str(),
        route,
        helpdesk = Empty,
        ticket = Empty,
        status = Empty
    );
    let answering = async move {
        let response = next.run(request).await;
        Span::current().record("status", response.status().as_u16());
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let code = response.extensions().get::<RefusedFor>().map(|RefusedFor(code)| code.as_ref());
        tracing::debug!(target: REQUEST, ms, code, "answered");
        response
    };
    answering.instrument(span).await
}
