//! Tickets to be created, changes to be made to them, and tickets as they are, for tests and the
//! control endpoint.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A ticket to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTicket {
    /// Its id; the next free one by default, or if it is taken.
    pub id: Option<u64>,
    /// The subject line.
    pub subject: String,
    /// The first comment, as text.
    pub description: String,
    /// The requester; [`RITA`](super::RITA) by default.
    pub requester: Option<u64>,
    /// The assignee.
    pub assignee: Option<u64>,
    /// The group it is assigned to.
    pub group: Option<u64>,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: Option<String>,
    /// `new`, `open`, `pending`, `hold`, `solved` or `closed`; without, `open` if somebody is
    /// assigned, else `new`.
    pub status: Option<String>,
    /// Tags, in any order.
    pub tags: Vec<String>,
    /// The brand it came in for; [`MAIN_BRAND`](super::MAIN_BRAND) by default.
    pub brand: Option<u64>,
    /// The ticket that it continues, from which it takes tags and custom fields. Unless that one is
    /// closed and not deleted, it continues none.
    pub follow_up_of: Option<u64>,
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
    /// Sets the status: `new`, `open`, `pending`, `hold`, `solved` or `closed`.
    Status(String),
    /// Assigns it to an agent, or to nobody.
    Assignee(Option<u64>),
    /// Assigns it to a group, or to none.
    Group(Option<u64>),
    /// Makes somebody else the requester.
    Requester(u64),
    /// Sets the priority, or none.
    Priority(Option<String>),
    /// Changes the subject line.
    Subject(String),
    /// Replaces all tags.
    Tags(Vec<String>),
    /// Sets a custom field.
    Field(u64, Value),
    /// Replies; a reply of the requester's opens a ticket that waits or is solved.
    PublicComment(String),
    /// Writes an internal note.
    PrivateComment(String),
    /// Moves it to another brand.
    Brand(u64),
    /// Deletes it, as far as agents can: it can be restored.
    Delete,
    /// Marks it as spam, which deletes it, too.
    Spam,
    /// Restores it after it was deleted or marked as spam.
    Restore,
    /// Deletes it for good after it was deleted. It is never restored.
    DeletePermanently,
    /// Merges it into that ticket: it gets closed, tagged `closed_by_merge`, and both get an
    /// internal note. Nothing happens if one of them is closed or deleted.
    Merge(u64),
}

/// A ticket as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketView {
    /// Its number.
    pub id: u64,
    /// The subject line.
    pub subject: String,
    /// The first comment, as text.
    pub description: String,
    /// The status in lower case; `deleted` for a deleted ticket.
    pub status: String,
    /// The priority in lower case.
    pub priority: Option<String>,
    /// The requester.
    pub requester: u64,
    /// The assignee.
    pub assignee: Option<u64>,
    /// The group it is assigned to.
    pub group: Option<u64>,
    /// The brand it belongs to.
    pub brand: u64,
    /// The ticket that it continues.
    pub follow_up_of: Option<u64>,
    /// Tickets that continue it, the oldest first.
    pub follow_ups: Vec<u64>,
    /// Everything written in it, oldest first; the description is the first.
    pub comments: Vec<CommentView>,
    /// Every custom field, `null` where it is not set.
    pub custom_fields: BTreeMap<u64, Value>,
    /// Tags in alphabetical order.
    pub tags: Vec<String>,
    /// How often it was changed, its creation included.
    pub audits: usize,
    /// When it was made, to the second.
    pub created_at: Timestamp,
    /// When it last changed, to the second.
    pub updated_at: Timestamp,
}

/// A comment as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentView {
    /// Its number.
    pub id: u64,
    /// Who wrote it.
    pub author: u64,
    /// Whether the requester sees it; an internal note otherwise.
    pub public: bool,
    /// As text.
    pub body: String,
    /// As HTML.
    pub html_body: String,
}
