//! Deliveries with valid and invalid proofs of their sender, for each kind of helpdesk.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simulator::{Clock, jira, zendesk};

use crate::desks::{Desk, WebhookRequest};
use crate::systems::{OLD_WEBHOOK_SECRET, Systems, WEBHOOK_SECRET};

/// Deliveries with valid and invalid proofs.
#[derive(Debug, Clone)]
pub struct Proofs {
    /// The path that they go to.
    pub endpoint: String,
    /// Those that are accepted, each with a description.
    pub good: Vec<(&'static str, WebhookRequest)>,
    /// Those that are rejected.
    pub bad: Vec<(&'static str, WebhookRequest)>,
}

impl Desk {
    /// Deliveries with valid and invalid proofs.
    ///
    /// # Panics
    /// When the ticket isn't there.
    #[must_use]
    pub fn proofs(self, systems: &Systems, id: &str) -> Proofs {
        let parcel = self.created(systems, id, "proven");
        let now = Clock::default().now();
        let old = now.saturating_sub(Duration::from_secs(3600)).unwrap();
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        match self {
            Self::Zendesk => {
                let signed = |secret: &str, at| {
                    let headers = zendesk::signed_headers(secret, &parcel.body, "proof", at);
                    WebhookRequest { headers, ..parcel.clone() }
                };
                let signature = "x-zendesk-webhook-signature";
                let other_body = WebhookRequest { body: b"{}".to_vec(), ..parcel.clone() };
                Proofs {
                    endpoint: self.endpoint(),
                    good: vec![("new", parcel.clone()), ("old secret", signed(OLD_WEBHOOK_SECRET, now))],
                    bad: vec![
                        ("nothing", parcel.clone().without(signature)),
                        ("no timestamp", parcel.clone().without("x-zendesk-webhook-signature-timestamp")),
                        ("no base64", parcel.clone().with(signature, "?")),
                        ("another secret", signed("guessed", now)),
                        ("another body", other_body),
                        ("an hour old", signed(WEBHOOK_SECRET, old)),
                    ],
                }
            }
            Self::Freshdesk => {
                let secret = "x-ticketroom-secret";
                let bare = parcel.clone().without(secret).without("authorization");
                let authorized = |pair: &str| bare.clone().with("authorization", &basic(pair));
                Proofs {
                    endpoint: self.endpoint(),
                    good: vec![
                        ("header", bare.clone().with(secret, WEBHOOK_SECRET)),
                        ("old secret", bare.clone().with(secret, OLD_WEBHOOK_SECRET)),
                        ("password", authorized(&format!("ticketroom:{WEBHOOK_SECRET}"))),
                    ],
                    bad: vec![
                        ("nothing", bare.clone()),
                        ("another secret", bare.clone().with(secret, "guessed")),
                        ("an empty secret", bare.clone().with(secret, "")),
                        ("another password", authorized("ticketroom:guessed")),
                        ("no base64", bare.clone().with("authorization", "Basic ?")),
                    ],
                }
            }
            Self::Jira => {
                let signature = "x-hub-signature";
                let signed =
                    |secret: &str| parcel.clone().with(signature, &jira::hub_signature(secret, &parcel.body));
                let bare = parcel.clone().without(signature);
                let other_body = WebhookRequest { body: b"{}".to_vec(), ..parcel.clone() };
                Proofs {
                    endpoint: self.endpoint(),
                    good: vec![
                        ("signed", signed(WEBHOOK_SECRET)),
                        ("old secret", signed(OLD_WEBHOOK_SECRET)),
                        ("automation", bare.clone().with("x-ticketroom-secret", WEBHOOK_SECRET)),
                    ],
                    bad: vec![
                        ("nothing", bare.clone()),
                        ("another secret", signed("guessed")),
                        ("another body", other_body),
                        ("another method", parcel.clone().with(signature, "sha1=00")),
                        ("no hexadecimal", parcel.clone().with(signature, "sha256=zz")),
                        ("another automation", bare.with("x-ticketroom-secret", "guessed")),
                    ],
                }
            }
            Self::Generic => {
                let secret = "x-ticketroom-secret";
                let (signature, timestamp) = ("x-ticketroom-signature", "x-ticketroom-timestamp");
                let signed = |secret: &str, at: jiff::Timestamp| {
                    let at = at.as_second().to_string();
                    let message = [at.as_bytes(), b".", parcel.body.as_slice()].concat();
                    // The same construction as Jira's, over another message.
                    let value = jira::hub_signature(secret, &message);
                    parcel.clone().with(signature, &value).with(timestamp, &at)
                };
                Proofs {
                    endpoint: "/webhooks/signed".to_owned(),
                    good: vec![
                        ("signed", signed(WEBHOOK_SECRET, now)),
                        ("secret", parcel.clone().with(secret, WEBHOOK_SECRET)),
                    ],
                    bad: vec![
                        ("nothing", parcel.clone()),
                        ("another secret", signed("guessed", now)),
                        ("an hour old", signed(WEBHOOK_SECRET, old)),
                        ("another time", signed(WEBHOOK_SECRET, now).with(timestamp, "1")),
                        ("no hexadecimal", parcel.clone().with(signature, "sha256=zz")),
                        ("another plain secret", parcel.clone().with(secret, "guessed")),
                    ],
                }
            }
        }
    }
}
