//! Freshdesk.
//!
//! Freshdesk's webhooks are actions of automation rules: no signature, no number of the delivery,
//! no time, and a body that an administrator ticked together or typed ([`delivery`]). They are
//! proved by a secret that the rule sends along, and believed for nothing but that a ticket may
//! have changed. What the ticket is now is asked for ([`ticket`]; into which ticket it was merged:
//! [`merge`]); it names its agent and its group by numbers only, so these are looked up and
//! remembered for a while ([`directory`]). The link goes into the ticket as a private note and then
//! into a custom field ([`write_back`]), and there may be further notes ([`notes`]). Below these,
//! [`api`] makes one HTTP call, no faster than [`pace`](super::pace) allows; [`wire`] has the parts
//! of the answers that we read. [`check`] tries it all.

mod api;
pub(crate) mod check;
mod delivery;
mod directory;
mod merge;
mod notes;
pub(crate) mod reasons;
mod setup;
mod ticket;
mod wire;
mod write_back;

use std::fmt;

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use self::api::{Api, LIMITS};
use self::directory::Directory;
use super::pace::Paces;
use super::{Helpdesk, InternalNote, NoteAdded, Observed, RoomLink, WebhookSetup, WrittenBack};
use crate::call::Failure;
use crate::clock::{Clock, Timestamp};
use crate::config::FreshdeskConfig;
use crate::finding::Finding;
use crate::http::Http;
use crate::source::verified::real_secrets;
use crate::source::{Hint, NoTarget, RawDelivery, Source, SourceName, Unverified, Verified};
use crate::ticket::{HelpdeskName, Ticket, TicketId};

/// One Freshdesk account, as the agent of the API key sees it.
pub(super) struct Freshdesk {
    name: HelpdeskName,
    api: Api,
    directory: Directory,
    webhook_secrets: Vec<SecretString>,
    room_url_field: Option<String>,
    /// The groups whose tickets are wanted; empty: all tickets are.
    groups: Vec<String>,
    /// Whether rules or titles ask for the requester's company.
    with_company: bool,
}

impl Freshdesk {
    pub(super) fn new(name: HelpdeskName, config: &FreshdeskConfig, http: Http, paces: &Paces) -> Self {
        let pace = paces.of(&name, &config.url, &LIMITS);
        Self {
            name,
            api: Api::new(http, &config.url, &config.api_key, pace),
            directory: Directory::default(),
            webhook_secrets: real_secrets(&config.webhook_secrets),
            room_url_field: config.room_url_field.clone(),
            groups: config.groups.clone(),
            with_company: config.companies,
        }
    }
}

impl fmt::Debug for Freshdesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freshdesk").field("name", &self.name).field("api", &self.api).finish_non_exhaustive()
    }
}

impl Source for Freshdesk {
    fn name(&self) -> SourceName {
        self.name.clone().into()
    }

    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified> {
        delivery::require_proof(headers, &self.webhook_secrets)
    }

    fn verify(&self, delivery: RawDelivery, _now: Timestamp) -> Result<Verified, Unverified> {
        delivery::verify(delivery, &self.webhook_secrets)
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget> {
        delivery::read(delivery, &self.name, self.api.known_own_id())
    }
}

#[async_trait::async_trait]
impl Helpdesk for Freshdesk {
    fn helpdesk_name(&self) -> &HelpdeskName {
        &self.name
    }

    async fn observe(&self, id: &TicketId, _told: Option<&Ticket>) -> Result<Observed, Failure> {
        let field = self.room_url_field.as_deref();
        ticket::observe(&self.api, &self.directory, id, field, &self.groups, self.with_company)
            .await
            .map(Observed::capped)
    }

    fn writes_back(&self) -> bool {
        true
    }

    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
        write_back::write_back(&self.api, self.room_url_field.as_deref(), link).await
    }

    fn takes_notes(&self) -> bool {
        true
    }

    async fn add_note(&self, note: &InternalNote<'_>) -> Result<NoteAdded, Failure> {
        notes::add(&self.api, note).await
    }

    fn webhook_setup(&self) -> &dyn WebhookSetup {
        self
    }

    async fn check(&self, _clock: &dyn Clock) -> Vec<Finding> {
        self.findings().await
    }
}

#[cfg(test)]
mod http_tests;
