//! `ticketroom webhook`: registers the webhook of a source where it has to be, shows it, and
//! removes it.
//!
//! In this version that is DocSpace's; those of helpdesks are made by hand.

mod address;
mod remove;
mod setup;
mod status;

use std::sync::Arc;

use clap::{Args, Subcommand};
use url::Url;

use super::{Ended, Result};
use crate::call::{Cause, Failure};
use crate::config::{Config, HelpdeskConfig, HelpdeskKind};
use crate::docspace::limits::{Governor, NoBudget};
use crate::docspace::webhooks::Webhook;
use crate::docspace::{DocSpace, registration};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::source::SourceName;
use crate::ticket::HelpdeskName;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Registers the webhook, or puts right what is not as it should be.
    Setup(Setup),
    /// Shows whether the webhook is registered, and how its last deliveries went.
    Status(Status),
    /// Removes the webhook.
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(super) struct Setup {
    /// Whose webhook: docspace. Those of helpdesks are made by hand.
    source: SourceName,
    /// Says what would be done, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Sends the secret again, after another one was put into the configuration.
    #[arg(long)]
    renew_secret: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Whose webhook: docspace.
    source: SourceName,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Whose webhook: docspace.
    source: SourceName,
    /// Says what would be done, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: Config, command: Command) -> Result {
    let (name, source) = match &command {
        Command::Setup(options) => ("setup", &options.source),
        Command::Status(options) => ("status", &options.source),
        Command::Remove(options) => ("remove", &options.source),
    };
    if let SourceName::Helpdesk(helpdesk) = source {
        return Err(by_hand(&config, name, helpdesk));
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

/// Helpdesks that are configured have a page that says how it is done.
fn by_hand(config: &Config, command: &str, helpdesk: &HelpdeskName) -> Ended {
    let configured = config.helpdesks.iter().find(|one| one.name == *helpdesk);
    Ended::Misconfigured(match configured {
        Some(HelpdeskConfig { kind, .. }) => {
            let page = match kind {
                HelpdeskKind::Zendesk(_) => "docs/zendesk.md",
                HelpdeskKind::Freshdesk(_) => "docs/freshdesk.md",
                HelpdeskKind::Jira(_) => "docs/jira.md",
                HelpdeskKind::Generic(_) => "docs/generic.md",
            };
            format!(
                "“webhook {command} {helpdesk}” is not in this version: webhooks of helpdesks are made by hand, and {page} says \
                 how. “webhook {command} docspace” is there"
            )
        }
        None => format!(
            "no helpdesk “{helpdesk}” is configured; “webhook {command} docspace” is for DocSpace's webhook"
        ),
    })
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
