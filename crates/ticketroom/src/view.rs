//! A ticket as operators see it, in the API and on the command line.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::reason::Reason;
use crate::store::{State, TicketRecord, TimelineEntry};

/// A ticket with its room.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Ticket))]
pub struct TicketView {
    /// The helpdesk's name.
    pub helpdesk: String,
    /// The ticket's id there.
    pub id: String,
    /// What people call it, where that is not its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    pub key: Option<String>,
    /// The subject, as the helpdesk has it: untrusted text, to be escaped where it is shown.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// The room, if it exists.
    #[cfg_attr(test, schema(required = true))]
    pub room: Option<RoomView>,
    /// Whether the room's link is in the ticket.
    pub written_back: bool,
    /// How many tries in a row brought it no further.
    pub attempts: u32,
    /// Why it waits or is blocked, or what is not as configured, and what to do about it.
    #[cfg_attr(test, schema(required = true))]
    pub reason: Option<String>,
    /// The stable code of the reason; docs/errors.md has all of them.
    #[cfg_attr(test, schema(required = true))]
    pub code: Option<String>,
    /// When it is looked at next, if that is certain.
    #[cfg_attr(test, schema(required = true, value_type = Option<String>, format = DateTime))]
    pub next: Option<Timestamp>,
    /// When it became known.
    #[cfg_attr(test, schema(value_type = String, format = DateTime))]
    pub created: Timestamp,
    /// When something last changed.
    #[cfg_attr(test, schema(value_type = String, format = DateTime))]
    pub updated: Timestamp,
    /// Everything that happened to it, oldest first; only where one ticket is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    pub timeline: Option<Vec<TimelineEntry>>,
}

/// A room.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Room))]
pub struct RoomView {
    /// Its number in DocSpace.
    pub id: i64,
    /// Its title there.
    pub title: String,
    /// The address that goes into the ticket, once there is one.
    #[cfg_attr(test, schema(required = true))]
    pub url: Option<String>,
}

impl TicketView {
    /// The view of a record, with its timeline where that is wanted.
    #[must_use]
    pub fn new(record: &TicketRecord, timeline: Option<Vec<TimelineEntry>>) -> Self {
        Self {
            helpdesk: record.key.helpdesk.to_string(),
            id: record.key.id.to_string(),
            key: record.ticket.as_ref().and_then(|ticket| ticket.key.clone()),
            subject: record.ticket.as_ref().map(|ticket| ticket.subject.clone()).unwrap_or_default(),
            state: record.state,
            room: record.room.as_ref().map(|room| RoomView {
                id: room.id.0,
                title: room.title.clone(),
                url: record.url.clone(),
            }),
            written_back: record.written_back,
            attempts: record.attempts,
            reason: record.reason.as_ref().map(Reason::to_string),
            code: record.reason.as_ref().map(|reason| reason.code.to_string()),
            next: if record.state == State::Working { None } else { record.due },
            created: record.created,
            updated: record.updated,
            timeline,
        }
    }
}
