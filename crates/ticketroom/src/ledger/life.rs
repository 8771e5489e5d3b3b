//! What is known of a room's life after its creation: its title, whether it is archived and by
//! whose doing, and what the ticket was told about it.
//!
//! What people do by hand in DocSpace is left as they made it, so an entry says what we did
//! ourselves. A move into the archive or out of it is answered at once and done later, if at all:
//! it is *moving* until a look at the room confirms it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, Late};
use crate::clock::Timestamp;
use crate::reason::Reason;

/// The title that we gave a room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TitleEntry {
    /// What was asked for last, in DocSpace's form. A server may store another title than that.
    pub asked: Option<String>,
    /// Whether the call that asked for it is under way or was cut off.
    pub state: Entry,
    /// Titles that calls without an answer asked for, which may take effect later.
    pub late: Vec<Late<String>>,
    /// The titles with which a room was asked for. A second room has one of them.
    pub created_as: Vec<String>,
    /// Whether a person gave the room another title, which stays.
    pub by_hand: bool,
    /// What a later version has besides.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Where a room is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// Among the active rooms: people can work in it.
    #[default]
    Active,
    /// In the archive: nothing can be changed in it.
    Archived,
}

/// Who moved a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mover {
    /// We did, or a person did what we would have done.
    #[default]
    Us,
    /// A person in DocSpace.
    Person,
}

/// Where a room is, and by whose doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocationEntry {
    /// Where it was when it was last looked at.
    pub now: Location,
    /// Who moved it there.
    pub by: Mover,
    /// A move that was asked for and that no look has confirmed.
    pub moving: Option<Moving>,
    /// Whether a person took the room out of the archive while its ticket was over: it stays active
    /// until the ticket is over once more.
    pub kept_active: bool,
    /// What a later version has besides.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A move that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moving {
    /// Where to.
    pub to: Location,
    /// When it was asked for last.
    pub since: Timestamp,
    /// How often it was asked for.
    pub attempt: u32,
    /// What DocSpace called the operation, until it has reported the end of it.
    #[serde(default)]
    pub operation: Option<String>,
    /// What DocSpace reported, if the move failed.
    #[serde(default)]
    pub failed: Option<Reason>,
}

/// What of a ticket's life decides where its room belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifeEntry {
    /// When the ticket was first seen to be solved, closed, deleted or merged, since it was last
    /// open.
    pub over_since: Option<Timestamp>,
    /// Whether it was deleted then.
    pub deleted: bool,
    /// Whether it came back from that, and is over in another way: its room comes back for the
    /// template's grace.
    pub undeleted: bool,
    /// What a person asked for, as long as the ticket has not changed after that.
    pub request: Option<AppliedRequest>,
    /// Which of the ticket's requests was applied last, also if it has expired since.
    pub last_request: Option<i64>,
    /// The project or brand for which the rules were asked last.
    pub place: Option<String>,
    /// What a later version has besides.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// What a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRequest {
    /// Where the room is to be.
    pub wants: Location,
    /// Which of the ticket's requests that was.
    pub nth: i64,
    /// When it was applied.
    pub at: Timestamp,
    /// What the ticket was like then, as a digest of what people change in a ticket.
    pub ticket: String,
}

/// A further note of a ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoteEntry {
    /// Whether it is written.
    pub state: Entry,
    /// What it tells, where only the ledger knows.
    pub what: Option<NoteWhat>,
}

/// What people did in DocSpace that their ticket is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteWhat {
    /// They archived the room.
    Archived,
    /// They deleted the room.
    Deleted,
}

/// The note that tells of the latest events in the room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportEntry {
    /// The last event that it tells of.
    pub through: Option<i64>,
    /// Whether it is written.
    pub state: Entry,
    /// When the last one was written: there is one for each quiet period, however late an event is
    /// placed.
    pub told_at: Option<Timestamp>,
}

impl From<NoteWhat> for NoteEntry {
    /// A note that is to be written.
    fn from(what: NoteWhat) -> Self {
        Self { state: Entry::NotBegun, what: Some(what) }
    }
}

impl LocationEntry {
    /// A move is asked for at `now`.
    pub fn begin_move(&mut self, to: Location, now: Timestamp) {
        let attempt = match &self.moving {
            Some(moving) if moving.to == to => moving.attempt.saturating_add(1),
            _ => 1,
        };
        self.moving = Some(Moving { to, since: now, attempt, operation: None, failed: None });
    }

    /// The call that was to begin the last move surely began none. One before it may have.
    pub fn take_back_move(&mut self) {
        self.moving.take_if(|moving| moving.attempt <= 1);
    }

    /// The room is there now.
    pub fn arrive(&mut self, at: Location, by: Mover) {
        *self =
            Self { now: at, by, moving: None, kept_active: false, others: std::mem::take(&mut self.others) };
    }
}
