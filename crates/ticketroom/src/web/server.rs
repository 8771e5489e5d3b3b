//! The listener: accepts connections up to a cap and speaks HTTP/1.1 on each.
//!
//! No connection lasts without traffic. The head of a request has to be complete within
//! [`Limits::head`] of the connection's start or of the last answer, and an answer has to make
//! progress within [`Limits::write`]. Bodies have their own deadline where they are read
//! ([`hooks`](super::hooks)). What happens at the cap stands in
//! [`connections`](super::connections).
//!
//! When accepting fails for want of a descriptor or of memory, the listener closes an idle
//! connection and pauses, rather than to ask again at once.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::connections::{Admission, Closed, Connection, Connections};
use super::reasons::CONNECTIONS;
use super::sampled::{Report, Sampled};
use super::unreadable::Explained;
use super::{Problem, StartupGate};
use crate::metrics::Metrics;

/// How much callers may take of the listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long the head of a request may take, counted from the connection's start or from the
    /// answer before it.
    pub head: Duration,
    /// How long an answer may make no progress.
    pub write: Duration,
}

impl Limits {
    /// So many connections, with the times of the service.
    #[must_use]
    pub fn new(connections: usize) -> Self {
        Self { connections, head: Duration::from_secs(15), write: Duration::from_secs(30) }
    }
}

/// How long answers that are under way may take once the service stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What is kept of a request while it is read. hyper's own limit would let each of a thousand
/// connections keep 400 KiB.
const READ_BUFFER: usize = 16 * 1024;

/// How long the listener pauses when it can't accept.
const PAUSE: Duration = Duration::from_millis(100);

/// Refused connections that are answered at once; more are closed without an answer.
const REFUSALS: usize = 64;
/// How long a refused connection is kept, so that its sender can read the refusal.
const REFUSAL: Duration = Duration::from_millis(500);

/// Between two reports about connections at the cap.
const INTERVAL: Duration = Duration::from_secs(10);

/// Serves what is behind the gate until `stop` is cancelled, then lets the answers that are under
/// way end.
///
/// # Errors
/// None at present: a listener that can't accept waits until it can.
pub async fn serve(
    listener: TcpListener,
    gate: StartupGate,
    limits: Limits,
    metrics: Metrics,
    stop: CancellationToken,
) -> std::io::Result<()> {
    serve_router(listener, gate.into_router(), limits, metrics, stop).await
}

async fn serve_router(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Metrics,
    stop: CancellationToken,
) -> std::io::Result<()> {
    // However this ends, what is still open then is cut off.
    let cut_off = CancellationToken::new();
    let _cut_off_at_the_end = cut_off.drop_guard_ref();
    let server = Server {
        router,
        limits,
        connections: Connections::new(limits.connections),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        metrics,
        at_the_cap: Sampled::new(INTERVAL, |report| match report {
            Report::Begins => tracing::warn!(
                "the cap of connections is reached: idle ones are closed for new ones; [server.limits] connections sets it"
            ),
            Report::Continues(_) => {}
            Report::Ended(connections) => {
                tracing::warn!(connections, "connections were closed or refused at the cap; this has ended");
            }
        }),
        cannot_accept: Sampled::new(INTERVAL, |report| match report {
            Report::Begins => {}
            Report::Continues(errors) => tracing::error!(errors, "connections still can't be accepted"),
            Report::Ended(errors) => tracing::info!(errors, "connections can be accepted again"),
        }),
        tasks: TaskTracker::new(),
        stop: stop.clone(),
        cut_off: cut_off.clone(),
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.take(stream).await,
                Err(error) => server.pause_after(&error).await,
            }
        }
    }
    drop(listener);
    server.tasks.close();
    let _ = tokio::time::timeout(LAST_ANSWERS, server.tasks.wait()).await;
    Ok(())
}

struct Server {
    router: Router,
    limits: Limits,
    connections: Connections,
    refusals: Arc<Semaphore>,
    metrics: Metrics,
    at_the_cap: Sampled,
    cannot_accept: Sampled,
    /// One for each connection.
    tasks: TaskTracker,
    /// No further request is read.
    stop: CancellationToken,
    /// Connections end at once.
    cut_off: CancellationToken,
}

impl Server {
    async fn take(&self, stream: TcpStream) {
        let connection = match self.connections.admit().await {
            Admission::Free(connection) => connection,
            Admission::InPlaceOf(connection, closed) => {
                self.shed(match closed {
                    Closed::Idle => "idle",
                    Closed::Receiving => "receiving",
                });
                connection
            }
            Admission::None => {
                self.shed("refused");
                if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
                    self.spawn(refuse(stream, place));
                }
                return;
            }
        };
        // Answers are small: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let (open, serving) = (self.metrics.connection(), self.serve_one(stream, connection));
        self.spawn(async move {
            serving.await;
            drop(open);
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.cut_off.clone().run_until_cancelled_owned(task));
    }

    fn shed(&self, how: &'static str) {
        self.metrics.connection_shed(how);
        self.at_the_cap.happened();
    }

    fn serve_one(&self, stream: TcpStream, connection: Connection) -> impl Future<Output = ()> + use<> {
        let (router, limits, stop) = (self.router.clone(), self.limits, self.stop.clone());
        async move {
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(limits.write));
            let service = service_fn(|request: Request<Incoming>| {
                let working = connection.working();
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(connection.clone());
                let answer = router.clone().oneshot(request);
                async move {
                    let answer: Result<_, Infallible> = answer.await;
                    drop(working);
                    answer
                }
            });
            let mut serving = pin!(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.head)
                    .max_buf_size(READ_BUFFER)
                    .serve_connection(TokioIo::new(Explained::new(Box::pin(stream))), service)
            );
            tokio::select! {
                // Whatever ended it is the other side's: it went away, or sent what is no HTTP.
                _ = serving.as_mut() => return,
                () = connection.has_to_close() => return,
                () = stop.cancelled() => {}
            }
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }

    async fn pause_after(&self, error: &std::io::Error) {
        // The connection itself failed before it was accepted.
        if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
            return;
        }
        if self.cannot_accept.happened() {
            tracing::error!(%error, "connections can't be accepted");
        }
        let _ = self.connections.close_one();
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells a sender to come again, and keeps the connection for a moment: closing it with what was
/// sent unread would take the answer away from its sender.
async fn refuse(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    static ANSWER: LazyLock<String> = LazyLock::new(|| {
        Problem::unavailable(CONNECTIONS.reason("too many connections are open")).into_http1()
    });
    let refusing = async {
        stream.write_all(ANSWER.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(REFUSAL, refusing).await;
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
