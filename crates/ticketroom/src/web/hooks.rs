//! `POST /webhooks/{helpdesk}`: where deliveries come in, and the same endpoint for the generic
//! helpdesk at `/helpdesk/ticket-created`. A success is answered only once the delivery is on disk.
//!
//! What the head of a request tells is checked before its body is read, in this order: the
//! helpdesk's name, the proof in its headers, the length. A body is read within [`PATIENCE`] and
//! within the [budget](super::budget) of all bodies.
//!
//! `HEAD /webhooks/docspace` is answered with 200: DocSpace asks before it registers its webhook.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::BodyDataStream;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ALLOW, EXPECT};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::StreamExt;

use super::budget::Share;
use super::connections::Connection;
use super::done::{Done, done};
use super::parameters::Segments;
use super::reasons::{BROKEN_OFF, NO_GENERIC, NO_MEMORY, NOT_HERE, SLOW};
use super::{AppState, Problem};
use crate::intake::Refused;
use crate::live::Snapshot;
use crate::source::RawDelivery;
use crate::source::reasons::TOO_LARGE;

/// How long a sender may take over its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for one that is not wanted.
const PATIENCE_FOR_DISCARDED: Duration = Duration::from_secs(2);
/// How much of it is read, in bytes.
const LARGEST_DISCARDED: usize = 4 << 20;

pub(super) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/webhooks/{helpdesk}", post(webhook).head(is_here))
        .route("/helpdesk/ticket-created", post(ticket_created))
}

/// A delivery of a helpdesk.
///
/// Its format and its proof (a signature or a secret in the headers) are those of the helpdesk's
/// kind.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/webhooks/{helpdesk}",
    params(super::openapi::OneHelpdesk),
    request_body(content = serde_json::Value, content_type = "*/*", description = "As the helpdesk sends it"),
    responses(
        (status = 200, description = "It is stored, or was before, or needs nothing to be done", body = Done),
        (
            status = 400,
            description = "It is not in the format of this helpdesk",
            content_type = "application/problem+json",
            body = super::problem::Document
        ),
        super::openapi::Refusals
    )
))]
async fn webhook(
    State(app): State<Arc<AppState>>,
    Segments(helpdesk): Segments<String>,
    request: Request,
) -> Result<Json<Done>, Problem> {
    deliver(&app, &app.live.now(), &helpdesk, request).await
}

/// Whether deliveries are taken here.
///
/// DocSpace asks when its webhook is registered or enabled. It tells nobody more than that the
/// source is configured.
#[cfg_attr(test, utoipa::path(
    head,
    path = "/webhooks/{helpdesk}",
    params(super::openapi::OneHelpdesk),
    responses(
        (status = 200, description = "Deliveries of DocSpace are taken here"),
        (status = 404, description = "No source of deliveries has this name"),
        (status = 405, description = "Deliveries of this helpdesk are taken here; it does not ask in this way"),
        (status = 503, description = "This replica takes no deliveries, or the store is being opened")
    )
))]
async fn is_here(State(app): State<Arc<AppState>>, Segments(source): Segments<String>) -> Response {
    if !app.takes_deliveries {
        return not_here().into_response();
    }
    match app.intake.is_found_by_head(&app.live.now().sources, &source) {
        Ok(true) => StatusCode::OK.into_response(),
        Ok(false) => ([(ALLOW, "POST")], Problem::method_not_allowed()).into_response(),
        Err(refused) => refusal(&refused).into_response(),
    }
}

/// A delivery of the generic helpdesk.
///
/// It is signed like all deliveries of that helpdesk, unless the configuration says
/// `allow_unsigned`.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/helpdesk/ticket-created",
    request_body = super::openapi::TicketCreated,
    responses(
        (status = 200, description = "It is stored, or was before, or needs nothing to be done", body = Done),
        (
            status = 400,
            description = "It is not in the format of the generic helpdesk",
            content_type = "application/problem+json",
            body = super::problem::Document
        ),
        super::openapi::Refusals
    )
))]
async fn ticket_created(State(app): State<Arc<AppState>>, request: Request) -> Result<Json<Done>, Problem> {
    let snapshot = app.live.now();
    match &snapshot.generic {
        Some(helpdesk) => deliver(&app, &snapshot, helpdesk.as_str(), request).await,
        None => Err(Problem::not_found(NO_GENERIC.reason("no helpdesk of kind “generic” is configured"))),
    }
}

