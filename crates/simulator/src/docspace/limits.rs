//! The rate limits, checked in this order: requests a minute, requests in flight, writes a day,
//! e-mail invitations a day. They apply to a *user* with all keys; the last one applies to the
//! portal. A request that a later limit rejects still counts in the minute.
//!
//! A rejection has no body. Only the two limits with a fixed window (a day from the first request)
//! send `Retry-After`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fault::TooMany;
use crate::http::Answer;
use crate::lock;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The limits of a portal; a self-hosted one has none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests of a user in any minute.
    pub requests_per_minute: u32,
    /// GETs of a user in flight.
    pub concurrent_reads: u32,
    /// Other requests of a user in flight.
    pub concurrent_writes: u32,
    /// POSTs and PUTs of a user in a day.
    pub writes_per_day: u32,
    /// E-mail invitations to rooms in a day, over all users.
    pub email_invitations_per_day: Option<u32>,
}

impl Default for Limits {
    /// DocSpace's own numbers.
    fn default() -> Self {
        Self {
            requests_per_minute: 1500,
            concurrent_reads: 50,
            concurrent_writes: 15,
            writes_per_day: 10_000,
            email_invitations_per_day: None,
        }
    }
}

/// What was used up of the limits; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Limiter(Arc<Mutex<Usage>>);

#[derive(Debug, Default)]
struct Usage {
    limits: Option<Limits>,
    users: HashMap<Uuid, OfUser>,
    invitations: Window,
}

#[derive(Debug, Default)]
struct OfUser {
    minute: VecDeque<Timestamp>,
    reads: u32,
    writes: u32,
    day: Window,
}

/// A day that begins with its first request.
#[derive(Debug, Default)]
struct Window {
    since: Option<Timestamp>,
    used: u32,
}

impl Window {
    /// Takes so many of `most`, or returns when the window ends.
    fn take(&mut self, wanted: u32, most: u32, now: Timestamp) -> Result<(), Timestamp> {
        let since = match self.since {
            Some(since) if now < since + DAY => since,
            _ => {
                self.used = 0;
                *self.since.insert(now)
            }
        };
        if self.used.saturating_add(wanted) > most {
            return Err(since + DAY);
        }
        self.used += wanted;
        Ok(())
    }
}

/// One of the requests in flight.
#[derive(Debug)]
pub(super) struct Place {
    limiter: Limiter,
    user: Uuid,
    read: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut usage = self.limiter.usage();
        if let Some(user) = usage.users.get_mut(&self.user) {
            let in_flight = if self.read { &mut user.reads } else { &mut user.writes };
            *in_flight = in_flight.saturating_sub(1);
        }
    }
}

impl Limiter {
    fn usage(&self) -> MutexGuard<'_, Usage> {
        lock(&self.0)
    }

    pub(super) fn set(&self, limits: Option<Limits>) {
        self.usage().limits = limits;
    }

    /// Admits a request of that user, unless a limit is reached. All anonymous requests count as
    /// those of one user (nil).
    pub(super) fn enter(
        &self,
        user: Uuid,
        method: &Method,
        email_invitations: u32,
        now: Timestamp,
    ) -> Result<Option<Place>, Answer> {
        let mut usage = self.usage();
        let usage = &mut *usage;
        let Some(limits) = usage.limits else { return Ok(None) };
        let read = method == Method::GET;
        let of_user = usage.users.entry(user).or_default();

        while of_user.minute.front().is_some_and(|&at| at + MINUTE <= now) {
            of_user.minute.pop_front();
        }
        if of_user.minute.len() >= usize::try_from(limits.requests_per_minute).unwrap_or(usize::MAX) {
            return Err(rejection(limits.requests_per_minute, None));
        }
        of_user.minute.push_back(now);

        let (in_flight, most) = if read {
            (&mut of_user.reads, limits.concurrent_reads)
        } else {
            (&mut of_user.writes, limits.concurrent_writes)
        };
        if *in_flight >= most {
            return Err(rejection(most, None));
        }
        if method == Method::POST || method == Method::PUT {
            let taken = of_user.day.take(1, limits.writes_per_day, now);
            taken.map_err(|ends| rejection(limits.writes_per_day, Some((now, ends))))?;
        }
        if let (Some(most), 1..) = (limits.email_invitations_per_day, email_invitations) {
            let taken = usage.invitations.take(email_invitations, most, now);
            taken.map_err(|ends| rejection(most, Some((now, ends))))?;
        }
        *in_flight += 1;
        Ok(Some(Place { limiter: self.clone(), user, read }))
    }

    /// The rejection by that limit, whether or not it is reached.
    pub(super) fn pretend(&self, kind: TooMany, now: Timestamp) -> Answer {
        let limits = self.usage().limits.unwrap_or_default();
        let limit = match kind {
            TooMany::PerMinute => limits.requests_per_minute,
            TooMany::ConcurrentReads => limits.concurrent_reads,
            TooMany::ConcurrentWrites => limits.concurrent_writes,
            TooMany::Daily { .. } => limits.writes_per_day,
            TooMany::EmailInvitations { .. } => limits.email_invitations_per_day.unwrap_or(100),
        };
        let wait =
            kind.retry_after_s().map(|s| SignedDuration::from_secs(i64::try_from(s).unwrap_or(i64::MAX)));
        let window = wait.map(|wait| (now, now.checked_add(wait).unwrap_or(Timestamp::MAX)));
        rejection(limit, window)
    }
}

