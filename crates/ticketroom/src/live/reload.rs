//! Reads the configuration again, and puts it in force if nothing is wrong with it.
//!
//! A configuration with errors is refused as a whole: each error is logged and returned, and the
//! snapshot in force stays. What can't change while the service runs stays as it is and is named;
//! the rest is put in force. So do nginx and PostgreSQL, and a rotated key should not have to wait
//! for a restart because of another line.

use std::fmt;
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Live;
use super::builder::Builder;
use super::changes::{NeedsRestart, changes, keep_what_is_fixed};
use crate::breaker::Breakers;
use crate::config::{Config, ConfigError, Problem};
use crate::metrics::Metrics;
use crate::secret_hash::SecretHash;

/// Reads the configuration from where it was read at the start.
pub type Read = Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Reloaded {
    /// What is different from now on, such as `rules` or `helpdesk “zendesk” changed`. Empty if
    /// nothing is.
    pub changed: Vec<String>,
    /// What was changed in the file and can't change while the service runs: it is as before until
    /// a restart.
    pub needs_restart: Vec<NeedsRestart>,
    /// What works but should be looked at.
    pub warnings: Vec<String>,
}

/// Reloads the configuration of a service.
pub struct Reloader {
    read: Read,
    live: Arc<Live>,
    builder: Builder,
    breakers: Breakers,
    metrics: Metrics,
    /// One reload at a time, so that the one that read last has the last word.
    reloading: Mutex<()>,
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

impl Reloader {
    /// Puts what `read` brings in the place of what is in force in `live`.
    #[must_use]
    pub fn new(read: Read, live: Arc<Live>, builder: Builder, breakers: Breakers, metrics: Metrics) -> Self {
        Self { read, live, builder, breakers, metrics, reloading: Mutex::default() }
    }

    /// Reads the configuration and puts it in force.
    ///
    /// # Errors
    /// Everything that is wrong with it; the one from before stays in force then.
    pub async fn reload(&self) -> Result<Reloaded, ConfigError> {
        let _one_at_a_time = self.reloading.lock().await;
        let config = match self.read().await {
            Ok(config) => config,
            Err(error) => {
                log_refusal(&error);
                return Err(error);
            }
        };
        let reloaded = self.put_in_force(config);
        log(&reloaded);
        Ok(reloaded)
    }

    /// Whether this is the admin token of the configuration as a reload would read it: somebody who
    /// has changed the token there, or the key that it is derived from, has no other one.
    pub async fn would_accept(&self, token: &str) -> bool {
        let Ok(mut config) = self.read().await else { return false };
        // One that can be guessed would not be put in force beyond this machine, so it does not
        // count here either.
        keep_what_is_fixed(&mut config, &self.live.now().config);
        let admin = SecretHash::of(config.admin_token().expose_secret().as_bytes());
        admin.is_same(&SecretHash::of(token.as_bytes()))
    }

    async fn read(&self) -> Result<Config, ConfigError> {
        let read = Arc::clone(&self.read);
        // A file may be on a disk that is slow.
        match tokio::task::spawn_blocking(move || read()).await {
            Ok(read) => read,
            Err(panic) => Err(ConfigError::broken_off(&panic)),
        }
    }

    fn put_in_force(&self, mut config: Config) -> Reloaded {
        let before = self.live.now();
        let needs_restart = keep_what_is_fixed(&mut config, &before.config);
        let changed = changes(&before.config, &config);
        let warnings = config.warnings.clone();
        if config.fingerprint != before.config.fingerprint {
            self.builder.governor().set_limits(config.docspace.limits);
            self.live.replace(self.builder.next(config, &before));
            let now = self.live.now();
            for gone in before.helpdesks.keys().filter(|name| !now.helpdesks.contains_key(*name)) {
                self.breakers.forget(gone.as_str());
            }
            for gone in before.sources.keys().filter(|name| !now.sources.contains_key(*name)) {
                self.metrics.no_source(gone);
            }
        }
        Reloaded { changed, needs_restart, warnings }
    }
}

fn log_refusal(error: &ConfigError) {
    for Problem { file, line, message, help, .. } in error.problems() {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        tracing::error!(help, "{file}{line}: {message}");
    }
    let problems = error.problems().len();
    tracing::error!(problems, "the configuration was not reloaded; the one from before stays in force");
}

fn log(Reloaded { changed, needs_restart, warnings }: &Reloaded) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for NeedsRestart { key, at } in needs_restart {
        let at = at.as_deref().unwrap_or("removed");
        tracing::warn!("{key} ({at}) was changed, which needs a restart; until then it is as before");
    }
    if changed.is_empty() {
        tracing::info!("the configuration was reloaded: nothing has changed");
    } else {
        tracing::info!("the configuration was reloaded: {}", changed.join(", "));
    }
}
