//! Whether this process may act: only for as long as its claims surely hold.
//!
//! A process that shares its store with others loses its claims when it does not renew them, since
//! it was paused, or cut off from the database. It may not notice: a call may be on its way out at
//! the very moment when the process goes on. So each call gets a [`Permit`] here, and asks it again
//! when its first byte is to be written. A permit is good for as long as the lease of the last
//! renewal before it, and no later renewal prolongs it: by then, the claim that the call belongs to
//! may have passed on. The time counts from before the renewal was sent, by two clocks: one that
//! can't be set, and one that goes on while the machine sleeps.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{Clock, Timestamp, after};

/// A process's right to act.
#[derive(Debug, Clone)]
pub struct LeaseGuard(Option<Arc<Leased>>);

#[derive(Debug)]
struct Leased {
    clock: Arc<dyn Clock>,
    until: Mutex<Option<(Instant, Timestamp)>>,
}

/// The beginning of a renewal.
#[derive(Debug, Clone, Copy)]
pub struct Begun(Instant, Timestamp);

impl LeaseGuard {
    /// Of a process that has its store for itself.
    #[must_use]
    pub fn for_good() -> Self {
        Self(None)
    }

    /// Of a process that has to renew it; it has none yet. `clock` is the machine's own.
    #[must_use]
    pub fn leased(clock: Arc<dyn Clock>) -> Self {
        Self(Some(Arc::new(Leased { clock, until: Mutex::new(None) })))
    }

    /// To be called before a renewal is sent.
    #[must_use]
    pub fn begin(&self, clock: &dyn Clock) -> Begun {
        Begun(Instant::now(), clock.now())
    }

    /// The renewal that began then was confirmed, for so long.
    pub fn renewed(&self, Begun(instant, timestamp): Begun, lease: Duration) {
        if let Some(leased) = &self.0 {
            let until = (instant + lease, after(timestamp, lease));
            *leased.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
    }

    /// The right to make one call; none if the process may not act now.
    #[must_use]
    pub fn permit(&self) -> Option<Permit> {
        let Some(leased) = &self.0 else { return Some(Permit(None)) };
        let (instant, timestamp) = (*leased.until.lock().unwrap_or_else(PoisonError::into_inner))?;
        let permit = Permit(Some((Arc::clone(&leased.clock), instant, timestamp)));
        permit.holds().then_some(permit)
    }
}

/// The right to make one call.
#[derive(Debug, Clone)]
pub struct Permit(Option<(Arc<dyn Clock>, Instant, Timestamp)>);

impl Permit {
    /// Whether it can end at all: a process that has its store for itself needn't ask again.
    #[must_use]
    pub fn can_end(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the call may go out now.
    #[must_use]
    pub fn holds(&self) -> bool {
        let Some((clock, instant, timestamp)) = &self.0 else { return true };
        Instant::now() < *instant && clock.now() < *timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_lease_ends_unless_it_is_renewed() {
        assert!(LeaseGuard::for_good().permit().unwrap().holds());
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let guard = LeaseGuard::leased(Arc::<ManualClock>::clone(&clock));
        assert!(guard.permit().is_none(), "nothing was confirmed yet");
        let begun = guard.begin(clock.as_ref());
        guard.renewed(begun, Duration::from_secs(30));
        clock.advance(Duration::from_secs(29));
        let permit = guard.permit().unwrap();
        clock.advance(Duration::from_secs(1));
        assert!(guard.permit().is_none() && !permit.holds(), "the machine slept");
        guard.renewed(guard.begin(clock.as_ref()), Duration::from_secs(30));
        assert!(guard.permit().unwrap().holds());
        assert!(!permit.holds(), "its claim may have passed on");
        guard.renewed(begun, Duration::ZERO);
        assert!(guard.permit().is_none());
    }
}
