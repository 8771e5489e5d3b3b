//! A whole service, put together from its configuration: store, DocSpace client, helpdesks, reconciler and doors.
//! `serve`, `demo` and the tests all run this one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::clock::{Chance, Clock, after};
use crate::config::{Config, DocSpaceConfig, HelpdeskKind, StoreUrl};
use crate::docspace::DocSpace;
use crate::docspace::limits::{Governor, Taken, WriteBudget};
use crate::helpdesk;
use crate::http::Http;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::reconcile::{Progress, Reconciler, Settings};
use crate::store::Store;
use crate::store::sqlite::{OpenError, SqliteStore, Use};
use crate::web::{self, AdminToken, Doors};

/// A running service.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    store: Arc<dyn Store>,
    reconciler: Arc<Reconciler>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    working: JoinHandle<()>,
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
    /// No HTTP client can be made.
    #[error("TLS can't be set up: {0}")]
    Http(#[from] reqwest::Error),
}

impl Service {
    /// Starts a service.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    pub async fn start(
        config: &Config,
        admin: &SecretString,
        clock: Arc<dyn Clock>,
        chance: Chance,
    ) -> Result<Self, StartError> {
        let address = config.server.listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let StoreUrl::Sqlite(path) = &config.store;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path, Use::Serve, clock.now())?);
        let metrics = Metrics::new();
        let http = Http::new(metrics.clone())?;
        let budget = Arc::new(StoredBudget { store: Arc::clone(&store), clock: Arc::clone(&clock) });
        let docspace = docspace(&config.docspace, http.clone(), budget);
        let helpdesks = helpdesk::build(&config.helpdesks, &http, &clock);
        let settings = Settings {
            settle: config.docspace.settle,
            skeletons: config.docspace.allow_skeleton,
            ..Settings::default()
        };
        let reconciler = Arc::new(Reconciler::new(
            Arc::clone(&store),
            docspace,
            &helpdesks,
            config.rules.clone(),
            Arc::clone(&clock),
            chance,
            metrics.clone(),
            settings,
        ));
        let (stop, stopped) = watch::channel(false);
        let wake = reconciler.wake();
        let doors = Arc::new(Doors {
            intake: Intake::new(
                &helpdesks,
                Arc::clone(&store),
                Arc::clone(&clock),
                metrics.clone(),
                Arc::clone(&wake),
            ),
            store: Arc::clone(&store),
            clock,
            metrics,
            wake,
            admin: AdminToken::new(admin),
            max_delivery: config.server.max_delivery_bytes,
            generic: config
                .helpdesks
                .iter()
                .find(|helpdesk| matches!(helpdesk.kind, HelpdeskKind::Generic(_)))
                .map(|helpdesk| helpdesk.name.clone()),
        });
        let serving = tokio::spawn(web::serve(listener, doors, stopped.clone()));
        let working = tokio::spawn(Arc::clone(&reconciler).run(stopped));
        Ok(Self { address, store, reconciler, stop, serving, working })
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

    /// Takes no more deliveries, lets answers and runs that are under way end, and parks what doesn't in time.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if !self.serving.is_finished() {
            let _ = self.serving.await;
        }
        let _ = self.working.await;
    }
}

/// The client for a portal.
#[must_use]
pub fn docspace(config: &DocSpaceConfig, http: Http, budget: Arc<dyn WriteBudget>) -> DocSpace {
    let governor = Arc::new(Governor::new(config.limits, budget));
    DocSpace::new(http, config.url.clone(), config.api_key.clone(), config.timeout, governor)
}

/// The day's writes, counted in the store.
struct StoredBudget {
    store: Arc<dyn Store>,
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
