//! The gate in front of all endpoints, which is there before they are: a store may take its time to
//! open, as when its server is starting as well. Until then, every request but the one for liveness
//! is answered with 503 at once.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::reasons::STORE_OPENING;
use super::{AppState, Problem, health, router};

/// Answers 503 until there is an application to pass requests to.
#[derive(Debug, Clone, Default)]
pub struct StartupGate(Arc<OnceLock<Router>>);

impl StartupGate {
    /// A gate that is open.
    #[must_use]
    pub fn to(app: Arc<AppState>) -> Self {
        let gate = Self::default();
        gate.open(app);
        gate
    }

    /// Passes requests to the endpoints from now on. It can be opened once.
    pub fn open(&self, app: Arc<AppState>) {
        self.0.get_or_init(|| router(app));
    }

    pub(super) fn into_router(self) -> Router {
        Router::new().fallback(enter).with_state(self)
    }
}

async fn enter(State(gate): State<StartupGate>, request: Request) -> Response {
    match gate.0.get() {
        Some(app) => app.clone().oneshot(request).await.into_response(),
        // The process is alive all the same.
        None if request.uri().path() == health::ALIVE => health::alive().await.into_response(),
        None => Problem::unavailable(STORE_OPENING.reason("the store is being opened")).into_response(),
    }
}
