//! Sends events to webhooks.
//!
//! | attempt is answered with | then |
//! | --- | --- |
//! | 2xx | done |
//! | 410 | the webhook is removed |
//! | all else, redirects and no answer among it | up to 5 more attempts, after 1 s, 2 s, 4 s and so on ([`WebhookPace`]) |
//! | the same, and the webhook had no success for more than 3 days | the webhook is disabled |
//!
//! Deliveries arrive in any order, 10 at once; one that waits for its next attempt occupies its
//! place. The part `webhook` of the body tells how often it was tried, so body and signature change
//! from attempt to attempt, while `event.id` stays.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use url::Url;
use uuid::Uuid;

use super::trigger::{Trigger, names_in};
use super::webhook::{Attempt, Logged, Webhook, Webhooks, is_private};
use crate::clock::Clock;
use crate::lock;
use crate::outbox::{Attempts, Delivery, Outbox, Outcome};
use crate::service::Core;

/// How often a delivery is tried again.
const RETRIES: u32 = 5;
/// How many deliveries are worked on at once.
const AT_ONCE: usize = 10;

/// How long the sender of webhooks waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookPace {
    /// For the whole answer; 10 s by default.
    pub timeout: Duration,
    /// Before the first retry, and twice as long before each further one. 1 s in truth; 10 ms by
    /// default, so that tests of retries take no time.
    pub pause: Duration,
}

impl Default for WebhookPace {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), pause: Duration::from_millis(10) }
    }
}

/// The headers that DocSpace sends with this body.
///
/// ```
/// use simulator::docspace::signed_headers;
/// let headers = signed_headers("It's a Secret to Everybody", b"Hello World!");
/// assert_eq!(
///     headers[1].1,
///     "sha256=A4771C39FBE90F317C7824E83DDEF3CAAE9CB3D976C214ACE1F2937E133263C9"
/// );
/// ```
pub fn signed_headers(secret: &str, body: &[u8]) -> Vec<(String, String)> {
    // HMAC takes keys of any length, so there is always a signature.
    let bytes = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| mac.chain_update(body).finalize().into_bytes())
        .unwrap_or_default();
    let mut signature = "sha256=".to_owned();
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(signature, "{byte:02X}");
    }
    vec![
        ("content-type".to_owned(), "application/json; charset=utf-8".to_owned()),
        ("x-docspace-signature-256".to_owned(), signature),
    ]
}

/// A time in the body of a webhook: whole seconds, in UTC.
pub(crate) fn short_date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Sends events to the registered webhooks; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    webhooks: Arc<Mutex<Webhooks>>,
    pub(crate) outbox: Outbox<()>,
    clock: Clock,
    pause: Duration,
}

impl Sender {
    pub(crate) fn new(webhooks: Webhooks, pace: WebhookPace, core: &Core) -> std::io::Result<Self> {
        Ok(Self {
            webhooks: Arc::new(Mutex::new(webhooks)),
            outbox: Outbox::with_places(pace.timeout, AT_ONCE, core)?,
            clock: core.clock.clone(),
            pause: pace.pause,
        })
    }

    pub(crate) fn webhooks(&self) -> MutexGuard<'_, Webhooks> {
        lock(&self.webhooks)
    }

    /// Sends an event to each webhook that is registered for it and whose owner `reads` the entry.
    /// Who has caused it gets it in any case.
    pub(crate) fn raise(
        &self,
        trigger: Trigger,
        by: Uuid,
        entry: i64,
        payload: &Value,
        reads: impl Fn(Uuid) -> bool,
    ) {
        let mut webhooks = self.webhooks();
        let wanted = |webhook: &&Webhook| {
            webhook.takes(trigger, entry) && (webhook.created_by == by || reads(webhook.created_by))
        };
        let ids: Vec<i64> = webhooks.registered.values().filter(wanted).map(|webhook| webhook.id).collect();
        let now = self.clock.now();
        for id in ids {
            let event = json!({
                "createOn": short_date(now),
                "createBy": by,
                "trigger": trigger.name(),
                "triggerId": trigger.id(),
            });
            let occurred = Occurred { trigger, entry, by, event, payload: payload.clone() };
            self.send(&mut webhooks, id, occurred);
        }
    }

    /// Sends a logged event once more, with an id of its own. `None` if it or its webhook is not
    /// there any more.
    pub(crate) fn retry(&self, event: i64) -> Option<Logged> {
        let mut webhooks = self.webhooks();
        let logged = webhooks.log.iter().find(|logged| logged.id == event)?.clone();
        let occurred = Occurred {
            trigger: logged.trigger,
            entry: logged.entry,
            by: logged.created_by,
            event: logged.event,
            payload: logged.payload,
        };
        self.send(&mut webhooks, logged.webhook, occurred)
    }

    fn send(&self, webhooks: &mut Webhooks, id: i64, occurred: Occurred) -> Option<Logged> {
        let allows_private = webhooks.allows_private;
        let webhook = webhooks.registered.get_mut(&id)?;
        if !allows_private && is_private(&webhook.address) {
            webhook.enabled = false;
            return None;
        }
        let webhook = webhook.clone();
        webhooks.last_event += 1;
        let number = webhooks.last_event;
        let Occurred { trigger, entry, by, mut event, payload } = occurred;
        if let Value::Object(members) = &mut event {
            members.insert("id".to_owned(), json!(number));
        }
        let is_lost = webhooks.loses_one();
        let logged = Logged {
            id: number,
            webhook: id,
            webhook_name: webhook.name.clone(),
            uri: webhook.uri.clone(),
            trigger,
            entry,
            created: self.clock.now(),
            created_by: by,
            event,
            payload,
            attempts: Vec::new(),
            delivered: false,
            given_up: is_lost,
        };
        if is_lost {
            webhooks.log.push(logged.clone());
            return Some(logged);
        }
        let fixed = json!({ "event": logged.event, "payload": logged.payload }).to_string();
        let endpoint = webhook.address.clone();
        let delivery = Delivery::about(0, trigger.name(), Some(number.to_string()));
        let attempts = Retries {
            sender: self.clone(),
            event: number,
            webhook,
            retry: 0,
            attempted: (self.clock.now(), String::new()),
            failed: None,
        };
        webhooks.log.push(logged.clone());
        self.outbox.send(endpoint, fixed.into_bytes(), |_| (delivery, attempts));
        Some(logged)
    }

    /// What an address answers to HEAD.
    pub(crate) fn head(&self, address: Url) -> impl Future<Output = Outcome> + Send + 'static {
        let outbox = self.outbox.clone();
        async move { outbox.head(address).await }
    }
}

