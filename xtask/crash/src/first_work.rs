//! How long it takes from a replica's restart after a kill until it first does something for a ticket.
//!
//! What it does first is a call to another system, which its log of fault points tells of. The time counts only if
//! there was something to do: a ticket that was accepted and not finished when the replica was started, and still isn't
//! finished when the call comes. And it counts only while nothing else is disturbed (`calm`).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use testbed::Desk;

use crate::book::Ticket;
use crate::places::has_called;
use crate::stage::Stage;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(3);
/// Tickets are looked at less often, which costs more.
const LOOKS_PER_TICKETS: u32 = 5;
/// After that, the ticket waits for something else than for this replica.
const LONGEST: Duration = Duration::from_secs(60);

/// Measured restarts.
#[derive(Debug, Default)]
pub(crate) struct Restarts(Mutex<Vec<Duration>>);

/// A life of a replica, from its start to its end.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) fault_log: PathBuf,
    pub(crate) spawned: Instant,
    /// Changes when the life ends, or is disturbed.
    pub(crate) lives: Arc<AtomicU64>,
}

impl Restarts {
    fn note(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }

    /// The times, the shortest first.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        times
    }
}

/// The time that so many of a hundred did not exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Option<Duration> {
    times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// What was left to do when a replica was started whose last life had begun at `before`.
pub(crate) fn left(stage: &Stage, before: Instant) -> Vec<Arc<Ticket>> {
    let Some((calm_since, _)) = stage.calm.since() else { return Vec::new() };
    let mut tickets = stage.book.accepted_after(before.max(calm_since));
    // What a generic helpdesk was told is too much to be looked through all the time.
    tickets.retain(|ticket| ticket.desk != Desk::Generic && !ticket.has_link(&stage.systems));
    tickets
}

/// Measures one life.
pub(crate) async fn watch(stage: Arc<Stage>, life: Life, left: Vec<Arc<Ticket>>) {
    let this = life.lives.load(Ordering::Acquire);
    let Some((_, calm)) = stage.calm.since() else { return };
    let mut looks = 0;
    while life.spawned.elapsed() < LONGEST {
        let is_disturbed = stage.calm.since().is_none_or(|(_, now)| now != calm);
        if is_disturbed || life.lives.load(Ordering::Acquire) != this {
            return;
        }
        if has_called(&life.fault_log) {
            stage.restarts.note(life.spawned.elapsed());
            return;
        }
        if looks % LOOKS_PER_TICKETS == 0 && left.iter().all(|ticket| ticket.has_link(&stage.systems)) {
            return;
        }
        looks += 1;
        tokio::time::sleep(PAUSE).await;
    }
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
