//! `POST /webhooks/{helpdesk}`: where deliveries come in, and the same door for the generic helpdesk at
//! `/helpdesk/ticket-created`. A success is answered only once the delivery is on disk.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{Doors, Problem};
use crate::helpdesk::RawDelivery;
use crate::intake::Refused;

/// How long a sender may take over its body.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/webhooks/{helpdesk}", post(webhook))
        .route("/helpdesk/ticket-created", post(ticket_created))
}

async fn webhook(
    State(doors): State<Arc<Doors>>,
    Path(helpdesk): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    deliver(&doors, &helpdesk, request).await
}

async fn ticket_created(State(doors): State<Arc<Doors>>, request: Request) -> Result<Json<Value>, Problem> {
    match &doors.generic {
        Some(helpdesk) => deliver(&doors, helpdesk.as_str(), request).await,
        None => Err(Problem::not_found("no helpdesk of kind “generic” is configured")),
    }
}

async fn deliver(doors: &Doors, helpdesk: &str, request: Request) -> Result<Json<Value>, Problem> {
    if !doors.takes_deliveries {
        return Err(Problem::unavailable("this replica takes no deliveries; send it to one that does"));
    }
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(PATIENCE, read(body, doors.max_delivery))
        .await
        .map_err(|_| Problem::unavailable("the body did not arrive in time; send it again"))??;
    let raw = RawDelivery { headers: head.headers, query: head.uri.query().map(str::to_owned), body };
    match doors.intake.deliver(helpdesk, raw).await {
        Ok(_) => Ok(Json(json!({ "status": "ok" }))),
        Err(refused) => Err(refusal(&refused)),
    }
}

/// Reads a body. One that is too large is read to its end all the same, as far as is bearable: a sender that is cut
/// off in the middle never sees why.
async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    const BEARABLE: usize = 64 << 20;
    let mut chunks = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::unavailable("the body broke off; send it again"))?;
        length += chunk.len();
        if length <= limit {
            whole.extend_from_slice(&chunk);
        } else if length > BEARABLE {
            break;
        }
    }
    if length > limit { Err(too_large(limit)) } else { Ok(whole.freeze()) }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("a delivery may have {limit} bytes; [server] max_body sets that");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn refusal(refused: &Refused) -> Problem {
    match refused {
        Refused::NoSuchHelpdesk => Problem::not_found(refused.to_string()),
        Refused::Unverified(why) => Problem::new(StatusCode::UNAUTHORIZED, why.to_string()),
        Refused::NotUnderstood(why) => Problem::bad_request(why.to_string()),
        Refused::Unsupported(why) => Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why.to_string()),
        Refused::TooLarge(why) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why.to_string()),
        // What is wrong with the store is nothing for the outside.
        Refused::NotStored(_) => {
            Problem::unavailable("the delivery could not be stored just now; send it again")
        }
    }
}
