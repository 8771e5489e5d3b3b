//! What must survive: deliveries, tickets with their ledgers, the timeline, the day's writes.
//!
//! The store is a dozen transitions, each of them one transaction. A ticket that is *due* is claimed by one
//! worker at a time; every later transition of that worker carries the fence it got, and comes to nothing once
//! somebody else has claimed the ticket.

mod queries;
mod reader;
mod schema;
pub mod sqlite;
mod transitions;
mod values;
mod writer;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::docspace::limits::Taken;
use crate::reconcile::ledger::Ledger;
use crate::room::{Room, RoomId};
use crate::ticket::{HelpdeskName, Ticket, TicketId, TicketKey};

/// The store of one service.
#[async_trait::async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Keeps a delivery and marks its ticket as due. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it could not be committed: nothing may be acknowledged.
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError>;

    /// Claims tickets that are due for as long as `lease`: new ones before those that were tried in vain, and of
    /// each the longest due first. Those in `running` are left alone: the caller is still at them, though their
    /// lease has run out (the clock jumped, or the process was paused).
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError>;

    /// Writes down an intent or an outcome, and renews the lease.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when somebody else has claimed the ticket; [`StoreError::RoomTaken`] when the
    /// ledger names a room that another ticket has. Nothing is written then.
    async fn save(&self, save: Save) -> Result<(), StoreError>;

    /// Ends a run. If deliveries came in meanwhile, the ticket is due again at once.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError>;

    /// Marks a ticket as due because a person asks for it. `false` if there is no such ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn retry(&self, key: &TicketKey, now: Timestamp) -> Result<bool, StoreError>;

    /// Marks every blocked ticket as due; returns how many there were. Nobody asks for new rooms by that.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn retry_blocked(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// One ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError>;

    /// Tickets, the most recently changed first.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError>;

    /// Everything that happened to a ticket, oldest first.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn timeline(&self, key: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError>;

    /// When the next ticket is due.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Which of these rooms belong to a ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError>;

    /// How many tickets there are in each state.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError>;

    /// Takes up to `wanted` DocSpace writes from what is left of a day's `per_day`.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError>;

    /// DocSpace says that there are no writes until then.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError>;

    /// Commits something small: proof that deliveries could be committed now.
    ///
    /// # Errors
    /// When they could not.
    async fn probe(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// Why a transition came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be written or read: disk full, file gone, damaged.
    #[error("the store can't be used: {0}")]
    Unavailable(String),
    /// More transitions are waiting than can be worked off soon.
    #[error("the store is overloaded")]
    Overloaded,
    /// Somebody else has claimed the ticket.
    #[error("the ticket was claimed by somebody else")]
    Lost,
    /// The room belongs to another ticket.
    #[error("room {room} belongs to ticket {owner}")]
    RoomTaken {
        /// The room.
        room: RoomId,
        /// Whose it is.
        owner: TicketKey,
    },
    /// What is stored can't be understood: a newer version wrote it, or it is damaged.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(String),
}

/// A delivery on its way into the store.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Which helpdesk's door it came through.
    pub helpdesk: HelpdeskName,
    /// When.
    pub at: Timestamp,
    /// By what a repeat is known.
    pub delivery_id: Option<String>,
    /// What happened, in the helpdesk's words.
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
        ticket: TicketId,
        /// The ticket itself, where the delivery is the only source.
        snapshot: Option<Box<Ticket>>,
    },
    /// It tells of what we did ourselves: kept, but nothing follows.
    Echo {
        /// Of which ticket.
        ticket: TicketId,
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
    pub told: Option<Ticket>,
    /// What is known of our effects.
    pub ledger: Ledger,
    /// How many runs in a row brought it no further.
    pub attempts: u32,
    /// How often a person has asked for this run.
    pub asked: u32,
    /// Why it waited or was blocked before.
    pub reason: Option<String>,
}

/// An intent or an outcome.
#[derive(Debug, Clone)]
pub struct Save {
    /// The ticket's number.
    pub number: i64,
    /// Proof of the claim.
    pub fence: i64,
    /// The ledger from now on.
    pub ledger: Ledger,
    /// The ticket as it was seen, if that is news.
    pub seen: Option<Ticket>,
    /// What happened.
    pub events: Vec<Event>,
    /// The time.
    pub now: Timestamp,
    /// Until when the claim holds.
    pub lease_until: Timestamp,
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
    /// How the ticket stands.
    pub state: State,
    /// Why it waits or is blocked, or what is not as configured.
    pub reason: Option<String>,
    /// When it is due again without anything happening.
    pub due: Option<Timestamp>,
    /// How many runs in a row brought it no further.
    pub attempts: u32,
}

/// How a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    pub reason: Option<String>,
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
    /// When it is due, if it is.
    pub due: Option<Timestamp>,
    /// When it was first heard of.
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
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What kind of thing: `delivery`, `room_created`.
    pub kind: String,
    /// In words.
    pub text: String,
}
