//! Sends the webhooks of automation rules, and retries by Freshdesk's rules: after any answer but
//! 2xx, and after none, 5 minutes later, then 30, then 60, with the body of the first attempt; then
//! it gives up.
//!
//! There is no signature, no id and no time. Deliveries arrive in any order.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::outbox::{Attempts, Delivery, Outbox, Outcome};
use crate::service::Core;

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

/// The webhook of the account's rules, and what it sends.
#[derive(Debug)]
pub(super) struct Webhooks {
    pub(super) outbox: Outbox<Webhook>,
    pace: RetryPace,
}

impl Webhooks {
    pub(super) fn new(core: &Core, pace: RetryPace) -> std::io::Result<Self> {
        Ok(Self { outbox: Outbox::new(pace.timeout, core)?, pace })
    }

    pub(super) fn content(&self) -> Option<Content> {
        self.outbox.webhook().map(|webhook| webhook.content)
    }

    /// Sends a body on its way.
    pub(super) fn send(&self, ticket: u64, event: String, body: Vec<u8>) {
        let Some(webhook) = self.outbox.webhook() else { return };
        let mut endpoint = webhook.endpoint.clone();
        if matches!(webhook.content, Content::Advanced | Content::AdvancedWrapped) {
            endpoint.query_pairs_mut().append_pair("ticket_id", &ticket.to_string());
        }
        let retries = Retries { headers: webhook.headers(), pauses: self.pace.pauses.into_iter() };
        self.outbox.send(endpoint, body, |_| (Delivery::about(ticket, event, None), retries));
    }
}

/// A request that a rule made by the API makes.
#[derive(Debug)]
pub(super) struct Triggered {
    pub(super) webhook: Webhook,
    pub(super) extra_headers: Vec<(String, String)>,
    pub(super) event: String,
    pub(super) body: Vec<u8>,
}

impl Webhooks {
    /// Sends what a rule made by the API has triggered.
    pub(super) fn send_of_rule(&self, ticket: u64, triggered: Triggered) {
        let Triggered { webhook, extra_headers, event, body } = triggered;
        let mut headers = webhook.headers();
        headers.extend(extra_headers);
        let retries = Retries { headers, pauses: self.pace.pauses.into_iter() };
        self.outbox.send(webhook.endpoint, body, |_| (Delivery::about(ticket, event, None), retries));
    }
}

/// The headers of all attempts at one delivery, and the waits that are left.
struct Retries {
    headers: Vec<(String, String)>,
    pauses: std::array::IntoIter<Duration, 3>,
}

impl Attempts for Retries {
    fn headers(&self, _: &[u8]) -> Vec<(String, String)> {
        self.headers.clone()
    }

    fn pause_after(&mut self, _: Outcome) -> Option<Duration> {
        self.pauses.next()
    }
}
