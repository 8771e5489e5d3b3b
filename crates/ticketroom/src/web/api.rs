//! `/api/v1`: what operators and their programs see of tickets, beside what they can ask for
//! ([`requeue`]). `openapi.json` describes it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::Span;
use tracing::field::display;

use super::parameters::{Parameters, Segments};
use super::reasons::{PARAMETER_INVALID, STORE_UNREADABLE, TICKET_UNKNOWN};
use super::{AppState, Problem, auth, requeue};
use crate::store::{State as TicketState, StoreError, TicketQuery};
use crate::ticket::{InvalidId, TicketKey};
use crate::view::TicketView;

const OPENAPI: &str = include_str!("openapi.json");
const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

pub(super) fn router(app: &Arc<AppState>) -> Router<Arc<AppState>> {
    Router::new()
        .route("/api/v1/tickets", get(tickets))
        .route("/api/v1/tickets/{helpdesk}/{id}", get(ticket))
        .route("/api/v1/tickets/{helpdesk}/{id}/retry", post(requeue::retry))
        .route("/api/v1/tickets/{helpdesk}/{id}/archive", post(requeue::archive))
        .route("/api/v1/tickets/{helpdesk}/{id}/reopen", post(requeue::reopen))
        .route("/api/v1/openapi.json", get(description))
        .route_layer(from_fn_with_state(Arc::clone(app), auth::guard))
}

/// The description of the API, OpenAPI 3.1.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "openapi",
    security(("token" = [])),
    responses((status = 200, description = "This document", body = serde_json::Value), super::openapi::Guarded)
))]
async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
struct ListParameters {
    /// Only tickets of the helpdesk with this name.
    #[cfg_attr(test, param(nullable = false))]
    helpdesk: Option<String>,
    /// Only tickets in this state.
    #[cfg_attr(test, param(value_type = Option<TicketState>, nullable = false))]
    state: Option<String>,
    /// Only tickets with this text in the id, the key or the subject.
    #[cfg_attr(test, param(nullable = false))]
    q: Option<String>,
    /// How many tickets at most. More than 500 is the same as 500.
    #[cfg_attr(test, param(nullable = false, default = 50))]
    limit: Option<u32>,
    /// How many tickets to skip first.
    #[cfg_attr(test, param(nullable = false, default = 0))]
    offset: Option<u32>,
}

/// A page of the list.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
struct Tickets {
    /// Without their timelines.
    tickets: Vec<TicketView>,
}

/// Tickets, the most recently changed first.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/api/v1/tickets",
    params(ListParameters),
    security(("token" = [])),
    responses(
        (status = 200, description = "The tickets", body = Tickets),
        (
            status = 400,
            description = "A parameter is unknown or has no valid value",
            content_type = "application/problem+json",
            body = super::problem::Document
        ),
        super::openapi::Guarded
    )
))]
async fn tickets(
    State(app): State<Arc<AppState>>,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<Tickets>, Problem> {
    let helpdesk = parameters.helpdesk.map(|name| name.parse()).transpose();
    let state = match &parameters.state {
        None => None,
        Some(name) => Some(TicketState::from_name(name).ok_or_else(|| {
            let known = TicketState::ALL.map(TicketState::as_str).join(", ");
            Problem::bad_request(PARAMETER_INVALID.reason(format!("no such state; the states are {known}")))
        })?),
    };
    let query = TicketQuery {
        helpdesk: helpdesk
            .map_err(|error: InvalidId| Problem::bad_request(PARAMETER_INVALID.reason(error.to_string())))?,
        state,
        id: None,
        text: parameters.q,
        limit: parameters.limit.unwrap_or(PAGE).min(LARGEST_PAGE),
        offset: parameters.offset.unwrap_or(0),
    };
    let records = app.store.tickets(&query).await.map_err(|error| unreadable(&error))?;
    let tickets = records.iter().map(|record| TicketView::new(record, None)).collect();
    Ok(Json(Tickets { tickets }))
}

/// One ticket with its timeline.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/api/v1/tickets/{helpdesk}/{id}",
    params(super::openapi::OneTicket),
    security(("token" = [])),
    responses(
        (status = 200, description = "The ticket", body = TicketView),
        super::openapi::NoSuchTicket,
        super::openapi::Guarded
    )
))]
async fn ticket(
    State(app): State<Arc<AppState>>,
    Segments((helpdesk, id)): Segments<(String, String)>,
) -> Result<Json<TicketView>, Problem> {
    let key = key(&helpdesk, &id)?;
    let record = app.store.ticket(&key).await.map_err(|error| unreadable(&error))?.ok_or_else(unknown)?;
    let timeline = app.store.timeline(&record.key).await.map_err(|error| unreadable(&error))?;
    Ok(Json(TicketView::new(&record, Some(timeline))))
}

pub(super) fn key(helpdesk: &str, id: &str) -> Result<TicketKey, Problem> {
    match (helpdesk.parse(), id.parse()) {
        (Ok(helpdesk), Ok(id)) => {
            let key = TicketKey { helpdesk, id };
            Span::current().record("helpdesk", key.helpdesk.as_str()).record("ticket", display(&key));
            Ok(key)
        }
        _ => Err(unknown()),
    }
}

pub(super) fn unknown() -> Problem {
    Problem::not_found(TICKET_UNKNOWN.reason("no delivery has named this ticket"))
}

pub(super) fn unreadable(error: &StoreError) -> Problem {
    tracing::error!(code = STORE_UNREADABLE.name, %error, "the store can't be read");
    Problem::unavailable(STORE_UNREADABLE.reason("the store can't be read just now"))
}
