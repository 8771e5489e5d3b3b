//! The HTTP side: one endpoint a file. [`hooks`] takes deliveries, [`health`] tells supervisors and
//! Prometheus, [`api`] serves operators, [`requeue`] takes what they ask for, [`backfills`] begins
//! and stops backfills, [`reload`] reads the configuration again; [`startup_gate`] is in front of
//! them while the store is being opened; [`auth`] guards what is not for everybody, [`parameters`]
//! reads addresses; all of them refuse by a [`problem`], with a code of [`reasons`].
//!
//! Below them, [`server`] accepts connections, [`connections`] says which are closed when there are
//! too many, [`open_files`] how many fit; [`budget`] bounds the memory of bodies, [`sampled`] the
//! lines of the log; [`request_span`] puts the request into each of them.

mod api;
mod auth;
mod backfills;
pub mod budget;
mod connections;
mod done;
mod health;
mod hooks;
mod open_files;
#[cfg(test)]
mod openapi;
mod parameters;
mod problem;
mod readiness;
pub(crate) mod reasons;
mod reload;
mod request_span;
mod requeue;
mod sampled;
mod server;
mod startup_gate;
mod unreadable;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::Notify;

use crate::clock::{Chance, Clock};
use crate::intake::Intake;
use crate::live::Live;
use crate::live::reload::Reloader;
use crate::metrics::Metrics;
use crate::store::Store;

pub use auth::WrongTokens;
pub use open_files::connections_that_fit;
use problem::Problem;
pub use readiness::Readiness;
pub use server::{Limits, serve};
pub use startup_gate::StartupGate;

/// What the app lead to.
#[derive(Debug)]
pub struct AppState {
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
    /// Whether deliveries can be stored.
    pub readiness: Readiness,
    /// Slows down those who send wrong admin tokens.
    pub wrong_tokens: WrongTokens,
    /// What is configured. Each request takes it once.
    pub live: Arc<Live>,
    /// Reads it again.
    pub reloader: Arc<Reloader>,
    /// Where ids of what people begin come from.
    pub chance: Chance,
}

/// All app.
pub fn router(app: Arc<AppState>) -> Router {
    let router = Router::new()
        .merge(hooks::router())
        .merge(health::router(&app))
        .merge(api::router(&app))
        .merge(backfills::router(&app))
        .merge(reload::router(&app))
        .route(
            "/",
            get(async || {
                let text = "the dashboard is not in this version; see /api/v1/tickets";
                Problem::not_found(reasons::ADDRESS_UNKNOWN.reason(text))
            }),
        )
        .fallback(async || {
            Problem::not_found(reasons::ADDRESS_UNKNOWN.reason("there is nothing at this address"))
        })
        .method_not_allowed_fallback(async || Problem::method_not_allowed());
    request_span::with_spans(router).with_state(app)
}
