//! Who may use the admin endpoints: whoever has the admin token.
//!
//! The right token is never slowed down. A wrong one is answered after [`DELAY`], and only [`PENDING`] of them wait for
//! that at once; further ones are told to come again. So there are at most 16 guesses a second, whoever makes them. Each is
//! counted, and the log has the first of a series and then their number.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::reasons::{TOKEN_MISSING, TOKEN_WRONG, TOO_MANY_WRONG_TOKENS};
use super::sampled::{Report, Sampled};
use super::{Doors, Problem};
use crate::secret_hash::SecretHash;

/// When a wrong token is answered.
const DELAY: Duration = Duration::from_secs(1);
/// How many wrong tokens wait for that at once.
const PENDING: usize = 16;
/// Between two reports of wrong tokens.
const INTERVAL: Duration = Duration::from_secs(10);

/// What the token of a service without a configured one is derived with; another label is another token.
const LABEL: &[u8] = b"ticketroom admin token, version 1";

/// What opens the admin endpoints.
#[derive(Debug)]
pub struct AdminToken {
    hash: SecretHash,
    pending: Semaphore,
    wrong: Sampled,
}

impl AdminToken {
    /// The token of the configuration, or a derived one.
    #[must_use]
    pub fn new(token: &SecretString) -> Self {
        Self {
            hash: SecretHash::of(token.expose_secret().as_bytes()),
            pending: Semaphore::new(PENDING),
            wrong: Sampled::new(INTERVAL, |report| match report {
                Report::Begins => {
                    tracing::warn!(code = TOKEN_WRONG.name, "somebody has sent a wrong admin token");
                }
                Report::Continues(tokens) => {
                    tracing::warn!(code = TOKEN_WRONG.name, tokens, "further wrong admin tokens were sent");
                }
                Report::Ended(tokens) => tracing::info!(tokens, "no more wrong admin tokens are sent"),
            }),
        }
    }

    fn is(&self, given: &str) -> bool {
        self.hash.is_same(&SecretHash::of(given.as_bytes()))
    }

    /// Refuses a wrong token.
    async fn refuse(&self) -> Problem {
        self.wrong.happened();
        let Ok(_pending) = self.pending.try_acquire() else {
            let reason = TOO_MANY_WRONG_TOKENS.reason("too many wrong admin tokens are sent");
            return Problem::new(StatusCode::TOO_MANY_REQUESTS, reason).retry_after(1);
        };
        tokio::time::sleep(DELAY).await;
        Problem::new(StatusCode::UNAUTHORIZED, TOKEN_WRONG.reason("this is not the admin token"))
    }
}

/// The admin token of a service for which none is configured: the same after each start and on each replica, since it is
/// `HMAC-SHA256(DocSpace's API key, label)`.
///
/// It tells nothing about the key: HMAC is a pseudo-random function, and the key has too many bits to be found by trying.
/// Whoever has the key itself can do more with it than the admin endpoints allow.
#[must_use]
pub fn derived_token(api_key: &SecretString) -> SecretString {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(api_key.expose_secret().as_bytes()) else {
        // HMAC takes keys of every length. A token of chance lets nobody in, which is safe.
        return SecretString::from(uuid::Uuid::new_v4().simple().to_string());
    };
    mac.update(LABEL);
    SecretString::from(hex::encode(mac.finalize().into_bytes()))
}

/// Lets through whoever brings the token as `Authorization: Bearer`.
pub(super) async fn guard(
    State(doors): State<Arc<Doors>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if doors.admin.is(token) => Ok(next.run(request).await),
        Some(_) => {
            doors.metrics.admin_refused("wrong_token");
            Err(doors.admin.refuse().await)
        }
        None => {
            doors.metrics.admin_refused("no_token");
            Err(Problem::new(StatusCode::UNAUTHORIZED, TOKEN_MISSING.reason("the admin token is missing")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_token_is_always_the_same_and_another_one_for_another_key() {
        let derived = |key: &str| derived_token(&SecretString::from(key)).expose_secret().to_owned();
        // Replicas of different versions have to agree on it: it never changes.
        assert_eq!(derived("sk-1"), "df0563623a7d30b784172735e590ce170147c31f87b124d7fb543d5ab0d46655");
        assert_ne!(derived("sk-1"), derived("sk-2"));
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_wait_and_only_so_many_at_once() {
        let admin = Arc::new(AdminToken::new(&SecretString::from("the right one")));
        assert!(admin.is("the right one") && !admin.is("the wrong one"));
        let started = tokio::time::Instant::now();
        let guesses: Vec<_> = (0..1000)
            .map(|_| {
                let admin = Arc::clone(&admin);
                tokio::spawn(async move {
                    let problem = admin.refuse().await;
                    (problem.status(), started.elapsed())
                })
            })
            .collect();
        let mut answered = Vec::new();
        for guess in guesses {
            answered.push(guess.await.unwrap());
        }
        let slowed = answered.iter().filter(|answer| answer.0 == StatusCode::UNAUTHORIZED);
        assert_eq!(slowed.clone().count(), PENDING);
        assert!(slowed.clone().all(|(_, after)| *after >= DELAY));
        let others = answered.iter().filter(|answer| answer.0 == StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(others.count(), 1000 - PENDING);
    }
}
