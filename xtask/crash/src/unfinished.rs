//! Which tickets have work left, as the product's API shows it.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use testbed::{ADMIN_TOKEN, is_due, is_due_within};

/// How many tickets the API lists at once.
const PAGE: usize = 500;

/// How many tickets have work left, or will have within that time; `None` if the process at `url`
/// doesn't answer.
pub(crate) async fn unfinished(client: &Client, url: &str, soon: Duration) -> Option<usize> {
    let mut unfinished = 0;
    for page in 0.. {
        let list = ask(client, url, &format!("tickets?limit={PAGE}&offset={}", page * PAGE)).await?;
        let tickets = list["tickets"].as_array()?;
        // One that rests may still be looked at soon: whether it has a second room, whether its
        // time is over, or for files.
        let rests = |ticket: &Value| ticket["state"] == "ready" || ticket["state"] == "archived";
        let is_unfinished =
            |ticket: &&Value| is_due(ticket) || (rests(ticket) && is_due_within(ticket, soon));
        unfinished += tickets.iter().filter(is_unfinished).count();
        if tickets.len() < PAGE {
            break;
        }
    }
    Some(unfinished)
}

/// The answer of a process's API; `None` without a successful one.
pub(crate) async fn ask(client: &Client, url: &str, path: &str) -> Option<Value> {
    let request = client.get(format!("{url}/api/v1/{path}"));
    let request = request.bearer_auth(ADMIN_TOKEN).timeout(Duration::from_secs(20));
    request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
}
