//! Helpdesks: what they send us, what a ticket is there now, and how the room's link gets into it.
//!
//! A delivery passes [`Helpdesk::verify`] as raw bytes, and only then [`Helpdesk::read`] may look inside
//! (the type [`Verified`] says so). What it says is a [`Hint`]: this ticket may have changed. The truth is
//! asked for with [`Helpdesk::observe`], and the link is written with [`Helpdesk::write_back`], which is
//! repeatable: however often it is called, the ticket has one link and one note.
//!
//! A further helpdesk is one file beside these and one line in [`build`].

mod body;
mod caps;
mod fields;
mod freshdesk;
mod generic;
mod html;
mod jira;
mod pace;
mod rest;
mod salvage;
mod verified;
mod zendesk;

use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderMap;

use crate::call::{Cause, Failure};
use crate::clock::{Clock, Timestamp};
use crate::config::{HelpdeskConfig, HelpdeskKind};
use crate::finding::Finding;
use crate::http::Http;
use crate::room::RoomId;
use crate::ticket::{HelpdeskName, Ticket, TicketId, TicketKey};

pub use pace::Paces;
pub use verified::{RawDelivery, Unverified, Verified};

/// One configured helpdesk.
#[async_trait::async_trait]
pub trait Helpdesk: Send + Sync + fmt::Debug {
    /// Its name in the configuration.
    fn name(&self) -> &HelpdeskName;

    /// Checks what the headers of a delivery tell of where it comes from, before its body is read: that there is a proof,
    /// and that it is right where it needs no body. [`verify`](Self::verify) checks everything.
    ///
    /// # Errors
    /// When no body could make up for it; the answer is 401.
    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified>;

    /// Checks that a delivery comes from the helpdesk, in constant time and over its raw bytes.
    ///
    /// # Errors
    /// When it doesn't prove where it comes from, or is too old; the answer is 401.
    fn verify(&self, delivery: RawDelivery, now: Timestamp) -> Result<Verified, Unverified>;

    /// Understands a delivery.
    ///
    /// # Errors
    /// When it is about no ticket, or no ticket can be made out.
    fn read(&self, delivery: &Verified) -> Result<Hint, NoTicket>;

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

/// A delivery from which no ticket follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTicket {
    /// It is one of the helpdesk's own, about something else than a ticket: nothing is to be done, and that is no
    /// mistake.
    AboutSomethingElse {
        /// What happened, as in [`Hint::event`].
        event: String,
        /// As in [`Hint::delivery_id`].
        delivery_id: Option<String>,
    },
    /// It can't be understood; the answer is 400.
    NotUnderstood(NotUnderstood),
    /// It is compressed or written in a way that is not supported; the answer is 415.
    Unsupported(NotUnderstood),
    /// It is larger than may be when it is decompressed; the answer is 413.
    TooLarge(NotUnderstood),
}

#[cfg(test)]
impl NoTicket {
    /// What the sender is told; for what is about something else, what it is.
    fn words(self) -> NotUnderstood {
        match self {
            Self::NotUnderstood(why) | Self::Unsupported(why) | Self::TooLarge(why) => why,
            Self::AboutSomethingElse { event, .. } => NotUnderstood(format!("about something else: {event}")),
        }
    }
}

impl From<NotUnderstood> for NoTicket {
    fn from(why: NotUnderstood) -> Self {
        Self::NotUnderstood(why)
    }
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
        /// What is in the place where the link belongs.
        link: LinkInTicket,
    },
    /// There is nothing that could get a room.
    Absent(Absence),
}

/// What is in the place where a ticket has its link. A write-back fills that place last, so where the link is,
/// the note is, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkInTicket {
    /// There is no such place, or none that can be read.
    Unreadable,
    /// Nothing.
    Missing,
    /// This address.
    Is(String),
}

impl LinkInTicket {
    /// What a place that can be read holds.
    pub(crate) fn read(link: Option<&str>) -> Self {
        match link.map(str::trim) {
            None | Some("") => Self::Missing,
            Some(link) => Self::Is(link.to_owned()),
        }
    }
}

/// Why a ticket is not there for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// The helpdesk does not show it: it is not there (yet, or any more), or our user may not see it.
    NotShown,
    /// It was deleted: the helpdesk told us so, and does not show it any more.
    Deleted,
    /// It is there, but the configuration does not want such tickets; why, for the operator.
    NotWanted(String),
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
    /// May be there, or come yet: an answer was lost a short while ago. Look, and write nothing if it is not there
    /// ([`Cause::Unsettled`]).
    Settling,
    /// May be there (an answer was lost, or the room was found rather than made): look, and write it if it is not.
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

/// Why a note is not written that may be there already: the comments that may hold it have no end. More than any of the
/// helpdesks allows were read.
fn too_many_comments() -> Cause {
    Cause::Unintelligible(
        "the ticket has more comments than we read, and none of those is our note; so none is written"
            .to_owned(),
    )
}

/// Makes the helpdesks of a configuration. The one list of kinds.
#[must_use]
pub fn build(
    configs: &[HelpdeskConfig],
    http: &Http,
    clock: &Arc<dyn Clock>,
    paces: &Paces,
) -> Vec<Arc<dyn Helpdesk>> {
    configs
        .iter()
        .map(|HelpdeskConfig { name, kind, .. }| -> Arc<dyn Helpdesk> {
            let (name, http, clock) = (name.clone(), http.to(name.as_str()), Arc::clone(clock));
            match kind {
                HelpdeskKind::Zendesk(config) => {
                    Arc::new(zendesk::Zendesk::new(name, config, http, clock, paces))
                }
                HelpdeskKind::Freshdesk(config) => {
                    Arc::new(freshdesk::Freshdesk::new(name, config, http, paces))
                }
                HelpdeskKind::Jira(config) => Arc::new(jira::Jira::new(name, config, http, paces)),
                HelpdeskKind::Generic(config) => Arc::new(generic::Generic::new(name, config, http, clock)),
            }
        })
        .collect()
}

/// What a person can do about a call to a helpdesk that failed for good.
#[must_use]
pub(crate) fn help(failure: &Failure) -> Option<&'static str> {
    [zendesk::advice::help, freshdesk::advice::help, jira::advice::help, generic::advice::help]
        .into_iter()
        .find_map(|help| help(failure))
}
