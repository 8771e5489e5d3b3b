//! What time it is. The servers take it from their setup, so that a test can jump to the next day; only
//! waiting (latency, time an operation takes) uses the runtime's timers.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time; the default is the system's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that answers what `now` says.
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
