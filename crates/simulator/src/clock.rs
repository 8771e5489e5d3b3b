//! The clock of a server. It is part of the setup, so that a test can jump to the next day. Waits
//! (latency, operations) use the runtime's timers.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// A clock; the default is the system's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that returns what `now` returns.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
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
