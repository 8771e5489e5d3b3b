//! Sends deliveries to the endpoints of webhooks, and retries by Zendesk's strict rules:
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

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use super::breaker::Breaker;
use super::event::SUGGESTED_SUBSCRIPTION;
use super::registry::{BY_TRIGGERS, Mode, Receiver, Registered, Settings};
use super::signature::{WEBHOOK, signed_headers_of};
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

/// The webhooks of the account, and what they send.
#[derive(Debug)]
pub(super) struct Webhooks {
    pub(super) outbox: Outbox<Webhook>,
    clock: Clock,
    pace: RetryPace,
    /// What the webhook that a test connects is subscribed to, in whole names.
    subscription: Mutex<Vec<String>>,
    registered: Arc<Mutex<Vec<Registered>>>,
}

impl Webhooks {
    pub(super) fn new(core: &Core, pace: RetryPace) -> std::io::Result<Self> {
        Ok(Self {
            outbox: Outbox::new(pace.timeout, core)?,
            clock: core.clock.clone(),
            pace,
            subscription: Mutex::new(SUGGESTED_SUBSCRIPTION.map(event_type).to_vec()),
            registered: Arc::default(),
        })
    }

    pub(super) fn registered(&self) -> MutexGuard<'_, Vec<Registered>> {
        lock(&self.registered)
    }

    /// Connects a webhook as an administrator does by hand, in place of the one before.
    pub(super) fn connect(&self, webhook: Webhook) {
        let now = self.clock.now();
        let subscriptions = match webhook.mode {
            Mode::Events => lock(&self.subscription).clone(),
            Mode::Trigger => vec![BY_TRIGGERS.to_owned()],
        };
        let settings = Settings {
            name: "DocSpace rooms".to_owned(),
            description: None,
            endpoint: webhook.endpoint,
            method: "POST".to_owned(),
            format: "json".to_owned(),
            is_active: true,
            subscriptions,
            authentication: Value::Null,
            custom_headers: Map::new(),
        };
        let mut registered = self.registered();
        registered.retain(|webhook| webhook.by_hand.is_none());
        registered.push(Registered {
            id: WEBHOOK.to_owned(),
            by_hand: Some(webhook.mode),
            settings,
            secret: webhook.secret,
            created_at: now,
            updated_at: now,
            has_breaker: false,
            breaker: Breaker::default(),
            log: Vec::new(),
        });
    }

    /// Whether the webhook that was connected by hand has a circuit breaker, as all others have.
    pub(super) fn set_breaker(&self, on: bool) {
        for webhook in self.registered().iter_mut().filter(|webhook| webhook.by_hand.is_some()) {
            webhook.has_breaker = on;
        }
    }

    pub(super) fn subscribe(&self, events: &[&str]) {
        let events: Vec<String> = events.iter().map(|event| event_type(event)).collect();
        for webhook in self.registered().iter_mut() {
            if webhook.by_hand == Some(Mode::Events) {
                webhook.settings.subscriptions.clone_from(&events);
            }
        }
        *lock(&self.subscription) = events;
    }

    /// The active webhooks.
    pub(super) fn receivers(&self) -> Vec<Receiver> {
        let registered = self.registered();
        registered.iter().filter(|webhook| webhook.settings.is_active).map(Registered::receiver).collect()
    }

    /// Sends a body on its way.
    pub(super) fn send(&self, to: &Receiver, notification: Notification) {
        let Notification { ticket, event, body } = notification;
        let mut admits = true;
        self.outbox.send_if(to.endpoint.clone(), body, |number| {
            let invocation = invocation(number);
            if let Some(webhook) = self.registered().iter_mut().find(|webhook| webhook.id == to.id) {
                admits = webhook.admits(&invocation, &event, self.clock.now());
            }
            let retries = Retries {
                to: to.clone(),
                invocation: invocation.clone(),
                clock: self.clock.clone(),
                pace: self.pace,
                registered: Arc::clone(&self.registered),
                timeouts: 5,
                conflicts: 3,
                busy: 5,
            };
            (admits, Delivery::about(ticket, event, Some(invocation)), retries)
        });
    }

    /// Sends a body once, at once, and returns the status of the answer.
    pub(super) fn send_now(
        &self,
        endpoint: Url,
        secret: &str,
        id: &str,
        body: Vec<u8>,
    ) -> impl Future<Output = Option<u16>> + use<> {
        let now = self.clock.now();
        let invocation = Uuid::new_v4().as_u128() % 1_000_000_000;
        let headers = signed_headers_of(id, secret, &body, &invocation.to_string(), now);
        let outbox = self.outbox.clone();
        async move { outbox.post(endpoint, headers, body).await.status() }
    }
}

/// The whole name of an event; those of tickets go without their prefix here.
pub(super) fn event_type(event: &str) -> String {
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
    to: Receiver,
    invocation: String,
    clock: Clock,
    pace: RetryPace,
    registered: Arc<Mutex<Vec<Registered>>>,
    timeouts: u32,
    conflicts: u32,
    busy: u32,
}

impl Attempts for Retries {
    fn method(&self) -> reqwest::Method {
        self.to.method.parse().unwrap_or(reqwest::Method::POST)
    }

    fn headers(&self, body: &[u8]) -> Vec<(String, String)> {
        let (to, now) = (&self.to, self.clock.now());
        let mut headers = signed_headers_of(&to.id, &to.secret, body, &self.invocation, now);
        headers.extend(to.headers.iter().cloned());
        headers
    }

    fn pause_after(&mut self, outcome: Outcome) -> Option<Duration> {
        if let Some(webhook) = lock(&self.registered).iter_mut().find(|webhook| webhook.id == self.to.id) {
            webhook.attempted(&self.invocation, outcome.status(), self.clock.now());
        }
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
