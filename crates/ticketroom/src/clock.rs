//! Time and chance come in as arguments, so that tests can say what they are.
//!
//! Nothing outside this file reads the system clock or makes a random number (clippy.toml forbids
//! the former); everything that needs to know the time takes a [`Clock`] or a [`Timestamp`].

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

pub use jiff::Timestamp;

/// From here on, comparing times across two machines gets unsafe.
pub(crate) const TOLERATED_SKEW: Duration = Duration::from_secs(60);

/// Tells the wall-clock time.
pub trait Clock: Send + Sync + Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Sets the clock, to whatever time.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = after(*now, by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// `at` plus `duration`; a time past the end of the calendar is the end of the calendar.
#[must_use]
pub fn after(at: Timestamp, duration: Duration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long it is from `now` until `at`; nothing when `at` has passed.
#[must_use]
pub fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// How far a `Date` header is from `now`; `None` if it is no date.
pub(crate) fn clock_skew(date: &str, now: Timestamp) -> Option<Duration> {
    Some(now.duration_since(parse_date(date)?).unsigned_abs())
}

/// The time that a `Date` header says; `None` if it is no date.
pub(crate) fn parse_date(date: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

/// Random numbers for jitter and identifiers; seeded, so that a test can repeat a run.
#[derive(Debug)]
pub struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// Seeded by the operating system.
    #[must_use]
    pub fn from_os() -> Self {
        Self(Mutex::new(fastrand::Rng::new()))
    }

    /// The same sequence for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A name for something that has none.
    #[must_use]
    pub fn uuid(&self) -> uuid::Uuid {
        let mut rng = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
    }

    /// Somewhere between half of `duration` and all of it: enough to spread a crowd of retries,
    /// never so little that a wait is no wait.
    #[must_use]
    pub fn jitter(&self, duration: Duration) -> Duration {
        let mut rng = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        duration.mul_f64(0.5 + rng.f64() / 2.0)
    }
}
