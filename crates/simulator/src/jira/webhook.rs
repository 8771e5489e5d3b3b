//! Sends deliveries to the endpoints of webhooks. Retries:
//!
//! | sender | tried again |
//! | --- | --- |
//! | Cloud's admin webhook | up to 5 times, after a failed connection, a timeout, 408, 409, 425, 429 and 5xx |
//! | the same after half an hour with only such answers | not at all, until one is accepted |
//! | Automation, and all of Data Center | never |
//!
//! Deliveries arrive in any order. All attempts of one have the same identifier. Data Center sends
//! no identifier.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::Deployment;
use super::event::Event;
use super::issue::Issue;
use super::registry::{Form, Log, Registered};
use super::signature::{Flow, signed_headers};
use super::site::Site;
use crate::clock::Clock;
use crate::lock;
use crate::outbox::{Attempts, Delivery, Outbox, Outcome};
use crate::service::Core;

/// How often a delivery is tried again.
const RETRIES: u32 = 5;
/// After only failures for so long, nothing is retried.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// Where changes of issues are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address that is posted to.
    pub endpoint: Url,
    /// What deliveries of an admin webhook are signed with; they are not without, or if it is
    /// empty.
    #[serde(default)]
    pub secret: Option<String>,
    /// What Automation sends as `X-Ticketroom-Secret`.
    #[serde(default)]
    pub header_secret: Option<String>,
    /// Who sends, and what.
    #[serde(default)]
    pub mode: Mode,
    /// The keys of the projects it is for, as a JQL filter would say; all if there are none. An
    /// issue that is moved counts as one of the project it is in then.
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
    /// The same with the summary put between quotes as it is, which breaks as soon as it has one in
    /// it.
    AutomationRawCustomData,
}

/// How long the sender waits. In truth it is 5 to 15 minutes between attempts; the default is
/// short, so that tests of retries take no time.
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

/// A body to be delivered.
#[derive(Debug)]
pub(super) struct Notification {
    pub(super) issue: u64,
    pub(super) event: &'static str,
    pub(super) flow: Flow,
    pub(super) body: Vec<u8>,
}

/// The webhooks of the site, and what they send.
#[derive(Debug)]
pub(super) struct Webhooks {
    pub(super) outbox: Outbox<Webhook>,
    clock: Clock,
    deployment: Deployment,
    /// Of Data Center.
    version: u32,
    pace: RetryPace,
    /// Of the webhook that a test connects: when the first of the latest attempts failed, if all
    /// attempts since then have failed.
    failing_since: Arc<Mutex<Option<Timestamp>>>,
    /// Those made by the API.
    registered: Mutex<Vec<Registered>>,
}

impl Webhooks {
    pub(super) fn new(
        core: &Core,
        deployment: Deployment,
        version: u32,
        pace: RetryPace,
    ) -> std::io::Result<Self> {
        Ok(Self {
            outbox: Outbox::new(pace.timeout, core)?,
            clock: core.clock.clone(),
            deployment,
            version,
            pace,
            failing_since: Arc::default(),
            registered: Mutex::default(),
        })
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// Which API for webhooks the site has.
    pub(super) fn form(&self) -> Form {
        match self.deployment {
            Deployment::DataCenter if self.version >= 10 => Form::Newer,
            Deployment::Cloud | Deployment::DataCenter => Form::Classic,
        }
    }

    pub(super) fn registered(&self) -> MutexGuard<'_, Vec<Registered>> {
        lock(&self.registered)
    }

    /// Sends events of an issue to the webhooks made by the API that are for them.
    pub(super) fn tell(&self, site: &Site, issue: &Issue, events: &[Event]) {
        let (form, now) = (self.form(), self.clock.now());
        for webhook in self.registered().iter() {
            for event in events.iter().filter(|event| webhook.is_for(event.name, issue, site, now)) {
                let Some(endpoint) = webhook.endpoint(form, issue) else { continue };
                let to = Webhook {
                    endpoint,
                    secret: webhook.secret.clone(),
                    header_secret: None,
                    mode: Mode::Admin,
                    projects: Vec::new(),
                };
                let body = webhook.body(event.body.to_string().into_bytes());
                let notification =
                    Notification { issue: issue.id, event: event.name, flow: event.flow, body };
                let failing_since = Arc::clone(&webhook.failing_since);
                self.send_with(to, notification, failing_since, Some(Arc::clone(&webhook.log)));
            }
        }
    }

