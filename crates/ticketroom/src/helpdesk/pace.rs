//! How fast a helpdesk may be called.
//!
//! Helpdesks limit requests for the whole account, and other integrations live on the same
//! allowance. They say with every answer how much is left: below a part of it, what is left is
//! spread over the time until it is filled up again. After a 429 nothing is called until the
//! helpdesk said so. In which headers they say it differs ([`Style`]).
//!
//! A caller waits here for a few seconds at most; beyond that the call is given up before it is
//! made, so that the ticket waits in the store and not in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::Instant;
use url::Url;

use crate::call::retry_after;
use crate::ticket::HelpdeskName;

/// The longest that a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest distance between calls. A run makes several in a row, and one that would have to
/// wait longer than [`PATIENCE`] for the next would end without having got anywhere.
const WIDEST: Duration = Duration::from_secs(2);
/// The time until an allowance is filled up where that is not said: account-wide limits are per
/// minute.
const MINUTE: Duration = Duration::from_secs(60);

/// How a helpdesk tells of its limits.
#[derive(Debug)]
pub(super) struct Style {
    /// The headers that have the allowance, the first that is there.
    pub(super) limit: &'static [&'static str],
    /// The headers that have what is left of it.
    pub(super) remaining: &'static [&'static str],
    /// The headers that have the seconds until it is filled up.
    pub(super) reset: &'static [&'static str],
    /// Below this part of the allowance (a tenth: 10), what is left is spread.
    pub(super) spread_below: u32,
    /// The wait after a 429 that names none.
    pub(super) unsaid: Duration,
    /// Whether a 429 is about one ticket, and so no reason for the others to wait.
    pub(super) is_about_one_ticket: fn(&HeaderMap) -> bool,
}

/// The paces of all helpdesks. That of an account is the same one for as long as any client for it
/// is there, so what an account said of its allowance still holds for a client with another
/// configuration.
#[derive(Debug, Default)]
pub struct Paces(Mutex<HashMap<(HelpdeskName, Url), Weak<Pace>>>);

impl Paces {
    pub(super) fn of(&self, helpdesk: &HelpdeskName, account: &Url, style: &'static Style) -> Arc<Pace> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (helpdesk.clone(), account.clone());
        if let Some(pace) = paces.get(&key).and_then(Weak::upgrade) {
            return pace;
        }
        paces.retain(|_, pace| pace.strong_count() > 0);
        let pace = Arc::new(Pace::new(style));
        paces.insert(key, Arc::downgrade(&pace));
        pace
    }
}

/// Decides when the next call may be made.
#[derive(Debug)]
pub(super) struct Pace {
    style: &'static Style,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Before this, nothing may be called.
    next: Option<Instant>,
    /// The distance between calls, and until when it is kept.
    spacing: Option<(Duration, Instant)>,
    /// Calls that have a limit of their own, and when they may be made again.
    held: HashMap<&'static str, Instant>,
}

impl Pace {
    pub(super) fn new(style: &'static Style) -> Self {
        Self { style, state: Mutex::default() }
    }

    /// Waits for the call's turn.
    ///
    /// # Errors
    /// With the time to wait, when that is too long to be waited for here.
    pub(super) async fn turn(&self, call: &'static str) -> Result<(), Duration> {
        let wait = self.state().claim(call, Instant::now())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Learns from an answer.
    pub(super) fn heed(&self, call: &'static str, status: StatusCode, headers: &HeaderMap) {
        self.state().heed(self.style, call, status, headers, Instant::now());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn claim(&mut self, call: &'static str, now: Instant) -> Result<Duration, Duration> {
        let held = self.held.get(call).copied();
        let at = [self.next, held].into_iter().flatten().fold(now, Instant::max);
        let wait = at - now;
        if wait > PATIENCE {
            return Err(wait);
        }
        self.next = match self.spacing {
            Some((distance, until)) if at < until => Some(at + distance),
            _ => self.next,
        };
        Ok(wait)
    }

    fn heed(
        &mut self,
        style: &Style,
        call: &'static str,
        status: StatusCode,
        headers: &HeaderMap,
        now: Instant,
    ) {
        let remaining = number(headers, style.remaining);
        let limit = number(headers, style.limit);
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = retry_after(headers).unwrap_or(style.unsaid);
            if (style.is_about_one_ticket)(headers) {
                return;
            }
            match remaining {
                // The account has some left, so this is a limit of the call's own. One that lasts
                // longer than a minute is about a single ticket, and no reason for the others to
                // wait.
                Some(1..) if wait > MINUTE => {}
                Some(1..) => {
                    self.held.insert(call, now + wait);
                }
                _ => self.next = self.next.max(Some(now + wait)),
            }
            return;
        }
        if let (Some(remaining), Some(limit)) = (remaining, limit) {
            let until_filled =
                number(headers, style.reset).map_or(MINUTE, |seconds| Duration::from_secs(seconds.into()));
            let until_filled = until_filled.min(MINUTE);
            if remaining == 0 {
                self.next = self.next.max(Some(now + until_filled));
            }
            let distance = (until_filled / remaining.saturating_add(1)).min(WIDEST);
            self.spacing =
                (remaining < limit / style.spread_below.max(1)).then(|| (distance, now + until_filled));
        }
    }
}

fn number(headers: &HeaderMap, names: &[&str]) -> Option<u32> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const STYLE: Style = Style {
        limit: &["ratelimit-limit", "x-rate-limit"],
        remaining: &["ratelimit-remaining", "x-rate-limit-remaining"],
        reset: &["ratelimit-reset"],
        spread_below: 10,
        unsaid: MINUTE,
        is_about_one_ticket: |headers| headers.contains_key("one-ticket"),
    };

