//! Sends deliveries to the webhook's endpoint, and retries by Zendesk's strict rules:
//!
//! | answer to an attempt | tried again |
//! | --- | --- |
//! | none within the timeout | up to 5 times |
//! | 409 | up to 3 times |
//! | 429 or 503 with `Retry-After` below 60 s | up to 5 times, after that time |
//! | all else, redirects and refused connections among it | never: the delivery is lost |
//!
//! Deliveries arrive in any order. All attempts of one have the same invocation id, and each is
//! signed with its own time.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::event::SUGGESTED_SUBSCRIPTION;
use super::signature::signed_headers;
use crate::clock::Clock;
use crate::lock;
use crate::outbox::{Attempts, Delivery, Outbox, Outcome};
use crate::service::Core;

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

/// What a webhook is connected to: one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The events it is subscribed to, in Zendesk's envelope.
    #[default]
    Events,
    /// Two triggers, for new and for updated tickets, with a template for a body.
    Trigger,
}

/// How long the sender waits. Zendesk's own waits between attempts are not documented; the default
/// is short, so that tests of retries take no time.
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

/// A body to be delivered.
#[derive(Debug)]
pub(super) struct Notification {
    pub(super) ticket: u64,
    pub(super) event: String,
    pub(super) body: Vec<u8>,
}

/// The webhook of the account, and what it sends.
#[derive(Debug)]
pub(super) struct Webhooks {
    pub(super) outbox: Outbox<Webhook>,
    clock: Clock,
    pace: RetryPace,
    subscription: Mutex<Vec<String>>,
}

impl Webhooks {
    pub(super) fn new(core: &Core, pace: RetryPace) -> std::io::Result<Self> {
        Ok(Self {
            outbox: Outbox::new(pace.timeout, core)?,
            clock: core.clock.clone(),
            pace,
            subscription: Mutex::new(SUGGESTED_SUBSCRIPTION.map(str::to_owned).to_vec()),
        })
    }

    pub(super) fn subscribe(&self, events: &[&str]) {
        *lock(&self.subscription) = events.iter().map(|event| (*event).to_owned()).collect();
    }

    pub(super) fn mode(&self) -> Option<Mode> {
        self.outbox.webhook().map(|webhook| webhook.mode)
    }

    pub(super) fn is_subscribed(&self, event: &str) -> bool {
        lock(&self.subscription).iter().any(|subscribed| subscribed == event)
    }

    /// The webhooks of the account, as the API shows them.
    pub(super) fn list(&self) -> Vec<Value> {
        let Some(webhook) = self.outbox.webhook() else { return Vec::new() };
        let subscriptions = match webhook.mode {
            Mode::Events => lock(&self.subscription).iter().map(|event| event_type(event)).collect(),
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

    /// Sends a body on its way.
    pub(super) fn send(&self, notification: Notification) {
        let Some(Webhook { endpoint, secret, .. }) = self.outbox.webhook() else { return };
        let Notification { ticket, event, body } = notification;
        self.outbox.send(endpoint, body, |number| {
            let invocation = invocation(number);
            let delivery = Delivery::about(ticket, event, Some(invocation.clone()));
            let (clock, pace) = (self.clock.clone(), self.pace);
            (delivery, Retries { secret, invocation, clock, pace, timeouts: 5, conflicts: 3, busy: 5 })
        });
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

/// What the attempts at one delivery are signed with, and how many more there may be after each
/// kind of failure.
struct Retries {
    secret: String,
    invocation: String,
    clock: Clock,
    pace: RetryPace,
    timeouts: u32,
    conflicts: u32,
    busy: u32,
}

impl Attempts for Retries {
    fn headers(&self, body: &[u8]) -> Vec<(String, String)> {
        signed_headers(&self.secret, body, &self.invocation, self.clock.now())
    }

    fn pause_after(&mut self, outcome: Outcome) -> Option<Duration> {
        let (left, pause) = match outcome {
            Outcome::TimedOut => (&mut self.timeouts, self.pace.pause),
            Outcome::Answered { status: 409, .. } => (&mut self.conflicts, self.pace.pause),
            Outcome::Answered { status: 429 | 503, retry_after: Some(seconds) } if seconds < 60 => {
                (&mut self.busy, self.pace.retry_after_second * seconds)
            }
            Outcome::Answered { .. } | Outcome::Failed => return None,
        };
        *left = left.checked_sub(1)?;
        Some(pause)
    }
}
