//! Every call to another system goes through this module.
//!
//! It sends a request once (no retries, no redirects: the ledger must see every attempt), bounds
//! the time and the size of the answer, counts it, and tells a connection that was never made from
//! an answer that never came.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Body, Client, RequestBuilder, StatusCode};

use crate::breaker::{Breaker, Breakers, verdict};
use crate::call::{CallName, Cause, Failure, retry_after};
use crate::fault_point::{self, Side};
use crate::metrics::Metrics;
use crate::replica::lease_guard::{LeaseGuard, Permit};

/// Largest answer that is read unless [`Http::reading_at_most`] says otherwise: a page of a hundred
/// comments, each of 64 KiB, is below it.
const ANSWER_LIMIT: usize = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    metrics: Metrics,
    lease_guard: LeaseGuard,
    answer_limit: Option<usize>,
    breakers: Option<Breakers>,
    breaker: Breaker,
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// Why an answer that is no success is none. `detail` says what the other side objected to; it
    /// is only asked where that matters, and has to be free of personal data.
    #[must_use]
    pub fn refusal(&self, detail: impl FnOnce() -> String) -> Cause {
        let status = self.status.as_u16();
        match status {
            401 => Cause::Unauthorized,
            402 => Cause::PaymentRequired,
            403 => Cause::Forbidden,
            404 | 410 => Cause::NotFound,
            409 => Cause::Conflict,
            429 => Cause::RateLimited {
                retry_after: retry_after(&self.headers),
                limit: "too many requests".to_owned(),
            },
            300..=399 => Cause::Rejected {
                status,
                detail: "it redirects; configure the final address, with https if it has it".to_owned(),
            },
            500.. => Cause::ServerError { status, retry_after: retry_after(&self.headers) },
            _ => Cause::Rejected { status, detail: detail() },
        }
    }
}

