//! How much a client may ask for: requests of the whole account, updates of tickets, and of one ticket. Each
//! is counted in windows that begin with the first call. What is left is told in the headers of every answer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::Answer;
use crate::window::{Window, seconds};

const MINUTE: i64 = 60_000;
const TEN_MINUTES: i64 = 10 * MINUTE;
/// Calls of the incremental export a minute.
const EXPORTS_PER_MINUTE: u32 = 10;

/// The limits of an account; the default is that of a Professional plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests a minute of everybody.
    pub requests_per_minute: u32,
    /// Updates of tickets a minute of everybody.
    pub ticket_updates_per_minute: u32,
    /// Updates of one ticket by one user in ten minutes.
    pub updates_per_ticket: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_minute: 400, ticket_updates_per_minute: 100, updates_per_ticket: 30 }
    }
}

/// The limits, and what was used up.
#[derive(Debug)]
pub(super) struct Quota(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    limits: Option<Limits>,
    requests: Window,
    updates: Window,
    updates_of: BTreeMap<u64, Window>,
    exports: Window,
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

    /// Takes what a call needs. A call that is turned away by one limit has still used up the others before it.
    pub(super) fn admit(&self, update_of: Option<u64>, export: bool, now: Timestamp) -> Result<(), Answer> {
        let mut used = self.used();
        let Some(limits) = used.limits else { return Ok(()) };
        let taken = used.requests.take(limits.requests_per_minute, MINUTE, now).and_then(|()| {
            if export {
                used.exports.take(EXPORTS_PER_MINUTE, MINUTE, now)?;
            }
            let Some(ticket) = update_of else { return Ok(()) };
            used.updates.take(limits.ticket_updates_per_minute, MINUTE, now)?;
            used.updates_of.entry(ticket).or_default().take(limits.updates_per_ticket, TEN_MINUTES, now)
        });
        drop(used);
        taken.map_err(|wait| self.headers(too_many(Some(seconds(wait))), update_of.is_some(), now))
    }

    /// The answer, with what is left.
    pub(super) fn headers(&self, answer: Answer, update: bool, now: Timestamp) -> Answer {
        let used = self.used();
        let Some(limits) = used.limits else { return answer };
        let limit = limits.requests_per_minute;
        let left = limit.saturating_sub(used.requests.used).to_string();
        let limit = limit.to_string();
        let answer = answer
            .with("x-rate-limit", &limit)
            .with("x-rate-limit-remaining", &left)
            .with("ratelimit-limit", &limit)
            .with("ratelimit-remaining", &left)
            .with("ratelimit-reset", &seconds(used.requests.resets(MINUTE, now)).to_string());
        if !update {
            return answer;
        }
        let total = limits.ticket_updates_per_minute;
        let (left, resets) =
            (total.saturating_sub(used.updates.used), seconds(used.updates.resets(MINUTE, now)));
        let told = format!("total={total}; remaining={left}; resets={resets}");
        answer.with("zendesk-ratelimit-tickets-update", &told)
    }
}

/// The answer to a call beyond a limit.
pub(super) fn too_many(retry_after: Option<i64>) -> Answer {
    let body = json!({
        "error": "APIRateLimitExceeded",
        "description": "Number of allowed API requests per minute exceeded",
    });
    let answer = Answer::json(StatusCode::TOO_MANY_REQUESTS, &body);
    match retry_after {
        Some(seconds) => answer.with("retry-after", &seconds.to_string()),
        None => answer,
    }
}
