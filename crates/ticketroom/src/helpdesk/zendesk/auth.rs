//! Who we are to Zendesk.
//!
//! New installations use OAuth client credentials: `POST {url}/oauth/tokens` brings a bearer token
//! for a while, and there is nothing to refresh it with but asking again. Old ones may still have
//! an API token, which is sent as the password of `email/token`; Zendesk ends these on 2027-04-30.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

use super::super::pace::Pace;
use super::super::rest::{TIMEOUT, address, parsed};
use super::api::{name, refusal};
use super::wire::TokenDto;
use crate::call::Failure;
use crate::clock::{Clock, Timestamp, after};
use crate::config::ZendeskAuth;
use crate::http::Http;

/// Ticket fields and groups have no scopes of their own, and what is included with a ticket needs
/// the broad `read`. Writing is asked for tickets only.
const SCOPE: &str = "read tickets:write";

/// What making webhooks and triggers needs beyond that. The service never asks for it.
const SETUP_SCOPE: &str = "read tickets:write webhooks:read webhooks:write triggers:read triggers:write";
/// How long a token is asked to live: few renewals, and one that leaks is soon worth nothing.
const LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);
/// How long it lives if Zendesk doesn't say: its default for new clients.
const LIFETIME_UNSAID: Duration = Duration::from_secs(30 * 60);
/// How long before its end a token is renewed, so that it doesn't end under way.
const MARGIN: Duration = Duration::from_secs(60);

/// What proves who we are.
pub(super) enum Auth {
    OAuth(OAuth),
    ApiToken { user: String, token: SecretString },
}

pub(super) struct OAuth {
    client_id: String,
    client_secret: SecretString,
    scope: &'static str,
    /// Held while a token is asked for, so that one request serves all who wait.
    cached: Mutex<Cached>,
    /// How often a token was asked for.
    rounds: AtomicU64,
}

#[derive(Default)]
struct Cached {
    token: Option<Token>,
    failure: Option<Failure>,
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    good_until: Timestamp,
}

/// What one request carries.
#[derive(Clone)]
pub(super) enum Credentials {
    Bearer(SecretString),
    Basic { user: String, token: SecretString },
}

impl Credentials {
    pub(super) fn put_on(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Self::Basic { user, token } => request.basic_auth(user, Some(token.expose_secret())),
        }
    }
}

/// What is needed to ask for a token.
pub(super) struct Asking<'a> {
    pub(super) http: &'a Http,
    pub(super) base: &'a Url,
    pub(super) pace: &'a Pace,
    pub(super) clock: &'a dyn Clock,
}

impl Auth {
    pub(super) fn new(config: &ZendeskAuth) -> Self {
        Self::with_scope(config, SCOPE)
    }

    /// The same for making webhooks and triggers.
    pub(super) fn for_setup(config: &ZendeskAuth) -> Self {
        Self::with_scope(config, SETUP_SCOPE)
    }

    fn with_scope(config: &ZendeskAuth, scope: &'static str) -> Self {
        match config {
            ZendeskAuth::OAuth { client_id, client_secret } => Self::OAuth(OAuth {
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                scope,
                cached: Mutex::default(),
                rounds: AtomicU64::new(0),
            }),
            ZendeskAuth::ApiToken { email, api_token } => {
                Self::ApiToken { user: format!("{email}/token"), token: api_token.clone() }
            }
        }
    }

    /// Credentials that are good now.
    pub(super) async fn credentials(&self, asking: &Asking<'_>) -> Result<Credentials, Failure> {
        match self {
            Self::OAuth(oauth) => oauth.token(asking, None).await.map(Credentials::Bearer),
            Self::ApiToken { user, token } => {
                Ok(Credentials::Basic { user: user.clone(), token: token.clone() })
            }
        }
    }

    /// Other credentials in place of ones that Zendesk refused, if there can be any.
    pub(super) async fn renewed(
        &self,
        asking: &Asking<'_>,
        refused: &Credentials,
    ) -> Result<Option<Credentials>, Failure> {
        match (self, refused) {
            (Self::OAuth(oauth), Credentials::Bearer(token)) => {
                oauth.token(asking, Some(token)).await.map(|token| Some(Credentials::Bearer(token)))
            }
            _ => Ok(None),
        }
    }
}

impl OAuth {
    /// The cached token, unless it ends soon or is the one that was refused; else a new one.
    async fn token(
        &self,
        asking: &Asking<'_>,
        refused: Option<&SecretString>,
    ) -> Result<SecretString, Failure> {
        let round = self.rounds.load(Ordering::Acquire);
        let mut cached = self.cached.lock().await;
        let was_refused = |token: &Token| {
            refused.is_some_and(|refused| refused.expose_secret() == token.text.expose_secret())
        };
        if let Some(token) = &cached.token
            && asking.clock.now() < token.good_until
            && !was_refused(token)
        {
            return Ok(token.text.clone());
        }
        // Somebody asked while we waited, and failed: asking again, one after the other, would only
        // make all of them wait the longer.
        if self.rounds.load(Ordering::Acquire) > round
            && let Some(failure) = &cached.failure
        {
            return Err(failure.clone());
        }
        let result = self.ask(asking).await;
        self.rounds.fetch_add(1, Ordering::AcqRel);
        cached.token = result.as_ref().ok().cloned();
        cached.failure = result.as_ref().err().cloned();
        result.map(|token| token.text)
    }

    async fn ask(&self, asking: &Asking<'_>) -> Result<Token, Failure> {
        const CALL: &str = "oauth_token";
        let url = address(asking.base, name(CALL), "oauth/tokens")?;
        let request = asking.http.client().post(url).json(&json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.expose_secret(),
            "scope": self.scope,
            "expires_in": LIFETIME.as_secs(),
        }));
        let asked_at = asking.clock.now();
        let answer = asking.http.send(name(CALL), TIMEOUT, request).await?;
        asking.pace.heed(CALL, answer.status, &answer.headers);
        if !answer.status.is_success() {
            return Err(name(CALL).failed(refusal(&answer)));
        }
        let token: TokenDto = parsed(name(CALL), &answer)?;
        let lifetime = token.expires_in.map_or(LIFETIME_UNSAID, Duration::from_secs);
        let good_for = lifetime - MARGIN.min(lifetime / 2);
        Ok(Token { text: token.access_token, good_until: after(asked_at, good_for) })
    }
}
