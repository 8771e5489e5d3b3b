//! Sends what automation rules say, and tries again by Freshdesk's rules: after any answer but 2xx, and after none, 5
//! minutes later, then 30, then 60, with the values of the first time; then it gives up.
//!
//! There is no signature, no id and no time. Every delivery goes its own way, so they arrive in any order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use url::Url;

use crate::outbox;

/// The webhook of the account's two rules, for new tickets and for updated ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address that is posted to. An advanced rule adds `?ticket_id=` and the number.
    pub endpoint: Url,
    /// The value of the custom header `X-Ticketroom-Secret`.
    #[serde(default)]
    pub header_secret: Option<String>,
    /// User and password, where the rule "requires authentication".
    #[serde(default)]
    pub basic: Option<(String, String)>,
    /// What is sent.
    #[serde(default)]
    pub content: Content,
}

impl Webhook {
    /// The headers of every delivery.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(
            self.header_secret.iter().map(|secret| ("x-ticketroom-secret".to_owned(), secret.clone())),
        );
        headers.extend(self.basic.iter().map(|(user, password)| {
            let pair = STANDARD.encode(format!("{user}:{password}"));
            ("authorization".to_owned(), format!("Basic {pair}"))
        }));
        headers
    }
}

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The ticked fields, in Freshdesk's wrapper.
    #[default]
    Simple,
    /// The recommended template, filled in without escaping.
    Advanced,
    /// The same in the wrapper of the simple form.
    AdvancedWrapped,
    /// An app's event.
    App,
}

/// How long the sender waits. The default is short, so that tests of retries take no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPace {
    /// For the whole answer; 10 s by default.
    pub timeout: Duration,
    /// In place of the 5, 30 and 60 minutes; 50, 100 and 150 ms by default.
    pub pauses: [Duration; 3],
}

impl Default for RetryPace {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), pauses: [50, 100, 150].map(Duration::from_millis) }
    }
}

/// A delivery and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// The ticket it is about.
    pub ticket: u64,
    /// What happened, as placeholders tell it.
    pub event: String,
    /// What each attempt that is over was answered, if anything was.
    pub attempts: Vec<Option<u16>>,
    /// It has failed, and is not tried again.
    pub given_up: bool,
    /// It was answered with 2xx.
    pub delivered: bool,
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
    pace: RetryPace,
    webhook: Arc<Mutex<Option<Webhook>>>,
}

impl Outbox {
    /// Deliveries end when `stopping` turns true, or its sender goes.
    pub(super) fn new(pace: RetryPace, stopping: watch::Receiver<bool>) -> std::io::Result<Self> {
        Ok(Self { sent: outbox::Outbox::new(pace.timeout, stopping)?, pace, webhook: Arc::default() })
    }

    fn webhook(&self) -> MutexGuard<'_, Option<Webhook>> {
        self.webhook.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        *self.webhook() = Some(webhook);
    }

    pub(super) fn content(&self) -> Option<Content> {
        self.webhook().as_ref().map(|webhook| webhook.content)
    }

    pub(super) fn deliveries(&self) -> Vec<DeliveryView> {
        self.sent.deliveries()
    }

    /// Waits until every delivery is over.
    pub(super) async fn settled(&self) {
        self.sent.settled().await;
    }

    /// Sends a body on its way.
    pub(super) fn send(&self, ticket: u64, event: String, body: Vec<u8>) {
        let Some(mut webhook) = self.webhook().clone() else { return };
        if matches!(webhook.content, Content::Advanced | Content::AdvancedWrapped) {
            webhook.endpoint.query_pairs_mut().append_pair("ticket_id", &ticket.to_string());
        }
        let attempts = Vec::new();
        let view = |_| DeliveryView { ticket, event, attempts, given_up: false, delivered: false };
        let outbox = self.clone();
        self.sent.dispatch(view, |number| async move {
            outbox.deliver(number, &webhook, Bytes::from(body)).await
        });
    }

    /// Tries until it is accepted (true) or not tried again (false).
    async fn deliver(&self, number: usize, webhook: &Webhook, body: Bytes) -> bool {
        let mut pauses = self.pace.pauses.into_iter();
        loop {
            let answered = self.sent.post(webhook.endpoint.clone(), webhook.headers(), body.clone()).await;
            let status = answered.ok().map(|answered| answered.status);
            self.sent.record(number, |delivery| delivery.attempts.push(status));
            if status.is_some_and(|status| (200..300).contains(&status)) {
                return true;
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return false,
            }
        }
    }
}
