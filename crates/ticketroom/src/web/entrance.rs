//! The entrance, which is there before the doors that it leads to: a store may take its time to open, as when its
//! server is starting as well. Who comes before then hears at once to come again, and doesn't have to wait in silence.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::reasons::STORE_OPENING;
use super::{Doors, Problem, health, router};

/// What a listener leads to.
#[derive(Debug, Clone, Default)]
pub struct Entrance(Arc<OnceLock<Router>>);

impl Entrance {
    /// One that leads to these doors.
    #[must_use]
    pub fn to(doors: Arc<Doors>) -> Self {
        let entrance = Self::default();
        entrance.open(doors);
        entrance
    }

    /// From now on it leads to these doors; it stays with the first ones.
    pub fn open(&self, doors: Arc<Doors>) {
        self.0.get_or_init(|| router(doors));
    }

    pub(super) fn into_router(self) -> Router {
        Router::new().fallback(enter).with_state(self)
    }
}

async fn enter(State(entrance): State<Entrance>, request: Request) -> Response {
    match entrance.0.get() {
        Some(doors) => doors.clone().oneshot(request).await.into_response(),
        // The process lives all the same.
        None if request.uri().path() == health::ALIVE => health::alive().await.into_response(),
        None => Problem::unavailable(STORE_OPENING.reason("the store is being opened")).into_response(),
    }
}
