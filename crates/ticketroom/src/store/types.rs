//! What goes into the store and comes out of it.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EffectEntry, PendingRequest};
use crate::clock::Timestamp;
use crate::ledger::Ledger;
use crate::reason::Reason;
use crate::room::{Room, RoomId};
use crate::room_event::RoomEvent;
use crate::source::{Consequence, RepeatKey, SourceName};
use crate::ticket::{HelpdeskName, Ticket, TicketId, TicketKey};

/// A delivery on its way into the store.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where it came from.
    pub source: SourceName,
    /// When.
    pub at: Timestamp,
    /// By what a repeat is known; none if it is never a repeat.
    pub repeat: Option<RepeatKey>,
    /// What happened, in the source's words.
    pub event: String,
    /// The headers as JSON, without those that hold secrets.
    pub headers: String,
    /// The query of the address.
    pub query: Option<String>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// What it means.
    pub meaning: Meaning,
}

/// What a delivery means to the store.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// It is about no ticket, and nothing is to be done.
    AboutSomethingElse,
    /// A ticket has to be looked at.
    Look {
        /// Which.
        ticket: TicketKey,
        /// The ticket itself, where the delivery is the only source.
        snapshot: Option<Box<Ticket>>,
    },
    /// It tells of what we did ourselves: kept, but nothing follows.
    Echo {
        /// With which ticket.
        ticket: TicketKey,
    },
    /// Something happened in a room, or to it: the ticket that has it has to be looked at. If no
    /// ticket has it, this is about something else.
    InRoom {
        /// Which room.
        room: RoomId,
        /// Whether we did it ourselves.
        consequence: Consequence,
    },
    /// Somebody did something in a folder: the event is kept until the ticket that has its room is
    /// told of it in a note.
    InFolder {
        /// What.
        event: RoomEvent,
        /// Whether we did it ourselves: then the event is not kept.
        consequence: Consequence,
    },
    /// It is signed, but nobody understands it: kept for the operator.
    NotUnderstood {
        /// What is wrong with it.
        why: String,
    },
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is new.
    New,
    /// It is new, and about a room that no ticket has: kept as being about something else, and
    /// nothing follows.
    Unowned,
    /// It had been here before.
    Repeat,
}

/// A claimed ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The ticket's number in the store.
    pub number: i64,
    /// Proof of the claim.
    pub fence: i64,
    /// Which ticket.
    pub key: TicketKey,
    /// How many deliveries had come when it was claimed.
    pub hints: i64,
    /// The last snapshot that a delivery carried.
    pub reported: Option<Ticket>,
    /// What is known of our effects.
    pub ledger: Ledger,
    /// How many runs in a row brought it no further.
    pub attempts: u32,
    /// How often a person has asked for this run.
    pub asked: u32,
    /// Why it waited or was blocked before.
    pub reason: Option<Reason>,
    /// What a person wants of its room, if no run has written that into the ledger yet.
    pub request: Option<PendingRequest>,
    /// Whether it has events of its room that its ticket was not told of.
    pub has_unreported: bool,
    /// Whether a backfill took it in, and nothing else has made it due since: others go first.
    pub backfill: bool,
}

impl Claim {
    /// Proof of the claim.
    #[must_use]
    pub fn held(&self) -> Held {
        Held { number: self.number, fence: self.fence }
    }
}

/// How many tickets a worker claims at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimLimit {
    /// Of all.
    pub all: usize,
    /// Of those of backfills, which are claimed only if no others are left.
    pub backfill: usize,
}

impl ClaimLimit {
    pub(super) fn all(self) -> i64 {
        i64::try_from(self.all).unwrap_or(i64::MAX)
    }

    pub(super) fn backfill(self) -> i64 {
        i64::try_from(self.backfill).unwrap_or(i64::MAX)
    }
}

/// So many of any.
impl From<usize> for ClaimLimit {
    fn from(all: usize) -> Self {
        Self { all, backfill: all }
    }
}

/// A claim that a worker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    /// The ticket's number in the store.
    pub number: i64,
    /// Proof of the claim.
    pub fence: i64,
}

/// A sign of life of one process that works on the store.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Which process.
    pub replica: Uuid,
    /// Whether it takes tickets and so calls DocSpace.
    pub works: bool,
    /// The tickets that it is at.
    pub held: Vec<Held>,
    /// For how long from now on its claims hold.
    pub lease: Duration,
    /// For how long nobody may claim anything once the store's server has been taken over by one
    /// that may lack commits. What was intended by those may go out for as long as a claim holds,
    /// and take effect later still.
    pub quiet: Duration,
}

