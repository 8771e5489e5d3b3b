//! The serving core that all systems share: one loopback listener, HTTP/1.1 with keep-alive.
//!
//! What happens to a call, in this order:
//!
//! 1. It is read to its end and given a name by its [`Service`].
//! 2. A fault may strike it ([`Faults::strike`]). A refused call ends here and is not counted.
//! 3. The service admits it or turns it away; only an admitted call counts as in flight, from now until its
//!    answer is about to be sent. A call that is struck and then turned away by the service has used the
//!    fault up.
//! 4. The latency passes, then the work is done all at once, then the answer goes out.
//!
//! The work is done in a task of its own, since a client that gives up must not undo what it asked for:
//! the real servers don't notice either.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use url::Url;

use crate::clock::Clock;
use crate::control;
use crate::counters::Counting;
use crate::fault::{FaultKind, Faults, TooMany};
use crate::http::{Answer, Request};
use crate::lock;
use crate::reply::{Closed, Payload, Reply};

/// A system, as the core sees it.
pub(crate) trait Service: Send + Sync + 'static {
    /// The name that counters, faults and latencies know the call by, such as `create_room`.
    fn name(&self, method: &Method, path: &str) -> &'static str;

    /// Lets a call in, or answers it at once. An answer of 429 is counted as a rejection by the limits.
    fn admit(&self, _request: &Request, _call: &'static str) -> Result<Admission, Answer> {
        Ok(Admission::default())
    }

    /// Does the work and says what came of it.
    fn answer(&self, request: &Request, call: &'static str) -> Answer;

    /// How this system words an error of that status.
    fn refusal(&self, status: StatusCode) -> Answer;

    /// How this system words a 429 from that limit.
    fn too_many(&self, kind: TooMany) -> Answer;

    /// A page for people in browsers. It is no call: nothing counts it, and nothing goes wrong with it.
    fn page(&self, _request: &Request) -> Option<Answer> {
        None
    }

    /// Everything that exists, for the control endpoint.
    fn state(&self) -> Value;

    /// A call at the control endpoint that only this system has; the path is what follows `/_simulator/`.
    fn control(&self, _request: &Request, _path: &str) -> Option<Answer> {
        None
    }

    /// The same for a call that makes the system misbehave, which is there only if fault injection is enabled.
    fn inject(&self, _request: &Request, _path: &str) -> Option<Answer> {
        None
    }
}

/// What an admitted call occupies until it is over, such as a place among the concurrent requests.
#[derive(Default)]
pub(crate) struct Admission {
    _held: Option<Box<dyn Send>>,
}

impl Admission {
    /// Dropped when the call is over.
    pub(crate) fn holding(place: impl Send + 'static) -> Self {
        Self { _held: Some(Box::new(place)) }
    }
}

/// What surrounds a service; clones share everything.
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
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Opens the calls of the control endpoint that inject faults.
    pub(crate) fn enable_fault_injection(&self) {
        self.fault_injection.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_fault_injection(&self) -> bool {
        self.fault_injection.load(Ordering::Relaxed)
    }

    /// How long every call takes that has no latency of its own.
    pub(crate) fn set_latency(&self, all: Duration) {
        lock(&self.latencies).all = all;
    }

    pub(crate) fn set_latency_of(&self, call: &str, latency: Duration) {
        lock(&self.latencies).by_call.insert(call.to_owned(), latency);
    }

    fn latency_of(&self, call: &str) -> Duration {
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
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
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

/// Starts to serve, and returns the base address.
pub(crate) async fn start(listen: SocketAddr, core: Core, service: Arc<dyn Service>) -> std::io::Result<Url> {
    let listener = TcpListener::bind(listen).await?;
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(std::io::Error::other)?;
    core.shutdown.clone().spawn(accept(listener, core, service));
    Ok(url)
}

async fn accept(listener: TcpListener, core: Core, service: Arc<dyn Service>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => core.shutdown.spawn(serve(stream, core.clone(), Arc::clone(&service))),
            // Out of file descriptors, most likely: some come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(stream: TcpStream, core: Core, service: Arc<dyn Service>) {
    // An answer is written in one go; waiting for more to send would only distort latencies.
    let _ = stream.set_nodelay(true);
    let respond = service_fn(move |request| respond(request, core.clone(), Arc::clone(&service)));
    // A connection that breaks is the client's affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await;
}

async fn respond(
    request: hyper::Request<Incoming>,
    core: Core,
    service: Arc<dyn Service>,
) -> Result<Response<Payload>, Closed> {
    let request = Request::read(request).await.map_err(|_| Closed)?;
    if let Some(path) = request.path.strip_prefix(control::PREFIX) {
        let answer = control::answer(&core, service.as_ref(), &request, path);
        return Reply::Whole(answer).into_response(&core.clock);
    }
    if let Some(page) = service.page(&request) {
        return Reply::Whole(page).into_response(&core.clock);
    }
    let (reply, replied) = oneshot::channel();
    core.shutdown.spawn(work(core.clone(), service, request, reply));
    replied.await.map_err(|_| Closed)?.into_response(&core.clock)
}

/// Takes one call from its arrival to its answer. Dropping `reply` without an answer drops the connection.
async fn work(core: Core, service: Arc<dyn Service>, request: Request, reply: oneshot::Sender<Reply>) {
    let call = service.name(&request.method, &request.path);
    let fault = core.faults.strike(call);
    if fault == Some(FaultKind::Refuse) {
        return;
    }
    core.counting.arrived(call);
    let admitted = match fault {
        Some(FaultKind::TooMany(kind)) => Err(service.too_many(kind)),
        Some(FaultKind::StatusBefore(429)) => Err(service.refusal(StatusCode::TOO_MANY_REQUESTS)),
        _ => service.admit(&request, call),
    };
    let admission = match admitted {
        Ok(admission) => admission,
        Err(answer) => {
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                core.counting.rejected();
            }
            let _ = reply.send(Reply::Whole(answer));
            return;
        }
    };
    let in_flight = core.counting.admitted(&request.method);
    match fault {
        Some(FaultKind::Hang(time)) => return tokio::time::sleep(time).await,
        Some(FaultKind::LateLanding(time)) => {
            drop(reply);
            tokio::time::sleep(time).await;
            service.answer(&request, call);
            return;
        }
        _ => tokio::time::sleep(core.latency_of(call)).await,
    }
    let reply_with = match fault {
        Some(FaultKind::StatusBefore(status)) => Some(Reply::Whole(refuse(service.as_ref(), status))),
        Some(FaultKind::StatusAfter(status)) => {
            service.answer(&request, call);
            Some(Reply::Whole(refuse(service.as_ref(), status)))
        }
        Some(FaultKind::AnswerLost) => {
            service.answer(&request, call);
            None
        }
        Some(FaultKind::TruncatedBody) => Some(Reply::Truncated(service.answer(&request, call))),
        Some(FaultKind::EndlessBody) => Some(Reply::Endless(service.answer(&request, call))),
        _ => Some(Reply::Whole(service.answer(&request, call))),
    };
    // Before the answer, so that a client which sends its next call upon it never meets its last one.
    drop((in_flight, admission));
    if let Some(answer) = reply_with {
        let _ = reply.send(answer);
    }
}

fn refuse(service: &dyn Service, status: u16) -> Answer {
    service.refusal(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}
