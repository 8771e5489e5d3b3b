//! The reconciler: takes tickets that are due and makes the world match, one run at a time per
//! ticket.
//!
//! A run *observes* (the ticket, and in DocSpace what the ledger leaves open), *plans* (a pure
//! function), and *acts*: notes are written into the ledger; each effect is intended in the ledger
//! and committed, then run, then recorded. Effects that don't depend on each other run side by
//! side. When nothing is left to do, the run *settles*: how the ticket stands, why, and when to
//! look again.
//!
//! Beside the runs, [`room_events`] finds out which tickets the events in DocSpace's folders belong
//! to.

pub mod effect;
mod note;
pub mod observe;
pub mod plan;
pub mod preview;
pub(crate) mod reasons;
mod refused;
mod relations;
pub mod rest;
pub mod room_events;
mod run;
mod shares;
mod worker;

pub use worker::{Dependencies, Progress, Reconciler, Settings};