    fn heed(state: &mut State, call: &'static str, status: StatusCode, headers: &HeaderMap, now: Instant) {
        state.heed(&STYLE, call, status, headers, now);
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_account_has_one_pace_for_as_long_as_there_is_a_client() {
        let (paces, helpdesk) = (Paces::default(), "zendesk".parse().unwrap());
        let of = |account: &str| paces.of(&helpdesk, &account.parse().unwrap(), &STYLE);
        let first = of("https://a.example");
        assert!(Arc::ptr_eq(&first, &of("https://a.example")));
        assert!(!Arc::ptr_eq(&first, &of("https://b.example")));
        drop(first);
        of("https://c.example");
        assert_eq!(paces.0.lock().unwrap().len(), 1, "those that nobody has are forgotten");
    }

    #[test]
    fn calls_pass_while_there_is_enough() {
        let (mut state, now) = (State::default(), Instant::now());
        heed(
            &mut state,
            "me",
            StatusCode::OK,
            &headers(&[("x-rate-limit", "700"), ("x-rate-limit-remaining", "70")]),
            now,
        );
        for _ in 0..100 {
            assert_eq!(state.claim("me", now), Ok(Duration::ZERO));
        }
    }

    #[test]
    fn the_last_tenth_is_spread() {
        let (mut state, now) = (State::default(), Instant::now());
        let low =
            headers(&[("ratelimit-limit", "400"), ("ratelimit-remaining", "19"), ("ratelimit-reset", "40")]);
        heed(&mut state, "me", StatusCode::OK, &low, now);
        assert_eq!(state.claim("me", now), Ok(Duration::ZERO));
        assert_eq!(state.claim("me", now), Ok(2 * SECOND));
        assert_eq!(state.claim("me", now), Ok(4 * SECOND));
        assert_eq!(state.claim("me", now), Err(6 * SECOND));
        assert_eq!(state.claim("me", now + 60 * SECOND), Ok(Duration::ZERO));
        assert_eq!(state.claim("me", now + 60 * SECOND), Ok(Duration::ZERO));
    }

    #[test]
    fn however_little_is_left_calls_go_on() {
        let (mut state, mut now) = (State::default(), Instant::now());
        for remaining in (1..30).rev() {
            let remaining = remaining.to_string();
            let left = HeaderMap::from_iter([
                ("ratelimit-limit".parse().unwrap(), "50".parse().unwrap()),
                ("ratelimit-remaining".parse().unwrap(), remaining.parse().unwrap()),
            ]);
            heed(&mut state, "get_ticket", StatusCode::OK, &left, now);
            let wait = state.claim("create_note", now).unwrap();
            assert!(wait <= WIDEST, "{wait:?} with {remaining} left");
            now += wait;
        }
        heed(
            &mut state,
            "get_ticket",
            StatusCode::OK,
            &headers(&[("ratelimit-limit", "50"), ("ratelimit-remaining", "0")]),
            now,
        );
        assert_eq!(state.claim("create_note", now), Err(MINUTE), "what is used up has to be filled up");
    }

    #[test]
    fn a_429_stops_the_whole_account() {
        let (mut state, now) = (State::default(), Instant::now());
        heed(&mut state, "me", StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "30")]), now);
        assert_eq!(state.claim("get_ticket", now), Err(30 * SECOND));
        assert_eq!(state.claim("get_ticket", now + 27 * SECOND), Ok(3 * SECOND));
        heed(&mut state, "me", StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "1")]), now);
        assert_eq!(
            state.claim("get_ticket", now),
            Err(30 * SECOND),
            "a shorter wait does not undo a longer one"
        );
    }

    #[test]
    fn a_limit_of_one_call_stops_only_that() {
        let (mut state, now) = (State::default(), Instant::now());
        let own =
            headers(&[("retry-after", "20"), ("ratelimit-remaining", "300"), ("ratelimit-limit", "400")]);
        heed(&mut state, "update_ticket", StatusCode::TOO_MANY_REQUESTS, &own, now);
        assert_eq!(state.claim("update_ticket", now), Err(20 * SECOND));
        assert_eq!(state.claim("get_ticket", now), Ok(Duration::ZERO));
        let one_ticket = headers(&[("retry-after", "500"), ("ratelimit-remaining", "300")]);
        heed(&mut state, "audits", StatusCode::TOO_MANY_REQUESTS, &one_ticket, now);
        assert_eq!(state.claim("audits", now), Ok(Duration::ZERO));
        let one_ticket = headers(&[("retry-after", "20"), ("one-ticket", "yes")]);
        heed(&mut state, "audits", StatusCode::TOO_MANY_REQUESTS, &one_ticket, now);
        assert_eq!(state.claim("audits", now), Ok(Duration::ZERO));
    }

    #[test]
    fn absurd_headers_do_no_harm() {
        let (mut state, now) = (State::default(), Instant::now());
        for value in ["-1", "1e9", "4294967295", "0", "", "x"] {
            let odd = HeaderMap::from_iter([
                ("ratelimit-limit".parse().unwrap(), "400".parse().unwrap()),
                ("ratelimit-remaining".parse().unwrap(), value.parse().unwrap()),
                ("ratelimit-reset".parse().unwrap(), value.parse().unwrap()),
                ("retry-after".parse().unwrap(), value.parse().unwrap()),
            ]);
            heed(&mut state, "me", StatusCode::OK, &odd, now);
            let _ = state.claim("me", now);
            heed(&mut state, "me", StatusCode::TOO_MANY_REQUESTS, &odd, now);
            let _ = state.claim("me", now);
        }
    }
}