fn rejection(limit: u32, window: Option<(Timestamp, Timestamp)>) -> Answer {
    let answer = Answer::empty(StatusCode::TOO_MANY_REQUESTS)
        .with("x-ratelimit-limit", &limit.to_string())
        .with("x-ratelimit-remaining", "0");
    let Some((now, ends)) = window else { return answer };
    let wait = ends.duration_since(now);
    let whole_seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
    answer
        .with("retry-after", &whole_seconds.to_string())
        .with("x-ratelimit-reset", &ends.as_millisecond().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn limiter(limits: Limits) -> Limiter {
        let limiter = Limiter::default();
        limiter.set(Some(limits));
        limiter
    }

    fn limit_of(refused: &Answer) -> &str {
        refused.headers.get("x-ratelimit-limit").unwrap().to_str().unwrap()
    }

    #[test]
    fn the_minute_slides_and_counts_what_a_later_limit_turned_away() {
        let limiter = limiter(Limits { requests_per_minute: 3, concurrent_writes: 1, ..Limits::default() });
        let enter = |second| limiter.enter(Uuid::nil(), &Method::POST, 0, at(second));
        let held = enter(0).unwrap();
        assert_eq!(limit_of(&enter(10).unwrap_err()), "1");
        assert_eq!(limit_of(&enter(20).unwrap_err()), "1");
        drop(held);
        let refused = enter(59).unwrap_err();
        assert_eq!(limit_of(&refused), "3");
        assert!(!refused.headers.contains_key("retry-after"));
        assert!(enter(60).is_ok(), "the first one is a minute old");
        assert!(enter(61).is_err(), "one that was turned away by the minute itself has not used it");
        assert!(enter(70).is_ok());
    }

    #[test]
    fn a_day_begins_with_its_first_write_and_says_when_it_ends() {
        let limiter = limiter(Limits { writes_per_day: 2, ..Limits::default() });
        let enter = |method, second| limiter.enter(Uuid::nil(), &method, 0, at(second));
        assert!(enter(Method::POST, 100).is_ok());
        assert!(enter(Method::DELETE, 101).is_ok());
        assert!(enter(Method::PUT, 102).is_ok());
        let refused = enter(Method::PUT, 1100).unwrap_err();
        assert_eq!(limit_of(&refused), "2");
        assert_eq!(refused.headers.get("retry-after").unwrap(), &(86_400 - 1000).to_string());
        assert_eq!(
            refused.headers.get("x-ratelimit-reset").unwrap(),
            &at(86_500).as_millisecond().to_string()
        );
        assert!(enter(Method::GET, 1200).is_ok());
        assert!(enter(Method::POST, 86_500).is_ok());
    }

    #[test]
    fn invitations_are_weighed_over_all_users() {
        let limiter = limiter(Limits { email_invitations_per_day: Some(3), ..Limits::default() });
        let enter = |emails| limiter.enter(Uuid::new_v4(), &Method::PUT, emails, at(0)).map(|_| ());
        assert!(enter(2).is_ok());
        assert_eq!(limit_of(&enter(2).unwrap_err()), "3");
        assert!(enter(1).is_ok());
        assert!(enter(0).is_ok());
    }
}
