//! Who may use the admin endpoints: whoever has the admin token.
//!
//! The right token is never slowed down. A wrong one is answered after [`DELAY`], and only
//! [`PENDING`] of them wait for that at once; further ones are told to come again. So there are at
//! most 16 guesses a second, whoever makes them. Each is counted, and the log has the first of a
//! series and then their number.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use super::reasons::{TOKEN_MISSING, TOKEN_WRONG, TOO_MANY_WRONG_TOKENS};
use super::sampled::{Report, Sampled};
use super::{AppState, Problem};
use crate::metrics::Metrics;

/// When a wrong token is answered.
const DELAY: Duration = Duration::from_secs(1);
/// How many wrong tokens wait for that at once.
const PENDING: usize = 16;
/// Between two reports of wrong tokens.
const INTERVAL: Duration = Duration::from_secs(10);

/// Those who send wrong admin tokens.
#[derive(Debug)]
pub struct WrongTokens {
    pending: Semaphore,
    wrong: Sampled,
}

impl Default for WrongTokens {
    fn default() -> Self {
        Self {
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
}

impl WrongTokens {
    /// Refuses a wrong token, unless it `is_right_after_all`.
    async fn refuse(
        &self,
        metrics: &Metrics,
        is_right_after_all: impl Future<Output = bool>,
    ) -> Result<(), Problem> {
        let happened = || {
            metrics.admin_refused("wrong_token");
            self.wrong.happened();
        };
        let Ok(_pending) = self.pending.try_acquire() else {
            happened();
            let reason = TOO_MANY_WRONG_TOKENS.reason("too many wrong admin tokens are sent");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, reason).retry_after(1));
        };
        if is_right_after_all.await {
            return Ok(());
        }
        happened();
        tokio::time::sleep(DELAY).await;
        Err(Problem::new(StatusCode::UNAUTHORIZED, TOKEN_WRONG.reason("this is not the admin token")))
    }
}

/// Lets through whoever brings the token as `Authorization: Bearer`.
pub(super) async fn guard(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    check(&app, request.headers(), Accepted::InForce).await?;
    Ok(next.run(request).await)
}

/// The same for whoever has the configuration reloaded: the token that it would have then does as
/// well. Whoever has just changed the token in the file, or the key that it is derived from, has no
/// other one.
pub(super) async fn guard_reload(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    check(&app, request.headers(), Accepted::AlsoAfterAReload).await?;
    Ok(next.run(request).await)
}

/// Which token is the right one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accepted {
    /// The one in force.
    InForce,
    /// Also the one that would be in force after a reload.
    AlsoAfterAReload,
}

async fn check(app: &AppState, headers: &HeaderMap, accepted: Accepted) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if app.live.now().is_admin_token(token) => Ok(()),
        Some(token) => {
            let is_right_after_all =
                async { accepted == Accepted::AlsoAfterAReload && app.reloader.would_accept(token).await };
            app.wrong_tokens.refuse(&app.metrics, is_right_after_all).await
        }
        None => {
            app.metrics.admin_refused("no_token");
            Err(Problem::new(StatusCode::UNAUTHORIZED, TOKEN_MISSING.reason("the admin token is missing")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_wait_and_only_so_many_at_once() {
        let wrong_tokens = Arc::new(WrongTokens::default());
        let metrics = Metrics::new();
        let right = wrong_tokens.refuse(&metrics, std::future::ready(true)).await;
        assert!(right.is_ok());
        let started = tokio::time::Instant::now();
        let guesses: Vec<_> = (0..1000)
            .map(|_| {
                let (wrong_tokens, metrics) = (Arc::clone(&wrong_tokens), metrics.clone());
                tokio::spawn(async move {
                    let problem = wrong_tokens.refuse(&metrics, std::future::ready(false)).await.unwrap_err();
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
