//! Fixtures for tests of the whole product: the simulated systems with a configuration for them
//! ([`Systems`]), each kind of helpdesk with its deliveries and what was written to it ([`Desk`]),
//! and the product's binary, run and killed as by a supervisor ([`Process`]).
//!
//! This crate does not depend on the product's code. It checks results at the simulated systems
//! (`wrong_with*`), and uses the product through its configuration file, its endpoints and its exit
//! status.
//!
//! Functions that depend on the product return a value (`*_within`, `wrong_with*`), for callers
//! that count failures. Those of the same name without a limit panic, which fails the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is a test's failure report"
)]

mod desks;
mod lives;
mod notes;
mod patience;
mod process;
mod proofs;
mod systems;

pub use desks::{Desk, WebhookRequest, generic};
pub use lives::{Act, Agent, Customer, Group, LifeTicket};
pub use notes::Note;
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
