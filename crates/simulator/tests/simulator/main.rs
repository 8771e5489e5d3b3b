//! The simulator's servers, asked over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic here is the failure report")]

mod callback;
mod zendesk;
