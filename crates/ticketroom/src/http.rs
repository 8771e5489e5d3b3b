//! The one door through which calls leave the process.
//!
//! It sends a request once (no retries, no redirects: the ledger must see every attempt), bounds the
//! time and the size of the answer, counts it, and tells a connection that was never made from an answer
//! that never came.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode};

use crate::call::{Cause, Failure, retry_after};
use crate::fault_point::{self, Side};
use crate::metrics::Metrics;
use crate::standing::Standing;

/// Largest answer that is read. A full page of rooms is well below it.
const ANSWER_LIMIT: usize = 16 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    metrics: Metrics,
    standing: Standing,
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
    /// Why an answer that is no success is none. `detail` says what the other side objected to; it is only asked
    /// where that matters, and has to be free of personal data.
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

/// Names a call for messages, metrics and fault points.
#[derive(Debug, Clone, Copy)]
pub struct CallName {
    /// Whom: `DocSpace`.
    pub service: &'static str,
    /// What: `create_room`.
    pub call: &'static str,
}

impl CallName {
    /// A failure of this call.
    #[must_use]
    pub fn failed(self, cause: Cause) -> Failure {
        Failure { service: self.service, call: self.call, cause, halfway: false }
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
        Ok(Self { client, metrics, standing: Standing::for_good() })
    }

    /// Lets calls out only while this process may act.
    #[must_use]
    pub fn while_in(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    /// The underlying client, to build requests with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request once and reads the whole answer.
    ///
    /// # Errors
    /// When no whole answer came back within `timeout`. An answer with a bad status is no error here.
    pub async fn send(
        &self,
        name: CallName,
        timeout: Duration,
        request: RequestBuilder,
    ) -> Result<Answer, Failure> {
        fault_point::pass(Side::Before, name.service, name.call);
        // As late as can be: a call may have waited for the portal's limits, and the whole process may have been paused.
        if !self.standing.may_act() {
            self.metrics.called(name, "held_back", Duration::ZERO);
            return Err(name.failed(Cause::HeldBack));
        }
        let started = Instant::now();
        let result = Self::send_once(request.timeout(timeout)).await;
        fault_point::pass(Side::After, name.service, name.call);
        let outcome = match &result {
            Ok(answer) => answer.status.as_str().to_owned(),
            Err(Cause::Unreachable(_)) => "unreachable".to_owned(),
            Err(_) => "no_answer".to_owned(),
        };
        self.metrics.called(name, &outcome, started.elapsed());
        tracing::debug!(
            service = name.service,
            call = name.call,
            outcome,
            ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "called"
        );
        result.map_err(|cause| name.failed(cause))
    }

    async fn send_once(request: RequestBuilder) -> Result<Answer, Cause> {
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Cause::NoAnswer(format!("the answer is longer than {ANSWER_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// Says why there is no answer, without the address (it may hold a key) and with the innermost reason.
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
