//! Checks that enough has happened in a campaign for its verdict to be meaningful.

use crate::tally::{Tally, What};

/// A campaign of so many minutes must have had each action.
const LONG: f64 = 2.0;
/// So often, it must have had each event of a ticket's life.
const OFTEN: u64 = 3;

/// What is missing. `actions` is what each action on its store is counted as, `accepted` the number
/// of accepted tickets.
pub(crate) fn missing(tally: &Tally, actions: &[What], accepted: usize, minutes: f64) -> Vec<String> {
    let mut missing = Vec::new();
    if accepted == 0 {
        missing.push("no ticket was accepted".to_owned());
    }
    if tally.of(What::KilledAtRandom) + tally.of(What::KilledAtPlace) == 0 {
        missing.push("nothing was killed".to_owned());
    }
    if minutes >= LONG {
        let never = actions.iter().filter(|action| tally.of(**action) == 0);
        missing.extend(never.map(|action| format!("{action:?} never happened")));
        let rarely = What::OF_LIVES.into_iter().filter(|what| tally.of(*what) < OFTEN);
        missing.extend(rarely.map(|what| format!("{what:?} happened only {} times", tally.of(what))));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: &[What] = &[What::KilledAtRandom, What::Paused];

    #[test]
    fn a_campaign_in_which_nothing_happened_is_none() {
        let tally = Tally::default();
        assert_eq!(missing(&tally, ACTIONS, 0, 0.01).len(), 2);
        assert_eq!(missing(&tally, ACTIONS, 9, 0.01), ["nothing was killed"]);
        tally.count(What::KilledAtRandom);
        assert_eq!(missing(&tally, ACTIONS, 9, 0.01), [""; 0]);
        for what in What::OF_LIVES {
            (0..OFTEN).for_each(|_| tally.count(what));
        }
        assert_eq!(missing(&tally, ACTIONS, 9, 2.0), ["Paused never happened"]);
        tally.count(What::Paused);
        assert_eq!(missing(&tally, ACTIONS, 9, 2.0), [""; 0]);
    }

    #[test]
    fn a_campaign_in_which_tickets_hardly_lived_is_none() {
        let tally = Tally::default();
        ACTIONS.iter().for_each(|action| tally.count(*action));
        assert_eq!(missing(&tally, ACTIONS, 9, 2.0).len(), What::OF_LIVES.len());
        assert_eq!(missing(&tally, ACTIONS, 9, 1.0), [""; 0]);
    }
}
