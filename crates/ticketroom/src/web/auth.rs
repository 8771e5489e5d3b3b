//! Who may enter the admin doors: whoever has the admin token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};

use super::{Doors, Problem};
use crate::secret_hash::SecretHash;

/// What opens the admin doors.
#[derive(Debug, Clone)]
pub struct AdminToken(SecretHash);

impl AdminToken {
    /// The token of the configuration, or one that was made up.
    #[must_use]
    pub fn new(token: &SecretString) -> Self {
        Self(SecretHash::of(token.expose_secret().as_bytes()))
    }

    fn is(&self, given: &str) -> bool {
        self.0.is_same(&SecretHash::of(given.as_bytes()))
    }
}

/// Lets through whoever brings the token as `Authorization: Bearer`.
pub(super) async fn guard(
    State(doors): State<Arc<Doors>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if doors.admin.is(token) => Ok(next.run(request).await),
        Some(_) => Err(Problem::new(StatusCode::UNAUTHORIZED, "this is not the admin token")),
        None => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "send the token of [admin] as “Authorization: Bearer …”; without one in the configuration, \
             “ticketroom serve” prints the one it made",
        )),
    }
}
