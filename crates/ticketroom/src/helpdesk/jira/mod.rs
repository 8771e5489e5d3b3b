//! Jira Service Management, Cloud and Data Center.
//!
//! Two senders tell of an issue: an administrator's webhook, which signs what it sends, and an
//! automation rule's "Send web request", which can't, and sends a secret along ([`delivery`]).
//! Neither is believed about the issue: what it is now is asked for ([`ticket`]). Issues are known
//! by their ids, since their keys change when they are moved; people know only the keys, so both
//! are kept.
//!
//! The room's address goes into the issue as an internal comment and as a remote link
//! ([`write_back`]), and there may be further internal comments ([`notes`]). [`api`] has the calls,
//! [`wire`] the parts of the answers that we read, [`adf`] the documents of Cloud and the wiki text
//! of Data Center. [`check`] tries it all.

mod adf;
mod api;
pub(crate) mod check;
mod delivery;
mod notes;
pub(crate) mod reasons;
mod setup;
mod ticket;
mod wire;
mod write_back;

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use self::api::{Api, LIMITS};
use super::pace::Paces;
use super::{Helpdesk, InternalNote, NoteAdded, Observed, RoomLink, WebhookSetup, WrittenBack};
use crate::call::Failure;
use crate::clock::{Clock, Timestamp};
use crate::config::JiraConfig;
use crate::finding::Finding;
use crate::http::Http;
use crate::source::verified::real_secrets;
use crate::source::{Hint, NoTarget, RawDelivery, Source, SourceName, Unverified, Verified};
use crate::ticket::{HelpdeskName, Ticket, TicketId, TicketKey};

/// One Jira site, as our user sees it.
pub(super) struct Jira {
    name: HelpdeskName,
    api: Api,
    webhook_secrets: Vec<SecretString>,
    signature_window: Option<Duration>,
    projects: Vec<String>,
}

impl Jira {
    pub(super) fn new(name: HelpdeskName, config: &JiraConfig, http: Http, paces: &Paces) -> Self {
        let pace = paces.of(&name, &config.url, &LIMITS);
        Self {
            name,
            api: Api::new(http, config, pace),
            webhook_secrets: real_secrets(&config.webhook_secrets),
            signature_window: config.signature_window,
            projects: config.projects.clone(),
        }
    }
}

impl fmt::Debug for Jira {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jira").field("name", &self.name).field("api", &self.api).finish_non_exhaustive()
    }
}

impl Source for Jira {
    fn name(&self) -> SourceName {
        self.name.clone().into()
    }

    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified> {
        delivery::require_proof(headers, &self.webhook_secrets)
    }

    fn verify(&self, delivery: RawDelivery, now: Timestamp) -> Result<Verified, Unverified> {
        delivery::verify(delivery, &self.webhook_secrets, self.signature_window, now)
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget> {
        delivery::read(delivery, &self.name, self.api.known_own_id())
    }
}

#[async_trait::async_trait]
impl Helpdesk for Jira {
    fn helpdesk_name(&self) -> &HelpdeskName {
        &self.name
    }

    async fn observe(&self, id: &TicketId, reported: Option<&Ticket>) -> Result<Observed, Failure> {
        let key = TicketKey { helpdesk: self.name.clone(), id: id.clone() };
        ticket::observe(&self.api, &key, &self.projects, reported).await.map(Observed::capped)
    }

    fn writes_back(&self) -> bool {
        true
    }

    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
        write_back::write_back(&self.api, link).await
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
