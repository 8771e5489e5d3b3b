//! The circuit breaker of a webhook. It opens when at least 70 % of the attempts of the last five
//! minutes have failed, or more than 1,000 of them, but never with less than 100 attempts. It then
//! blocks everything for five seconds, and lets one attempt through, which decides. What is blocked
//! is lost.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_mins(5);
const BLOCKED: SignedDuration = SignedDuration::from_secs(5);
const LEAST_ATTEMPTS: usize = 100;
const MOST_ERRORS: usize = 1_000;

/// What the breaker knows of the last five minutes.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// When each attempt ended, and whether it failed.
    attempts: VecDeque<(Timestamp, bool)>,
    errors: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    OpenUntil(Timestamp),
    /// One attempt is under way.
    Probing,
}

impl Breaker {
    /// Whether a delivery may be sent.
    pub(super) fn admits(&mut self, now: Timestamp) -> bool {
        match self.state {
            State::Closed => true,
            State::OpenUntil(end) if now >= end => {
                self.state = State::Probing;
                true
            }
            State::OpenUntil(_) | State::Probing => false,
        }
    }

    /// Takes note of an attempt that has ended.
    pub(super) fn record(&mut self, failed: bool, now: Timestamp) {
        if self.state == State::Probing && !failed {
            *self = Self::default();
        }
        self.attempts.push_back((now, failed));
        self.errors += usize::from(failed);
        while let Some((at, failed)) = self.attempts.front().copied() {
            if now.duration_since(at) < WINDOW {
                break;
            }
            self.attempts.pop_front();
            self.errors -= usize::from(failed);
        }
        let all = self.attempts.len();
        let too_many = all >= LEAST_ATTEMPTS && (self.errors * 10 >= all * 7 || self.errors > MOST_ERRORS);
        if failed && (too_many || self.state == State::Probing) {
            self.state = State::OpenUntil(now.saturating_add(BLOCKED).unwrap_or(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn after(attempts: &[(usize, bool)]) -> Breaker {
        let mut breaker = Breaker::default();
        for (times, failed) in attempts {
            (0..*times).for_each(|_| breaker.record(*failed, at(0)));
        }
        breaker
    }

    #[test]
    fn it_opens_at_seventy_percent_of_a_hundred() {
        for (attempts, admits) in [
            (vec![(99, true)], true),
            (vec![(100, true)], false),
            (vec![(30, false), (69, true)], true),
            (vec![(30, false), (70, true)], false),
            (vec![(2_000, false), (1_000, true)], true),
            (vec![(2_000, false), (1_001, true)], false),
        ] {
            assert_eq!(after(&attempts).admits(at(1)), admits, "{attempts:?}");
        }
    }

    #[test]
    fn one_attempt_decides_after_five_seconds() {
        let mut breaker = after(&[(100, true)]);
        assert!(!breaker.admits(at(4)));
        assert!(breaker.admits(at(5)));
        assert!(!breaker.admits(at(5)), "only one");
        breaker.record(true, at(6));
        assert!(!breaker.admits(at(10)));
        assert!(breaker.admits(at(11)));
        breaker.record(false, at(11));
        assert!(breaker.admits(at(11)) && breaker.admits(at(11)));
    }

    #[test]
    fn old_errors_do_not_count() {
        let mut breaker = after(&[(99, true)]);
        breaker.record(true, at(300));
        assert!(breaker.admits(at(300)));
    }
}
