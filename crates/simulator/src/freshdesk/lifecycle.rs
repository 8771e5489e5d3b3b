//! What people do to a ticket, from its first change to its deletion, and merging.

use std::mem;

use jiff::Timestamp;
use serde_json::Value;

use super::account::{
    Account, CLOSED, Conversation, Happened, OPEN, Ticket, UPDATED, is_done, replaced, replaced_id,
};
use super::html::sanitised;
use super::people::INTEGRATION;
use super::view::Change;
use crate::html::escaped;

impl Account {
    /// Changes a ticket, and tells what rules report; that is empty for a change that no rule is
    /// about. `None` if the change isn't possible, or the ticket is like that already.
    pub(super) fn change(
        &mut self,
        by: u64,
        id: u64,
        change: Change,
        now: Timestamp,
    ) -> Option<Vec<Happened>> {
        if let Change::Merge(primary) = change {
            return self.merge(by, primary, id, now);
        }
        let long_id = self.long_id();
        let room_field = self.room_field.clone();
        let is_customer = !self.people.agents.contains_key(&by);
        let ticket = self.tickets.get_mut(&id).filter(|ticket| !ticket.purged)?;
        let conversation = |body, is_note| Conversation {
            id: long_id,
            body,
            private: is_note,
            user: by,
            at: now,
            is_note,
            incoming: is_customer,
        };
        let triggered = match change {
            Change::Status(status) => ticket.set_status(status, now)?,
            Change::Priority(priority) => replaced("priority", &mut ticket.priority, priority)?,
            Change::Responder(responder) => replaced_id("responder_id", &mut ticket.responder, responder)?,
            Change::Group(group) => replaced_id("group_id", &mut ticket.group, group)?,
            Change::Requester(requester) => {
                set(&mut ticket.requester, requester)?;
                UPDATED.to_owned()
            }
            Change::Subject(subject) => {
                set(&mut ticket.subject, subject)?;
                UPDATED.to_owned()
            }
            Change::Tags(tags) => {
                set(&mut ticket.tags, tags.into_iter().collect())?;
                UPDATED.to_owned()
            }
            Change::RoomField(link) => {
                ticket.fields.insert(room_field?, link.map_or(Value::Null, Value::String));
                UPDATED.to_owned()
            }
            Change::Reply(text) => {
                ticket.conversations.push(conversation(format!("<div>{}</div>", escaped(&text)), false));
                // Only one change is reported, and it is the reply.
                if is_customer && is_done(ticket.status) {
                    ticket.set_status(OPEN, now);
                }
                "{reply_sent:sent}".to_owned()
            }
            Change::PrivateNote(html) => {
                ticket.conversations.push(conversation(sanitised(&html), true));
                "{note_type:private}".to_owned()
            }
            Change::Delete => {
                set(&mut ticket.deleted, true)?;
                "{ticket_action:deleted}".to_owned()
            }
            Change::Spam(true) => {
                set(&mut ticket.spam, true)?;
                "{ticket_action:marked_spam}".to_owned()
            }
            // No rule has an event for what comes back.
            Change::Restore => {
                set(&mut ticket.deleted, false)?;
                String::new()
            }
            Change::Spam(false) => {
                set(&mut ticket.spam, false)?;
                String::new()
            }
            Change::Purge if ticket.deleted || ticket.spam => {
                ticket.purged = true;
                return Some(Vec::new());
            }
            Change::Archive => {
                set(&mut ticket.archived, true)?;
                return Some(Vec::new());
            }
            Change::Purge | Change::Merge(_) => return None,
        };
        ticket.updated = now;
        ticket.remember(by, &triggered);
        Some(vec![Happened { ticket: id, triggered, by }])
    }

    /// Merges the secondary ticket into the primary one: it is closed, its conversations go to the
    /// other, and a note of the agent who merged says so. No field does.
    pub(super) fn merge(
        &mut self,
        by: u64,
        primary: u64,
        secondary: u64,
        now: Timestamp,
    ) -> Option<Vec<Happened>> {
        if primary == secondary || !self.is_usable(primary) || !self.is_usable(secondary) {
            return None;
        }
        let mut note = |body| Conversation {
            id: self.long_id(),
            body,
            private: true,
            user: by,
            at: now,
            is_note: true,
            incoming: false,
        };
        let into = note(format!("<div>This ticket is closed and merged into ticket {primary}</div>"));
        let mut from = note(String::new());
        let merged = self.tickets.get_mut(&secondary)?;
        from.body = format!(
            "<div>Merged from ticket {secondary}<br><br>Subject: {}<br>Description: {}</div>",
            escaped(&merged.subject),
            merged.description
        );
        let moved = mem::replace(&mut merged.conversations, vec![into]);
        let closed = merged.set_status(CLOSED, now).unwrap_or_else(|| "{note_type:private}".to_owned());
        merged.updated = now;
        merged.remember(by, &closed);
        let kept = self.tickets.get_mut(&primary)?;
        kept.conversations.extend(moved);
        kept.conversations.sort_by_key(|conversation| (conversation.at, conversation.id));
        kept.conversations.push(from);
        kept.updated = now;
        let noted = "{note_type:private}".to_owned();
        kept.remember(by, &noted);
        Some(vec![
            Happened { ticket: secondary, triggered: closed, by },
            Happened { ticket: primary, triggered: noted, by },
        ])
    }

    /// Whether a ticket is neither gone nor in the trash, the spam or the archive.
    fn is_usable(&self, id: u64) -> bool {
        let gone = |ticket: &Ticket| ticket.purged || ticket.deleted || ticket.spam || ticket.archived;
        self.tickets.get(&id).is_some_and(|ticket| !gone(ticket))
    }
}

impl Ticket {
    fn remember(&mut self, by: u64, triggered: &str) {
        if by != INTEGRATION {
            let told = if triggered.is_empty() { UPDATED } else { triggered };
            told.clone_into(&mut self.latest);
        }
    }
}

/// `None` if it is so already.
fn set<T: PartialEq>(slot: &mut T, wanted: T) -> Option<()> {
    (*slot != wanted).then(|| *slot = wanted)
}
