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
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::watch;
use url::Url;

use super::event::SUGGESTED_SUBSCRIPTION;
use super::signature::signed_headers;
use crate::clock::Clock;

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
    /// The ticket it is about.
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

/// Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    client: reqwest::Client,
    runtime: Handle,
    clock: Clock,
    pace: RetryPace,
    book: Arc<Mutex<Book>>,
    under_way: watch::Sender<usize>,
    stopping: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Book {
    webhook: Option<Webhook>,
    subscription: Vec<String>,
    deliveries: Vec<DeliveryView>,
}

impl Outbox {
    /// Deliveries end when `stopping` turns true, or its sender goes.
    pub(super) fn new(
        clock: Clock,
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
        let subscription = SUGGESTED_SUBSCRIPTION.map(str::to_owned).to_vec();
        let book = Book { webhook: None, subscription, deliveries: Vec::new() };
        Ok(Self {
            client,
            runtime: Handle::current(),
            clock,
            pace,
            book: Arc::new(Mutex::new(book)),
            under_way: watch::Sender::new(0),
            stopping,
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        self.book().webhook = Some(webhook);
    }

    pub(super) fn subscribe(&self, events: &[&str]) {
        self.book().subscription = events.iter().map(|event| (*event).to_owned()).collect();
    }

    pub(super) fn mode(&self) -> Option<Mode> {
        self.book().webhook.as_ref().map(|webhook| webhook.mode)
    }

    pub(super) fn is_subscribed(&self, event: &str) -> bool {
        self.book().subscription.iter().any(|subscribed| subscribed == event)
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
    pub(super) fn send(&self, parcel: Parcel) {
        let mut book = self.book();
        let Some(webhook) = book.webhook.clone() else { return };
        let number = book.deliveries.len();
        let invocation = (BEFORE_FIRST_INVOCATION + 1).saturating_add(u64::try_from(number).unwrap_or(0));
        let delivery = DeliveryView {
            invocation: invocation.to_string(),
            ticket: parcel.ticket,
            event: parcel.event,
            attempts: Vec::new(),
            given_up: false,
            delivered: false,
        };
        let invocation = delivery.invocation.clone();
        book.deliveries.push(delivery);
        drop(book);

        let (outbox, mut stopping, under_way) = (self.clone(), self.stopping.clone(), UnderWay::new(self));
        self.runtime.spawn(async move {
            let body = Bytes::from(parcel.body);
            let delivered = tokio::select! {
                delivered = outbox.deliver(number, &webhook, &invocation, body) => delivered,
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
    async fn deliver(&self, number: usize, webhook: &Webhook, invocation: &str, body: Bytes) -> bool {
        let mut left = RetriesLeft { timeouts: 5, conflicts: 3, busy: 5 };
        loop {
            let outcome = self.attempt(webhook, invocation, body.clone()).await;
            self.record(number, |delivery| delivery.attempts.push(AttemptView { status: outcome.status() }));
            if let Outcome::Answered { status: 200..=299, .. } = outcome {
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
        let request = self.client.post(webhook.endpoint.clone()).body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answered = async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get("retry-after");
            let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            // The timeout is for the whole answer.
            answer.bytes().await?;
            Ok::<_, reqwest::Error>(Outcome::Answered { status, retry_after })
        };
        match answered.await {
            Ok(outcome) => outcome,
            Err(error) if error.is_timeout() => Outcome::TimedOut,
            Err(_) => Outcome::Failed,
        }
    }

    fn record(&self, number: usize, write: impl FnOnce(&mut DeliveryView)) {
        if let Some(delivery) = self.book().deliveries.get_mut(number) {
            write(delivery);
        }
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

/// What became of an attempt.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Answered {
        status: u16,
        /// In seconds.
        retry_after: Option<u32>,
    },
    TimedOut,
    Failed,
}

impl Outcome {
    fn status(self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(status),
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
            Outcome::Answered { status: 409, .. } => (&mut self.conflicts, pace.pause),
            Outcome::Answered { status: 429 | 503, retry_after: Some(seconds) } if seconds < 60 => {
                (&mut self.busy, pace.retry_after_second * seconds)
            }
            Outcome::Answered { .. } | Outcome::Failed => return None,
        };
        *left = left.checked_sub(1)?;
        Some(pause)
    }
}
