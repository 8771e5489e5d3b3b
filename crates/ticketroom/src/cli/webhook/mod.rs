//! `ticketroom webhook`: registers the webhook of a source where it has to be, shows it, and
//! removes it.
//!
//! DocSpace's is one registration ([`setup`], [`status`], [`remove`]); a helpdesk's is made of what
//! its API can do ([`helpdesk`]).

mod address;
mod arrival;
mod helpdesk;
mod remove;
mod secret;
mod setup;
mod status;

use std::sync::Arc;

use clap::{Args, Subcommand};
use url::Url;

use super::{Ended, Result};
use crate::call::{Cause, Failure};
use crate::config::Config;
use crate::docspace::limits::{Governor, NoBudget};
use crate::docspace::webhooks::Webhook;
use crate::docspace::{DocSpace, registration};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::source::SourceName;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Registers the webhook, or puts right what is not as it should be.
    Setup(Setup),
    /// Shows whether the webhook is registered, and how its last deliveries went.
    Status(Status),
    /// Removes the webhook.
    Remove(Remove),
}

#[derive(Debug, Clone, Args)]
pub(super) struct Setup {
    /// Whose webhook: docspace, or the name of a helpdesk.
    source: SourceName,
    /// Says what would be done, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Sends the secret again, after another one was put into the configuration.
    #[arg(long)]
    renew_secret: bool,
    /// Zendesk: has triggers call the webhook, which an administrator can change, instead of
    /// subscribing it to events.
    #[arg(long)]
    triggers: bool,
    /// Sends a test through the public address and waits for it to arrive.
    #[arg(long)]
    test: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Whose webhook: docspace, or the name of a helpdesk.
    source: SourceName,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Whose webhook: docspace, or the name of a helpdesk.
    source: SourceName,
    /// Says what would be done, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: Config, command: Command) -> Result {
    let source = match &command {
        Command::Setup(options) => &options.source,
        Command::Status(options) => &options.source,
        Command::Remove(options) => &options.source,
    };
    if let SourceName::Helpdesk(name) = source {
        let desk = helpdesk::Desk::of(&config, name)?;
        return match &command {
            Command::Setup(options) => helpdesk::set_up(&desk, options).await,
            Command::Status(options) => helpdesk::status(&desk, options.json).await,
            Command::Remove(options) => helpdesk::remove(&desk, options.dry_run).await,
        };
    }
    if let Command::Setup(Setup { triggers: true, .. } | Setup { test: true, .. }) = &command {
        return Err(Ended::Misconfigured(
            "--triggers and --test are for helpdesks; leave them out".to_owned(),
        ));
    }
    let endpoint =
        registration::endpoint(config.server.public_url.as_ref()).map_err(|why| misconfigured(&why))?;
    let http = Http::new(Metrics::new()).map_err(|error| Ended::Failed(error.to_string()))?;
    let governor = Arc::new(Governor::new(config.docspace.limits, Arc::new(NoBudget)));
    let portal = DocSpace::configured(&config.docspace, http.clone(), governor);
    let parts = Parts { config, http, portal, endpoint };
    match command {
        Command::Setup(options) => setup::run(&parts, &options).await,
        Command::Status(options) => status::run(&parts, &options).await,
        Command::Remove(options) => remove::run(&parts, &options).await,
    }
}

/// What each of the commands needs.
struct Parts {
    config: Config,
    http: Http,
    portal: DocSpace,
    /// Where DocSpace is to send.
    endpoint: Url,
}

impl Parts {
    /// The registrations that send to our endpoint, the oldest first.
    async fn registered(&self) -> Result<Vec<Webhook>> {
        let all = self.portal.webhooks().await.map_err(|failure| unreadable(&failure))?;
        Ok(registration::sending_to(all, &self.endpoint))
    }
}

/// What is wrong, and what to do.
fn misconfigured(reason: &Reason) -> Ended {
    Ended::Misconfigured(reason.to_string())
}

/// Why registrations can't be read or changed. What the key may do is configuration.
fn unreadable(failure: &Failure) -> Ended {
    let text = registration::unreadable(failure).to_string();
    match failure.cause {
        Cause::Forbidden | Cause::Unauthorized => Ended::Misconfigured(text),
        _ => Ended::Failed(text),
    }
}
