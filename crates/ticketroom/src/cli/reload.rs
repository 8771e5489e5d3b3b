//! `ticketroom reload`: asks the running service to read its configuration again, and tells what
//! came of it.
//!
//! The service reads the file, not this command: it has its own environment and its own working
//! directory. This command only needs to know where the service listens, and its admin token.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::check_running::here;
use super::{Ended, Result, say};
use crate::call::{CallName, Cause, OTHER};
use crate::config::{Access, Config, Problem, ProcessEnv, Secrets};
use crate::http::{Answer, Http};
use crate::live::changes::NeedsRestart;
use crate::live::reload::Reloaded;
use crate::metrics::Metrics;
use crate::printable::{MESSAGE, printable};

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where the service listens, if no longer where the configuration says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    at: Option<SocketAddr>,
}

/// A problem document, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    problems: Vec<Problem>,
}

pub(super) async fn run(file: Option<&Path>, options: Options) -> Result {
    let access = access(file)?;
    let service = Service { address: options.at.unwrap_or_else(|| here(access.listen)), http: http()? };
    service.must_be_ours().await?;
    let answer = service.call(Method::POST, "/api/v1/reload", Some(access.token.expose_secret())).await?;
    match answer.status.as_u16() {
        200 => tell(&parsed(&answer)?),
        401 => Err(Ended::Failed(format!(
            "the service at {} does not accept this admin token: it is neither the one in force nor that of the \
             configuration as the service reads it now. Check [admin] token and the variables of both; SIGHUP reloads \
             without a token, and the log tells what came of it",
            service.address
        ))),
        404 | 405 => Err(Ended::Failed(format!(
            "the service at {} is of a version that can't reload: restart it",
            service.address
        ))),
        _ => Err(Ended::Failed(refused(&parsed(&answer).unwrap_or_default()))),
    }
}

/// How the service is reached. Where that can't be told, nor could the service read its
/// configuration.
fn access(file: Option<&Path>) -> Result<Access> {
    Access::load(file, &ProcessEnv).map_err(|error| {
        match Config::load_with(file, &ProcessEnv, Secrets::OfTheStore) {
            // Everything that is wrong, and not only what is in the way here.
            Err(all) => Ended::Failed(format!("{all}\nthe service was not asked; nothing has changed there")),
            Ok(_) => Ended::Misconfigured(error.to_string()),
        }
    })
}

fn http() -> Result<Http> {
    Http::new(Metrics::new()).map_err(|error| Ended::Failed(error.to_string()))
}

struct Service {
    address: SocketAddr,
    http: Http,
}

impl Service {
    async fn call(&self, method: Method, path: &str, token: Option<&str>) -> Result<Answer> {
        let name = CallName { system: &OTHER, call: "reload" };
        let mut request = self.http.client().request(method, format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.http.send(name, TIMEOUT, request).await.map_err(|failure| match failure.cause {
            Cause::Unreachable(_) => Ended::Failed(format!(
                "no service runs at {}: start it with “ticketroom serve”, or name with --at where it listens, if \
                 [server] listen was changed since its start",
                self.address
            )),
            _ => Ended::Failed(format!("the service at {} gave no answer: {failure}", self.address)),
        })
    }

    /// Nobody else gets the admin token.
    async fn must_be_ours(&self) -> Result {
        #[derive(Deserialize)]
        struct Alive {
            service: String,
        }
        let answer = self.call(Method::GET, "/healthz", None).await?;
        match parsed::<Alive>(&answer) {
            Ok(alive) if alive.service == "ticketroom" => Ok(()),
            _ => Err(Ended::Failed(format!("something else than ticketroom answers at {}", self.address))),
        }
    }
}

fn parsed<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| Ended::Failed(format!("the service's answer can't be read: {error}")))
}

fn tell(Reloaded { changed, needs_restart, warnings }: &Reloaded) -> Result {
    for warning in warnings {
        say(format!("warning: {warning}"))?;
    }
    if changed.is_empty() {
        say("reloaded: nothing has changed")?;
    } else {
        say("reloaded; from now on differ:")?;
        for what in changed {
            say(format!("  {what}"))?;
        }
    }
    if !needs_restart.is_empty() {
        say("as before until a restart:")?;
        for NeedsRestart { key, at } in needs_restart {
            say(format!("  {key} ({})", at.as_deref().unwrap_or("removed")))?;
        }
    }
    Ok(())
}

fn refused(refusal: &Refusal) -> String {
    let mut lines: Vec<String> = refusal.problems.iter().map(ToString::to_string).collect();
    lines.push(match refusal.detail.as_str() {
        "" => "the service refused, and said nothing".to_owned(),
        detail => printable(detail, MESSAGE),
    });
    lines.join("\n")
}
