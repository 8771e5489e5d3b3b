//! Backfills for operators' programs: begun, listed, paused, resumed and cancelled. The command
//! line also plans them ([`crate::backfill::plan`]).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::api::unreadable;
use super::parameters::Segments;
use super::{AppState, Problem, auth};
use crate::backfill::reasons::{BODY_INVALID, OVER, UNKNOWN};
use crate::backfill::view::BackfillView;
use crate::backfill::{self, BackfillId, Job, Refused, Steering, checked};
use crate::ticket::HelpdeskName;

/// No description of a backfill is larger.
const LARGEST_BODY: usize = 64 * 1024;

pub(super) fn router(app: &Arc<AppState>) -> Router<Arc<AppState>> {
    Router::new()
        .route("/api/v1/backfills", get(list).post(begin))
        .route("/api/v1/backfills/{id}/pause", post(pause))
        .route("/api/v1/backfills/{id}/resume", post(resume))
        .route("/api/v1/backfills/{id}/cancel", post(cancel))
        .route_layer(from_fn_with_state(Arc::clone(app), auth::guard))
}

/// The path of one backfill.
#[cfg(test)]
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it only describes")]
struct OneBackfill {
    /// The backfill's id.
    id: String,
}

/// All backfills.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(super) struct Backfills {
    /// The oldest first.
    backfills: Vec<BackfillView>,
}

/// All backfills, the oldest first.
#[cfg_attr(test, utoipa::path(
    get,
    path = "/api/v1/backfills",
    operation_id = "backfills",
    security(("token" = [])),
    responses((status = 200, description = "The backfills", body = Backfills), super::openapi::Guarded)
))]
async fn list(State(app): State<Arc<AppState>>) -> Result<Json<Backfills>, Problem> {
    let (all, _) = backfill::all(app.store.as_ref()).await.map_err(|error| unreadable(&error))?;
    let now = app.clock.now();
    Ok(Json(Backfills { backfills: all.iter().map(|one| BackfillView::new(one, now)).collect() }))
}

/// Which tickets a backfill is to take in.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackfill {
    /// The helpdesk's name.
    #[cfg_attr(test, schema(value_type = String))]
    helpdesk: HelpdeskName,
    /// Tickets that were created at or after this time; a date is the beginning of that day in UTC.
    since: String,
    /// And before this one; a date is the end of that day in UTC.
    until: Option<String>,
    /// And that meet this condition, written as in a rule.
    r#where: Option<String>,
    /// Whether they get no internal notes with the links.
    #[serde(default)]
    no_note: bool,
}

/// Begins a backfill.
///
/// Tickets that are known are left alone, so one that is begun twice does nothing twice.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/backfills",
    operation_id = "begin_backfill",
    request_body = NewBackfill,
    security(("token" = [])),
    responses(
        (status = 201, description = "The backfill was begun", body = BackfillView),
        (
            status = 400,
            description = "The body describes no backfill",
            content_type = "application/problem+json",
            body = super::problem::Document
        ),
        (
            status = 422,
            description = "The helpdesk can't list its tickets, or the times or the condition are wrong",
            content_type = "application/problem+json",
            body = super::problem::Document
        ),
        super::openapi::Guarded
    )
))]
async fn begin(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<(StatusCode, Json<BackfillView>), Problem> {
    let body = axum::body::to_bytes(request.into_body(), LARGEST_BODY).await.map_err(|_| {
        Problem::bad_request(BODY_INVALID.reason("the body is too large, or broke off")).closing()
    })?;
    let new: NewBackfill = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(BODY_INVALID.reason(format!("the body is wrong: {error}"))))?;
    let snapshot = app.live.now();
    let lists = snapshot.helpdesks.get(&new.helpdesk).map(|helpdesk| helpdesk.listing().is_some());
    let span = checked(new.helpdesk.as_str(), lists, &new.since, new.until.as_deref())
        .map_err(|reason| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason))?;
    let now = app.clock.now();
    let job = Job::new(new.helpdesk, span, new.r#where, new.no_note, None, now);
    let id = BackfillId::new(app.chance.uuid());
    let begun = backfill::begin(app.store.as_ref(), id, job).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, Json(BackfillView::new(&begun, now))))
}

/// Takes no more tickets in for now.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/backfills/{id}/pause",
    operation_id = "pause_backfill",
    params(OneBackfill),
    security(("token" = [])),
    responses(
        (status = 200, description = "The backfill is paused", body = BackfillView),
        super::openapi::NoSuchBackfill,
        super::openapi::Guarded
    )
))]
async fn pause(app: State<Arc<AppState>>, id: Segments<String>) -> Result<Json<BackfillView>, Problem> {
    steer(app, id, Steering::Pause).await
}

/// Goes on with a backfill that was paused.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/backfills/{id}/resume",
    operation_id = "resume_backfill",
    params(OneBackfill),
    security(("token" = [])),
    responses(
        (status = 200, description = "The backfill goes on", body = BackfillView),
        super::openapi::NoSuchBackfill,
        super::openapi::Guarded
    )
))]
async fn resume(app: State<Arc<AppState>>, id: Segments<String>) -> Result<Json<BackfillView>, Problem> {
    steer(app, id, Steering::Resume).await
}

/// Takes no more tickets in. Those that were taken in get their rooms.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/backfills/{id}/cancel",
    operation_id = "cancel_backfill",
    params(OneBackfill),
    security(("token" = [])),
    responses(
        (status = 200, description = "The backfill is cancelled", body = BackfillView),
        super::openapi::NoSuchBackfill,
        super::openapi::Guarded
    )
))]
async fn cancel(app: State<Arc<AppState>>, id: Segments<String>) -> Result<Json<BackfillView>, Problem> {
    steer(app, id, Steering::Cancel).await
}

async fn steer(
    State(app): State<Arc<AppState>>,
    Segments(id): Segments<String>,
    steering: Steering,
) -> Result<Json<BackfillView>, Problem> {
    let id: BackfillId =
        id.parse().map_err(|_| Problem::not_found(UNKNOWN.reason("there is no such backfill")))?;
    let now = app.clock.now();
    let listed = backfill::steer(app.store.as_ref(), &id, steering, now).await.map_err(refusal)?;
    Ok(Json(BackfillView::new(&listed, now)))
}

fn refusal(refused: Refused) -> Problem {
    match refused {
        Refused::No(reason) if reason.is(&UNKNOWN) => Problem::not_found(reason),
        Refused::No(reason) if reason.is(&OVER) => Problem::new(StatusCode::CONFLICT, reason),
        Refused::No(reason) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason),
        Refused::Store(error) => unreadable(&error),
    }
}
