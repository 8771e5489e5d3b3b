//! A process's sign of life in the store: its claims are renewed, and it hears with how many others
//! it shares DocSpace's limits, and what time it is.
//!
//! It goes out three times in a lease. If it can't, the process loses its [right to
//! act](LeaseGuard) before its claims pass on to others, and calls nobody until one gets through
//! again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::clock::SharedClock;
use super::lease_guard::LeaseGuard;
use crate::clock::until;
use crate::docspace::limits::Governor;
use crate::live::Live;
use crate::reconcile::Reconciler;
use crate::store::{self, Held, Queue, StoreError};

/// An answer that tells the time well.
const PROMPT: Duration = Duration::from_millis(500);

/// How long a start waits for its first heartbeat.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Everything that hangs on the sign of life.
#[derive(Debug)]
pub struct HeartbeatSender {
    /// Where it is left.
    pub store: Arc<dyn Queue>,
    /// Whose it is.
    pub replica: Uuid,
    /// For how long it counts.
    pub lease: Duration,
    /// How long a call that has gone out may still take effect is configured.
    pub live: Arc<Live>,
    /// Whose claims are renewed; none if this process takes deliveries only.
    pub reconciler: Option<Arc<Reconciler>>,
    /// What is shared with others.
    pub governor: Arc<Governor>,
    /// The right to act that comes of it.
    pub lease_guard: LeaseGuard,
    /// Put right by it.
    pub clock: Arc<SharedClock>,
}

impl HeartbeatSender {
    /// Sends one.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn send(&self) -> Result<(), StoreError> {
        let own = self.clock.own();
        let (begun, asked) = (self.lease_guard.begin(own), own.now());
        let held = self.reconciler.as_ref().map(|reconciler| reconciler.held()).unwrap_or_default();
        let (replica, lease, works) = (self.replica, self.lease, self.reconciler.is_some());
        // What was intended before a failover goes out for as long as claims hold, and then comes
        // to its end.
        let quiet = lease + self.live.now().config.docspace.settle;
        let heartbeat = store::Heartbeat { replica, works, held: held.clone(), lease, quiet };
        let pulse = self.store.heartbeat(heartbeat).await?;
        // Before the lease is renewed: it is that of the claims that are left.
        if let Some(reconciler) = &self.reconciler {
            let lost: Vec<Held> = held.into_iter().filter(|held| !pulse.held.contains(held)).collect();
            reconciler.give_up(&lost).await;
        }
        self.lease_guard.renewed(begun, lease);
        let answered = own.now();
        // One that took long may have waited at either end, so it tells the time less well than an
        // earlier one did.
        if let Some(there) = pulse.now
            && (until(asked, answered) < PROMPT || !self.clock.is_put_right())
        {
            self.clock.put_right(there, asked, answered);
        }
        if pulse.quiet > Duration::ZERO {
            let seconds = pulse.quiet.as_secs_f64().ceil();
            tracing::warn!(
                seconds,
                "another server has taken over the database, and may lack what was written last: deliveries are \
                 taken, and no ticket is worked on until all calls from before have surely come to their end"
            );
        }
        self.governor.share(pulse.workers);
        if let Some(reconciler) = &self.reconciler {
            reconciler.share(pulse.workers);
        }
        Ok(())
    }

    /// Sends the first one of a process, which takes its time if the store has just gone away
    /// again.
    ///
    /// # Errors
    /// When the store can't be reached for long.
    pub async fn send_first(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        loop {
            match self.send().await {
                Err(error) if begun.elapsed() < PATIENCE => {
                    tracing::warn!(%error, "the heartbeat can't be written to the store; trying again");
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                result => return result,
            }
        }
    }

    /// Sends them for as long as it is polled.
    pub async fn keep_sending(self) {
        loop {
            let wait = match self.send().await {
                Ok(()) => self.lease / 3,
                Err(error) => {
                    tracing::warn!(%error, "the heartbeat can't be written to the store");
                    (self.lease / 10).min(Duration::from_secs(1))
                }
            };
            tokio::time::sleep(wait).await;
        }
    }
}
