//! The simulator's servers, asked over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is the failure report"
)]

mod callback;
mod docspace;
mod fixture;
mod freshdesk;
mod jira;
mod zendesk;

/// A client of the tests. Without TLS set up there is none, though nothing here needs it.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
