//! Disturbances outside of a replica: of the simulated systems, the database, or the network to it.
//!
//! The time from a replica's restart to its first work is measured only without them. Otherwise it
//! would be the length of the disturbance.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts disturbances.
#[derive(Debug, Clone)]
pub(crate) struct Disturbances(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    active: usize,
    /// How many there were.
    generation: u64,
    since: Instant,
}

/// A disturbance, until this is dropped.
#[derive(Debug)]
pub(crate) struct Disturbance(Disturbances);

impl Default for Disturbances {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner { active: 0, generation: 0, since: Instant::now() })))
    }
}

impl Disturbances {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disturbance begins.
    pub(crate) fn begin(&self) -> Disturbance {
        let mut inner = self.inner();
        inner.active += 1;
        inner.generation += 1;
        Disturbance(self.clone())
    }

    /// Since when there is no disturbance, and a number that changes with the next one. `None`
    /// during one.
    pub(crate) fn calm_since(&self) -> Option<(Instant, u64)> {
        let inner = self.inner();
        (inner.active == 0).then_some((inner.since, inner.generation))
    }
}

impl Drop for Disturbance {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.active = inner.active.saturating_sub(1);
        inner.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_returns_with_the_end_of_the_last_disturbance() {
        let calm = Disturbances::default();
        let first = calm.calm_since().map(|(_, generation)| generation);
        assert!(first.is_some());
        let (one, another) = (calm.begin(), calm.begin());
        drop(one);
        assert!(calm.calm_since().is_none());
        drop(another);
        assert!(calm.calm_since().is_some_and(|(_, generation)| Some(generation) != first));
    }
}
