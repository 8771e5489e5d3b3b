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
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

use super::Deployment;
use super::signature::{Flow, signed_headers};
use crate::clock::Clock;

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

/// Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    client: reqwest::Client,
    runtime: Handle,
    clock: Clock,
    deployment: Deployment,
    pace: RetryPace,
    book: Arc<Mutex<Book>>,
    under_way: watch::Sender<usize>,
    stopping: watch::Receiver<bool>,
}

#[derive(Debug, Default)]
struct Book {
    webhook: Option<Webhook>,
    deliveries: Vec<DeliveryView>,
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
        // One TLS provider for the process; that there is one already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(pace.timeout)
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self {
            client,
            runtime: Handle::current(),
            clock,
            deployment,
            pace,
            book: Arc::default(),
            under_way: watch::Sender::new(0),
            stopping,
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        let mut book = self.book();
        book.webhook = Some(webhook);
        book.failing_since = None;
    }

    pub(super) fn webhook(&self) -> Option<Webhook> {
        self.book().webhook.clone()
    }

    pub(super) fn deliveries(&self) -> Vec<DeliveryView> {
        self.book().deliveries.clone()
    }

    /// Waits until every delivery is over.
    pub(super) async fn settled(&self) {
        // It can't fail: we hold the sender.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Sends a body on its way. From here on it is under way, even before the first attempt.
    pub(super) fn send(&self, webhook: Webhook, parcel: Parcel) {
        let identifier = Uuid::new_v4().to_string();
        let mut book = self.book();
        let number = book.deliveries.len();
        book.deliveries.push(DeliveryView {
            identifier: identifier.clone(),
            issue: parcel.issue,
            event: parcel.event.to_owned(),
            flow: parcel.flow,
            attempts: Vec::new(),
            given_up: false,
            delivered: false,
        });
        drop(book);

        let (outbox, mut stopping, under_way) = (self.clone(), self.stopping.clone(), UnderWay::new(self));
        self.runtime.spawn(async move {
            let letter = Letter { webhook, identifier, flow: parcel.flow, body: Bytes::from(parcel.body) };
            let delivered = tokio::select! {
                delivered = outbox.deliver(number, &letter) => delivered,
                _ = stopping.wait_for(|stop| *stop) => false,
            };
            outbox.record(number, |delivery| {
                delivery.delivered = delivered;
                delivery.given_up = !delivered;
            });
            drop(under_way);
        });
    }

    /// Tries until it is accepted (true) or must not be tried again (false).
    async fn deliver(&self, number: usize, letter: &Letter) -> bool {
        let retries = match (self.deployment, letter.webhook.mode) {
            (Deployment::Cloud, Mode::Admin) => RETRIES,
            _ => 0,
        };
        let mut retry = 0;
        loop {
            let status = self.attempt(letter, retry).await;
            self.record(number, |delivery| delivery.attempts.push(AttemptView { status }));
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
        let mut book = self.book();
        if accepted {
            book.failing_since = None;
            return false;
        }
        let since = *book.failing_since.get_or_insert(now);
        now.duration_since(since) >= PATIENCE
    }

    /// The status that was answered, if any was.
    async fn attempt(&self, letter: &Letter, retry: u32) -> Option<u16> {
        let request = self.client.post(letter.webhook.endpoint.clone()).body(letter.body.clone());
        let headers = letter.headers(self.deployment, retry);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        // The timeout is for the whole answer.
        answer.bytes().await.ok()?;
        Some(status)
    }

    fn record(&self, number: usize, write: impl FnOnce(&mut DeliveryView)) {
        if let Some(delivery) = self.book().deliveries.get_mut(number) {
            write(delivery);
        }
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

/// Counts a delivery as under way until it is dropped.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn new(outbox: &Outbox) -> Self {
        outbox.under_way.send_modify(|count| *count += 1);
        Self(outbox.under_way.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
