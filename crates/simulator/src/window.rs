//! Limits that are counted in windows. A window begins with the first call after the end of the one
//! before it.

use std::sync::Mutex;

use jiff::Timestamp;

use crate::lock;

/// Limits, which may be off, and what was used up of them.
#[derive(Debug)]
pub(crate) struct Quota<L, U>(Mutex<(Option<L>, U)>);

impl<L: Copy, U: Default> Quota<L, U> {
    pub(crate) fn new(limits: Option<L>) -> Self {
        Self(Mutex::new((limits, U::default())))
    }

    /// Other limits, or none. What was used up is forgotten.
    pub(crate) fn set(&self, limits: Option<L>) {
        *lock(&self.0) = (limits, U::default());
    }

    /// Looks at what was used up, and changes it. `None` without limits.
    pub(crate) fn limited<T>(&self, look: impl FnOnce(L, &mut U) -> T) -> Option<T> {
        let mut quota = lock(&self.0);
        let (limits, used) = &mut *quota;
        limits.map(|limits| look(limits, used))
    }
}

/// What was used up of a limit. Lengths and waits are in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    began: Timestamp,
    pub(crate) used: u32,
}

impl Window {
    /// Takes one of `limit`, or returns how long there is none.
    pub(crate) fn take(&mut self, limit: u32, length: i64, now: Timestamp) -> Result<(), i64> {
        if self.used == 0 || self.resets(length, now) <= 0 {
            *self = Self { began: now, used: 0 };
        }
        if self.used >= limit {
            return Err(self.resets(length, now));
        }
        self.used += 1;
        Ok(())
    }

    /// How long until it ends.
    pub(crate) fn resets(&self, length: i64, now: Timestamp) -> i64 {
        length - (now.as_millisecond() - self.began.as_millisecond())
    }
}

/// Milliseconds in seconds, rounded up.
pub(crate) fn seconds(millis: i64) -> i64 {
    (millis + 999).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60 * SECOND;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_window_fills_and_begins_again() {
        let mut window = Window::default();
        assert_eq!(window.take(2, SECOND, at(0)), Ok(()));
        assert_eq!(window.take(2, SECOND, at(999)), Ok(()));
        assert_eq!(window.take(2, SECOND, at(999)), Err(1));
        assert_eq!(window.take(2, SECOND, at(1_000)), Ok(()));
    }

    #[test]
    fn waits_are_told_in_seconds_rounded_up() {
        let mut window = Window::default();
        assert_eq!(window.take(2, MINUTE, at(0)), Ok(()));
        assert_eq!(window.take(2, MINUTE, at(59_000)), Ok(()));
        assert_eq!(window.take(2, MINUTE, at(59_999)).map_err(seconds), Err(1));
        assert_eq!(window.take(2, MINUTE, at(60_000)), Ok(()));
        assert_eq!([seconds(1_000), seconds(1_001), seconds(0), seconds(-1)], [1, 2, 0, 0]);
    }
}
