//! The time that all replicas go by: the database's, as each heartbeat tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::clock::{Clock, Timestamp};

/// This machine's clock, put right by the one that all replicas go by.
#[derive(Debug)]
pub struct SharedClock {
    own: Arc<dyn Clock>,
    /// Milliseconds that the other clock is ahead.
    ahead: AtomicI64,
    put_right: AtomicBool,
}

impl SharedClock {
    /// Goes by `own` until it is put right.
    #[must_use]
    pub fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, ahead: AtomicI64::new(0), put_right: AtomicBool::new(false) }
    }

    /// This machine's own clock.
    #[must_use]
    pub fn own(&self) -> &dyn Clock {
        self.own.as_ref()
    }

    /// The other clock showed `there` at some moment between `asked` and `answered` by our own.
    pub fn put_right(&self, there: Timestamp, asked: Timestamp, answered: Timestamp) {
        let midway = i64::midpoint(asked.as_millisecond(), answered.as_millisecond());
        self.ahead.store(there.as_millisecond() - midway, Ordering::Relaxed);
        self.put_right.store(true, Ordering::Relaxed);
    }

    /// Whether the other clock was ever heard of.
    #[must_use]
    pub fn is_put_right(&self) -> bool {
        self.put_right.load(Ordering::Relaxed)
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_millis(self.ahead.load(Ordering::Relaxed));
        let now = self.own.now();
        now.checked_add(ahead).unwrap_or(now)
    }
}
