//! Freshdesk.
//!
//! Its webhooks are actions of automation rules: unsigned, without an id, with whatever an administrator typed. So a
//! delivery carries a secret, and is no more than a hint that a ticket may have changed ([`delivery`]). What the
//! ticket is now is asked for ([`ticket`]); who its agent and what its group is, once in a while ([`directory`]).
//!
//! The room's address goes into the ticket as a private note and as a custom field ([`write_back`]), which are two
//! calls. [`api`] has the calls, [`wire`] the parts of the answers that we read. [`check`] tries it all.

mod api;
mod check;
mod delivery;
mod directory;
mod ticket;
mod wire;
mod write_back;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use self::api::Api;
use self::directory::Directory;
use super::{Helpdesk, Hint, NoTicket, Observed, RawDelivery, RoomLink, Unverified, Verified, WrittenBack};
use crate::call::Failure;
use crate::clock::{Clock, Timestamp};
use crate::config::FreshdeskConfig;
use crate::finding::Finding;
use crate::http::Http;
use crate::ticket::{HelpdeskName, Ticket, TicketId};

/// One Freshdesk account, as our agent sees it.
pub(super) struct Freshdesk {
    name: HelpdeskName,
    api: Api,
    directory: Directory,
    webhook_secrets: Vec<SecretString>,
    room_url_field: Option<String>,
    groups: Vec<String>,
}

impl Freshdesk {
    pub(super) fn new(name: HelpdeskName, config: &FreshdeskConfig, http: Http) -> Self {
        // Everybody knows the empty secret.
        let is_secret = |secret: &&SecretString| !secret.expose_secret().is_empty();
        Self {
            name,
            api: Api::new(http, config),
            directory: Directory::default(),
            webhook_secrets: config.webhook_secrets.iter().filter(is_secret).cloned().collect(),
            room_url_field: config.room_url_field.clone(),
            groups: config.groups.clone(),
        }
    }
}

impl fmt::Debug for Freshdesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freshdesk").field("name", &self.name).field("api", &self.api).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Helpdesk for Freshdesk {
    fn name(&self) -> &HelpdeskName {
        &self.name
    }

    fn verify(&self, delivery: RawDelivery, _now: Timestamp) -> Result<Verified, Unverified> {
        delivery::verify(delivery, &self.webhook_secrets)
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTicket> {
        Ok(delivery::read(delivery, &self.name, self.api.known_own_id())?)
    }

    async fn observe(&self, id: &TicketId, _told: Option<&Ticket>) -> Result<Observed, Failure> {
        let wanted = ticket::Wanted { link_field: self.room_url_field.as_deref(), groups: &self.groups };
        ticket::observe(&self.api, &self.directory, id, wanted).await
    }

    fn writes_back(&self) -> bool {
        true
    }

    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
        write_back::write_back(&self.api, self.room_url_field.as_deref(), link).await
    }

    async fn check(&self, _clock: &dyn Clock) -> Vec<Finding> {
        self.findings().await
    }
}
