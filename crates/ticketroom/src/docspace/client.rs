//! One HTTP call to DocSpace: address, key, limits, envelopes, errors.
//!
//! A call passes the governor, is sent once, and its answer is read as a success envelope or turned
//! into a [`Failure`]. Messages of DocSpace errors are localised and may hold internals, so only
//! status, field names and exception types are ever read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::limits::{Governor, Kind};
use super::reasons::DOCSPACE;
use super::wire::{Refusal, Success};
use crate::call::{CallName, Cause, Failure, retry_after};
use crate::config::DocSpaceConfig;
use crate::http::{Answer, Http};

/// How DocSpace is called in messages and metrics.
/// How it is called among systems that have names: no helpdesk has this one.
pub const SYSTEM: &str = crate::ticket::DOCSPACE;

/// Largest answer that is read. A page of a hundred rooms has about 300 KiB.
const ANSWER_LIMIT: usize = 4 << 20;

/// A portal, as the service user sees it. Cheap to clone.
#[derive(Clone)]
pub struct DocSpace {
    http: Http,
    portal: Url,
    api_key: SecretString,
    timeout: Duration,
    governor: Arc<Governor>,
    /// Whether its calls go behind those for tickets that come in.
    is_behind: bool,
    // What the portal is asked again and again, and what seldom changes.
    pub(super) known: Arc<super::people::Known>,
}

impl fmt::Debug for DocSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocSpace").field("portal", &self.portal.as_str()).finish_non_exhaustive()
    }
}

/// One call before it is made.
pub(super) struct Call<'a, Body: Serialize + ?Sized = ()> {
    pub(super) name: &'static str,
    pub(super) method: Method,
    /// Below `/api/2.0/`, already percent-encoded where needed.
    pub(super) path: String,
    pub(super) query: &'a [(&'a str, String)],
    pub(super) body: Option<&'a Body>,
}

impl DocSpace {
    /// A client for the portal at `portal`.
    #[must_use]
    pub fn new(
        http: Http,
        mut portal: Url,
        api_key: SecretString,
        timeout: Duration,
        governor: Arc<Governor>,
    ) -> Self {
        if !portal.path().ends_with('/') {
            let path = format!("{}/", portal.path());
            portal.set_path(&path);
        }
        let http = http.reading_at_most(ANSWER_LIMIT);
        Self { http, portal, api_key, timeout, governor, is_behind: false, known: Arc::default() }
    }

    /// The client for the portal of a configuration.
    #[must_use]
    pub fn configured(config: &DocSpaceConfig, http: Http, governor: Arc<Governor>) -> Self {
        Self::new(http, config.url.clone(), config.api_key.clone(), config.timeout, governor)
    }

    /// The same, with what another client for the same user of the same portal has learnt.
    #[must_use]
    pub fn knowing_what(self, other: &Self) -> Self {
        Self { known: Arc::clone(&other.known), ..self }
    }

    /// The same for tickets of backfills: its calls go behind all others.
    #[must_use]
    pub fn behind(&self) -> Self {
        Self { is_behind: true, ..self.clone() }
    }

    /// Fails if no call would be sent now, since the portal has not answered for a while.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`].
    pub fn refuses(&self) -> Result<(), Failure> {
        self.http.refuses(self.name("observe"))
    }

    /// The address of the portal, ending in `/`.
    #[must_use]
    pub fn portal(&self) -> &Url {
        &self.portal
    }

