//! A whole service, put together from its configuration: store, DocSpace client, helpdesks,
//! reconciler and endpoints. `serve`, `demo` and the tests all run this one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::backfill::work::Backfills;
use crate::breaker::Breakers;
use crate::clock::{Chance, Clock, after};
use crate::config::{Config, StoreUrl};
use crate::docspace::limits::{Governor, Taken, WriteBudget};
use crate::http::Http;
use crate::intake::Intake;
use crate::live::Live;
use crate::live::builder::Builder;
use crate::live::reload::{Read, Reloader};
use crate::metrics::Metrics;
use crate::reconcile::room_events::Placing;
use crate::reconcile::{Dependencies, Progress, Reconciler, Settings};
use crate::replica::clock::SharedClock;
use crate::replica::heartbeat::HeartbeatSender;
use crate::replica::lease_guard::LeaseGuard;
use crate::store::{self, Budget, Held, OpenError, Selection, Store, StoreError, Use, Why};
use crate::web::{self, AppState, Readiness, StartupGate, WrongTokens};

/// How long a claim in a file holds. Nobody else claims from it, so it ends for our own defects
/// only.
const LEASE_OF_A_FILE: Duration = Duration::from_secs(600);

/// How long a process that stops tries to say so.
const LAST_WORD: Duration = Duration::from_secs(3);

/// A running service.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    store: Arc<dyn Store>,
    live: Arc<Live>,
    reloader: Arc<Reloader>,
    reconciler: Arc<Reconciler>,
    replica: Uuid,
    /// Dropped, no more deliveries are taken and no more tickets are claimed.
    stop: DropGuard,
    /// Dropped, claims are no longer renewed.
    stop_heartbeats: DropGuard,
    serving: JoinHandle<std::io::Result<()>>,
    working: Option<JoinHandle<Vec<Held>>>,
    /// Whatever else runs in the background.
    tasks: TaskTracker,
}

/// What a process does of all that there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duties {
    /// It takes deliveries.
    pub intake: bool,
    /// It works on tickets.
    pub work: bool,
    /// It begins by marking every ticket to be looked at, since the store was restored from a
    /// backup.
    pub recover: bool,
}

impl Default for Duties {
    fn default() -> Self {
        Self { intake: true, work: true, recover: false }
    }
}

