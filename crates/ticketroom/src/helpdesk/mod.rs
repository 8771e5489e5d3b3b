//! Helpdesks: what they send us, what a ticket is there now, and how the room's link gets into it.
//!
//! A delivery passes [`Helpdesk::verify`] as raw bytes, and only then [`Helpdesk::read`] may look inside
//! (the type [`Verified`] says so). What it says is a [`Hint`]: this ticket may have changed. The truth is
//! asked for with [`Helpdesk::observe`], and the link is written with [`Helpdesk::write_back`], which is
//! repeatable: however often it is called, the ticket has one link and one note.
//!
//! A further helpdesk is one file beside these and one line in [`build`].

mod generic;
mod salvage;
mod verified;
mod zendesk;

use std::fmt;
use std::sync::Arc;

use crate::call::Failure;
use crate::clock::{Clock, Timestamp};
use crate::config::{HelpdeskConfig, HelpdeskKind};
use crate::finding::Finding;
use crate::http::Http;
use crate::room::RoomId;
use crate::ticket::{HelpdeskName, Ticket, TicketId, TicketKey};

pub use verified::{RawDelivery, Unverified, Verified};

/// One configured helpdesk.
#[async_trait::async_trait]
pub trait Helpdesk: Send + Sync + fmt::Debug {
    /// Its name in the configuration.
    fn name(&self) -> &HelpdeskName;

    /// Checks that a delivery comes from the helpdesk, in constant time and over its raw bytes.
    ///
    /// # Errors
    /// When it doesn't prove where it comes from, or is too old; the answer is 401.
    fn verify(&self, delivery: RawDelivery, now: Timestamp) -> Result<Verified, Unverified>;

    /// Understands a delivery.
    ///
    /// # Errors
    /// When it is not in this helpdesk's format and no ticket can be made out; the answer is 400.
    fn read(&self, delivery: &Verified) -> Result<Hint, NotUnderstood>;

    /// The ticket as it is now. `told` is the last snapshot a delivery carried; for a helpdesk that can't
    /// be asked, that is the ticket.
    ///
    /// # Errors
    /// When the helpdesk can't say. A ticket that is not there is no error.
    async fn observe(&self, id: &TicketId, told: Option<&Ticket>) -> Result<Observed, Failure>;

    /// Whether there is a place for the link at all.
    fn writes_back(&self) -> bool;

    /// Puts the room's link into the ticket. Repeatable.
    ///
    /// # Errors
    /// When the link may not be there; [`Failure::effect`] tells whether it may.
    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure>;

    /// Tries everything that the service will need of the helpdesk, without changing anything.
    async fn check(&self, clock: &dyn Clock) -> Vec<Finding>;
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Which ticket may have changed.
    pub ticket: TicketId,
    /// What happened, in the helpdesk's words: `ticket.created`. For the timeline; short and printable.
    pub event: String,
    /// By what a repeat of this delivery is known, unique within the helpdesk.
    pub delivery_id: Option<String>,
    /// The ticket, where the delivery is the only source there is.
    pub snapshot: Option<Ticket>,
    /// What follows.
    pub consequence: Consequence,
}

/// What follows from a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// The ticket has to be looked at.
    Look,
    /// Nothing: it tells of what we did ourselves.
    Echo,
}

/// A delivery that is not in the helpdesk's format: what is wrong, in words for the person who set the
/// helpdesk up. Never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub String);

/// What a helpdesk says about a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// It is there.
    Present {
        /// As it is now.
        ticket: Box<Ticket>,
        /// The link in it, where the helpdesk has a field for it and it is filled.
        link: Option<String>,
    },
    /// It is not there (any more), or we can't see it.
    Absent,
}

/// The link that goes into a ticket.
#[derive(Debug, Clone, Copy)]
pub struct RoomLink<'a> {
    /// Which ticket.
    pub key: &'a TicketKey,
    /// The room.
    pub room: RoomId,
    /// The room's title.
    pub title: &'a str,
    /// Where it leads.
    pub url: &'a str,
    /// [`Ticket::version`] of the ticket that we decided on.
    pub version: Option<&'a str>,
    /// What is known of our note.
    pub note: Note,
}

/// What is known of our note in a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Surely not there: write it.
    Missing,
    /// May be there (an answer was lost, or the room was found rather than made): look first.
    Uncertain,
    /// There: only the field is to be put right.
    Written,
}

/// What became of a write-back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBack {
    /// Where the link is now, for the timeline: `field and internal note`.
    pub place: String,
    /// What did not go as configured, though the link is there: the custom field does not exist ...
    pub warning: Option<String>,
}

/// Makes the helpdesks of a configuration. The one list of kinds.
#[must_use]
pub fn build(configs: &[HelpdeskConfig], http: &Http, clock: &Arc<dyn Clock>) -> Vec<Arc<dyn Helpdesk>> {
    configs
        .iter()
        .map(|HelpdeskConfig { name, kind }| -> Arc<dyn Helpdesk> {
            let (name, http, clock) = (name.clone(), http.clone(), Arc::clone(clock));
            match kind {
                HelpdeskKind::Zendesk(config) => Arc::new(zendesk::Zendesk::new(name, config, http, clock)),
                HelpdeskKind::Generic(config) => Arc::new(generic::Generic::new(name, config, http, clock)),
            }
        })
        .collect()
}