async fn deliver(
    app: &AppState,
    snapshot: &Snapshot,
    helpdesk: &str,
    request: Request,
) -> Result<Json<Done>, Problem> {
    let most = snapshot.config.server.max_delivery_bytes;
    if !app.takes_deliveries {
        return Err(not_here());
    }
    let (head, body) = request.into_parts();
    let connection = head.extensions.get::<Connection>();
    let mut body =
        Incoming { chunks: body.into_data_stream(), is_awaited: head.headers.contains_key(EXPECT) };
    if let Err(refused) = app.intake.admit(&snapshot.sources, helpdesk, &head.headers) {
        body.discard();
        return Err(refusal(&refused));
    }
    if body.announced() > most {
        body.discard();
        return Err(too_large(most));
    }
    let mut share = snapshot.bodies.share();
    let receiving = connection.map(Connection::receiving);
    let received = tokio::time::timeout(PATIENCE, body.receive(most, &mut share)).await;
    drop(receiving);
    let received = received.unwrap_or(Err(NotReceived::Slow)).map_err(|why| {
        app.metrics.body_not_received(why.as_str());
        body.discard();
        why.problem(most)
    })?;
    let raw =
        RawDelivery { headers: head.headers, query: head.uri.query().map(str::to_owned), body: received };
    let delivered = app.intake.deliver(&snapshot.sources, helpdesk, raw).await;
    // Until now the body was in memory, here or on its way into the store.
    drop(share);
    match delivered {
        Ok(()) => Ok(done()),
        Err(refused) => Err(refusal(&refused)),
    }
}

/// A body that is arriving.
struct Incoming {
    chunks: BodyDataStream,
    /// The sender sends it only once it is told to go on.
    is_awaited: bool,
}

/// Why a body was not received.
#[derive(Debug, Clone, Copy)]
enum NotReceived {
    TooLarge,
    NoMemory,
    BrokenOff,
    Slow,
}

impl Incoming {
    /// How many bytes will come at least.
    fn announced(&self) -> usize {
        usize::try_from(http_body::Body::size_hint(&self.chunks).lower()).unwrap_or(usize::MAX)
    }

    async fn receive(&mut self, limit: usize, share: &mut Share) -> Result<Bytes, NotReceived> {
        // No more than this can come, unless the sender breaks HTTP.
        let most = http_body::Body::size_hint(&self.chunks).upper();
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(limit).min(limit);
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunks.next().await {
            let chunk = chunk.map_err(|_| NotReceived::BrokenOff)?;
            let length = whole.len() + chunk.len();
            if length > limit {
                return Err(NotReceived::TooLarge);
            }
            if length > whole.capacity() {
                let capacity = (2 * whole.capacity()).max(length).min(most.max(length));
                share.grow_to(capacity).map_err(|_| NotReceived::NoMemory)?;
                whole.reserve_exact(capacity - whole.len());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }

    /// Reads on for a while beside the answer, and keeps nothing: many a sender reads no answer
    /// before it has sent everything, and never sees why it was refused if it is cut off before.
    fn discard(mut self) {
        if self.is_awaited || http_body::Body::is_end_stream(&self.chunks) {
            return;
        }
        tokio::spawn(tokio::time::timeout(PATIENCE_FOR_DISCARDED, async move {
            let mut length = 0;
            while let Some(Ok(chunk)) = self.chunks.next().await {
                length += chunk.len();
                if length > LARGEST_DISCARDED {
                    return;
                }
            }
        }));
    }
}

impl NotReceived {
    fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NoMemory => "no_memory",
            Self::BrokenOff => "broken_off",
            Self::Slow => "slow",
        }
    }

    fn problem(self, limit: usize) -> Problem {
        match self {
            Self::TooLarge => too_large(limit),
            Self::NoMemory => {
                Problem::unavailable(NO_MEMORY.reason("too many large deliveries are arriving"))
            }
            Self::BrokenOff => Problem::unavailable(BROKEN_OFF.reason("the body broke off")),
            Self::Slow => Problem::unavailable(SLOW.reason("the body did not arrive in time")),
        }
        .closing()
    }
}

fn not_here() -> Problem {
    Problem::unavailable(NOT_HERE.reason("this replica takes no deliveries"))
}

fn too_large(limit: usize) -> Problem {
    let text = format!("a delivery may have {limit} bytes; [server] max_body sets that");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE.reason(text)).closing()
}

fn refusal(refused: &Refused) -> Problem {
    let reason = refused.reason();
    match refused {
        Refused::NoSuchSource => Problem::not_found(reason),
        Refused::Unverified(_) => Problem::new(StatusCode::UNAUTHORIZED, reason),
        Refused::NotUnderstood(_) => Problem::bad_request(reason),
        Refused::Unsupported(_) => Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason),
        Refused::TooLarge(_) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, reason),
        Refused::NotStored(_) => Problem::unavailable(reason),
    }
}
