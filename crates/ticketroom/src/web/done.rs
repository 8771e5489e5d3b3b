//! The answer of an endpoint that has done what it was asked for and has nothing else to say.

use axum::Json;
use serde::Serialize;

/// It is done: `{"status":"ok"}`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(super) struct Done {
    pub(super) status: Status,
}

/// The only status of a success.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
}

/// It is done.
pub(super) fn done() -> Json<Done> {
    Json(Done { status: Status::Ok })
}
