//! Sends deliveries to the webhook's endpoint, and tries again by Zendesk's rules, which are not kind:
//!
//! | answer to an attempt | tried again |
//! | --- | --- |
//! | none within the timeout | up to 5 times |
//! | 409 | up to 3 times |
//! | 429 or 503 with `Retry-After` below 60 s | up to 5 times, after that time |
//! | all else, redirects and refused connections among it | never: the delivery is lost |
//!
//! Every delivery goes its own way, so they arrive in any order. All attempts of one have the same invocation
//! id, and each is signed with its own time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use super::event::SUGGESTED_SUBSCRIPTION;
use super::signature::signed_headers;
use crate::clock::Clock;
use crate::outbox::{self, Answered};

/// Before the first invocation.
const BEFORE_FIRST_INVOCATION: u64 = 8_350_205_600;

/// Where changes of tickets are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address that is posted to.
    pub endpoint: Url,
    /// What deliveries are signed with.
    pub secret: String,
    /// What they carry.
    #[serde(default)]
    pub mode: Mode,
}

/// What a webhook is connected to; a webhook can't be both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The events it is subscribed to, in Zendesk's envelope.
    #[default]
    Events,
    /// Two triggers, for new and for updated tickets, with a template for a body.
    Trigger,
}

/// How long the sender waits. Zendesk's own waits between attempts are not documented; the default is short,
/// so that tests of retries take no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPace {
    /// For the whole answer; Zendesk's 12 s by default.
    pub timeout: Duration,
    /// Before the next attempt after a timeout or a 409; 50 ms by default.
    pub pause: Duration,
    /// For each second of a `Retry-After`; 10 ms by default.
    pub retry_after_second: Duration,
}

impl Default for RetryPace {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(12),
            pause: Duration::from_millis(50),
            retry_after_second: Duration::from_millis(10),
        }
    }
}

/// A delivery and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its id, the same for all attempts.
    pub invocation: String,
    /// The ticket it is about; 0 if it is about something else.
    pub ticket: u64,
    /// The event, such as `created`; `ticket_created` or `ticket_updated` for a trigger.
    pub event: String,
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
    pub(super) ticket: u64,
    pub(super) event: String,
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
    pace: RetryPace,
    connection: Arc<Mutex<Connection>>,
}

/// Where to deliver, and what.
#[derive(Debug)]
struct Connection {
    webhook: Option<Webhook>,
    subscription: Vec<String>,
}

impl Outbox {
    /// Deliveries end when `stopping` turns true, or its sender goes.
    pub(super) fn new(
        clock: Clock,
        pace: RetryPace,
        stopping: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let subscription = SUGGESTED_SUBSCRIPTION.map(str::to_owned).to_vec();
        let connection = Arc::new(Mutex::new(Connection { webhook: None, subscription }));
        Ok(Self { sent: outbox::Outbox::new(pace.timeout, stopping)?, clock, pace, connection })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        self.connection().webhook = Some(webhook);
    }

    pub(super) fn subscribe(&self, events: &[&str]) {
        self.connection().subscription = events.iter().map(|event| (*event).to_owned()).collect();
    }

    pub(super) fn mode(&self) -> Option<Mode> {
        self.connection().webhook.as_ref().map(|webhook| webhook.mode)
    }

    pub(super) fn is_subscribed(&self, event: &str) -> bool {
        self.connection().subscription.iter().any(|subscribed| subscribed == event)
    }

    /// The webhooks of the account, as the API shows them.
    pub(super) fn webhooks(&self) -> Vec<Value> {
        let connection = self.connection();
        let Some(webhook) = &connection.webhook else { return Vec::new() };
        let subscriptions = match webhook.mode {
            Mode::Events => connection.subscription.iter().map(|event| event_type(event)).collect(),
            Mode::Trigger => vec!["conditional_ticket_events".to_owned()],
        };
        vec![json!({
            "id": "01JD7K9Q3VX4M2N8T6RYB5C0ZA",
            "name": "DocSpace rooms",
            "endpoint": webhook.endpoint,
            "http_method": "POST",
            "request_format": "json",
            "status": "active",
            "subscriptions": subscriptions,
        })]
    }

    pub(super) fn deliveries(&self) -> Vec<DeliveryView> {
        self.sent.deliveries()
    }

    /// Waits until every delivery is over.
    pub(super) async fn settled(&self) {
        self.sent.settled().await;
    }

    /// Sends a body on its way.
    pub(super) fn send(&self, parcel: Parcel) {
        let Some(webhook) = self.connection().webhook.clone() else { return };
        let Parcel { ticket, event, body } = parcel;
        let view = |number| DeliveryView {
            invocation: invocation(number),
            ticket,
            event,
            attempts: Vec::new(),
            given_up: false,
            delivered: false,
        };
        let outbox = self.clone();
        self.sent.dispatch(view, |number| async move {
            outbox.deliver(number, &webhook, Bytes::from(body)).await
        });
    }

    /// Tries until it is accepted (true) or must not be tried again (false).
    async fn deliver(&self, number: usize, webhook: &Webhook, body: Bytes) -> bool {
        let mut left = RetriesLeft { timeouts: 5, conflicts: 3, busy: 5 };
        let invocation = invocation(number);
        loop {
            let outcome = self.attempt(webhook, &invocation, body.clone()).await;
            let status = outcome.status();
            self.sent.record(number, |delivery| delivery.attempts.push(AttemptView { status }));
            if let Outcome::Answered(Answered { status: 200..=299, .. }) = outcome {
                return true;
            }
            match left.pause_after(outcome, self.pace) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return false,
            }
        }
    }

    async fn attempt(&self, webhook: &Webhook, invocation: &str, body: Bytes) -> Outcome {
        let headers = signed_headers(&webhook.secret, &body, invocation, self.clock.now());
        match self.sent.post(webhook.endpoint.clone(), headers, body).await {
            Ok(answered) => Outcome::Answered(answered),
            Err(error) if error.is_timeout() => Outcome::TimedOut,
            Err(_) => Outcome::Failed,
        }
    }
}

/// The whole name of an event; those of tickets go without their prefix here.
fn event_type(event: &str) -> String {
    let about = if event.contains('.') { "" } else { "ticket." };
    format!("zen:event-type:{about}{event}")
}

/// The id of a delivery, the same for all its attempts.
fn invocation(number: usize) -> String {
    let number = u64::try_from(number).unwrap_or(0);
    (BEFORE_FIRST_INVOCATION + 1).saturating_add(number).to_string()
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Answered(Answered),
    TimedOut,
    Failed,
}

impl Outcome {
    fn status(self) -> Option<u16> {
        match self {
            Self::Answered(answered) => Some(answered.status),
            Self::TimedOut | Self::Failed => None,
        }
    }
}

struct RetriesLeft {
    timeouts: u32,
    conflicts: u32,
    busy: u32,
}

impl RetriesLeft {
    /// How long to wait before the next attempt, if there may be one.
    fn pause_after(&mut self, outcome: Outcome, pace: RetryPace) -> Option<Duration> {
        let (left, pause) = match outcome {
            Outcome::TimedOut => (&mut self.timeouts, pace.pause),
            Outcome::Answered(Answered { status: 409, .. }) => (&mut self.conflicts, pace.pause),
            Outcome::Answered(Answered { status: 429 | 503, retry_after: Some(seconds) }) if seconds < 60 => {
                (&mut self.busy, pace.retry_after_second * seconds)
            }
            Outcome::Answered(_) | Outcome::Failed => return None,
        };
        *left = left.checked_sub(1)?;
        Some(pause)
    }
}