/// Why a service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}; is something else using it? [server] listen sets it")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store was opened, and can't be used now.
    #[error(transparent)]
    Lost(#[from] StoreError),
    /// No HTTP client can be made.
    #[error("TLS can't be set up: {0}")]
    Http(#[from] reqwest::Error),
}

impl Service {
    /// Starts a service; `read` reads its configuration again while it runs.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    pub async fn start(
        config: Config,
        read: Read,
        duties: Duties,
        clock: Arc<dyn Clock>,
        chance: Chance,
    ) -> Result<Self, StartError> {
        let address = config.server.listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        // If the start fails, its guard is dropped, and with it everything ends that was started.
        let stop = CancellationToken::new();
        let stop_guard = stop.clone().drop_guard();
        let gate = StartupGate::default();
        let metrics = Metrics::new();
        let limits = web::Limits::new(web::connections_that_fit(config.server.limits.connections));
        let serving = tokio::spawn(web::serve(listener, gate.clone(), limits, metrics.clone(), stop.clone()));
        let store = store::open(&config.store, Use::Serve, &clock).await?;
        let (lease, lease_guard) = match &config.store {
            StoreUrl::Sqlite(_) => (LEASE_OF_A_FILE, LeaseGuard::for_good()),
            StoreUrl::Postgres(postgres) => (postgres.lease, LeaseGuard::leased(Arc::clone(&clock))),
        };
        let shared_clock = Arc::new(SharedClock::new(clock));
        let clock: Arc<dyn Clock> = Arc::<SharedClock>::clone(&shared_clock);
        let replica = chance.uuid();
        let chance_for_ids = chance.uuid().as_u64_pair().0;
        let jitter = Chance::seeded(chance.uuid().as_u64_pair().0);
        let breakers = Breakers::new(Arc::clone(&clock), jitter, metrics.clone());
        let http =
            Http::new(metrics.clone())?.guarded_by(lease_guard.clone()).with_breakers(breakers.clone());
        let budget =
            Arc::new(StoredBudget { store: Arc::<dyn Store>::clone(&store), clock: Arc::clone(&clock) });
        let governor = Arc::new(Governor::new(config.docspace.limits, budget));
        let builder =
            Builder::new(http, Arc::clone(&store), replica, Arc::clone(&clock), Arc::clone(&governor));
        let live = Arc::new(Live::new(builder.first(config)));
        let reloader = Reloader::new(read, Arc::clone(&live), builder, breakers.clone(), metrics.clone());
        let reloader = Arc::new(reloader);
        let reconciler = Arc::new(Reconciler::new(Dependencies {
            store: Arc::clone(&store),
            live: Arc::clone(&live),
            clock: Arc::clone(&clock),
            chance,
            metrics: metrics.clone(),
            lease_guard: lease_guard.clone(),
            breakers,
            settings: Settings { lease, ..Settings::default() },
        }));
        if duties.recover {
            let tickets = store.requeue(&Selection::All, &Why::Restored).await?;
            tracing::info!(
                tickets,
                "the store is taken as restored from a backup: every ticket is looked at again"
            );
        }
        let wake = reconciler.wake();
        let in_folders = Arc::new(Notify::new());
        let placing = Placing {
            store: Arc::clone(&store),
            live: Arc::clone(&live),
            clock: Arc::clone(&clock),
            metrics: metrics.clone(),
            lease_guard: lease_guard.clone(),
            replica,
            came_in: Arc::clone(&in_folders),
            due: Arc::clone(&wake),
        };
        let backfills = Backfills {
            store: Arc::clone(&store),
            live: Arc::clone(&live),
            clock: Arc::clone(&clock),
            lease_guard: lease_guard.clone(),
            replica,
            due: Arc::clone(&wake),
        };
        let backfill_ids = Chance::seeded(chance_for_ids);
        store.listen(Arc::clone(&wake));
        let heartbeats = HeartbeatSender {
            store: Arc::<dyn Store>::clone(&store),
            replica,
            lease,
            live: Arc::clone(&live),
            reconciler: duties.work.then(|| Arc::clone(&reconciler)),
            governor,
            lease_guard,
            clock: shared_clock,
        };
        // Before anything is claimed: the clock has to be right, and the shares known.
        heartbeats.send_first().await?;
        gate.open(Arc::new(AppState {
            intake: Intake::new(
                Arc::<dyn Store>::clone(&store),
                Arc::clone(&clock),
                metrics.clone(),
                Arc::clone(&wake),
                Arc::clone(&in_folders),
            ),
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            metrics,
            wake,
            takes_deliveries: duties.intake,
            readiness: Readiness::default(),
            wrong_tokens: WrongTokens::default(),
            live: Arc::clone(&live),
            reloader: Arc::clone(&reloader),
            chance: backfill_ids,
        }));
        let tasks = TaskTracker::new();
        if duties.work {
            let (watching, noting) = (Arc::clone(&reconciler), Arc::clone(&reconciler));
            tasks.spawn(
                stop.clone().run_until_cancelled_owned(async move { watching.watch_refusals().await }),
            );
            tasks.spawn(
                stop.clone().run_until_cancelled_owned(async move { noting.watch_configuration().await }),
            );
            tasks.spawn(stop.clone().run_until_cancelled_owned(placing.run()));
            tasks.spawn(stop.clone().run_until_cancelled_owned(backfills.run()));
        }
        let stop_heartbeats = CancellationToken::new();
        tasks.spawn(stop_heartbeats.clone().run_until_cancelled_owned(heartbeats.keep_sending()));
        let working = duties.work.then(|| tokio::spawn(Arc::clone(&reconciler).run(stop)));
        Ok(Self {
            address,
            store,
            live,
            reloader,
            reconciler,
            replica,
            stop: stop_guard,
            stop_heartbeats: stop_heartbeats.drop_guard(),
            serving,
            working,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it knows.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What is configured.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Reads its configuration again.
    #[must_use]
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// What becomes known about tickets from now on.
    #[must_use]
    pub fn progress(&self) -> broadcast::Receiver<Progress> {
        self.reconciler.progress()
    }

    /// Waits until the service ends by itself, which only a broken listener makes it do.
    ///
    /// # Errors
    /// Why the listener broke.
    pub async fn ended(&mut self) -> std::io::Result<()> {
        (&mut self.serving).await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }

    /// Takes no more deliveries, lets answers and runs that are under way end, and parks what
    /// doesn't in time.
    pub async fn stop(self) {
        drop(self.stop);
        if !self.serving.is_finished() {
            let _ = self.serving.await;
        }
        let parked = match self.working {
            Some(working) => working.await.unwrap_or_default(),
            None => Vec::new(),
        };
        drop(self.stop_heartbeats);
        // They hold the store, which another service may be about to open.
        self.tasks.close();
        self.tasks.wait().await;
        let left = self.store.leave(self.replica, &parked);
        if !matches!(tokio::time::timeout(LAST_WORD, left).await, Ok(Ok(()))) {
            tracing::warn!(
                "the store can't be told that we stop; parked tickets stay claimed until their leases end"
            );
        }
    }
}

/// The day's writes, counted in the store.
struct StoredBudget {
    store: Arc<dyn Budget>,
    clock: Arc<dyn Clock>,
}

#[async_trait::async_trait]
impl WriteBudget for StoredBudget {
    async fn take(&self, wanted: u32, per_day: u32) -> Taken {
        match self.store.take_writes(self.clock.now(), wanted, per_day).await {
            Ok(taken) => taken,
            // Without the store nothing can be written down either, so nothing should be done.
            Err(error) => {
                tracing::error!(%error, "the day's writes can't be counted");
                Taken::NothingFor(Duration::from_secs(1))
            }
        }
    }

    async fn exhausted_for(&self, wait: Duration) {
        let now = self.clock.now();
        if let Err(error) = self.store.no_writes_until(now, after(now, wait)).await {
            tracing::error!(%error, "that the day's writes are used up can't be written down");
        }
    }
}
