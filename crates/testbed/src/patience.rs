//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use simulator::Clock;

use crate::ADMIN_TOKEN;

/// How long a test waits before it fails. Tests await conditions, so a passing run takes a fraction
/// of this.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// The pause between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until a condition holds, with a pause between two checks. `false` if it doesn't within the
/// time.
pub async fn holds_within(patience: Duration, pause: Duration, condition: impl AsyncFn() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !condition().await {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(pause).await;
    }
    true
}

/// Waits until a condition holds.
///
/// # Panics
/// When it doesn't for [`PATIENCE`].
pub async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    wait_until_every(PAUSE, what, condition).await;
}

/// The same for a condition that is expensive to check.
///
/// # Panics
/// When it doesn't hold for [`PATIENCE`].
pub async fn wait_until_every(pause: Duration, what: &str, condition: impl AsyncFn() -> bool) {
    assert!(holds_within(PATIENCE, pause, condition).await, "{what}: still not so after {PATIENCE:?}");
}

/// Waits until no ticket of the service at `url` is due, waiting or being worked on. `false` if one
/// still is, or if the service doesn't answer.
pub async fn all_rest_within(patience: Duration, client: &Client, url: &str) -> bool {
    let url = format!("{url}/api/v1/tickets?limit=500");
    let rest = async || {
        let Ok(answer) = client.get(&url).bearer_auth(ADMIN_TOKEN).send().await else { return false };
        let Ok(found) = answer.json::<Value>().await else { return false };
        found["tickets"].as_array().is_some_and(|tickets| !tickets.iter().any(is_due))
    };
    // The list is long, and would otherwise be most of the load.
    holds_within(patience, Duration::from_millis(100), rest).await
}

/// Waits until no ticket of the service at `url` is due, waiting or being worked on.
///
/// # Panics
/// When one still is after [`PATIENCE`].
pub async fn wait_until_all_rest(client: &Client, url: &str) {
    assert!(all_rest_within(PATIENCE, client, url).await, "not all tickets rest after {PATIENCE:?}");
}

/// Whether a ticket, as the API shows it, has work left.
#[must_use]
pub fn is_due(ticket: &Value) -> bool {
    ticket["state"] == "waiting" || ticket["state"] == "working" || is_due_within(ticket, Duration::ZERO)
}

/// Whether a ticket, as the API shows it, is due within that time.
#[must_use]
pub fn is_due_within(ticket: &Value, time: Duration) -> bool {
    let next = ticket["next"].as_str().and_then(|next| next.parse::<jiff::Timestamp>().ok());
    let latest = Clock::default().now().saturating_add(time).unwrap_or(jiff::Timestamp::MAX);
    next.is_some_and(|next| next <= latest)
}