impl Http {
    /// A client with its own pool of connections.
    ///
    /// # Errors
    /// When the TLS library can't be set up.
    pub fn new(metrics: Metrics) -> Result<Self, reqwest::Error> {
        // One provider for the whole process; that another part installed it already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("ticketroom/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self {
            client,
            metrics,
            lease_guard: LeaseGuard::for_good(),
            answer_limit: Some(ANSWER_LIMIT),
            breakers: None,
            breaker: Breaker::default(),
        })
    }

    /// Reads answers of so many bytes at most; a longer one is a failure.
    #[must_use]
    pub fn reading_at_most(self, bytes: usize) -> Self {
        Self { answer_limit: Some(bytes), ..self }
    }

    /// Reads the status and the headers of answers only.
    #[must_use]
    pub fn reading_no_bodies(self) -> Self {
        Self { answer_limit: None, ..self }
    }

    /// Lets calls out only while this process may act.
    #[must_use]
    pub fn guarded_by(self, lease_guard: LeaseGuard) -> Self {
        Self { lease_guard, ..self }
    }

    /// Keeps a breaker for each system that is called [`to`](Self::to) its name.
    #[must_use]
    pub fn with_breakers(self, breakers: Breakers) -> Self {
        Self { breakers: Some(breakers), ..self }
    }

    /// The same client for calls to that system, which has a breaker of its own if there are
    /// breakers at all.
    #[must_use]
    pub fn to(&self, system: &str) -> Self {
        let breaker = self.breakers.as_ref().map(|breakers| breakers.of(system)).unwrap_or_default();
        Self { breaker, ..self.clone() }
    }

    /// Fails if the call would not be sent now, since the system has not answered for a while: what
    /// a call needs besides, such as a share of a limit, need not be taken then.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`].
    pub fn refuses(&self, name: CallName) -> Result<(), Failure> {
        self.breaker.refuses().map_err(|cause| name.failed(cause))
    }

    /// The underlying client, to build requests with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request once and reads the whole answer.
    ///
    /// # Errors
    /// When no whole answer came back within `timeout`. An answer with a bad status is no error
    /// here.
    pub async fn send(
        &self,
        name: CallName,
        timeout: Duration,
        request: RequestBuilder,
    ) -> Result<Answer, Failure> {
        fault_point::pass(Side::Before, name.system.name, name.call);
        let started = Instant::now();
        // As late as can be: a call may have waited for the portal's limits, and the whole process
        // may have been paused.
        let result = match (self.lease_guard.permit(), self.breaker.admit(name.system.name)) {
            (Some(permit), Ok(pass)) => {
                let result = self.send_once(request.timeout(timeout), permit).await;
                pass.ended(verdict(result.as_ref().map(|answer| answer.status.as_u16())));
                result
            }
            (None, _) => Err(Cause::HeldBack),
            (_, Err(open)) => Err(open),
        };
        fault_point::pass(Side::After, name.system.name, name.call);
        let outcome = match &result {
            Ok(answer) => answer.status.as_str().to_owned(),
            Err(Cause::Unreachable(_)) => "unreachable".to_owned(),
            Err(Cause::HeldBack) => "held_back".to_owned(),
            Err(Cause::BreakerOpen { .. }) => "breaker_open".to_owned(),
            Err(_) => "no_answer".to_owned(),
        };
        self.metrics.called(name, &outcome, started.elapsed());
        tracing::debug!(
            service = name.system.name,
            call = name.call,
            outcome,
            ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "called"
        );
        result.map_err(|cause| name.failed(cause))
    }

    async fn send_once(&self, request: RequestBuilder, permit: Permit) -> Result<Answer, Cause> {
        let mut request = request.build().map_err(|error| explain(&error))?;
        let held_back = Arc::new(AtomicBool::new(false));
        if permit.can_end()
            && let Some(bytes) = request.body().and_then(Body::as_bytes)
        {
            let bytes = Some(Bytes::copy_from_slice(bytes));
            let body = OnlyWithPermit { bytes, permit, held_back: Arc::clone(&held_back) };
            *request.body_mut() = Some(Body::wrap(body));
        }
        let sent = self.client.execute(request).await;
        let mut response = sent.map_err(|error| match held_back.load(Ordering::Relaxed) {
            true => Cause::HeldBack,
            false => explain(&error),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        let Some(limit) = self.answer_limit else {
            return Ok(Answer { status, headers, body: body.freeze() });
        };
        while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(Cause::NoAnswer(format!("the answer is longer than {limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// A body that asks for the permit when its bytes are to be written, which is when nothing of the
/// request has left yet: a connection may have had to be made first.
struct OnlyWithPermit {
    bytes: Option<Bytes>,
    permit: Permit,
    held_back: Arc<AtomicBool>,
}

impl http_body::Body for OnlyWithPermit {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        if self.bytes.is_some() && !self.permit.holds() {
            self.held_back.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(std::io::Error::other("held back"))));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Says why there is no answer, without the address (it may hold a key) and with the innermost
/// reason.
fn explain(error: &reqwest::Error) -> Cause {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_builder() {
        return Cause::Unreachable(format!("the request can't be made: {innermost}"));
    }
    if error.is_connect() {
        let why = if error.is_timeout() { "connecting timed out".to_owned() } else { innermost.to_string() };
        return Cause::Unreachable(why);
    }
    if error.is_timeout() {
        Cause::NoAnswer("timeout".to_owned())
    } else {
        Cause::NoAnswer(innermost.to_string())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    #[tokio::test]
    async fn nothing_leaves_once_the_permit_has_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let lease_guard = LeaseGuard::leased(Arc::<ManualClock>::clone(&clock));
        let http = Http::new(Metrics::new()).unwrap().guarded_by(lease_guard.clone());
        lease_guard.renewed(lease_guard.begin(clock.as_ref()), Duration::from_secs(30));
        let permit = lease_guard.permit().unwrap();
        // The process is paused after it was let out, and goes on when it may act again.
        clock.advance(Duration::from_secs(60));
        lease_guard.renewed(lease_guard.begin(clock.as_ref()), Duration::from_secs(30));
        let request = http.client().post(&url).body("{}");
        let sent = http.send_once(request, permit).await;
        assert_eq!(sent.unwrap_err(), Cause::HeldBack);
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut arrived = Vec::new();
        connection.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&arrived), "", "not even the head of the request");

        let request = http.client().post(&url).body("{}").timeout(Duration::from_millis(200));
        let sent = http.send_once(request, lease_guard.permit().unwrap()).await;
        assert!(matches!(sent, Err(Cause::NoAnswer(_))), "{sent:?}");
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_to_end(&mut arrived).await.unwrap();
        let arrived = String::from_utf8_lossy(&arrived).to_ascii_lowercase();
        assert!(arrived.contains("content-length: 2\r\n") && arrived.ends_with("\r\n\r\n{}"), "{arrived}");
    }
}
