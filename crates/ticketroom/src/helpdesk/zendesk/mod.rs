//! Zendesk Support.
//!
//! A webhook of Zendesk is in one of two modes, and both are understood: an *event* webhook sends
//! fixed JSON of Zendesk's about every ticket, a *trigger* webhook sends what an administrator
//! typed. Both are signed the same way ([`delivery`]). Neither is believed about the ticket: what
//! the ticket is now is asked for ([`ticket`]; into which ticket it was merged: [`merge`]), and the
//! link goes into it as a custom field and an internal note in one update ([`write_back`]); further
//! internal notes are updates of their own ([`notes`]). What changed since a time is listed by
//! [`listing`]. Below these, [`api`] makes one HTTP call,
//! with credentials from [`auth`] and no faster than [`pace`](super::pace) allows; [`wire`] has the
//! parts of the answers that we read. [`check`] tries it all.

mod api;
mod auth;
pub(crate) mod check;
mod delivery;
mod listing;
mod merge;
mod notes;
pub(crate) mod reasons;
mod setup;
mod ticket;
mod wire;
mod write_back;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use self::api::{Api, LIMITS};
use super::pace::Paces;
use super::{Helpdesk, InternalNote, Listing, NoteAdded, Observed, RoomLink, WebhookSetup, WrittenBack};
use crate::call::Failure;
use crate::clock::{Clock, Timestamp};
use crate::config::ZendeskConfig;
use crate::finding::Finding;
use crate::http::Http;
use crate::source::verified::real_secrets;
use crate::source::{Hint, NoTarget, RawDelivery, Source, SourceName, Unverified, Verified};
use crate::ticket::{HelpdeskName, Ticket, TicketId};

/// One Zendesk account, as the integration's user sees it.
pub(super) struct Zendesk {
    name: HelpdeskName,
    api: Api,
    webhook_secrets: Vec<SecretString>,
    signature_window: Duration,
    room_url_field: Option<u64>,
    uses_api_token: bool,
}

impl Zendesk {
    pub(super) fn new(
        name: HelpdeskName,
        config: &ZendeskConfig,
        http: Http,
        clock: Arc<dyn Clock>,
        paces: &Paces,
    ) -> Self {
        let pace = paces.of(&name, &config.url, &LIMITS);
        Self {
            name,
            api: Api::new(http, config.url.clone(), &config.auth, clock, pace),
            webhook_secrets: real_secrets(&config.webhook_secrets),
            signature_window: config.signature_window,
            room_url_field: config.room_url_field,
            uses_api_token: matches!(config.auth, crate::config::ZendeskAuth::ApiToken { .. }),
        }
    }
}

impl fmt::Debug for Zendesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zendesk").field("name", &self.name).field("api", &self.api).finish_non_exhaustive()
    }
}

impl Source for Zendesk {
    fn name(&self) -> SourceName {
        self.name.clone().into()
    }

    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified> {
        delivery::require_proof(headers)
    }

    fn verify(&self, delivery: RawDelivery, now: Timestamp) -> Result<Verified, Unverified> {
        delivery::verify(delivery, &self.webhook_secrets, self.signature_window, now)
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget> {
        delivery::read(delivery, &self.name, self.api.known_own_id())
    }
}

#[async_trait::async_trait]
impl Helpdesk for Zendesk {
    fn helpdesk_name(&self) -> &HelpdeskName {
        &self.name
    }

    async fn observe(&self, id: &TicketId, reported: Option<&Ticket>) -> Result<Observed, Failure> {
        ticket::observe(&self.api, id, self.room_url_field, reported).await.map(Observed::capped)
    }

    fn writes_back(&self) -> bool {
        true
    }

    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
        write_back::write_back(&self.api, self.room_url_field, link).await
    }

    fn takes_notes(&self) -> bool {
        true
    }

    async fn add_note(&self, note: &InternalNote<'_>) -> Result<NoteAdded, Failure> {
        notes::add(&self.api, note).await
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }

    fn webhook_setup(&self) -> &dyn WebhookSetup {
        self
    }

    async fn check(&self, clock: &dyn Clock) -> Vec<Finding> {
        self.findings(clock).await
    }
}

#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod listing_tests;
