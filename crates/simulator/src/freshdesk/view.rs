//! Tickets to be created, changes to be made to them, and tickets as they are, for tests and the
//! control endpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A ticket to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTicket {
    /// Its id; the next free one by default, or if it is taken.
    pub id: Option<u64>,
    /// The subject line.
    pub subject: String,
    /// The first message, as text.
    pub description: String,
    /// The requester; [`RITA`](super::RITA) by default.
    pub requester: Option<u64>,
    /// The responder.
    pub responder: Option<u64>,
    /// The group.
    pub group: Option<u64>,
    /// 1 low, 2 medium, 3 high, 4 urgent.
    pub priority: u64,
    /// Tags, in any order.
    pub tags: Vec<String>,
}

impl Default for NewTicket {
    fn default() -> Self {
        Self {
            id: None,
            subject: String::new(),
            description: String::new(),
            requester: None,
            responder: None,
            group: None,
            priority: 2,
            tags: Vec::new(),
        }
    }
}

impl NewTicket {
    /// A ticket of Rita's with that subject.
    pub fn about(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }
}

/// What a person does to a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// 2 open, 3 pending, 4 resolved, 5 closed, more: the account's own.
    Status(u64),
    /// 1 low, 2 medium, 3 high, 4 urgent.
    Priority(u64),
    /// Assigns it to an agent, or to nobody.
    Responder(Option<u64>),
    /// Assigns it to a group, or to none.
    Group(Option<u64>),
    /// Makes somebody else the requester.
    Requester(u64),
    /// Changes the subject line.
    Subject(String),
    /// Replaces all tags.
    Tags(Vec<String>),
    /// Sets the field for the room's address, or empties it.
    RoomField(Option<String>),
    /// Replies; everybody sees it. A customer's reply opens a ticket that is resolved or closed.
    Reply(String),
    /// Writes a private note, as HTML.
    PrivateNote(String),
    /// Puts it into the trash.
    Delete,
    /// Takes it out of the trash.
    Restore,
    /// Deletes it for good, as 30 days in the trash do. It has to be in the trash or marked as
    /// spam.
    Purge,
    /// Merges it into that ticket, the primary one: it is closed with a private note that names the
    /// primary one, and its conversations go there.
    Merge(u64),
    /// Marks it as spam, or not.
    Spam(bool),
    /// Moves it to the archive, as time does with closed tickets.
    Archive,
}

/// A ticket as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketView {
    /// Its number.
    pub id: u64,
    /// The subject line.
    pub subject: String,
    /// The code of its status.
    pub status: u64,
    /// The code of its priority.
    pub priority: u64,
    /// The responder.
    pub responder: Option<u64>,
    /// The group.
    pub group: Option<u64>,
    /// Tags in alphabetical order.
    pub tags: Vec<String>,
    /// Every custom field that exists.
    pub custom_fields: BTreeMap<String, Value>,
    /// It is in the trash.
    pub deleted: bool,
    /// It is marked as spam.
    pub spam: bool,
    /// It is in the archive.
    pub archived: bool,
    /// It was deleted for good.
    pub purged: bool,
    /// All notes and replies, oldest first.
    pub conversations: Vec<ConversationView>,
}

/// A note or a reply as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationView {
    /// Its number.
    pub id: u64,
    /// As HTML.
    pub body: String,
    /// As text.
    pub body_text: String,
    /// Only agents see it.
    pub private: bool,
    /// Who wrote it.
    pub user_id: u64,
}
