//! Sends deliveries to the endpoint of the webhook. Who tries again, and when:
//!
//! | sender | tried again |
//! | --- | --- |
//! | Cloud's admin webhook | up to 5 times, after a failed connection, a timeout, 408, 409, 425, 429 and 5xx |
//! | the same after half an hour in which nothing but such answers came | not at all, until one is accepted |
//! | Automation, and all of Data Center | never |
//!
//! Every delivery goes its own way, so they arrive in any order. All attempts of one have the same identifier.
//! Data Center doesn't send an identifier at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

use super::Deployment;
use super::signature::{Flow, signed_headers};
use crate::clock::Clock;
use crate::outbox;

/// How often a delivery is tried again.
const RETRIES: u32 = 5;
/// After failures for so long, nothing is tried again.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// Where changes of issues are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address that is posted to.
    pub endpoint: Url,
    /// What deliveries of an admin webhook are signed with; they are not without, or if it is empty.
    #[serde(default)]
    pub secret: Option<String>,
    /// What Automation sends as `X-Ticketroom-Secret`.
    #[serde(default)]
    pub header_secret: Option<String>,
    /// Who sends, and what.
    #[serde(default)]
    pub mode: Mode,
    /// The keys of the projects it is for, as a JQL filter would say; all if there are none. An issue that is
    /// moved counts as one of the project it is in then.
    #[serde(default)]
    pub projects: Vec<String>,
}

impl Webhook {
    /// An admin webhook for all projects.
    pub fn signed(endpoint: Url, secret: impl Into<String>) -> Self {
        let secret = Some(secret.into());
        Self { endpoint, secret, header_secret: None, mode: Mode::Admin, projects: Vec::new() }
    }

    /// Automation in that mode, with that header, for all projects.
    pub fn automation(endpoint: Url, header_secret: impl Into<String>, mode: Mode) -> Self {
        let header_secret = Some(header_secret.into());
        Self { endpoint, secret: None, header_secret, mode, projects: Vec::new() }
    }

    pub(super) fn is_for(&self, project: &str) -> bool {
        self.projects.is_empty() || self.projects.iter().any(|key| key.eq_ignore_ascii_case(project))
    }
}

/// Who sends, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A webhook made by an administrator: events.
    #[default]
    Admin,
    /// Automation, "Issue data (Jira format)".
    AutomationJiraFormat,
    /// Automation, "Issue data (Automation format)".
    AutomationFormat,
    /// Automation, "Custom data" by the template that is recommended.
    AutomationCustomData,
    /// The same with the summary put between quotes as it is, which breaks as soon as it has one in it.
    AutomationRawCustomData,
}

/// How long the sender waits. In truth it is 5 to 15 minutes between attempts; the default is short, so that
/// tests of retries take no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPace {
    /// For the whole answer; 10 s by default. How long Cloud waits is not documented.
    pub timeout: Duration,
    /// Before the next attempt; 50 ms by default.
    pub pause: Duration,
}

impl Default for RetryPace {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), pause: Duration::from_millis(50) }
    }
}

/// A delivery and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its identifier, the same for all attempts; only Cloud's admin webhooks send it.
    pub identifier: String,
    /// The id of the issue it is about.
    pub issue: u64,
    /// The event, such as `jira:issue_created`; for Automation `created`, `updated`, `commented` or `deleted`.
    pub event: String,
    /// How urgent it is.
    pub flow: Flow,
    /// Every attempt that is over.
    pub attempts: Vec<AttemptView>,
    /// It has failed, and is not tried again.
    pub given_up: bool,
    /// It was answered with 2xx.
    pub delivered: bool,
}

/// One attempt at a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// What was answered, if anything was.
    pub status: Option<u16>,
}

/// A body to be delivered.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) issue: u64,
    pub(super) event: &'static str,
    pub(super) flow: Flow,
    pub(super) body: Vec<u8>,
}

impl outbox::Delivery for DeliveryView {
    fn end(&mut self, delivered: bool) {
        self.delivered = delivered;
        self.given_up = !delivered;
    }
}

/// Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    sent: outbox::Outbox<DeliveryView>,
    clock: Clock,
    deployment: Deployment,
    pace: RetryPace,
    connection: Arc<Mutex<Connection>>,
}

