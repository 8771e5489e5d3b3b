//! What a simulated system is to the serving core ([`Service`]), and what the core keeps for each
//! of them ([`Core`]).

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::counters::Counting;
use crate::fault::{Faults, TooMany};
use crate::http::{Answer, Probed, Request};
use crate::lock;

/// A question to another server, such as whether a webhook's address answers.
pub(crate) type Probe = Pin<Box<dyn Future<Output = Probed> + Send>>;

/// A simulated system.
pub(crate) trait Service: Send + Sync + 'static {
    /// The call's name in counters, faults and latencies, such as `create_room`.
    fn name(&self, method: &Method, path: &str) -> &'static str;

    /// Admits a call, or rejects it with an answer. An answer of 429 is counted as a rejection by
    /// the limits.
    fn admit(&self, _request: &Request, _call: &'static str) -> Result<Admission, Answer> {
        Ok(Admission::default())
    }

    /// What the service has to ask others before it can answer; the result is then in
    /// [`Request::probed`].
    fn probe(&self, _request: &Request) -> Option<Probe> {
        None
    }

    /// Does the work, and answers.
    fn answer(&self, request: &Request, call: &'static str) -> Answer;

    /// This system's answer for an error with that status.
    fn refusal(&self, status: StatusCode) -> Answer;

    /// This system's 429 for that limit.
    fn too_many(&self, kind: TooMany) -> Answer;

    /// A page for browsers. It is not a call: it is not counted, and no fault is injected.
    fn page(&self, _request: &Request) -> Option<Answer> {
        None
    }

    /// Everything that exists, for the control endpoint.
    fn state(&self) -> Value;

    /// A call at the control endpoint that only this system has; the path is what follows
    /// `/_simulator/`.
    fn control(&self, _request: &Request, _path: &str) -> Option<Answer> {
        None
    }

    /// The same for a call that makes the system misbehave, which is there only if fault injection
    /// is enabled.
    fn inject(&self, _request: &Request, _path: &str) -> Option<Answer> {
        None
    }
}

/// What an admitted call holds until it ends, such as its share of the concurrent requests.
#[derive(Default)]
pub(crate) struct Admission {
    _held: Option<Box<dyn Send>>,
}

impl Admission {
    /// `place` is dropped when the call ends.
    pub(crate) fn holding(place: impl Send + 'static) -> Self {
        Self { _held: Some(Box::new(place)) }
    }
}

/// What the serving core keeps for a service; clones share everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) shutdown: Shutdown,
    pub(crate) counting: Counting,
    fault_injection: Arc<AtomicBool>,
    latencies: Arc<Mutex<Latencies>>,
}

#[derive(Debug, Default)]
struct Latencies {
    all: Duration,
    by_call: BTreeMap<String, Duration>,
}

impl Core {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.separate(), ..Self::default() }
    }

    /// Opens the calls of the control endpoint that inject faults.
    pub(crate) fn enable_fault_injection(&self) {
        self.fault_injection.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_fault_injection(&self) -> bool {
        self.fault_injection.load(Ordering::Relaxed)
    }

    /// How long each call takes that has no latency of its own.
    pub(crate) fn set_latency(&self, all: Duration) {
        lock(&self.latencies).all = all;
    }

    pub(crate) fn set_latency_of(&self, call: &str, latency: Duration) {
        lock(&self.latencies).by_call.insert(call.to_owned(), latency);
    }

    pub(crate) fn latency_of(&self, call: &str) -> Duration {
        let latencies = lock(&self.latencies);
        latencies.by_call.get(call).copied().unwrap_or(latencies.all)
    }
}

/// Ends all tasks of a server. Clones share the signal.
///
/// Each task holds a receiver, so "no receiver is left" means that all tasks have ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// Tells all tasks to end.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Tells all tasks to end, and waits until they have.
    pub(crate) async fn complete(&self) {
        self.begin();
        self.0.closed().await;
    }

    /// For a task that ends with the server.
    pub(crate) fn receiver(&self) -> ShutdownReceiver {
        ShutdownReceiver(self.0.subscribe())
    }

    /// Runs a task until it ends or the server stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut shutdown = self.receiver();
        tokio::spawn(async move { shutdown.unless_stopped(task).await });
    }
}

/// What a task holds until it has ended.
#[derive(Debug)]
pub(crate) struct ShutdownReceiver(watch::Receiver<bool>);

impl ShutdownReceiver {
    /// Awaits a future, but no longer than the server runs.
    pub(crate) async fn unless_stopped<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            _ = self.0.wait_for(|stop| *stop) => None,
            result = future => Some(result),
        }
    }
}
