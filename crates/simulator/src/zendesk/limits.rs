//! Rate limits: requests of the whole account, updates of all tickets, and of one ticket, each in
//! windows that begin with the first call. The headers of each answer tell what is left.

use std::collections::BTreeMap;

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::Answer;
use crate::window::{self, Window, seconds};

const MINUTE: i64 = 60_000;
const TEN_MINUTES: i64 = 10 * MINUTE;
/// How often each of the [`Slow`] calls may be made in a minute, but that of a search.
const SLOW_PER_MINUTE: u32 = 10;
const SEARCH_EXPORTS_PER_MINUTE: u32 = 100;

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

/// Calls that have a limit of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    Export,
    DeletedTickets,
    SearchExport,
}

pub(super) type Quota = window::Quota<Limits, Used>;

/// What was used up.
#[derive(Debug, Default)]
pub(super) struct Used {
    requests: Window,
    updates: Window,
    updates_of: BTreeMap<u64, Window>,
    exports: Window,
    deleted_tickets: Window,
    search_exports: Window,
}

impl Quota {
    /// Takes what a call needs. A call that is rejected by one limit still counts for the limits
    /// checked before it.
    pub(super) fn admit(
        &self,
        update_of: Option<u64>,
        slow: Option<Slow>,
        now: Timestamp,
    ) -> Result<(), Answer> {
        let taken = self.limited(|limits, used| {
            used.requests.take(limits.requests_per_minute, MINUTE, now)?;
            let window = match slow {
                Some(Slow::Export) => Some((&mut used.exports, SLOW_PER_MINUTE)),
                Some(Slow::DeletedTickets) => Some((&mut used.deleted_tickets, SLOW_PER_MINUTE)),
                Some(Slow::SearchExport) => Some((&mut used.search_exports, SEARCH_EXPORTS_PER_MINUTE)),
                None => None,
            };
            if let Some((window, most)) = window {
                window.take(most, MINUTE, now)?;
            }
            let Some(ticket) = update_of else { return Ok(()) };
            used.updates.take(limits.ticket_updates_per_minute, MINUTE, now)?;
            used.updates_of.entry(ticket).or_default().take(limits.updates_per_ticket, TEN_MINUTES, now)
        });
        let refused =
            |wait| self.headers(too_many(Some(seconds(wait).unsigned_abs())), update_of.is_some(), now);
        taken.unwrap_or(Ok(())).map_err(refused)
    }

    /// The answer, with what is left.
    pub(super) fn headers(&self, answer: Answer, update: bool, now: Timestamp) -> Answer {
        let counted = self.limited(|limits, used| {
            let left = |limit: u32, window: &Window| {
                (limit, limit.saturating_sub(window.used), seconds(window.resets(MINUTE, now)))
            };
            (
                left(limits.requests_per_minute, &used.requests),
                left(limits.ticket_updates_per_minute, &used.updates),
            )
        });
        let Some(((limit, left, reset), (total, remaining, resets))) = counted else { return answer };
        let (limit, left) = (limit.to_string(), left.to_string());
        let answer = answer
            .with("x-rate-limit", &limit)
            .with("x-rate-limit-remaining", &left)
            .with("ratelimit-limit", &limit)
            .with("ratelimit-remaining", &left)
            .with("ratelimit-reset", &reset.to_string());
        if !update {
            return answer;
        }
        let updates = format!("total={total}; remaining={remaining}; resets={resets}");
        answer.with("zendesk-ratelimit-tickets-update", &updates)
    }
}

/// The answer to a call beyond a limit.
pub(super) fn too_many(retry_after: Option<u64>) -> Answer {
    let body = json!({
        "error": "APIRateLimitExceeded",
        "description": "Number of allowed API requests per minute exceeded",
    });
    Answer::json(StatusCode::TOO_MANY_REQUESTS, &body).with_retry_after(retry_after)
}