    /// How long a call may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// GET: `None` where DocSpace answers with nothing.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        name: &'static str,
        path: String,
        query: &[(&str, String)],
    ) -> Result<Option<T>, Failure> {
        let call = Call::<()> { name, method: Method::GET, path, query, body: None };
        Ok(self.call(call).await?.response)
    }

    /// POST or PUT.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        name: &'static str,
        method: Method,
        path: String,
        body: &(impl Serialize + ?Sized + Sync),
    ) -> Result<Option<T>, Failure> {
        Ok(self.call(Call { name, method, path, query: &[], body: Some(body) }).await?.response)
    }

    pub(super) async fn call<T: DeserializeOwned, Body: Serialize + ?Sized>(
        &self,
        call: Call<'_, Body>,
    ) -> Result<Success<T>, Failure> {
        let answer = self.answer(&call).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.name(call.name).failed(Cause::Unintelligible(format!(
                "{} at column {}",
                kind(&error),
                error.column()
            )))
        })
    }

    /// Sends a call and returns the answer if its status is a success.
    pub(super) async fn answer<Body: Serialize + ?Sized>(
        &self,
        call: &Call<'_, Body>,
    ) -> Result<Answer, Failure> {
        let name = self.name(call.name);
        let limits = if call.method == Method::GET { Kind::Read } else { Kind::Write };
        self.http.refuses(name)?;
        let (pass, why_not) = if self.is_behind {
            let kept = "the day's write requests are used up, or kept for tickets that come in";
            (self.governor.pass_behind(limits).await, kept)
        } else {
            (self.governor.pass(limits).await, "the day's write requests are used up")
        };
        let _pass = pass.map_err(|wait| {
            name.failed(Cause::RateLimited { retry_after: Some(wait), limit: why_not.to_owned() })
        })?;
        let url = self
            .portal
            .join(&format!("api/2.0/{}", call.path))
            .map_err(|error| name.failed(Cause::Unreachable(error.to_string())))?;
        let mut request = self
            .http
            .client()
            .request(call.method.clone(), url)
            .query(call.query)
            .bearer_auth(self.api_key.expose_secret());
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let answer = self.http.send(name, self.timeout, request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let cause = refusal(&answer);
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            self.governor.throttled(limits, rate_limit(&answer), retry_after(&answer.headers)).await;
        }
        let failure = name.failed(cause);
        let may_have_happened = limits == Kind::Write && !is_surely_refused(&answer);
        Err(if may_have_happened { failure.with_uncertain_effect() } else { failure })
    }

    #[allow(clippy::unused_self, reason = "reads as: the name of a call to this service")]
    pub(super) fn name(&self, call: &'static str) -> CallName {
        CallName { system: &DOCSPACE, call }
    }

    /// A call that brought a success without the thing it was made for.
    pub(super) fn nothing(&self, call: &'static str) -> Failure {
        self.name(call).failed(Cause::Unintelligible("the answer has no “response”".to_owned()))
    }
}

fn rate_limit(answer: &Answer) -> Option<u32> {
    answer.headers.get("x-ratelimit-limit")?.to_str().ok()?.parse().ok()
}

/// Whether a refusal proves that nothing happened. DocSpace commits what a call asks for in several
/// transactions, and an exception after the first one is answered like any other, with a 4xx and
/// the error envelope. Sure are only the refusals that come before the endpoint (an empty body,
/// 401, 402, 429, a redirect) and the failed validation of the request's model, which alone comes
/// in the success envelope.
fn is_surely_refused(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 300..=399 | 401 | 402 | 429)
        || answer.body.is_empty()
        || (answer.status == StatusCode::BAD_REQUEST
            && serde_json::from_slice::<Refusal>(&answer.body).is_ok_and(|refusal| refusal.is_validation()))
}

fn refusal(answer: &Answer) -> Cause {
    let cause =
        answer.refusal(|| serde_json::from_slice::<Refusal>(&answer.body).unwrap_or_default().detail());
    match (cause, rate_limit(answer)) {
        // DocSpace tells its limits apart by their size.
        (Cause::RateLimited { retry_after, .. }, Some(limit)) => {
            let limit = format!("more than {limit} requests at once or in its window");
            Cause::RateLimited { retry_after, limit }
        }
        (cause, _) => cause,
    }
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "the answer ends early",
        serde_json::error::Category::Syntax => "not JSON",
        _ => "not in the expected form",
    }
}