/// What the store answers to a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// Those of its claims that still hold, and do so for another lease.
    pub held: Vec<Held>,
    /// The processes that call DocSpace, the one that asks included if it works: at least one.
    pub workers: u32,
    /// The time by the clock that all of them go by, where that is not the caller's own.
    pub now: Option<Timestamp>,
    /// For how long from now on nobody may claim anything.
    pub quiet: Duration,
}

/// An intent or an outcome.
#[derive(Debug, Clone)]
pub struct Save {
    /// The claim.
    pub held: Held,
    /// Which commit of this claim it is, from 1 on. One whose answer was lost is tried again under
    /// the same number, and is written once.
    pub nth: i64,
    /// The ledger from now on.
    pub ledger: Ledger,
    /// The ticket as it was seen, if it has changed.
    pub seen: Option<Ticket>,
    /// What is known from now on of effects that come in numbers. Of two entries with the same
    /// identity, the last one counts.
    pub effects: Vec<EffectEntry>,
    /// Up to where the ticket has been told of what happened in its room
    /// ([`UnreportedEvents::last`]): those events are deleted.
    ///
    /// [`UnreportedEvents::last`]: super::UnreportedEvents::last
    pub reported_through: Option<i64>,
    /// What happened.
    pub events: Vec<Event>,
    /// When the ticket changes by that.
    pub now: Timestamp,
    /// For how long from now on the claim holds, by the store's clock.
    pub lease: Duration,
    /// What is being written down, for fault points: `intend_create_room`.
    pub label: String,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// What is written down with it.
    pub save: Save,
    /// [`Claim::hints`].
    pub hints: i64,
    /// [`Claim::asked`].
    pub asked: u32,
    /// The request that is in the ledger now: [`PendingRequest::nth`].
    pub applied: Option<i64>,
    /// How the ticket stands.
    pub state: State,
    /// Why it waits or is blocked, or what is not as configured.
    pub reason: Option<Reason>,
    /// When it is due again without anything happening.
    pub due: Option<Timestamp>,
    /// How many runs in a row brought it no further.
    pub attempts: u32,
}

/// How a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It will be looked at, now or later.
    Waiting,
    /// A worker is at it.
    Working,
    /// The room is as it should be.
    Ready,
    /// A person has to do something.
    Blocked,
    /// It gets no room.
    Skipped,
    /// Its room is in the archive.
    Archived,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Working, Self::Ready, Self::Blocked, Self::Skipped, Self::Archived];

    /// The state's name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
            Self::Archived => "archived",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A ticket as the operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketRecord {
    /// Which ticket.
    pub key: TicketKey,
    /// How it stands.
    pub state: State,
    /// Why it waits or is blocked, or what is not as configured.
    pub reason: Option<Reason>,
    /// The ticket as last seen or told.
    pub ticket: Option<Ticket>,
    /// Its room.
    pub room: Option<Room>,
    /// The address that goes into the ticket.
    pub url: Option<String>,
    /// Whether the address is in the ticket.
    pub written_back: bool,
    /// How many runs in a row brought it no further.
    pub attempts: u32,
    /// By which template its room was made, or is being made.
    pub template: Option<String>,
    /// When it is due, if it is.
    pub due: Option<Timestamp>,
    /// When it became known.
    pub created: Timestamp,
    /// When something last changed.
    pub updated: Timestamp,
}

/// Which tickets are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketQuery {
    /// Of this helpdesk only.
    pub helpdesk: Option<HelpdeskName>,
    /// In this state only.
    pub state: Option<State>,
    /// With exactly this id.
    pub id: Option<TicketId>,
    /// With this in the id or the subject.
    pub text: Option<String>,
    /// Not more than so many.
    pub limit: u32,
    /// After leaving out so many.
    pub offset: u32,
}

/// Something that happened to a ticket, before it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What kind of thing: `room_created`.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct TimelineEntry {
    /// When.
    #[cfg_attr(test, schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// What kind of thing: `delivery`, `room_created`.
    pub kind: String,
    /// In words.
    pub text: String,
}

/// What operators watch, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Since when the oldest ticket is known that waits and has no link yet.
    pub oldest_waiting: Option<Timestamp>,
    /// DocSpace writes that are left of the day's.
    pub writes_left: u32,
}
