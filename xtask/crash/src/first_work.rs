//! The time from a replica's restart after a kill to its first work on a ticket.
//!
//! Its first work is a call to another system, which its log of fault points shows. The time counts
//! only if there was work: a ticket that was accepted and unfinished when the replica was started,
//! and is still unfinished at the call. And it counts only without disturbances (`disturbances`).
//!
//! Restarts that are not measured for one of these reasons are counted, since they make the figures
//! better than they are. It is a finding if no replica works at all.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use testbed::Desk;

use crate::context::Context;
use crate::fault_points::has_called;
use crate::tickets::Ticket;

/// The pause between two checks.
const PAUSE: Duration = Duration::from_millis(3);
/// Tickets are checked less often, as that is more expensive.
const LOOKS_PER_TICKETS: u32 = 5;
/// By then some replica has worked on the unfinished tickets.
const LONGEST: Duration = Duration::from_secs(60);

/// Restarts after which there was work.
#[derive(Debug, Default)]
pub(crate) struct Restarts(Mutex<Vec<Outcome>>);

/// The result of measuring one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Worked(Duration),
    /// Other replicas had finished everything before this one began.
    DoneByOthers,
    /// It was killed again, or there was a disturbance.
    Disturbed,
}

/// One run of a replica's process.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) fault_log: PathBuf,
    pub(crate) spawned: Instant,
    /// Changes when the run ends.
    pub(crate) lives: Arc<AtomicU64>,
}

impl Restarts {
    fn outcomes(&self) -> MutexGuard<'_, Vec<Outcome>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The times, the shortest first.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let time = |outcome: &Outcome| match outcome {
            Outcome::Worked(time) => Some(*time),
            _ => None,
        };
        let mut times: Vec<_> = self.outcomes().iter().filter_map(time).collect();
        times.sort_unstable();
        times
    }

    /// How many were not measured because others had done everything, and because something else
    /// came in between.
    pub(crate) fn not_measured(&self) -> (usize, usize) {
        let outcomes = self.outcomes();
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
        (count(Outcome::DoneByOthers), count(Outcome::Disturbed))
    }
}

/// The time that so many of a hundred did not exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Option<Duration> {
    times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// The unfinished tickets when a replica was started whose last run had begun at `before`.
pub(crate) fn left(context: &Context, before: Instant) -> Vec<Arc<Ticket>> {
    let Some((calm_since, _)) = context.disturbances.calm_since() else { return Vec::new() };
    let mut tickets = context.tickets.accepted_after(before.max(calm_since));
    // A generic helpdesk's callbacks are too many to be searched all the time.
    tickets.retain(|ticket| ticket.desk != Desk::Generic && !ticket.has_link(&context.systems));
    tickets
}

/// Measures one run.
pub(crate) async fn watch(context: Arc<Context>, life: Life, left: Vec<Arc<Ticket>>) {
    let outcome = outcome(&context, &life, &left).await;
    match outcome {
        Some(outcome) => context.restarts.outcomes().push(outcome),
        None => {
            let left: Vec<_> = left.iter().map(|ticket| ticket.desk.tag(&ticket.id)).collect();
            context.find(format!("nobody has worked on {} for {LONGEST:?} after a restart", left.join(", ")));
        }
    }
}

/// `None`: no replica has worked.
async fn outcome(context: &Context, life: &Life, left: &[Arc<Ticket>]) -> Option<Outcome> {
    let this = life.lives.load(Ordering::Acquire);
    let Some((_, calm)) = context.disturbances.calm_since() else { return Some(Outcome::Disturbed) };
    let are_done = || left.iter().all(|ticket| ticket.has_link(&context.systems));
    let mut looks = 0;
    while life.spawned.elapsed() < LONGEST {
        let is_disturbed = context.disturbances.calm_since().is_none_or(|(_, now)| now != calm);
        if is_disturbed || life.lives.load(Ordering::Acquire) != this {
            return Some(Outcome::Disturbed);
        }
        if has_called(&life.fault_log) {
            return Some(Outcome::Worked(life.spawned.elapsed()));
        }
        if looks % LOOKS_PER_TICKETS == 0 && are_done() {
            return Some(Outcome::DoneByOthers);
        }
        looks += 1;
        tokio::time::sleep(PAUSE).await;
    }
    are_done().then_some(Outcome::DoneByOthers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&times, 95), Some(Duration::from_millis(95)));
        assert_eq!(percentile(&times, 100), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&[Duration::ZERO], 1), Some(Duration::ZERO));
        assert_eq!(percentile(&[], 50), None);
    }
}
