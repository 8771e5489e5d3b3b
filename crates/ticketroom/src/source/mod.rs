//! Sources of deliveries: the systems that tell us by webhook that something has changed.
//!
//! A delivery passes [`Source::verify`] as raw bytes, and only then [`Source::read`] may look
//! inside (the type [`Verified`] says so). What it says is a [`Hint`]: this ticket may have
//! changed, or the ticket that has this room, or somebody did something in this folder. What the
//! ticket is now is asked for elsewhere, and intake needs to know no more of a source than this.
//!
//! Every helpdesk is a source ([`Helpdesk`](crate::helpdesk::Helpdesk)), and DocSpace can be one.
//! What sources share is beside this: proofs ([`verified`]), bodies as senders write them
//! ([`body`]), what is looked for in them ([`salvage`]), and by what a repeat is known
//! ([`RepeatKey`]).

pub(crate) mod body;
mod name;
pub(crate) mod reasons;
mod repeat;
pub(crate) mod salvage;
pub(crate) mod verified;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderMap;

use crate::clock::Timestamp;
use crate::room::RoomId;
use crate::room_event::RoomEvent;
use crate::ticket::{Ticket, TicketKey};

pub use name::SourceName;
pub use repeat::RepeatKey;
pub(crate) use repeat::digest;
pub use verified::{RawDelivery, Unverified, Verified};

/// The sources of a configuration, by their names.
pub type Sources = HashMap<SourceName, Arc<dyn Source>>;

/// A system that sends deliveries.
pub trait Source: Send + Sync + fmt::Debug {
    /// The name under which its deliveries come in and are kept.
    fn name(&self) -> SourceName;

    /// Checks what the headers of a delivery tell of where it comes from, before its body is read:
    /// that there is a proof, and that it is right where it needs no body. [`verify`](Self::verify)
    /// checks everything.
    ///
    /// # Errors
    /// When no body could make up for it; the answer is 401.
    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified>;

    /// Checks that a delivery comes from this source, in constant time and over its raw bytes.
    ///
    /// # Errors
    /// When it doesn't prove where it comes from, or is too old; the answer is 401.
    fn verify(&self, delivery: RawDelivery, now: Timestamp) -> Result<Verified, Unverified>;

    /// Understands a delivery.
    ///
    /// # Errors
    /// When it points at nothing, or what it points at can't be made out.
    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget>;

    /// Whether the source looks for its endpoint with a HEAD request, without proof, when its
    /// webhook is registered.
    fn is_found_by_head(&self) -> bool {
        false
    }

    /// What of a delivery is the same each time it is sent: with its id, that is how a repeat is
    /// known. It is the whole body, unless the source makes a new one for each attempt.
    fn stable_part<'a>(&self, delivery: &'a Verified) -> Cow<'a, [u8]> {
        Cow::Borrowed(delivery.body())
    }
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What it points at.
    pub target: Target,
    /// What happened, in the source's words: `ticket.created`. For the timeline; short and
    /// printable.
    pub event: String,
    /// The id by which a repeat of this delivery is known, together with its [stable
    /// part](Source::stable_part).
    pub delivery_id: Option<String>,
    /// The ticket that it points at, where the delivery is the only source there is.
    pub snapshot: Option<Ticket>,
    /// What follows.
    pub consequence: Consequence,
}

/// What a delivery points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This ticket may have changed.
    Ticket(TicketKey),
    /// Something happened in this room, or to it. That concerns the ticket that has the room, if
    /// there is one.
    Room(RoomId),
    /// Somebody did something in this folder. That concerns the ticket that has its room, if there
    /// is one.
    Folder(RoomEvent),
}

/// What follows from a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// The ticket has to be looked at.
    Look,
    /// Nothing: it tells of what we did ourselves.
    Echo,
}

/// A delivery from which nothing follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTarget {
    /// It is one of the source's own, about something that concerns no ticket: nothing is to be
    /// done, and that is no mistake.
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
impl Hint {
    /// The id of the ticket that it points at.
    pub(crate) fn ticket_id(&self) -> &str {
        match &self.target {
            Target::Ticket(key) => key.id.as_str(),
            Target::Room(room) => panic!("it points at room {room}"),
            Target::Folder(event) => panic!("it points at folder {}", event.folder),
        }
    }
}

#[cfg(test)]
impl NoTarget {
    /// What the sender is told; for what is about something else, what it is.
    pub(crate) fn words(self) -> NotUnderstood {
        match self {
            Self::NotUnderstood(why) | Self::Unsupported(why) | Self::TooLarge(why) => why,
            Self::AboutSomethingElse { event, .. } => NotUnderstood(format!("about something else: {event}")),
        }
    }
}

impl From<NotUnderstood> for NoTarget {
    fn from(why: NotUnderstood) -> Self {
        Self::NotUnderstood(why)
    }
}

/// A delivery that is not in the source's format: what is wrong, in words for the person who set
/// the source up. Never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub String);
