//! What a person can ask for a ticket: it is due at once, and its next run knows what is wanted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::api::{key, unknown, unreadable};
use super::done::{Done, done};
use super::parameters::Segments;
use super::{AppState, Problem};
use crate::store::{RoomRequest, Selection, Why};

type Answer = Result<(StatusCode, Json<Done>), Problem>;

/// Makes a ticket due now.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/tickets/{helpdesk}/{id}/retry",
    params(super::openapi::OneTicket),
    security(("token" = [])),
    responses(
        (status = 202, description = "The next free worker takes the ticket", body = Done),
        super::openapi::NoSuchTicket,
        super::openapi::Guarded
    )
))]
pub(super) async fn retry(app: State<Arc<AppState>>, ticket: Segments<(String, String)>) -> Answer {
    requeue(app, ticket, Why::Asked).await
}

/// Archives the ticket's room, whatever its ticket is like. That stands until the ticket changes.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/tickets/{helpdesk}/{id}/archive",
    params(super::openapi::OneTicket),
    security(("token" = [])),
    responses(
        (status = 202, description = "The next free worker takes the ticket", body = Done),
        super::openapi::NoSuchTicket,
        super::openapi::Guarded
    )
))]
pub(super) async fn archive(app: State<Arc<AppState>>, ticket: Segments<(String, String)>) -> Answer {
    requeue(app, ticket, Why::Requested(RoomRequest::Archive)).await
}

/// Restores the ticket's room from the archive, whatever its ticket is like. That stands until the
/// ticket changes.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/tickets/{helpdesk}/{id}/reopen",
    params(super::openapi::OneTicket),
    security(("token" = [])),
    responses(
        (status = 202, description = "The next free worker takes the ticket", body = Done),
        super::openapi::NoSuchTicket,
        super::openapi::Guarded
    )
))]
pub(super) async fn reopen(app: State<Arc<AppState>>, ticket: Segments<(String, String)>) -> Answer {
    requeue(app, ticket, Why::Requested(RoomRequest::Reopen)).await
}

async fn requeue(
    State(app): State<Arc<AppState>>,
    Segments((helpdesk, id)): Segments<(String, String)>,
    why: Why,
) -> Answer {
    let key = key(&helpdesk, &id)?;
    let record = app.store.ticket(&key).await.map_err(|error| unreadable(&error))?.ok_or_else(unknown)?;
    app.store.requeue(&Selection::One(record.key), &why).await.map_err(|error| unreadable(&error))?;
    app.wake.notify_one();
    Ok((StatusCode::ACCEPTED, done()))
}
