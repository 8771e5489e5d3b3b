//! By what our notes are known among the comments of a ticket.
//!
//! Each note shows a marker, and where a helpdesk has a place that only programs write to
//! (Zendesk's metadata, a property of a comment in Jira), it has a key there, too. People can copy
//! a marker, so it counts only in a comment that our own user wrote.
//!
//! | note | marker | key |
//! | --- | --- | --- |
//! | the link's | `[ticketroom:{helpdesk}:{ticket}]`, together with the room's address | `{helpdesk}:{ticket}:{room}:link:v1` |
//! | any other | `[ticketroom:{helpdesk}:{ticket}:{note}]`, as its last paragraph | `{helpdesk}:{ticket}:{note}:note:v1` |
//!
//! A note says what customers and members of a room wrote, and that may look like a marker. Nobody
//! but us writes the last paragraph. So what counts is the last marker of a comment; people may
//! have added something to the link's note.

use super::html::escaped;
use super::{InternalNote, NoteId, RoomLink};
use crate::ticket::TicketKey;

/// What the markers of all notes begin with, of whichever ticket.
pub(super) const MARKER: &str = "[ticketroom:";

/// By what one note is known.
#[derive(Debug)]
pub(super) struct NoteMark<'a> {
    /// What it shows.
    pub(super) marker: String,
    /// What stands where only programs write.
    pub(super) key: String,
    /// Where the link's note leads. One that leads to an earlier room is not the one that is looked
    /// for.
    pub(super) url: Option<&'a str>,
}

impl<'a> NoteMark<'a> {
    /// That of the link's note.
    pub(super) fn of_link(link: &RoomLink<'a>) -> Self {
        Self {
            marker: link.key.marker(),
            // With the room: a ticket whose room was deleted gets a note for the new one.
            key: format!("{}:{}:{}:link:v1", link.key.helpdesk, link.key.id, link.room),
            url: Some(link.url),
        }
    }

    /// That of a further note.
    pub(super) fn of_note(note: &InternalNote<'_>) -> Self {
        let (TicketKey { helpdesk, id: ticket }, id) = (note.key, note.id);
        Self {
            marker: format!("{MARKER}{helpdesk}:{ticket}:{id}]"),
            key: format!("{helpdesk}:{ticket}:{id}:note:v1"),
            url: None,
        }
    }

    /// Whether a comment shows it, whose text and HTML are these.
    pub(super) fn is_in(&self, text: Option<&str>, html: Option<&str>) -> bool {
        let texts = || [text, html].into_iter().flatten();
        match self.url {
            None => texts().any(|text| ends_with(text, &self.marker)),
            Some(url) => {
                // A helpdesk may clean the HTML, after which only what has to be escaped still is.
                let forms = [url.to_owned(), escaped(url), url.replace('&', "&amp;")];
                texts().any(|text| self.is_last_in(text))
                    && texts().any(|text| forms.iter().any(|form| text.contains(form)))
            }
        }
    }

    /// Whether it is the last marker in a text.
    pub(super) fn is_last_in(&self, text: &str) -> bool {
        text.rfind(MARKER).and_then(|at| text.get(at..)).is_some_and(|last| last.starts_with(&self.marker))
    }
}

/// Whether nothing but tags and white space follows the last of these markers.
fn ends_with(text: &str, marker: &str) -> bool {
    let Some((_, mut rest)) = text.rsplit_once(marker) else { return false };
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return true;
        }
        match rest.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
}

/// Whether a text has a marker of one of the ticket's notes, whichever.
pub(super) fn is_marked(text: &str, key: &TicketKey) -> bool {
    let marker = key.marker();
    let begin = marker.strip_suffix(']').unwrap_or(&marker);
    text.match_indices(begin).any(|(at, _)| {
        let after = text.get(at + begin.len()..).and_then(|after| after.split_once(']'));
        after.is_some_and(|(id, _)| id.is_empty() || id.strip_prefix(':').is_some_and(NoteId::is_one))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{NoteState, NoteText};
    use super::*;
    use crate::room::RoomId;

    fn key() -> TicketKey {
        TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "40117".parse().unwrap() }
    }

    #[test]
    fn each_note_of_a_ticket_has_a_mark_of_its_own() {
        let (key, id, text) = (key(), NoteId::new("archived-1"), NoteText::default());
        let note =
            NoteMark::of_note(&InternalNote { key: &key, id: &id, text: &text, state: NoteState::Missing });
        assert_eq!(note.marker, "[ticketroom:zendesk:40117:archived-1]");
        assert_eq!(note.key, "zendesk:40117:archived-1:note:v1");
        let url = "https://d.example/?a&b='1'";
        let link = RoomLink {
            key: &key,
            room: RoomId(4711),
            title: "",
            url,
            version: None,
            note: NoteState::Missing,
        };
        let link = NoteMark::of_link(&link);
        assert_eq!(
            (link.marker.as_str(), link.key.as_str()),
            ("[ticketroom:zendesk:40117]", "zendesk:40117:4711:link:v1")
        );
        for form in [url, "https://d.example/?a&amp;b=&#39;1&#39;", "https://d.example/?a&amp;b='1'"] {
            assert!(link.is_in(
                Some("Room [ticketroom:zendesk:40117]"),
                Some(&format!("<a href=\"{form}\">Room</a>"))
            ));
        }
        assert!(!link.is_in(Some("https://d.example/?old [ticketroom:zendesk:40117]"), None));
        assert!(!link.is_in(Some(url), None));
        assert!(!link.is_in(Some(&format!("{url} [ticketroom:zendesk:40117:archived-1]")), None));
        assert!(link.is_in(Some(&format!("{url} [ticketroom:zendesk:40117] and a remark")), None));
        let quoting = format!("{url} [ticketroom:zendesk:40117].pdf\n[ticketroom:zendesk:40117:files-1]");
        assert!(!link.is_in(Some(&quoting), None), "a file has that name");
    }

    #[test]
    fn a_marker_that_somebody_wrote_into_a_text_is_not_the_note_s() {
        let mark = NoteMark { marker: "[ticketroom:z:1:archived]".to_owned(), key: String::new(), url: None };
        for ours in [
            "The room was archived.\n\n[ticketroom:z:1:archived]",
            "<div class=\"zd-comment\" dir=\"auto\"><p>x</p><p dir=\"auto\">[ticketroom:z:1:archived]</p> </div>\n",
        ] {
            assert!(mark.is_in(Some(ours), None) && mark.is_in(None, Some(ours)), "{ours}");
        }
        for other in [
            "New files: [ticketroom:z:1:archived]\n\n[ticketroom:z:1:files-7]",
            "<p>[ticketroom:z:1:archived]</p><p>[ticketroom:z:1:files-7]</p>",
            "[ticketroom:z:1:archived] <b",
            "[ticketroom:z:1]",
            "",
        ] {
            assert!(!mark.is_in(Some(other), Some(other)), "{other}");
        }
    }

    #[test]
    fn the_markers_of_a_ticket_are_told_from_those_of_others() {
        let key = key();
        for ours in ["x [ticketroom:zendesk:40117] y", "[ticketroom:zendesk:40117:files-2026-11-30]"] {
            assert!(is_marked(ours, &key), "{ours}");
        }
        for other in [
            "[ticketroom:zendesk:401171]",
            "[ticketroom:zendesk:401171:files]",
            "[ticketroom:zendesk:40117:]",
            "[ticketroom:zendesk:40117:Files]",
            "[ticketroom:zendesk:40117:files",
            "ticketroom:zendesk:40117",
        ] {
            assert!(!is_marked(other, &key), "{other}");
        }
    }
}
