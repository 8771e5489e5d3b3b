//! How many runs each helpdesk may have, so that one that does not answer can't take them all.
//!
//! Half of the runs are divided among the helpdesks: these are their own, and nobody else uses
//! them. The other half is taken by whoever needs it. So one helpdesk alone has more than half of
//! the runs, and however many others are stuck, each has some for itself. A helpdesk without others
//! has all of them.
//!
//! Tickets of backfills get a quarter of all runs, and those only while no others are due: a ticket
//! that comes in finds free runs at once.
//!
//! While a system whose breaker is half-open is probed, nothing is claimed that needs it: it would
//! be refused.

use crate::breaker::Gate;
use crate::ticket::HelpdeskName;

/// A helpdesk and its runs.
#[derive(Debug, Clone)]
pub(super) struct Share<'a> {
    pub(super) helpdesk: &'a HelpdeskName,
    pub(super) running: usize,
    pub(super) gate: Gate,
}

/// What may be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimable<'a> {
    /// So many tickets, whosever they are.
    pub(super) most: usize,
    /// None of these.
    pub(super) left_out: Vec<&'a HelpdeskName>,
}

/// How many runs there may be with so many helpdesks: each has one of its own.
pub(super) fn runs(parallel: usize, helpdesks: usize) -> usize {
    parallel.max(helpdesks.saturating_mul(2))
}

/// How many of them tickets of backfills may have.
pub(super) fn backfill_runs(runs: usize) -> usize {
    (runs / 4).max(1)
}

/// What may be claimed with `free` of all `runs`.
pub(super) fn claimable<'a>(runs: usize, free: usize, shares: &[Share<'a>], docspace: Gate) -> Claimable<'a> {
    let own = match shares.len() {
        0 | 1 => runs,
        helpdesks => (runs / 2 / helpdesks).max(1),
    };
    let taken: usize = shares.iter().map(|share| share.running.saturating_sub(own)).sum();
    let common = runs.saturating_sub(own * shares.len()).saturating_sub(taken);
    let mut most = if matches!(docspace, Gate::Probing(_)) { 0 } else { free };
    let mut left_out = Vec::new();
    for share in shares {
        match own.saturating_sub(share.running) + common {
            room if room > 0 && !matches!(share.gate, Gate::Probing(_)) => most = most.min(room),
            _ => left_out.push(share.helpdesk),
        }
    }
    Claimable { most, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Refused;
    use crate::clock::Timestamp;

    fn names(count: usize) -> Vec<HelpdeskName> {
        (0..count).map(|number| format!("desk-{number}").parse().unwrap()).collect()
    }

    /// What may be claimed of 64 runs, with these under way.
    fn with<'a>(names: &'a [HelpdeskName], running: &[usize]) -> Claimable<'a> {
        let shares: Vec<_> = names
            .iter()
            .zip(running)
            .map(|(helpdesk, running)| Share { helpdesk, running: *running, gate: Gate::Open })
            .collect();
        let runs = runs(64, names.len());
        claimable(runs, runs - running.iter().sum::<usize>(), &shares, Gate::Open)
    }

    #[test]
    fn one_helpdesk_has_all_runs_and_of_several_each_has_some_for_itself() {
        let (one, two, four) = (names(1), names(2), names(4));
        for (names, running, most, left_out) in [
            (&one, vec![0], 64, vec![]),
            (&one, vec![63], 1, vec![]),
            (&two, vec![0, 0], 48, vec![]),
            (&two, vec![47, 0], 1, vec![]),
            (&two, vec![48, 0], 16, vec![0]),
            (&two, vec![48, 15], 1, vec![0]),
            (&two, vec![32, 32], 0, vec![0, 1]),
            (&four, vec![40, 0, 0, 0], 8, vec![0]),
            (&four, vec![8, 40, 8, 7], 1, vec![0, 1, 2]),
        ] {
            let claimable = with(names, &running);
            let left_out: Vec<_> = left_out.into_iter().map(|place: usize| &names[place]).collect();
            let most = if left_out.len() == names.len() { claimable.most } else { most };
            assert_eq!(claimable, Claimable { most, left_out }, "{running:?}");
        }
    }

    #[test]
    fn however_many_helpdesks_are_stuck_each_other_one_gets_runs() {
        let mut rng = fastrand::Rng::with_seed(20_261_129);
        for count in [2, 3, 4, 10, 40, 100] {
            let names = names(count);
            let total = runs(64, count);
            // Any order of claims, and nothing ever ends; only the last one wants nothing yet.
            let mut running = vec![0; count];
            for _ in 0..10_000 {
                let claimable = with(&names, &running);
                let place = rng.usize(..count - 1);
                if claimable.most > 0 && !claimable.left_out.contains(&&names[place]) {
                    running[place] += rng.usize(1..=claimable.most);
                }
            }
            let claimable = with(&names, &running);
            assert!(running.iter().sum::<usize>() < total, "{count}: {running:?}");
            assert!(
                !claimable.left_out.contains(&&names[count - 1]) && claimable.most > 0,
                "{count}: {running:?}"
            );
        }
    }

    #[test]
    fn while_a_system_is_probed_nothing_is_claimed_that_needs_it() {
        let names = names(2);
        let epoch = Timestamp::UNIX_EPOCH;
        let refused = Refused { since: epoch, until: epoch, wait: std::time::Duration::ZERO };
        let (shut, probing) = (Gate::Shut(refused), Gate::Probing(refused));
        for (first, docspace, most, left_out) in [
            // Its tickets learn at once why they wait.
            (shut, Gate::Open, 48, vec![]),
            (Gate::Probe, Gate::Open, 48, vec![]),
            (probing, Gate::Open, 48, vec![&names[0]]),
            (Gate::Open, shut, 48, vec![]),
            (Gate::Open, Gate::Probe, 48, vec![]),
            (Gate::Open, probing, 0, vec![]),
        ] {
            let shares = [
                Share { helpdesk: &names[0], running: 0, gate: first },
                Share { helpdesk: &names[1], running: 0, gate: Gate::Open },
            ];
            let claimable = claimable(64, 64, &shares, docspace);
            assert_eq!(claimable, Claimable { most, left_out }, "{first:?} {docspace:?}");
        }
    }
}
