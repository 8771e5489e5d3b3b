//! The day's writes: how many are left, decided in one place for every kind of store.

use std::time::Duration;

use crate::clock::{Timestamp, after, until};
use crate::docspace::limits::Taken;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The writes of DocSpace's current day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    /// When the first of them was taken.
    pub(super) began: Timestamp,
    /// How many were taken since.
    pub(super) used: u32,
    /// DocSpace said that there are none until then.
    pub(super) none_until: Timestamp,
}

impl Day {
    /// Nothing was taken yet.
    #[cfg(test)]
    pub(super) const UNUSED: Self =
        Self { began: Timestamp::UNIX_EPOCH, used: 0, none_until: Timestamp::UNIX_EPOCH };

    /// Takes up to `wanted`; `None` for the day if it stays as it is.
    pub(super) fn take(self, now: Timestamp, wanted: u32, per_day: u32) -> (Taken, Option<Self>) {
        // Nobody says so for longer than a day: a longer time is from a clock that was ahead.
        let wait = until(now, self.none_until);
        if wait > Duration::ZERO && wait <= DAY {
            return (Taken::NothingFor(wait), None);
        }
        // The day is a window from the first write. A clock that was set back must not make it last
        // for ever.
        let is_over = now >= after(self.began, DAY) || now < self.began;
        let (began, used) = if is_over { (now, 0) } else { (self.began, self.used) };
        let taken = wanted.min(per_day.saturating_sub(used));
        if taken == 0 {
            return (Taken::NothingFor(until(now, after(began, DAY))), None);
        }
        (Taken::Some(taken), Some(Self { began, used: used + taken, ..self }))
    }

    /// How many are left.
    pub(super) fn left(self, now: Timestamp, per_day: u32) -> u32 {
        match self.take(now, per_day, per_day).0 {
            Taken::Some(writes) => writes,
            Taken::NothingFor(_) => 0,
        }
    }

    /// DocSpace says that there are none until `until`; `None` if that is no news. The day over
    /// there ends when it says so; ours begins again then.
    pub(super) fn none_until(self, now: Timestamp, until: Timestamp) -> Option<Self> {
        let is_news = until > self.none_until || self.none_until > after(now, DAY);
        (is_news && until > now).then_some(Self { began: until, used: 0, none_until: until })
    }
}
