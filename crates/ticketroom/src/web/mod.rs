//! The HTTP side: one door a file. [`hooks`] takes deliveries, [`health`] tells supervisors and Prometheus,
//! [`api`] serves operators; [`entrance`] is in front of them while the store is being opened; [`auth`] guards what is
//! not for everybody, [`problem`] is how all of them say no.

mod api;
mod auth;
mod entrance;
mod health;
mod hooks;
mod problem;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::ticket::HelpdeskName;

pub use auth::AdminToken;
pub use entrance::Entrance;
use problem::Problem;

/// What the doors lead to.
#[derive(Debug)]
pub struct Doors {
    /// Takes deliveries in.
    pub intake: Intake,
    /// What is known of tickets.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What Prometheus is told.
    pub metrics: Metrics,
    /// Told of tickets that a person put back.
    pub wake: Arc<Notify>,
    /// Whether deliveries are taken here; another process may be there for them.
    pub takes_deliveries: bool,
    /// What opens the admin doors.
    pub admin: AdminToken,
    /// Largest delivery, in bytes.
    pub max_delivery: usize,
    /// The generic helpdesk behind `/helpdesk/ticket-created`, if there is one.
    pub generic: Option<HelpdeskName>,
}

/// All doors.
pub fn router(doors: Arc<Doors>) -> Router {
    Router::new()
        .merge(hooks::router())
        .merge(health::router(&doors))
        .merge(api::router(&doors))
        .route(
            "/",
            get(async || Problem::not_found("the dashboard is not in this version; see /api/v1/tickets")),
        )
        .fallback(async || Problem::not_found("there is nothing at this address"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(doors)
}

/// How long answers that are under way may take once the service stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Serves what is behind the entrance until `stop` says so, then lets the answers that are under way end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    entrance: Entrance,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Answers are small: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
    });
    let mut stopped = stop.clone();
    let asked = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let serving = axum::serve(listener, entrance.into_router()).with_graceful_shutdown(asked).into_future();
    tokio::select! {
        result = serving => result,
        () = async {
            let _ = stopped.wait_for(|stop| *stop).await;
            tokio::time::sleep(LAST_ANSWERS).await;
        } => Ok(()),
    }
}
