//! Claims due tickets and gives each a run, as many at once as is sensible.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::refused::Refused;
use super::run::Run;
use super::shares::{Claimable, Share, backfill_runs, claimable, runs};
use crate::breaker::Breakers;
use crate::clock::{Chance, Clock};
use crate::docspace::client::SYSTEM;
use crate::live::{Live, Snapshot};
use crate::log_limit::LogLimiter;
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::replica::lease_guard::LeaseGuard;
use crate::store::{ClaimLimit, Event, Held, State, Store, StoreError};
use crate::telemetry::RUN;
use crate::ticket::{HelpdeskName, TicketKey};

/// How the reconciler works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Runs at once. More than DocSpace's write lane, since a run also waits for its helpdesk.
    pub parallel: usize,
    /// How long a claim holds without a sign of life.
    pub lease: Duration,
    /// How long runs may go on after the service was asked to stop.
    pub grace: Duration,
    /// How long a run may take; what it leaves open then is unknown, as after a crash.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallel: 64,
            lease: Duration::from_secs(600),
            grace: Duration::from_secs(10),
            deadline: Duration::from_secs(300),
        }
    }
}

/// Something that became known about a ticket, for whoever watches.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Something happened.
    Happened(TicketKey, Event),
    /// A run ended.
    Settled(TicketKey, State, Option<Reason>),
}

/// What a reconciler is made of; a service has each of these once.
#[derive(Debug)]
pub struct Dependencies {
    /// What is known, and what is to be done.
    pub store: Arc<dyn Store>,
    /// The portal, the helpdesks, the rules: what is configured. Each run takes it once.
    pub live: Arc<Live>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is left to chance.
    pub chance: Chance,
    /// Where it is counted.
    pub metrics: Metrics,
    /// Whether this process may act.
    pub lease_guard: LeaseGuard,
    /// Which systems don't answer.
    pub breakers: Breakers,
    /// How it works.
    pub settings: Settings,
}

/// Everything that runs need, and the runs.
#[derive(Debug)]
pub struct Reconciler {
    pub(super) parts: Dependencies,
    pub(super) progress: broadcast::Sender<Progress>,
    wake: Arc<Notify>,
    /// What this process is at, by the tickets' numbers.
    running: Mutex<HashMap<i64, Underway>>,
    /// Told whenever that changes.
    changed: Notify,
    /// How many processes work on the store.
    workers: AtomicUsize,
    pub(super) refused: Refused,
    /// Told when a ticket was blocked by a run whose snapshot is not in force any more.
    pub(super) blocked_by_an_earlier: Notify,
    /// Failures that go by themselves; another system decides how many there are.
    pub(super) failures: LogLimiter,
    pub(super) blocked: LogLimiter,
}

/// How long the worker sleeps at most: another process may have marked a ticket (`tickets retry`).
const IDLE: Duration = Duration::from_secs(1);

/// How long it sleeps at least when nothing can be claimed: what is due may be what it is at.
const SHORTEST: Duration = Duration::from_millis(20);
/// How long it sleeps when tickets are due whose helpdesks have their share of the runs.
const LEFT_OUT: Duration = Duration::from_millis(200);

/// How long it waits at most for a store that can't be used.
const MOST_PATIENT: Duration = Duration::from_secs(30);

/// What came of a claim.
struct Claimed {
    tickets: usize,
    /// Whether tickets of some helpdesks were left out, or some of backfills.
    left_out: bool,
}

/// A run that goes on.
#[derive(Debug)]
struct Underway {
    fence: i64,
    helpdesk: HelpdeskName,
    /// Whether a backfill wants it.
    backfill: bool,
    /// Breaks the run off where it waits.
    break_off: CancellationToken,
}

/// A ticket that this process is at, until the run ends, however it ends, or if it never begins.
struct Running {
    reconciler: Arc<Reconciler>,
    number: i64,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reconciler.running().remove(&self.number);
        self.reconciler.changed.notify_waiters();
    }
}

