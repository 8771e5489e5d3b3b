//! What was written to tickets by the product: the note with the link, and further notes.
//!
//! Each note of the product ends with a marker: `[ticketroom:zendesk:40117]` for the one with the
//! link, `[ticketroom:zendesk:40117:merged-40118]` for a further one with that id. A generic
//! helpdesk has callbacks in place of notes: a further one has the member `note`, with `id` and
//! `text`.

use std::collections::BTreeSet;

use crate::desks::Desk;
use crate::systems::Systems;

/// A note of the product in a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Only agents see it.
    pub internal: bool,
    /// Its text, in the markup of the helpdesk.
    pub text: String,
    /// It is the one with the link.
    pub is_link: bool,
    /// The ids of further notes that it has, usually none or one.
    pub ids: Vec<String>,
}

impl Desk {
    /// All notes of the product in a ticket, the oldest first. Those about other tickets, which a
    /// merge may have brought, don't count.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn notes_with(self, systems: &Systems, id: &str) -> Vec<Note> {
        if self == Self::Generic {
            return callbacks(systems, id);
        }
        self.notes_about(systems, id, id)
    }

    /// All notes of the product about a ticket that a merge has brought into another one, the
    /// oldest first: in Freshdesk, what was written to a ticket goes with it.
    ///
    /// # Panics
    /// When the other ticket doesn't exist.
    #[must_use]
    pub fn notes_brought(self, systems: &Systems, id: &str, into: &str) -> Vec<Note> {
        if self == Self::Freshdesk { self.notes_about(systems, id, into) } else { Vec::new() }
    }

    /// The notes about the ticket `id` among the comments of the ticket `within`.
    fn notes_about(self, systems: &Systems, id: &str, within: &str) -> Vec<Note> {
        let marked = self.comments(systems, within).into_iter().filter_map(|(internal, text)| {
            let markers = markers(id, &text);
            let is_link = markers.iter().any(String::is_empty);
            let ids: Vec<String> = markers.into_iter().filter(|id| !id.is_empty()).collect();
            (is_link || !ids.is_empty()).then_some(Note { internal, text, is_link, ids })
        });
        marked.collect()
    }

    /// How many notes with the link the ticket has that only agents see, and how many notes of the
    /// product, with the link or further ones, that customers see.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn notes(self, systems: &Systems, id: &str) -> (usize, usize) {
        let (internal, public): (Vec<_>, Vec<_>) =
            self.notes_with(systems, id).into_iter().partition(|note| note.internal);
        (internal.iter().filter(|note| note.is_link).count(), public.len())
    }

    /// The further notes of a ticket that only agents see: id and text, the oldest first. One that
    /// was written twice is there twice.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn further_notes(self, systems: &Systems, id: &str) -> Vec<(String, String)> {
        let notes = self.notes_with(systems, id).into_iter().filter(|note| note.internal);
        notes.flat_map(|Note { ids, text, .. }| ids.into_iter().map(move |id| (id, text.clone()))).collect()
    }

    /// The texts of the notes of the product in a ticket. A generic ticket has none.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn note_texts(self, systems: &Systems, id: &str) -> Vec<String> {
        if self == Self::Generic {
            return Vec::new();
        }
        self.notes_with(systems, id).into_iter().map(|note| note.text).collect()
    }

    /// Comments of a ticket: whether only agents see them, and their text.
    fn comments(self, systems: &Systems, id: &str) -> Vec<(bool, String)> {
        let number = || id.parse::<u64>().unwrap();
        match self {
            Self::Zendesk => {
                let comments = systems.zendesk.ticket(number()).unwrap().comments.into_iter();
                comments.map(|note| (!note.public, note.html_body)).collect()
            }
            Self::Freshdesk => {
                let notes = systems.freshdesk.ticket(number()).unwrap().conversations.into_iter();
                notes.map(|note| (note.private, note.body)).collect()
            }
            Self::Jira => {
                let comments = systems.jira.ticket(number()).unwrap().comments.into_iter();
                comments.map(|note| (note.internal, note.body_text)).collect()
            }
            Self::Generic => Vec::new(),
        }
    }
}

/// The markers for a ticket in a text, whatever its helpdesk is called: the ids of the notes, empty
/// for the one with the link.
fn markers(ticket: &str, text: &str) -> Vec<String> {
    // Jira escapes brackets and hyphens.
    let text = text.replace('\\', "");
    let written = text.split("[ticketroom:").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0));
    let notes = written.filter_map(|marker| {
        let mut parts = marker.splitn(3, ':');
        let (_helpdesk, id) = (parts.next()?, parts.next()?);
        (id == ticket).then(|| parts.next().unwrap_or_default().to_owned())
    });
    notes.collect()
}

/// Each idempotency key is one note, however often it is sent.
fn callbacks(systems: &Systems, id: &str) -> Vec<Note> {
    let mut keys = BTreeSet::new();
    let received = systems.callback.received().into_iter();
    let told = received.filter(|told| told.body["ticketId"] == id);
    told.filter(|told| keys.insert(told.headers.get("idempotency-key").cloned()))
        .map(|told| {
            let note = told.body.get("note");
            let text = |name: &str| note.and_then(|note| note[name].as_str()).map(str::to_owned);
            Note {
                internal: true,
                text: text("text").unwrap_or_else(|| told.body["roomUrl"].to_string()),
                is_link: note.is_none(),
                ids: text("id").into_iter().collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_name_the_ticket_and_the_note() {
        for (text, found) in [
            ("<p>Room</p><p>[ticketroom:zendesk:40117]</p>", vec![""]),
            (r"\[ticketroom:jira\-eu:40117:merged\-40118\]", vec!["merged-40118"]),
            ("[ticketroom:picky:40117][ticketroom:picky:40117:a]", vec!["", "a"]),
            ("[ticketroom:zendesk:401171] [ticketroom:zendesk:4011] ticketroom:zendesk:40117", vec![]),
        ] {
            assert_eq!(markers("40117", text), found, "{text}");
        }
    }
}