/// What has happened, without a number.
struct Occurred {
    trigger: Trigger,
    entry: i64,
    by: Uuid,
    event: Value,
    payload: Value,
}

/// The attempts at one delivery.
struct Retries {
    sender: Sender,
    event: i64,
    /// As it was when the event was raised.
    webhook: Webhook,
    retry: u32,
    /// When the latest attempt began, and its body.
    attempted: (Timestamp, String),
    /// When the latest attempt failed, and how.
    failed: Option<(Timestamp, String)>,
}

impl Retries {
    /// The part `webhook` of the body. What is not known yet is left out.
    fn about_webhook(&self, now: Timestamp) -> Value {
        let mut about = Map::new();
        let mut add = |name: &str, value: Value| about.insert(name.to_owned(), value);
        add("id", json!(self.webhook.id));
        add("name", json!(self.webhook.name));
        add("url", json!(self.webhook.uri));
        add("triggers", json!(names_in(self.webhook.triggers)));
        if let Some(target) = &self.webhook.target {
            add("target", json!({ "id": target.parse::<i64>().ok(), "type": self.kind() }));
        }
        if let Some((at, how)) = &self.failed {
            add("lastFailureOn", json!(short_date(*at)));
            add("lastFailureContent", json!(how));
            let webhooks = self.sender.webhooks();
            if let Some(at) = webhooks.registered.get(&self.webhook.id).and_then(|known| known.last_success) {
                add("lastSuccessOn", json!(short_date(at)));
            }
            add("retryCount", json!(self.retry));
            add("retryOn", json!(short_date(now)));
        }
        Value::Object(about)
    }

    /// What the target of the webhook is.
    fn kind(&self) -> String {
        let webhooks = self.sender.webhooks();
        let logged = webhooks.log.iter().find(|logged| logged.id == self.event);
        let name = logged.map(|logged| logged.trigger.name()).unwrap_or_default();
        name.split('.').next().unwrap_or_default().to_owned()
    }
}

impl Attempts for Retries {
    fn body(&mut self, sent_off: &Bytes) -> Bytes {
        let now = self.sender.clock.now();
        let fixed = String::from_utf8_lossy(sent_off);
        let fixed = fixed.strip_suffix('}').unwrap_or(&fixed);
        let body = format!("{fixed},\"webhook\":{}}}", self.about_webhook(now));
        self.attempted = (now, body.clone());
        Bytes::from(body)
    }

    fn headers(&self, body: &[u8]) -> Vec<(String, String)> {
        let webhooks = self.sender.webhooks();
        let current = webhooks.registered.get(&self.webhook.id).unwrap_or(&self.webhook);
        signed_headers(&current.secret, body)
    }

    fn pause_after(&mut self, outcome: Outcome) -> Option<Duration> {
        let failure = failure(outcome);
        let (at, body) = self.attempted.clone();
        self.failed = failure.clone().map(|how| (at, how));
        let attempt = Attempt { at, body, status: outcome.status() };
        let mut webhooks = self.sender.webhooks();
        let goes_on = webhooks.record(self.event, attempt, failure);
        if !goes_on || self.retry >= RETRIES {
            webhooks.give_up(self.event);
            return None;
        }
        drop(webhooks);
        self.retry += 1;
        Some(self.sender.pause * 2_u32.pow(self.retry - 1))
    }
}

/// How an attempt failed, in the words of the server; `None` if it didn't.
fn failure(outcome: Outcome) -> Option<String> {
    match outcome {
        _ if outcome.is_accepted() => None,
        Outcome::Answered { status, .. } => {
            let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            let words = words.unwrap_or_default();
            Some(format!("Response status code does not indicate success: {status} ({words})."))
        }
        Outcome::TimedOut => Some("The operation was canceled.".to_owned()),
        Outcome::Failed => Some("Connection refused".to_owned()),
    }
}
