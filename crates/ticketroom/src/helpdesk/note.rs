//! Internal notes: what the people who work on a ticket read in it, and customers don't.
//!
//! A note is put together of plain text and links, and each helpdesk writes it in its own markup; so whatever customers or
//! members of a room wrote stays text. Each note of a ticket has an id, by which it is found again when an answer was lost:
//! however often it is added, the ticket has it once.

use std::fmt;

use super::NoteState;
use crate::ticket::TicketKey;

/// A note to be added to a ticket.
#[derive(Debug, Clone, Copy)]
pub struct InternalNote<'a> {
    /// Which ticket.
    pub key: &'a TicketKey,
    /// Which of its notes.
    pub id: &'a NoteId,
    /// What it says.
    pub text: &'a NoteText,
    /// Whether it may be there already. Never [`NoteState::Written`].
    pub state: NoteState,
}

/// By what a note is known among those of its ticket: 1 to 60 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteId(String);

impl NoteId {
    /// An id made of words; whatever an id can't have becomes a hyphen.
    #[must_use]
    pub fn new(words: &str) -> Self {
        let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        Self(words.to_ascii_lowercase().chars().map(allowed).take(60).collect())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text of a note: paragraphs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteText(pub Vec<Vec<Span>>);

/// A part of a paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Plain text. It may be what somebody else wrote.
    Text(String),
    /// A link with its text. Only `http` and `https` can be clicked on.
    Link {
        /// What it is called.
        text: String,
        /// Where it leads.
        url: String,
    },
}

impl NoteText {
    /// With one more paragraph.
    #[must_use]
    pub fn paragraph(mut self, spans: impl IntoIterator<Item = Span>) -> Self {
        self.0.push(spans.into_iter().collect());
        self
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What became of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteAdded {
    /// It is in the ticket.
    Written,
    /// The ticket takes no notes any more, or none of ours; why, for the timeline.
    NotPossible(String),
}
