//! The fault points (“places”) of the product, and at which of them a process was killed.
//!
//! A first, undisturbed process logs those that an ordinary ticket passes. Others are passed only
//! after failures, so later runs log more of them. Those without a kill are preferred, until a few
//! runs have not reached them: then they are left to runs that end in no other way, which are
//! longer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

/// The prefix of places that are not calls to another system.
const STORE: &str = "Store.";
/// After so many runs that have not reached it, a place without a kill isn't preferred any more.
const TRIES: u32 = 4;

/// The places.
#[derive(Debug, Default)]
pub(crate) struct FaultPoints(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How often each was chosen.
    known: BTreeMap<String, u32>,
    killed: BTreeSet<String>,
}

/// Where a process is to kill itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) place: String,
    /// Whether a process was killed there before.
    pub(crate) again: bool,
}

impl FaultPoints {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns the places that a process has passed.
    pub(crate) fn learn(&self, fault_log: &Path) {
        let mut inner = self.inner();
        // The last line may be incomplete.
        for place in lines(fault_log) {
            inner.known.entry(place).or_default();
        }
    }

    /// Whether a place is known whose name contains this.
    pub(crate) fn knows_of(&self, part: &str) -> bool {
        self.inner().known.keys().any(|place| place.contains(part))
    }

    /// For a short run: three times out of four a place without a kill, if there is one that seems
    /// reachable; else any place. Of these, one of those that were chosen least.
    pub(crate) fn choose(&self, rng: &mut Rng) -> Option<Choice> {
        let mut inner = self.inner();
        let is_new =
            |inner: &Inner, place: &str, chosen: u32| !inner.killed.contains(place) && chosen < TRIES;
        let any_new = inner.known.iter().any(|(place, chosen)| is_new(&inner, place, *chosen));
        let prefers_new = any_new && rng.u32(..4) > 0;
        inner.choose(rng, |inner, place, chosen| !prefers_new || is_new(inner, place, chosen))
    }

    /// For a run that nothing else ends soon: a place without a kill.
    pub(crate) fn choose_rare(&self, rng: &mut Rng) -> Option<Choice> {
        self.inner().choose(rng, |inner, place, _| !inner.killed.contains(place))
    }

    /// A process was killed there.
    pub(crate) fn killed_at(&self, place: &str) {
        self.inner().killed.insert(place.to_owned());
    }

    /// How many places had a kill, and how many are known.
    pub(crate) fn covered(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.killed.len(), inner.known.len())
    }

    /// The known places without a kill.
    pub(crate) fn uncovered(&self) -> Vec<String> {
        let inner = self.inner();
        inner.known.keys().filter(|place| !inner.killed.contains(*place)).cloned().collect()
    }
}

impl Inner {
    /// One of those that were chosen least, of those that `will_do`.
    fn choose(&mut self, rng: &mut Rng, will_do: impl Fn(&Self, &str, u32) -> bool) -> Option<Choice> {
        let candidates = self.known.iter().filter(|(place, chosen)| will_do(self, place, **chosen));
        let candidates: Vec<(String, u32)> =
            candidates.map(|(place, chosen)| (place.clone(), *chosen)).collect();
        let least = candidates.iter().map(|(_, chosen)| *chosen).min()?;
        let (place, _) =
            rng.choice(candidates.into_iter().filter(|(_, chosen)| *chosen == least).collect::<Vec<_>>())?;
        self.known.entry(place.clone()).and_modify(|chosen| *chosen += 1);
        let again = self.killed.contains(&place);
        Some(Choice { place, again })
    }
}

/// Whether the process of this log has called another system, which it does only for a ticket.
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

    fn places(names: &[&str]) -> FaultPoints {
        let places = FaultPoints::default();
        places.inner().known.extend(names.iter().map(|place| ((*place).to_owned(), 0)));
        places
    }

    #[test]
    fn each_place_is_chosen_before_any_is_chosen_again() {
        let places = places(&["a", "b", "c"]);
        let mut rng = Rng::with_seed(7);
        let mut chosen: Vec<_> =
            (0..3).filter_map(|_| places.choose(&mut rng)).map(|choice| choice.place).collect();
        chosen.sort();
        assert_eq!(chosen, ["a", "b", "c"]);
        places.killed_at("b");
        places.killed_at("b");
        assert_eq!(places.covered(), (1, 3));
        assert_eq!(places.uncovered(), ["a", "c"]);
    }

    #[test]
    fn places_that_none_has_died_at_are_preferred_for_a_while() {
        let places = places(&["a", "b", "new"]);
        let mut rng = Rng::with_seed(7);
        places.killed_at("a");
        places.killed_at("b");
        let mut first = Vec::new();
        while places.inner().known.get("new").is_some_and(|chosen| *chosen < TRIES) {
            first.extend(places.choose(&mut rng));
        }
        assert!(first.len() < 3 * TRIES as usize, "{first:?}");
        assert!(first.iter().all(|choice| choice.again == (choice.place != "new")), "{first:?}");
        // Now it waits until the others were chosen as often.
        assert!(places.choose(&mut rng).is_some_and(|choice| choice.place != "new"));
        assert_eq!(places.choose_rare(&mut rng).map(|choice| choice.place).as_deref(), Some("new"));
        places.killed_at("new");
        assert_eq!(places.choose_rare(&mut rng), None);
    }
}
