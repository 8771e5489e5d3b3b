//! Log lines that a caller outside can cause are sampled: so many a second are written, then one
//! line says how many were left out. Without that, whoever can send requests can fill a disk with
//! our log.
//!
//! A [`LogLimiter`] stands for one kind of line. The caller asks [`LogLimiter::admit`] before it
//! logs. The first line that is left out starts a timer; when that ends, the limiter itself logs
//! the count.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Timestamp, after};

/// Lines of one kind in a second.
pub const LINES_A_SECOND: u32 = 10;

const SECOND: Duration = Duration::from_secs(1);

/// Samples log lines of one kind. Cheap to clone; clones share the count.
#[derive(Debug, Clone)]
pub struct LogLimiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What the lines are about, in the plural: `refused deliveries`.
    about: &'static str,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Timestamp>,
    admitted: u32,
    suppressed: u64,
}

impl LogLimiter {
    /// A limiter for lines about these, in the plural: `refused deliveries`.
    #[must_use]
    pub fn new(about: &'static str) -> Self {
        Self(Arc::new(Inner { about, window: Mutex::default() }))
    }

    /// Whether a line may be logged now. Those that may not are counted, and the count is logged
    /// within a second or so if this is called inside a runtime.
    #[must_use]
    pub fn admit(&self, now: Timestamp) -> bool {
        let mut window = self.0.window.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins a new second, so that it can't silence the log.
        let is_current = window.began.is_some_and(|began| now >= began && now < after(began, SECOND));
        if !is_current {
            window.began = Some(now);
            window.admitted = 0;
        }
        if window.admitted < LINES_A_SECOND {
            window.admitted += 1;
            return true;
        }
        window.suppressed += 1;
        if window.suppressed == 1
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let limiter = self.clone();
            runtime.spawn(async move {
                tokio::time::sleep(SECOND).await;
                limiter.report();
            });
        }
        false
    }

    /// Takes the count of lines that were left out since it was last taken.
    #[must_use]
    pub fn take_suppressed(&self) -> u64 {
        std::mem::take(&mut self.0.window.lock().unwrap_or_else(PoisonError::into_inner).suppressed)
    }

    fn report(&self) {
        let suppressed = self.take_suppressed();
        if suppressed > 0 {
            tracing::warn!(suppressed, "{}: more of them than are logged one by one", self.0.about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_and_a_count_of_the_others() {
        let limiter = LogLimiter::new("refused deliveries");
        let start = Timestamp::UNIX_EPOCH;
        let admitted = |now| (0..1000).filter(|_| limiter.admit(now)).count();
        assert_eq!(admitted(start), 10);
        assert_eq!(admitted(after(start, Duration::from_millis(999))), 0);
        assert_eq!(limiter.take_suppressed(), 1990);
        assert_eq!(admitted(after(start, SECOND)), 10);
        // A clock that jumps back silences nothing.
        assert_eq!(admitted(start), 10);
        assert_eq!((limiter.take_suppressed(), limiter.take_suppressed()), (1980, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_count_is_taken_by_itself() {
        let limiter = LogLimiter::new("refused deliveries");
        for _ in 0..50 {
            let _ = limiter.admit(Timestamp::UNIX_EPOCH);
        }
        tokio::time::sleep(SECOND * 2).await;
        assert_eq!(limiter.take_suppressed(), 0, "the limiter has logged it");
    }
}