/// A run that panics is a defect of ours; its ticket is tried again when the lease ends.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && !error.is_cancelled()
    {
        tracing::error!(%error, "a run broke off");
    }
}

impl Reconciler {
    /// A reconciler over these parts; [`run`](Self::run) starts it.
    #[must_use]
    pub fn new(parts: Dependencies) -> Self {
        let (progress, _) = broadcast::channel(1024);
        Self {
            parts,
            progress,
            wake: Arc::default(),
            running: Mutex::default(),
            changed: Notify::new(),
            workers: AtomicUsize::new(1),
            refused: Refused::default(),
            blocked_by_an_earlier: Notify::new(),
            failures: LogLimiter::new("failures that are tried again"),
            blocked: LogLimiter::new("blocked tickets"),
        }
    }

    /// Tells the worker that a ticket is due.
    #[must_use]
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// What becomes known from now on.
    #[must_use]
    pub fn progress(&self) -> broadcast::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// So many processes, this one included, work on the store from now on.
    pub fn share(&self, workers: u32) {
        self.workers.store(usize::try_from(workers).unwrap_or(1).max(1), Ordering::Relaxed);
    }

    /// The claims that this process holds.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let running = self.running();
        running.iter().map(|(number, underway)| Held { number: *number, fence: underway.fence }).collect()
    }

    /// Breaks off the runs whose claims have passed on to others, and waits until they are gone:
    /// nothing more may go out from them, however long they have waited for their turn.
    pub async fn give_up(&self, lost: &[Held]) {
        for held in lost {
            tracing::info!(number = held.number, "the claim expired; another run continues");
        }
        loop {
            // A run is broken off where it waits. One that is at something just now goes on until
            // it waits again.
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if !self.break_off(lost) {
                return;
            }
            changed.await;
        }
    }

    /// Tells these runs to end. Whether any of them is still there.
    fn break_off(&self, lost: &[Held]) -> bool {
        let running = self.running();
        let mut any = false;
        for held in lost {
            if let Some(underway) = running.get(&held.number).filter(|underway| underway.fence == held.fence)
            {
                any = true;
                underway.break_off.cancel();
            }
        }
        any
    }

    /// Works until `stop` is cancelled; then lets what is under way end, as far as it does within
    /// the grace. What doesn't is parked: its intents are on disk, and whoever claims it next goes
    /// on with it. Returns what was parked.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Vec<Held> {
        let mut runs: JoinSet<()> = JoinSet::new();
        let mut failing_for = IDLE;
        while !stop.is_cancelled() {
            let full = runs.len() >= self.most_runs(&self.parts.live.now());
            let wait = match self.claim(&mut runs).await {
                // With full hands nothing can be claimed before a run ends, however much is due.
                Ok(_) if full => IDLE,
                Ok(Claimed { tickets: 0, left_out }) => tokio::select! {
                    wait = self.idle_for(left_out) => wait,
                    () = stop.cancelled() => break,
                },
                // More may be due.
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "no tickets can be claimed");
                    failing_for = (failing_for * 2).min(MOST_PATIENT);
                    failing_for
                }
            };
            if wait <= IDLE {
                failing_for = IDLE;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notified() => {}
                Some(ended) = runs.join_next() => note_panic(ended),
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(ended) = runs.try_join_next() {
                note_panic(ended);
            }
        }
        let ended = async { while runs.join_next().await.is_some() {} };
        if tokio::time::timeout(self.parts.settings.grace, ended).await.is_err() {
            tracing::warn!("some runs were stopped before their end; the next start continues them");
        }
        let parked = self.held();
        runs.shutdown().await;
        parked
    }

    fn most_runs(&self, snapshot: &Snapshot) -> usize {
        runs(self.parts.settings.parallel, snapshot.helpdesks.len())
    }

    async fn claim(self: &Arc<Self>, runs: &mut JoinSet<()>) -> Result<Claimed, StoreError> {
        let Dependencies { settings, breakers, .. } = &self.parts;
        let snapshot = self.parts.live.now();
        let all = self.most_runs(&snapshot);
        let free = all.saturating_sub(runs.len());
        // Whoever may not act leaves tickets to those who may.
        if free == 0 || self.parts.lease_guard.permit().is_none() {
            return Ok(Claimed { tickets: 0, left_out: false });
        }
        let (running, shares) = self.shares(&snapshot);
        let Claimable { most, left_out } = claimable(all, free, &shares, breakers.gate(SYSTEM));
        if most == 0 || (!shares.is_empty() && left_out.len() == shares.len()) {
            return Ok(Claimed { tickets: 0, left_out: true });
        }
        // A few at a time where others work as well, since each has a share of DocSpace's limits
        // only.
        let some = most.min(settings.parallel.div_ceil(self.workers.load(Ordering::Relaxed)));
        let lease = settings.lease;
        let backfill = backfill_runs(all).saturating_sub(self.running_of_backfills());
        let limit = ClaimLimit { all: some, backfill: backfill.min(some) };
        let claims = if left_out.is_empty() {
            self.parts.store.claim(lease, limit, &running).await?
        } else {
            let others = shares.iter().map(|share| share.helpdesk).filter(|name| !left_out.contains(name));
            let others: Vec<_> = others.cloned().collect();
            self.parts.store.claim_of(lease, limit, &running, &others).await?
        };
        let left_out = !left_out.is_empty() || limit.backfill < some;
        let claimed = Claimed { tickets: claims.len(), left_out };
        for claim in claims {
            let Held { number, fence } = claim.held();
            let helpdesk = claim.key.helpdesk.clone();
            let break_off = CancellationToken::new();
            let backfill = claim.backfill;
            let underway = Underway { fence, helpdesk, backfill, break_off: break_off.clone() };
            self.running().insert(number, underway);
            let running = Running { reconciler: Arc::clone(self), number };
            // Each line that is logged in it names the ticket, and the run by the number that its
            // commits present.
            let span = tracing::error_span!(target: RUN, "run", ticket = %claim.key, run = fence);
            let run = async move {
                let snapshot = running.reconciler.parts.live.now();
                let run = Run::new(&running.reconciler, &snapshot, claim);
                break_off.run_until_cancelled(run.drive()).await;
            };
            runs.spawn(run.instrument(span));
        }
        Ok(claimed)
    }

    /// The tickets that this process is at, and how many there are of each helpdesk.
    fn shares<'s>(&self, snapshot: &'s Snapshot) -> (Vec<i64>, Vec<Share<'s>>) {
        let underway = self.running();
        let mut shares: Vec<Share<'_>> = Vec::with_capacity(snapshot.helpdesks.len());
        for helpdesk in snapshot.helpdesks.keys() {
            let running = underway.values().filter(|one| one.helpdesk == *helpdesk).count();
            let gate = self.parts.breakers.gate(helpdesk.as_str());
            shares.push(Share { helpdesk, running, gate });
        }
        (underway.keys().copied().collect(), shares)
    }

    fn running_of_backfills(&self) -> usize {
        self.running().values().filter(|one| one.backfill).count()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Underway>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long nothing can be claimed; `left_out` if there may be tickets that were left out, and
    /// so are due.
    async fn idle_for(&self, left_out: bool) -> Duration {
        if self.parts.lease_guard.permit().is_none() {
            return IDLE;
        }
        match self.parts.store.next_due().await {
            // The end of a run is noticed at once. What others have to do may become due sooner.
            Ok(Some(Duration::ZERO)) if left_out => LEFT_OUT,
            Ok(Some(wait)) => wait.clamp(SHORTEST, IDLE),
            _ => IDLE,
        }
    }
}
