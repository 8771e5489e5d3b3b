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
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
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
use crate::counters::{Counters, Counting};
use crate::fault::{FaultKind, Faults, TooMany};
use crate::http::{Answer, Request};

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

    /// Everything that exists, for the control door.
    fn state(&self) -> Value;

    /// A call at the control door that only this system has; the path is what follows `/_simulator/`.
    fn control(&self, _request: &Request, _path: &str) -> Option<Answer> {
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
    counting: Counting,
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

    pub(crate) fn counters(&self) -> Counters {
        self.counting.snapshot()
    }

    pub(crate) fn reset_counters(&self) {
        self.counting.reset();
    }

    /// How long every call takes that has no latency of its own.
    pub(crate) fn set_latency(&self, all: Duration) {
        self.latencies().all = all;
    }

    pub(crate) fn set_latency_of(&self, call: &str, latency: Duration) {
        self.latencies().by_call.insert(call.to_owned(), latency);
    }

    fn latency_of(&self, call: &str) -> Duration {
        let latencies = self.latencies();
        latencies.by_call.get(call).copied().unwrap_or(latencies.all)
    }

    fn latencies(&self) -> MutexGuard<'_, Latencies> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a handle what a test or a person may ask of any running server.
macro_rules! controlled {
    ($handle:ty, |$this:ident| $core:expr) => {
        impl $handle {
            /// What goes wrong.
            pub fn faults(&self) -> &crate::fault::Faults {
                let $this = self;
                &$core.faults
            }

            /// What was asked so far.
            pub fn counters(&self) -> crate::Counters {
                let $this = self;
                $core.counters()
            }

            /// Counts from zero again.
            pub fn reset_counters(&self) {
                let $this = self;
                $core.reset_counters();
            }

            /// How long every call takes that has no latency of its own.
            pub fn set_latency(&self, latency: std::time::Duration) {
                let $this = self;
                $core.set_latency(latency);
            }

            /// How long calls of this name take.
            pub fn set_latency_of(&self, call: &str, latency: std::time::Duration) {
                let $this = self;
                $core.set_latency_of(call, latency);
            }
        }
    };
}
pub(crate) use controlled;

/// A server that runs until it is stopped or this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    url: Url,
    // Every task holds a receiver: they end at the signal, or when it can't come any more, and "no receiver
    // is left" means that they have ended.
    signal: watch::Sender<bool>,
}

impl Running {
    /// Where it listens, as a base address.
    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    /// Ends every connection and all unfinished work, and frees the port before it returns.
    pub(crate) async fn stop(&self) {
        self.signal.send_replace(true);
        self.signal.closed().await;
    }
}

/// Says when to stop.
#[derive(Debug, Clone)]
struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Works on `task` until it ends or the server stops.
    async fn unless_stopped<T>(mut self, task: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            _ = self.0.wait_for(|stop| *stop) => None,
            result = task => Some(result),
        }
    }
}

/// Starts to serve.
pub(crate) async fn start(
    listen: SocketAddr,
    core: Core,
    service: Arc<dyn Service>,
) -> std::io::Result<Running> {
    let listener = TcpListener::bind(listen).await?;
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(std::io::Error::other)?;
    let (signal, stopping) = watch::channel(false);
    let stopping = Stopping(stopping);
    tokio::spawn(stopping.clone().unless_stopped(accept(listener, core, service, stopping)));
    Ok(Running { url, signal })
}

async fn accept(listener: TcpListener, core: Core, service: Arc<dyn Service>, stopping: Stopping) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let serving = serve(stream, core.clone(), Arc::clone(&service), stopping.clone());
                tokio::spawn(stopping.clone().unless_stopped(serving));
            }
            // Out of file descriptors, most likely: some come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(stream: TcpStream, core: Core, service: Arc<dyn Service>, stopping: Stopping) {
    // An answer is written in one go; waiting for more to send would only distort latencies.
    let _ = stream.set_nodelay(true);
    let respond =
        service_fn(move |request| respond(request, core.clone(), Arc::clone(&service), stopping.clone()));
    // A connection that breaks is the client's affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await;
}

/// Why hyper has to close the connection without a (whole) answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Closed {}

async fn respond(
    request: hyper::Request<Incoming>,
    core: Core,
    service: Arc<dyn Service>,
    stopping: Stopping,
) -> Result<Response<Payload>, Closed> {
    let request = Request::read(request).await.map_err(|_| Closed)?;
    if let Some(path) = request.path.strip_prefix(control::DOOR) {
        let answer = control::answer(&core, service.as_ref(), &request, path);
        return Reply::Whole(answer).into_response(&core.clock);
    }
    if let Some(page) = service.page(&request) {
        return Reply::Whole(page).into_response(&core.clock);
    }
    let (reply, replied) = oneshot::channel();
    let clock = core.clock.clone();
    tokio::spawn(stopping.unless_stopped(work(core, service, request, reply)));
    replied.await.map_err(|_| Closed)?.into_response(&clock)
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

/// What goes back over the wire.
enum Reply {
    Whole(Answer),
    /// The head promises the whole body, which ends in the middle.
    Truncated(Answer),
    /// The body begins as it should, and goes on for ever.
    Endless(Answer),
}

impl Reply {
    fn into_response(self, clock: &Clock) -> Result<Response<Payload>, Closed> {
        let (answer, payload) = match self {
            Self::Whole(answer) => {
                let payload = Payload { rest: answer.body.clone(), end: End::Clean };
                (answer, payload)
            }
            Self::Truncated(answer) => {
                let half = answer.body.slice(..answer.body.len() / 2);
                (answer, Payload { rest: half, end: End::AfterFlush })
            }
            Self::Endless(answer) => {
                let payload = Payload { rest: answer.body.clone(), end: End::Never };
                (answer, payload)
            }
        };
        let date = clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.head(&date).body(payload).map_err(|_| Closed)
    }
}

/// A body that is sent whole, or breaks off.
#[derive(Debug)]
struct Payload {
    rest: Bytes,
    end: End,
}

#[derive(Debug)]
enum End {
    Clean,
    /// Breaks off at the next poll but one: hyper sends what it has when there is nothing to poll.
    AfterFlush,
    BreakOff,
    /// Goes on with blanks.
    Never,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))));
        }
        match self.end {
            End::Clean => Poll::Ready(None),
            End::AfterFlush => {
                self.end = End::BreakOff;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::BreakOff => Poll::Ready(Some(Err(Closed))),
            End::Never => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 64 << 10]))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && matches!(self.end, End::Clean)
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Clean => SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX)),
            End::AfterFlush | End::BreakOff | End::Never => SizeHint::default(),
        }
    }
}
