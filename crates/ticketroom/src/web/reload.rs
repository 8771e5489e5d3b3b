//! `POST /api/v1/reload`: the configuration is read again, as on SIGHUP, and whoever asks hears
//! what came of it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;

use super::problem::{Document, RefusedFor, set_media_type};
use super::reasons::CONFIGURATION_REFUSED;
use super::{AppState, auth};
use crate::config::{ConfigError, Problem};
use crate::live::reload::Reloaded;

pub(super) fn router(app: &Arc<AppState>) -> Router<Arc<AppState>> {
    Router::new()
        .route("/api/v1/reload", post(reload))
        .route_layer(from_fn_with_state(Arc::clone(app), auth::guard_reload))
}

/// A problem document about a configuration.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = ConfigurationRefused))]
pub(super) struct Refused {
    /// Always `request.configuration.refused`; each of the problems has a code of its own.
    #[cfg_attr(test, schema(value_type = String))]
    code: Cow<'static, str>,
    /// What is wrong, and what to do.
    detail: String,
    /// The HTTP status.
    status: u16,
    /// The status in words.
    title: &'static str,
    /// Always `about:blank`: the code says what kind of problem it is.
    r#type: &'static str,
    /// Everything that is wrong with the configuration, in the order of the file; at least one.
    problems: Vec<Problem>,
}

/// Reads the configuration again.
///
/// A configuration with problems is refused as a whole, and the one from before stays in force. The
/// token that the configuration would have then is accepted as well as the one in force.
#[cfg_attr(test, utoipa::path(
    post,
    path = "/api/v1/reload",
    security(("token" = [])),
    responses(
        (status = 200, description = "The configuration is in force", body = Reloaded),
        (
            status = 422,
            description = "It is refused, and the one from before stays in force",
            content_type = "application/problem+json",
            body = Refused
        ),
        super::openapi::Guarded
    )
))]
async fn reload(State(app): State<Arc<AppState>>) -> Result<Json<Reloaded>, Response> {
    app.reloader.reload().await.map(Json).map_err(|error| refusal(&error))
}

fn refusal(error: &ConfigError) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let reason = CONFIGURATION_REFUSED
        .with_help("the configuration has problems", "the one from before stays in force");
    let Document { code, detail, status: number, title, r#type } =
        super::Problem::new(status, reason).document();
    let refused = RefusedFor(code.clone());
    let body = Refused { code, detail, status: number, title, r#type, problems: error.problems().to_vec() };
    let mut response = (status, Json(body)).into_response();
    response.extensions_mut().insert(refused);
    set_media_type(&mut response);
    response
}
