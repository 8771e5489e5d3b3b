//! Cloud's rate limits: calls of one method and endpoint in a second, and changes of one issue in 2
//! and in 30 seconds, each in windows that begin with the first call. The headers of each answer
//! tell what is left of the burst.
//!
//! A 429 has `Retry-After`, except for one from the gateway in front of Jira.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::wire;
use crate::http::Answer;
use crate::window::{self, Window};

const SECOND: i64 = 1_000;

/// The limits of a site; the default is what Atlassian documents for API tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// GETs of one endpoint a second.
    pub gets_per_second: u32,
    /// Like that, but of single issues.
    pub issue_gets_per_second: u32,
    /// POSTs to one endpoint a second.
    pub posts_per_second: u32,
    /// PUTs to one endpoint a second.
    pub puts_per_second: u32,
    /// DELETEs of one endpoint a second.
    pub deletes_per_second: u32,
    /// Changes of one issue in 2 seconds.
    pub issue_writes_per_2_seconds: u32,
    /// Changes of one issue in 30 seconds.
    pub issue_writes_per_30_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            gets_per_second: 100,
            issue_gets_per_second: 150,
            posts_per_second: 100,
            puts_per_second: 50,
            deletes_per_second: 50,
            issue_writes_per_2_seconds: 20,
            issue_writes_per_30_seconds: 100,
        }
    }
}

impl Limits {
    fn burst(&self, method: &Method, call: &str) -> u32 {
        match (method.as_str(), call) {
            (_, "get_issue") => self.issue_gets_per_second,
            ("POST", _) => self.posts_per_second,
            ("PUT", _) => self.puts_per_second,
            ("DELETE", _) => self.deletes_per_second,
            _ => self.gets_per_second,
        }
    }
}

/// Values of `RateLimit-Reason`.
pub(super) const BURST: &str = "jira-burst-based";
pub(super) const ISSUE_WRITES: &str = "jira-per-issue-on-write";

/// The limits, and what was used up.
#[derive(Debug)]
pub(super) struct Quota {
    counted: window::Quota<Limits, Used>,
    /// Every other 429 has no `Retry-After`.
    silent_gateway: bool,
}

#[derive(Debug, Default)]
struct Used {
    bursts: BTreeMap<(String, &'static str), Window>,
    /// Of each issue, in 2 and in 30 seconds.
    writes: BTreeMap<u64, [Window; 2]>,
    refusals: u64,
}

impl Quota {
    pub(super) fn new(limits: Option<Limits>, silent_gateway: bool) -> Self {
        Self { counted: window::Quota::new(limits), silent_gateway }
    }

    /// What was used up is forgotten.
    pub(super) fn set(&self, limits: Option<Limits>) {
        self.counted.set(limits);
    }

    /// Takes what a call needs. A call that is rejected by one limit still counts for the limits
    /// checked before it.
    pub(super) fn admit(
        &self,
        method: &Method,
        call: &'static str,
        write_to: Option<u64>,
        now: Timestamp,
    ) -> Result<(), Answer> {
        let refused = self.counted.limited(|limits, used| {
            let burst = used.bursts.entry((method.to_string(), call)).or_default();
            let mut taken = burst.take(limits.burst(method, call), SECOND, now).map_err(|wait| (BURST, wait));
            if let (Ok(()), Some(issue)) = (taken, write_to) {
                let [short, long] = used.writes.entry(issue).or_default();
                taken = short
                    .take(limits.issue_writes_per_2_seconds, 2 * SECOND, now)
                    .and_then(|()| long.take(limits.issue_writes_per_30_seconds, 30 * SECOND, now))
                    .map_err(|wait| (ISSUE_WRITES, wait));
            }
            used.refusals += u64::from(taken.is_err());
            taken.err().map(|(reason, wait)| (reason, wait, used.refusals))
        });
        let Some((reason, wait, refusals)) = refused.flatten() else { return Ok(()) };
        let silent = self.silent_gateway && refusals % 2 == 1;
        let seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1_000).max(1);
        let answer = too_many(reason, (!silent).then_some(seconds));
        let answer = self.headers(answer, method, call, now);
        if reason == BURST { Err(answer) } else { Err(answer.with("x-ratelimit-reset", &iso(now, wait))) }
    }

    /// The answer, with what is left of the burst.
    pub(super) fn headers(
        &self,
        answer: Answer,
        method: &Method,
        call: &'static str,
        now: Timestamp,
    ) -> Answer {
        let counted = self.counted.limited(|limits, used| {
            let window = used.bursts.get(&(method.to_string(), call)).copied().unwrap_or_default();
            (limits.burst(method, call), window)
        });
        let Some((limit, window)) = counted else { return answer };
        let left = limit.saturating_sub(window.used);
        answer
            .with("x-ratelimit-limit", &limit.to_string())
            .with("x-ratelimit-remaining", &left.to_string())
            .with("x-ratelimit-reset", &iso(now, window.resets(SECOND, now)))
            .with("x-ratelimit-nearlimit", if left * 5 < limit { "true" } else { "false" })
    }
}

/// The time in so many milliseconds, to the second that is over by then.
fn iso(now: Timestamp, millis: i64) -> String {
    let then = now.saturating_add(SignedDuration::from_millis(millis.max(0))).unwrap_or(now);
    then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The answer to a call beyond a limit.
pub(super) fn too_many(reason: &str, retry_after: Option<u64>) -> Answer {
    let answer = wire::error(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded.");
    answer.with("ratelimit-reason", reason).with_retry_after(retry_after)
}