/// Where to deliver, and how that goes.
#[derive(Debug, Default)]
struct Connection {
    webhook: Option<Webhook>,
    /// When the first of the latest attempts failed that all did.
    failing_since: Option<Timestamp>,
}

impl Outbox {
    /// Deliveries end when `stopping` turns true, or its sender goes.
    pub(super) fn new(
        clock: Clock,
        deployment: Deployment,
        pace: RetryPace,
        stopping: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let sent = outbox::Outbox::new(pace.timeout, stopping)?;
        Ok(Self { sent, clock, deployment, pace, connection: Arc::default() })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        *self.connection() = Connection { webhook: Some(webhook), failing_since: None };
    }

    pub(super) fn webhook(&self) -> Option<Webhook> {
        self.connection().webhook.clone()
    }

    pub(super) fn deliveries(&self) -> Vec<DeliveryView> {
        self.sent.deliveries()
    }

    /// Waits until every delivery is over.
    pub(super) async fn settled(&self) {
        self.sent.settled().await;
    }

    /// Sends a body on its way.
    pub(super) fn send(&self, webhook: Webhook, parcel: Parcel) {
        let Parcel { issue, event, flow, body } = parcel;
        let identifier = Uuid::new_v4().to_string();
        let view = |_| DeliveryView {
            identifier: identifier.clone(),
            issue,
            event: event.to_owned(),
            flow,
            attempts: Vec::new(),
            given_up: false,
            delivered: false,
        };
        let letter = Letter { webhook, identifier: identifier.clone(), flow, body: Bytes::from(body) };
        let outbox = self.clone();
        self.sent.dispatch(view, |number| async move { outbox.deliver(number, &letter).await });
    }

    /// Tries until it is accepted (true) or must not be tried again (false).
    async fn deliver(&self, number: usize, letter: &Letter) -> bool {
        let retries = match (self.deployment, letter.webhook.mode) {
            (Deployment::Cloud, Mode::Admin) => RETRIES,
            _ => 0,
        };
        let mut retry = 0;
        loop {
            let headers = letter.headers(self.deployment, retry);
            let answered =
                self.sent.post(letter.webhook.endpoint.clone(), headers, letter.body.clone()).await;
            let status = answered.ok().map(|answered| answered.status);
            self.sent.record(number, |delivery| delivery.attempts.push(AttemptView { status }));
            let accepted = status.is_some_and(|status| (200..300).contains(&status));
            let hopeless = self.note(accepted);
            if accepted || hopeless || retry >= retries || !may_be_tried_again(status) {
                return accepted;
            }
            retry += 1;
            tokio::time::sleep(self.pace.pause).await;
        }
    }

    /// Whether there have been nothing but failures for so long that nothing is tried again.
    fn note(&self, accepted: bool) -> bool {
        let now = self.clock.now();
        let mut connection = self.connection();
        if accepted {
            connection.failing_since = None;
            return false;
        }
        let since = *connection.failing_since.get_or_insert(now);
        now.duration_since(since) >= PATIENCE
    }
}

fn may_be_tried_again(status: Option<u16>) -> bool {
    status.is_none_or(|status| matches!(status, 408 | 409 | 425 | 429 | 500..))
}

/// A body with all that its headers depend on.
struct Letter {
    webhook: Webhook,
    identifier: String,
    flow: Flow,
    body: Bytes,
}

impl Letter {
    fn headers(&self, deployment: Deployment, retry: u32) -> Vec<(String, String)> {
        if self.webhook.mode != Mode::Admin {
            let secret = self.webhook.header_secret.iter();
            let secret = secret.map(|secret| ("x-ticketroom-secret".to_owned(), secret.clone()));
            let kind = ("content-type".to_owned(), "application/json".to_owned());
            return std::iter::once(kind).chain(secret).collect();
        }
        let secret = self.webhook.secret.as_deref();
        let mut headers = signed_headers(secret, &self.body, &self.identifier, self.flow, retry);
        if deployment == Deployment::DataCenter {
            headers.retain(|(name, _)| !name.starts_with("x-atlassian-webhook-"));
        }
        headers
    }
}
