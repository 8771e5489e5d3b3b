//! The fault points of the product, and at which of them it has died.
//!
//! A first, undisturbed process tells of those that an ordinary ticket passes. Others are passed only after something
//! went wrong, so each later life tells of more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

/// What begins the name of a place that is no call to another system.
const STORE: &str = "Store.";

/// The places.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How often each was chosen.
    known: BTreeMap<String, u32>,
    killed: BTreeSet<String>,
}

impl Places {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns the places that a process has passed.
    pub(crate) fn learn(&self, fault_log: &Path) {
        let mut inner = self.inner();
        // A line that is being written has no end yet.
        for place in lines(fault_log) {
            inner.known.entry(place).or_default();
        }
    }

    /// One of those that were chosen least.
    pub(crate) fn choose(&self, rng: &mut Rng) -> Option<String> {
        let mut inner = self.inner();
        let least = inner.known.values().min().copied()?;
        let candidates: Vec<String> = inner
            .known
            .iter()
            .filter(|(_, chosen)| **chosen == least)
            .map(|(place, _)| place.clone())
            .collect();
        let place = rng.choice(candidates)?;
        inner.known.entry(place.clone()).and_modify(|chosen| *chosen += 1);
        Some(place)
    }

    /// A process has died there.
    pub(crate) fn killed_at(&self, place: &str) {
        self.inner().killed.insert(place.to_owned());
    }

    /// How many places a process has died at, of how many that are known.
    pub(crate) fn covered(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.killed.len(), inner.known.len())
    }
}

/// Whether a process that writes this log has called another system, which it does for a ticket only.
pub(crate) fn has_called(fault_log: &Path) -> bool {
    lines(fault_log).iter().any(|place| !place.starts_with(STORE))
}

fn lines(fault_log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(fault_log).unwrap_or_default();
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_chosen_before_any_is_chosen_again() {
        let places = Places::default();
        places.inner().known.extend(["a", "b", "c"].map(|place| (place.to_owned(), 0)));
        let mut rng = Rng::with_seed(7);
        let mut chosen: Vec<_> = (0..3).filter_map(|_| places.choose(&mut rng)).collect();
        chosen.sort();
        assert_eq!(chosen, ["a", "b", "c"]);
        places.killed_at("b");
        places.killed_at("b");
        assert_eq!(places.covered(), (1, 3));
    }
}
