//! `ticketroom webhook status docspace`: the registration, what DocSpace says of its last
//! deliveries, and when the running service stored one.

use serde::Serialize;

use super::{Ended, Parts, Result, Status, unreadable};
use crate::cli::check_running::last_delivery;
use crate::cli::{say, say_json};
use crate::clock::Timestamp;
use crate::docspace::registration;
use crate::docspace::triggers;
use crate::docspace::webhooks::{LoggedDelivery, Webhook};
use crate::finding::{Finding, Level};
use crate::printable::{DETAIL, printable};
use crate::source::SourceName;

/// Entries of DocSpace's log that are shown.
const ENTRIES: usize = 10;

#[derive(Debug, Serialize)]
struct View {
    /// Whether all is as it should be.
    good: bool,
    /// Where DocSpace is to send.
    url: String,
    /// The registration; null if there is none.
    webhook: Option<WebhookView>,
    /// When the running service stored a delivery last, as far as it tells.
    last_stored: Option<Timestamp>,
    /// What is not as it should be.
    findings: Vec<FindingView>,
    /// What DocSpace sent last, the newest first.
    deliveries: Vec<DeliveryView>,
}

#[derive(Debug, Serialize)]
struct WebhookView {
    id: i64,
    name: String,
    enabled: bool,
    missing_triggers: Vec<&'static str>,
    /// Times are as DocSpace writes them.
    last_success: Option<String>,
    last_failure: Option<String>,
    last_failure_reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    code: String,
    what: String,
    help: Option<String>,
}

#[derive(Debug, Serialize)]
struct DeliveryView {
    id: i64,
    event: String,
    at: Option<String>,
    delivered: Option<String>,
    /// The HTTP status of the last answer; 0 if there was none.
    status: u16,
}

pub(super) async fn run(parts: &Parts, options: &Status) -> Result {
    if parts.config.docspace.webhook_secrets.is_empty() {
        return Err(Ended::Misconfigured(
            "[docspace] webhook_secret is not set, so the service takes no webhooks of DocSpace; docs/docspace-webhook.md says \
             what they are for"
                .to_owned(),
        ));
    }
    let ours = parts.registered().await?;
    let there = registration::the_one(&ours);
    let log = match there {
        Some(there) => {
            parts.portal.webhook_log(there.id, ENTRIES).await.map_err(|failure| unreadable(&failure))?
        }
        None => Vec::new(),
    };
    let findings = registration::findings(&ours, &parts.endpoint);
    let good = findings.iter().all(|finding| finding.level() == Level::Good);
    let last_stored = last_delivery(&parts.config, &parts.http, &SourceName::DocSpace).await;
    if options.json {
        say_json(&View {
            good,
            url: parts.endpoint.to_string(),
            webhook: there.map(webhook_view),
            last_stored,
            findings: findings.iter().filter_map(finding_view).collect(),
            deliveries: log.iter().map(delivery_view).collect(),
        })?;
    } else {
        show(there, &findings, last_stored, &log)?;
    }
    if good { Ok(()) } else { Err(Ended::Failed(String::new())) }
}

fn show(
    there: Option<&Webhook>,
    findings: &[Finding],
    last_stored: Option<Timestamp>,
    log: &[LoggedDelivery],
) -> Result {
    for finding in findings {
        say(finding.to_string())?;
    }
    let Some(there) = there else { return Ok(()) };
    let or_never =
        |time: &Option<String>| time.as_deref().map_or("never".to_owned(), |time| printable(time, DETAIL));
    say(format!("last success   {}", or_never(&there.last_success_on)))?;
    say(format!("last failure   {}", or_never(&there.last_failure_on)))?;
    if let Some(last_stored) = last_stored {
        say(format!("last stored    {last_stored}, by the service that runs here"))?;
    }
    if log.is_empty() {
        return say("DocSpace's log has no deliveries");
    }
    say("\nSTATUS  EVENT                AT")?;
    for delivery in log.iter().map(delivery_view) {
        let status = if delivery.status == 0 { "-".to_owned() } else { delivery.status.to_string() };
        say(format!("{status:<7} {:<20} {}", delivery.event, or_never(&delivery.at)))?;
    }
    Ok(())
}

fn webhook_view(webhook: &Webhook) -> WebhookView {
    WebhookView {
        id: webhook.id,
        name: webhook.name.clone(),
        enabled: webhook.enabled,
        missing_triggers: triggers::missing_in(webhook.triggers),
        last_success: webhook.last_success_on.clone(),
        last_failure: webhook.last_failure_on.clone(),
        last_failure_reason: webhook.last_failure_content.clone(),
    }
}

fn finding_view(finding: &Finding) -> Option<FindingView> {
    let reason = finding.reason()?;
    Some(FindingView { code: reason.code.to_string(), what: reason.text.clone(), help: reason.help.clone() })
}

fn delivery_view(delivery: &LoggedDelivery) -> DeliveryView {
    let event = triggers::with_mask(delivery.trigger)
        .map_or_else(|| format!("trigger {}", delivery.trigger), |trigger| trigger.name.to_owned());
    DeliveryView {
        id: delivery.id,
        event,
        at: delivery.creation_time.clone(),
        delivered: delivery.delivery.clone(),
        status: delivery.status,
    }
}
