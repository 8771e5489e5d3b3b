//! Sends what automation rules say, and tries again by Freshdesk's rules: after any answer but 2xx, and after none, 5
//! minutes later, then 30, then 60, with the values of the first time; then it gives up.
//!
//! There is no signature, no id and no time. Every delivery goes its own way, so they arrive in any order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::watch;
use url::Url;

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

/// Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    client: reqwest::Client,
    runtime: Handle,
    pace: RetryPace,
    book: Arc<Mutex<Book>>,
    under_way: watch::Sender<usize>,
    stopping: watch::Receiver<bool>,
}

#[derive(Debug, Default)]
struct Book {
    webhook: Option<Webhook>,
    deliveries: Vec<DeliveryView>,
}

impl Outbox {
    /// Deliveries end when `stopping` turns true, or its sender goes.
    pub(super) fn new(pace: RetryPace, stopping: watch::Receiver<bool>) -> std::io::Result<Self> {
        // One TLS provider for the process; that there is one already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(pace.timeout)
            .build()
            .map_err(std::io::Error::other)?;
        let (runtime, under_way) = (Handle::current(), watch::Sender::new(0));
        Ok(Self { client, runtime, pace, book: Arc::default(), under_way, stopping })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        self.book().webhook = Some(webhook);
    }

    pub(super) fn content(&self) -> Option<Content> {
        self.book().webhook.as_ref().map(|webhook| webhook.content)
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
    pub(super) fn send(&self, ticket: u64, event: String, body: Vec<u8>) {
        let mut book = self.book();
        let Some(mut webhook) = book.webhook.clone() else { return };
        if matches!(webhook.content, Content::Advanced | Content::AdvancedWrapped) {
            webhook.endpoint.query_pairs_mut().append_pair("ticket_id", &ticket.to_string());
        }
        let number = book.deliveries.len();
        let attempts = Vec::new();
        book.deliveries.push(DeliveryView { ticket, event, attempts, given_up: false, delivered: false });
        drop(book);

        let (outbox, mut stopping, under_way) = (self.clone(), self.stopping.clone(), UnderWay::new(self));
        self.runtime.spawn(async move {
            let delivered = tokio::select! {
                delivered = outbox.deliver(number, &webhook, Bytes::from(body)) => delivered,
                _ = stopping.wait_for(|stop| *stop) => false,
            };
            outbox.record(number, |delivery| {
                delivery.delivered = delivered;
                delivery.given_up = !delivered;
            });
            drop(under_way);
        });
    }

    /// Tries until it is accepted (true) or not tried again (false).
    async fn deliver(&self, number: usize, webhook: &Webhook, body: Bytes) -> bool {
        let mut pauses = self.pace.pauses.into_iter();
        loop {
            let request = self.client.post(webhook.endpoint.clone()).body(body.clone());
            let headers = webhook.headers().into_iter();
            let request = headers.fold(request, |request, (name, value)| request.header(name, value));
            let status = match request.send().await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    answer.bytes().await.ok().map(|_| status)
                }
                Err(_) => None,
            };
            self.record(number, |delivery| delivery.attempts.push(status));
            if status.is_some_and(|status| (200..300).contains(&status)) {
                return true;
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return false,
            }
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
