//! ticketroom: exactly one ONLYOFFICE DocSpace room for every helpdesk ticket.
//!
//! `ARCHITECTURE.md` walks through the parts: a ticket comes in, a crash, adding a helpdesk.

pub mod backfill;
pub mod breaker;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod docspace;
#[cfg(test)]
mod error_manual;
pub mod fault_point;
pub mod finding;
pub mod helpdesk;
pub mod http;
pub mod intake;
mod language;
pub mod ledger;
pub mod live;
pub mod log_limit;
pub mod metrics;
pub mod printable;
pub mod reason;
pub mod reconcile;
pub mod replica;
pub mod room;
pub mod room_event;
pub mod rule;
mod secret_hash;
pub mod service;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod template;
pub mod ticket;
pub mod view;
pub mod web;
