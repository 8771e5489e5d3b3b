//! A ticket as operators see it, in the API and on the command line.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::store::{State, TicketRecord, TimelineEntry};

/// A ticket with its room.
#[derive(Debug, Clone, Serialize)]
pub struct TicketView {
    /// The helpdesk's name.
    pub helpdesk: String,
    /// The ticket's id there.
    pub id: String,
    /// What people call it, where that is not its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The subject, as the helpdesk has it.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// The room, if it exists.
    pub room: Option<RoomView>,
    /// Whether the room's link is in the ticket.
    pub written_back: bool,
    /// How many tries in a row brought it no further.
    pub attempts: u32,
    /// Why it waits or is blocked, or what is not as configured.
    pub reason: Option<String>,
    /// When it is looked at next, if that is certain.
    pub next: Option<Timestamp>,
    /// When it was first heard of.
    pub created: Timestamp,
    /// When something last changed.
    pub updated: Timestamp,
    /// Everything that happened to it, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<TimelineEntry>>,
}

/// A room.
#[derive(Debug, Clone, Serialize)]
pub struct RoomView {
    /// Its number in DocSpace.
    pub id: i64,
    /// Its title there.
    pub title: String,
    /// The address that goes into the ticket, once there is one.
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
            reason: record.reason.clone(),
            next: if record.state == State::Working { None } else { record.due },
            created: record.created,
            updated: record.updated,
            timeline,
        }
    }
}
