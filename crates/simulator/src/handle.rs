//! The handle of a running server, which tests and commands hold: what all simulated systems have
//! in common. Each system adds its own methods in its module, as `impl Server<…>`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::counters::Counters;
use crate::fault::Faults;
use crate::server;
use crate::service::{Core, Service};

/// A running server. Clones are handles to the same one, which stops when the last of them is
/// dropped.
pub struct Server<S>(Arc<Inner<S>>);

struct Inner<S> {
    system: Arc<S>,
    core: Core,
    url: Url,
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Drop for Inner<S> {
    fn drop(&mut self) {
        self.core.shutdown.begin();
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.0.url.as_str()).finish_non_exhaustive()
    }
}

impl<S> Server<S> {
    pub(crate) async fn run(listen: SocketAddr, core: Core, system: S) -> std::io::Result<Self>
    where
        S: Service,
    {
        let system = Arc::new(system);
        let url = server::start(listen, core.clone(), Arc::<S>::clone(&system)).await?;
        Ok(Self(Arc::new(Inner { system, core, url })))
    }

    pub(crate) fn system(&self) -> &S {
        &self.0.system
    }

    /// Its base address, which ends in `/`.
    pub fn url(&self) -> Url {
        self.0.url.clone()
    }

    /// Ends all connections, unfinished calls and deliveries, and frees the port before it returns.
    pub async fn stop(&self) {
        self.0.core.shutdown.complete().await;
    }

    /// Allows fault injection over HTTP to everybody who can reach the port. Without this, only the
    /// program that runs the server can inject faults, by [`faults`](Self::faults).
    pub fn enable_fault_injection(&self) {
        self.0.core.enable_fault_injection();
    }

    /// Its clock is fast by that much from now on, or slow if that is negative.
    pub fn set_clock_off(&self, off: SignedDuration) {
        self.0.core.clock.set_off(off);
    }

    /// The time by its clock.
    pub fn now(&self) -> Timestamp {
        self.0.core.clock.now()
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        &self.0.core.faults
    }

    /// Counts of its calls since the start or the last reset.
    pub fn counters(&self) -> Counters {
        self.0.core.counting.snapshot()
    }

    /// Counts from zero again.
    pub fn reset_counters(&self) {
        self.0.core.counting.reset();
    }

    /// How long each call takes that has no latency of its own.
    pub fn set_latency(&self, latency: Duration) {
        self.0.core.set_latency(latency);
    }

    /// How long calls of this name take.
    pub fn set_latency_of(&self, call: &str, latency: Duration) {
        self.0.core.set_latency_of(call, latency);
    }
}
