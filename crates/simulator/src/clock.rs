//! The clock of a server. It is part of the setup, so that a test can jump to the next day. Waits
//! (latency, operations) use the runtime's timers.
//!
//! Each server has a clock of its own, which may be off: what it shows of times (`Date`, times of
//! tickets, signatures) then differs from the clock in its setup.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// A clock; the default is the system's. Clones are the same clock.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// By how many milliseconds it is fast.
    off: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that returns what `now` returns.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), off: Arc::default() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let off = SignedDuration::from_millis(self.off.load(Ordering::Relaxed));
        let right = (self.now)();
        right.saturating_add(off).unwrap_or(right)
    }

    /// Another clock that shows the same time, until it is set off.
    pub(crate) fn separate(&self) -> Self {
        let off = Arc::new(AtomicI64::new(self.off.load(Ordering::Relaxed)));
        Self { now: Arc::clone(&self.now), off }
    }

    /// From now on it is fast by that much, or slow if that is negative.
    pub(crate) fn set_off(&self, off: SignedDuration) {
        let millis = i64::try_from(off.as_millis()).unwrap_or(0);
        self.off.store(millis, Ordering::Relaxed);
    }
}

impl Default for Clock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the simulator reads the system's time")]
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
