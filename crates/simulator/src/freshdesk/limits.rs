//! How much a client may ask for a minute: calls of the whole account, and some kinds of calls in particular. What is
//! left is told in the headers of every answer. Calls that fail count as well, and each `include` counts again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::Answer;

const MINUTE: i64 = 60;

/// The limits of an account; the default is that of the plan Growth, as the stricter of its two descriptions has it.
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

/// The limits, and what was used up.
#[derive(Debug)]
pub(super) struct Quota(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    limits: Option<Limits>,
    began: Timestamp,
    total: u32,
    updates: u32,
    lists: u32,
}

impl Quota {
    pub(super) fn new(limits: Option<Limits>) -> Self {
        Self(Mutex::new(Used { limits, ..Used::default() }))
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever was used up is forgotten.
    pub(super) fn set(&self, limits: Option<Limits>) {
        *self.used() = Used { limits, ..Used::default() };
    }

    /// Takes what a call costs.
    pub(super) fn admit(&self, call: &str, cost: u32, now: Timestamp) -> Result<(), Answer> {
        let mut used = self.used();
        let Some(limits) = used.limits else { return Ok(()) };
        if now.duration_since(used.began).as_secs() >= MINUTE {
            *used = Used { limits: Some(limits), began: now, ..Used::default() };
        }
        let wait = (MINUTE - now.duration_since(used.began).as_secs()).max(1);
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
        if over || used.total > limits.total {
            return Err(too_many(wait.unsigned_abs()));
        }
        Ok(())
    }

    /// With the headers that tell what is left.
    pub(super) fn tell(&self, answer: Answer, cost: u32) -> Answer {
        let used = self.used();
        let Some(limits) = used.limits else { return answer };
        answer
            .with("x-ratelimit-total", &limits.total.to_string())
            .with("x-ratelimit-remaining", &limits.total.saturating_sub(used.total).to_string())
            .with("x-ratelimit-used-currentrequest", &cost.to_string())
    }
}

pub(super) fn too_many(retry_after_s: u64) -> Answer {
    let body = json!({ "message": "You have exceeded the limit of requests per minute" });
    Answer::json(StatusCode::TOO_MANY_REQUESTS, &body).with("retry-after", &retry_after_s.to_string())
}
