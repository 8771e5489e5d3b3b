//! `/api/v1`: what operators and their programs see of tickets. `openapi.json` describes it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::{Parameters, Segments};
use super::{Doors, Problem, auth};
use crate::store::{State as TicketState, StoreError, TicketQuery};
use crate::ticket::TicketKey;
use crate::view::TicketView;

const OPENAPI: &str = include_str!("openapi.json");
const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

pub(super) fn router(doors: &Arc<Doors>) -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/tickets", get(tickets))
        .route("/api/v1/tickets/{helpdesk}/{id}", get(ticket))
        .route("/api/v1/tickets/{helpdesk}/{id}/retry", post(retry))
        .route("/api/v1/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], OPENAPI)))
        .route_layer(from_fn_with_state(Arc::clone(doors), auth::guard))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    helpdesk: Option<String>,
    state: Option<String>,
    q: Option<String>,
    limit: Option<u32>,
    offset: Option<u32>,
}

async fn tickets(
    State(doors): State<Arc<Doors>>,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<Value>, Problem> {
    let helpdesk = parameters.helpdesk.map(|name| name.parse()).transpose();
    let state = match &parameters.state {
        None => None,
        Some(name) => Some(TicketState::from_name(name).ok_or_else(|| {
            let known = TicketState::ALL.map(TicketState::as_str).join(", ");
            Problem::bad_request(format!("no such state; the states are {known}"))
        })?),
    };
    let query = TicketQuery {
        helpdesk: helpdesk
            .map_err(|error: crate::ticket::InvalidId| Problem::bad_request(error.to_string()))?,
        state,
        id: None,
        text: parameters.q,
        limit: parameters.limit.unwrap_or(PAGE).min(LARGEST_PAGE),
        offset: parameters.offset.unwrap_or(0),
    };
    let records = doors.store.tickets(&query).await.map_err(|error| unreadable(&error))?;
    let tickets: Vec<TicketView> = records.iter().map(|record| TicketView::new(record, None)).collect();
    Ok(Json(json!({ "tickets": tickets })))
}

async fn ticket(
    State(doors): State<Arc<Doors>>,
    Segments((helpdesk, id)): Segments<(String, String)>,
) -> Result<Json<TicketView>, Problem> {
    let key = key(&helpdesk, &id)?;
    let record = doors.store.ticket(&key).await.map_err(|error| unreadable(&error))?.ok_or_else(unknown)?;
    let timeline = doors.store.timeline(&record.key).await.map_err(|error| unreadable(&error))?;
    Ok(Json(TicketView::new(&record, Some(timeline))))
}

async fn retry(
    State(doors): State<Arc<Doors>>,
    Segments((helpdesk, id)): Segments<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let key = key(&helpdesk, &id)?;
    let record = doors.store.ticket(&key).await.map_err(|error| unreadable(&error))?.ok_or_else(unknown)?;
    doors.store.retry(&record.key, doors.clock.now()).await.map_err(|error| unreadable(&error))?;
    doors.wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(json!({ "status": "ok" }))))
}

fn key(helpdesk: &str, id: &str) -> Result<TicketKey, Problem> {
    match (helpdesk.parse(), id.parse()) {
        (Ok(helpdesk), Ok(id)) => Ok(TicketKey { helpdesk, id }),
        _ => Err(unknown()),
    }
}

fn unknown() -> Problem {
    Problem::not_found("no delivery has told of this ticket; does its helpdesk send its webhook here?")
}

fn unreadable(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store can't be read");
    Problem::unavailable("the store can't be read just now")
}
