//! Who may call. A client exchanges its OAuth credentials for access tokens, which expire; API
//! tokens in HTTP Basic are the older way, which works for existing installations.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::INTEGRATION_EMAIL;
use crate::http::{Answer, Request};
use crate::lock;

/// The lifetime of tokens in seconds, and the lifetimes that may be requested.
const DEFAULT_LIFE: i64 = 1_800;
const LIVES: std::ops::RangeInclusive<i64> = 300..=172_800;

/// The credentials of the integration.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) api_token: String,
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    revoked: bool,
    tokens: BTreeMap<String, Token>,
}

#[derive(Debug)]
struct Token {
    expires: Timestamp,
    scopes: Vec<String>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            client_id: "ticketroom".to_owned(),
            client_secret: secret(),
            api_token: secret(),
            issued: Mutex::default(),
        }
    }
}

impl Credentials {
    fn issued(&self) -> MutexGuard<'_, Issued> {
        lock(&self.issued)
    }

    pub(super) fn expire_tokens(&self) {
        self.issued().tokens.clear();
    }

    /// Revokes the client and its tokens.
    pub(super) fn revoke_client(&self) {
        *self.issued() = Issued { revoked: true, tokens: BTreeMap::new() };
    }

    /// Answers a request for an access token.
    pub(super) fn grant(&self, request: &Request, now: Timestamp) -> Answer {
        let Ok(Some(asked)) = request.json() else {
            return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", "The request is not JSON.");
        };
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut issued = self.issued();
        if issued.revoked
            || text("client_id") != self.client_id
            || text("client_secret") != self.client_secret
        {
            return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed.");
        }
        if text("grant_type") != "client_credentials" {
            let why = "The grant type is not supported.";
            return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
        }
        let scopes: Vec<String> = text("scope").split_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() || !scopes.iter().all(|scope| is_scope(scope)) {
            return oauth_error(StatusCode::BAD_REQUEST, "invalid_scope", "The scope is missing or unknown.");
        }
        let life = asked.get("expires_in").map_or(Some(DEFAULT_LIFE), Value::as_i64);
        let Some(life) = life.filter(|life| LIVES.contains(life)) else {
            let why = "expires_in must be 300 to 172800 seconds.";
            return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", why);
        };
        let expires = now.saturating_add(SignedDuration::from_secs(life)).unwrap_or(Timestamp::MAX);
        let token = secret();
        issued.tokens.insert(token.clone(), Token { expires, scopes: scopes.clone() });
        let body = json!({
            "access_token": token,
            "token_type": "bearer",
            "scope": scopes.join(" "),
            "expires_in": life,
        });
        Answer::json(StatusCode::CREATED, &body)
    }

    /// Checks the call's credential, and whether its scopes include the call.
    pub(super) fn check(&self, request: &Request, resource: &str, now: Timestamp) -> Result<(), Answer> {
        let authorization = request.header("authorization").unwrap_or_default();
        match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let issued = self.issued();
                match issued.tokens.get(token).filter(|token| now < token.expires) {
                    Some(token) if token.allows(&request.method, resource) => Ok(()),
                    Some(_) => Err(forbidden()),
                    None => Err(oauth_error(
                        StatusCode::UNAUTHORIZED,
                        "invalid_token",
                        "The access token provided is expired, revoked, malformed or invalid for other reasons.",
                    )),
                }
            }
            Some((scheme, given)) if scheme.eq_ignore_ascii_case("basic") && self.is_api_token(given) => {
                Ok(())
            }
            _ => Err(unauthenticated()),
        }
    }

    fn is_api_token(&self, given: &str) -> bool {
        let expected = format!("{INTEGRATION_EMAIL}/token:{}", self.api_token);
        STANDARD.decode(given).is_ok_and(|given| given == expected.as_bytes())
    }
}

impl Token {
    /// The broad scopes are for everything, the others for one resource. Only some resources have
    /// scopes of their own: fields and groups need the broad ones.
    fn allows(&self, method: &Method, resource: &str) -> bool {
        let access = if method == Method::GET { "read" } else { "write" };
        self.scopes.iter().any(|scope| match scope.split_once(':') {
            None => scope == access,
            Some((granted, granted_access)) => granted == resource && granted_access == access,
        })
    }
}

fn is_scope(scope: &str) -> bool {
    const RESOURCES: [&str; 10] = [
        "tickets",
        "users",
        "auditlogs",
        "organizations",
        "hc",
        "apps",
        "triggers",
        "automations",
        "targets",
        "webhooks",
    ];
    let is_access = |access: &str| access == "read" || access == "write";
    match scope.split_once(':') {
        Some((resource, access)) => RESOURCES.contains(&resource) && is_access(access),
        None => is_access(scope),
    }
}

/// The answer without a valid credential.
pub(super) fn unauthenticated() -> Answer {
    Answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "Couldn't authenticate you" }))
}

/// The answer where the scopes don't include the call.
pub(super) fn forbidden() -> Answer {
    let body = json!({ "error": "Forbidden", "description": "You do not have access to this page." });
    Answer::json(StatusCode::FORBIDDEN, &body)
}

fn oauth_error(status: StatusCode, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}

fn secret() -> String {
    Uuid::new_v4().simple().to_string()
}
