//! What tests of the whole product stand on: the simulated systems with a configuration for them ([`Systems`]), each
//! kind of helpdesk as one who sends and is written to ([`Desk`]), and the product's binary, run and killed as by a
//! supervisor ([`Process`]).
//!
//! Nothing here knows the product's code. What is right is counted at the simulated systems (`wrong_with*`), and the
//! product is seen through its configuration file, its doors and its exit status.
//!
//! What depends on the product answers with a value (`*_within`, `wrong_with*`), for callers that count failures.
//! Their namesakes without a limit fail the test that calls them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is a test's failure report"
)]

mod desks;
mod patience;
mod process;
mod proofs;
mod systems;

pub use desks::{Desk, WebhookRequest, generic};
pub use patience::{
    PATIENCE, all_rest_within, holds_within, is_due, is_due_within, wait_until, wait_until_all_rest,
    wait_until_every,
};
pub use process::{Process, Readiness, free_port};
pub use proofs::Proofs;
pub use systems::{
    ADMIN_TOKEN, FOLDERS, OLD_WEBHOOK_SECRET, Pace, ROOM_FIELD, SETTLE, Systems, TEMPLATE, WEBHOOK_SECRET,
    sqlite,
};
