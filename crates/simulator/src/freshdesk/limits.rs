//! Rate limits a minute: calls of the whole account, and some kinds of calls. The headers of each
//! answer tell what is left. Calls that fail count as well, and each `include` counts as a call.

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::Answer;
use crate::window;

const MINUTE: i64 = 60;

/// The limits of an account; the default is that of the plan Growth, as the stricter of its two
/// descriptions has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls a minute of everybody.
    pub total: u32,
    /// Updates of tickets a minute.
    pub ticket_update: u32,
    /// Lists of tickets a minute.
    pub ticket_list: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: 100, ticket_update: 80, ticket_list: 20 }
    }
}

pub(super) type Quota = window::Quota<Limits, Used>;

/// What was used up in this minute.
#[derive(Debug, Default)]
pub(super) struct Used {
    began: Timestamp,
    total: u32,
    updates: u32,
    lists: u32,
}

impl Quota {
    /// Takes what a call costs.
    pub(super) fn admit(&self, call: &str, cost: u32, now: Timestamp) -> Result<(), Answer> {
        let taken = self.limited(|limits, used| {
            if now.duration_since(used.began).as_secs() >= MINUTE {
                *used = Used { began: now, ..Used::default() };
            }
            used.total = used.total.saturating_add(cost);
            let over = match call {
                "update_ticket" | "create_note" => {
                    used.updates += 1;
                    used.updates > limits.ticket_update
                }
                "list_tickets" => {
                    used.lists += 1;
                    used.lists > limits.ticket_list
                }
                _ => false,
            };
            let wait = (MINUTE - now.duration_since(used.began).as_secs()).max(1);
            if over || used.total > limits.total { Err(too_many(wait.unsigned_abs())) } else { Ok(()) }
        });
        taken.unwrap_or(Ok(()))
    }

    /// With the headers that tell what is left.
    pub(super) fn tell(&self, answer: Answer, cost: u32) -> Answer {
        let left = self.limited(|limits, used| (limits.total, limits.total.saturating_sub(used.total)));
        let Some((total, left)) = left else { return answer };
        answer
            .with("x-ratelimit-total", &total.to_string())
            .with("x-ratelimit-remaining", &left.to_string())
            .with("x-ratelimit-used-currentrequest", &cost.to_string())
    }
}

pub(super) fn too_many(retry_after_s: u64) -> Answer {
    let body = json!({ "message": "You have exceeded the limit of requests per minute" });
    Answer::json(StatusCode::TOO_MANY_REQUESTS, &body).with("retry-after", &retry_after_s.to_string())
}
