//! Claims due tickets and gives each a run, as many at once as is sensible.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::run::Run;
use crate::clock::{Chance, Clock};
use crate::docspace::DocSpace;
use crate::docspace::skeleton::Skeletons;
use crate::helpdesk::Helpdesk;
use crate::metrics::Metrics;
use crate::rule::Rules;
use crate::store::{Event, Held, State, Store, StoreError};
use crate::ticket::{HelpdeskName, TicketKey};

/// How the reconciler works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Runs at once. More than DocSpace's write lane, since a run also waits for its helpdesk.
    pub parallel: usize,
    /// How long a claim holds without a sign of life.
    pub lease: Duration,
    /// How long after its intent a call without an answer may still take effect.
    pub settle: Duration,
    /// How long runs may go on after the service was asked to stop.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallel: 64,
            lease: Duration::from_secs(600),
            settle: Duration::from_secs(45),
            grace: Duration::from_secs(10),
        }
    }
}

/// Something that became known about a ticket, for whoever watches.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Something happened.
    Happened(TicketKey, Event),
    /// A run ended.
    Settled(TicketKey, State, Option<String>),
}

/// Everything that runs need.
#[derive(Debug)]
pub struct Reconciler {
    pub(super) store: Arc<dyn Store>,
    pub(super) docspace: DocSpace,
    /// None if the portal may not hold any.
    pub(super) skeletons: Option<Skeletons>,
    pub(super) helpdesks: HashMap<HelpdeskName, Arc<dyn Helpdesk>>,
    pub(super) rules: Rules,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Chance,
    pub(super) metrics: Metrics,
    pub(super) settings: Settings,
    pub(super) progress: broadcast::Sender<Progress>,
    wake: Arc<Notify>,
    /// What this process is at, by the tickets' numbers.
    running: Mutex<HashMap<i64, Underway>>,
    /// How many processes work on the store.
    workers: AtomicUsize,
}

/// How long the worker sleeps at most: another process may have marked a ticket (`tickets retry`).
const IDLE: Duration = Duration::from_secs(1);

/// How long it sleeps at least when nothing can be claimed: what is due may be what it is at.
const SHORTEST: Duration = Duration::from_millis(20);
/// How long it waits at most for a store that can't be used.
const MOST_PATIENT: Duration = Duration::from_secs(30);

/// A run that goes on.
#[derive(Debug)]
struct Underway {
    fence: i64,
    run: AbortHandle,
}

/// A ticket that this process is at, until the run ends, however it ends.
struct Running<'a> {
    reconciler: &'a Reconciler,
    number: i64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.reconciler.running().remove(&self.number);
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
    #[allow(clippy::too_many_arguments, reason = "each part is one the service has exactly once")]
    pub fn new(
        store: Arc<dyn Store>,
        docspace: DocSpace,
        skeletons: Option<Skeletons>,
        helpdesks: &[Arc<dyn Helpdesk>],
        rules: Rules,
        clock: Arc<dyn Clock>,
        chance: Chance,
        metrics: Metrics,
        settings: Settings,
    ) -> Self {
        let helpdesks =
            helpdesks.iter().map(|helpdesk| (helpdesk.name().clone(), Arc::clone(helpdesk))).collect();
        let (progress, _) = broadcast::channel(1024);
        Self {
            store,
            docspace,
            skeletons,
            helpdesks,
            rules,
            clock,
            chance,
            metrics,
            settings,
            progress,
            wake: Arc::default(),
            running: Mutex::default(),
            workers: AtomicUsize::new(1),
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

    /// Breaks off the runs whose claims have passed on to others: nothing more may go out from them, however long they
    /// have waited for their turn.
    pub fn give_up(&self, lost: &[Held]) {
        let running = self.running();
        for held in lost {
            if let Some(underway) = running.get(&held.number).filter(|underway| underway.fence == held.fence)
            {
                tracing::info!(number = held.number, "the claim ran out; another run goes on");
                underway.run.abort();
            }
        }
    }

    /// Works until `stop` says so; then lets what is under way end, as far as it does within the grace. What
    /// doesn't is parked: its intents are on disk, and whoever claims it next goes on with it. Returns what was parked.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) -> Vec<Held> {
        let mut runs: JoinSet<()> = JoinSet::new();
        let mut failing_for = IDLE;
        while !*stop.borrow() {
            let full = runs.len() >= self.settings.parallel;
            let wait = match self.claim(&mut runs).await {
                // With full hands nothing can be claimed before a run ends, however much is due.
                Ok(_) if full => IDLE,
                Ok(0) => tokio::select! {
                    wait = self.idle_for() => wait,
                    _ = stop.changed() => break,
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
                _ = stop.changed() => break,
                () = self.wake.notified() => {}
                Some(ended) = runs.join_next() => note_panic(ended),
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(ended) = runs.try_join_next() {
                note_panic(ended);
            }
        }
        let ended = async { while runs.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.grace, ended).await.is_err() {
            tracing::warn!("some tickets are parked in the middle; the next start goes on with them");
        }
        let parked = self.held();
        runs.shutdown().await;
        parked
    }

    async fn claim(self: &Arc<Self>, runs: &mut JoinSet<()>) -> Result<usize, StoreError> {
        let free = self.settings.parallel.saturating_sub(runs.len());
        if free == 0 {
            return Ok(0);
        }
        // A few at a time where others work as well, since each has a share of DocSpace's limits only.
        let some = free.min(self.settings.parallel.div_ceil(self.workers.load(Ordering::Relaxed)));
        let running: Vec<i64> = self.running().keys().copied().collect();
        let claims = self.store.claim(self.clock.now(), self.settings.lease, some, &running).await?;
        let claimed = claims.len();
        for claim in claims {
            let reconciler = Arc::clone(self);
            let Held { number, fence } = claim.held();
            // Held until it is entered, so that the run can't end before.
            let mut running = self.running();
            let run = runs.spawn(async move {
                let _running = Running { reconciler: &reconciler, number };
                Run::new(&reconciler, claim).drive().await;
            });
            running.insert(number, Underway { fence, run });
        }
        Ok(claimed)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Underway>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn idle_for(&self) -> Duration {
        match self.store.next_due(self.clock.now()).await {
            Ok(Some(wait)) => wait.clamp(SHORTEST, IDLE),
            _ => IDLE,
        }
    }
}