    pub(super) fn set(&self, webhook: Webhook) {
        self.outbox.set_webhook(webhook);
        *lock(&self.failing_since) = None;
    }

    /// Sends a body on its way.
    pub(super) fn send(&self, webhook: Webhook, notification: Notification) {
        self.send_with(webhook, notification, Arc::clone(&self.failing_since), None);
    }

    fn send_with(
        &self,
        webhook: Webhook,
        notification: Notification,
        failing_since: Arc<Mutex<Option<Timestamp>>>,
        log: Option<Arc<Mutex<Log>>>,
    ) {
        let Notification { issue, event, flow, body } = notification;
        let identifier = Uuid::new_v4().to_string();
        let delivery = Delivery::about(issue, event, Some(identifier.clone()));
        let retries = match (self.deployment, webhook.mode) {
            (Deployment::Cloud, Mode::Admin) => RETRIES,
            _ => 0,
        };
        let endpoint = webhook.endpoint.clone();
        let attempts = Retries {
            webhook,
            identifier,
            flow,
            clock: self.clock.clone(),
            deployment: self.deployment,
            pause: self.pace.pause,
            retries,
            retry: 0,
            failing_since,
            event,
            log,
        };
        self.outbox.send(endpoint, body, |_| (delivery, attempts));
    }
}

/// What the headers of one delivery depend on, and how often it is tried again.
struct Retries {
    webhook: Webhook,
    identifier: String,
    flow: Flow,
    clock: Clock,
    deployment: Deployment,
    pause: Duration,
    retries: u32,
    retry: u32,
    failing_since: Arc<Mutex<Option<Timestamp>>>,
    event: &'static str,
    log: Option<Arc<Mutex<Log>>>,
}

impl Attempts for Retries {
    fn headers(&self, body: &[u8]) -> Vec<(String, String)> {
        if self.webhook.mode != Mode::Admin {
            let secret = self.webhook.header_secret.iter();
            let secret = secret.map(|secret| ("x-ticketroom-secret".to_owned(), secret.clone()));
            let kind = ("content-type".to_owned(), "application/json".to_owned());
            return std::iter::once(kind).chain(secret).collect();
        }
        let secret = self.webhook.secret.as_deref();
        let mut headers = signed_headers(secret, body, &self.identifier, self.flow, self.retry);
        if self.deployment == Deployment::DataCenter {
            headers.retain(|(name, _)| !name.starts_with("x-atlassian-webhook-"));
        }
        headers
    }

    fn pause_after(&mut self, outcome: Outcome) -> Option<Duration> {
        if let Some(log) = &self.log {
            lock(log).record(self.event, outcome.status(), self.clock.now());
        }
        let is_hopeless = self.is_hopeless_after(outcome);
        if is_hopeless || self.retry >= self.retries || !may_be_tried_again(outcome.status()) {
            return None;
        }
        self.retry += 1;
        Some(self.pause)
    }
}

impl Retries {
    /// Whether all attempts have failed for so long that nothing is tried again.
    fn is_hopeless_after(&self, outcome: Outcome) -> bool {
        let mut failing_since = lock(&self.failing_since);
        if outcome.is_accepted() {
            *failing_since = None;
            return false;
        }
        let now = self.clock.now();
        now.duration_since(*failing_since.get_or_insert(now)) >= PATIENCE
    }
}

fn may_be_tried_again(status: Option<u16>) -> bool {
    status.is_none_or(|status| matches!(status, 408 | 409 | 425 | 429 | 500..))
}
