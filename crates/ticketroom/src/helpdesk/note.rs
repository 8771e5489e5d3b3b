//! Internal notes: what the people who work on a ticket read in it, and customers don't.
//!
//! A note is put together of plain text and links, and each helpdesk writes it in its own markup;
//! so whatever customers or members of a room wrote stays text. Each note of a ticket has an id, by
//! which it is found again when an answer was lost: however often it is added, the ticket has it
//! once.

use std::fmt;

use super::NoteState;
use super::html::web_address;
use crate::printable::printable;
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

    /// Whether a text is the id of a note.
    pub(super) fn is_one(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=60).contains(&text.len()) && text.bytes().all(allowed)
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

    /// The text without markup, addresses written out.
    pub(super) fn plain(&self, most: usize) -> String {
        const BETWEEN: &str = "\n\n";
        let paragraphs = self.bounded(most, BETWEEN.len(), |span| span.plain().len());
        let paragraphs = paragraphs.iter().map(|spans| spans.iter().map(Span::plain).collect::<String>());
        paragraphs.collect::<Vec<_>>().join(BETWEEN)
    }

    /// As many of its paragraphs as fit into `most` bytes. The last one is cut and ends with an
    /// ellipsis if there were more. A paragraph takes `around` bytes beside its spans, and a span
    /// as many as `size` says.
    pub(super) fn bounded(
        &self,
        most: usize,
        around: usize,
        size: impl Fn(&Span) -> usize,
    ) -> Vec<Vec<Span>> {
        let end = Span::from("…");
        // Room for the ellipsis is left wherever it may become necessary.
        let mut left = most.saturating_sub(around.saturating_add(size(&end)));
        let mut kept = Vec::new();
        let mut rest = self.0.iter().peekable();
        while let Some(spans) = rest.next() {
            let mut paragraph = Vec::new();
            let mut is_cut = false;
            for span in spans {
                let Some(after) = left.checked_sub(size(span)) else {
                    paragraph.extend(span.beginning(left, &size));
                    is_cut = true;
                    break;
                };
                left = after;
                paragraph.push(span.clone());
            }
            let next = left.checked_sub(around);
            is_cut |= next.is_none() && rest.peek().is_some();
            if is_cut {
                paragraph.push(end.clone());
            }
            kept.push(paragraph);
            if is_cut {
                break;
            }
            left = next.unwrap_or_default();
        }
        kept
    }
}

impl Span {
    /// What it says, as one line of harmless characters.
    pub(super) fn words(&self) -> String {
        let words = |text: &str| printable(text, usize::MAX);
        match self {
            Self::Text(text) => words(text),
            Self::Link { text, url } => {
                let text = words(text);
                if text.trim().is_empty() { words(url) } else { text }
            }
        }
    }

    /// The address that can be clicked on, if there is one.
    pub(super) fn address(&self) -> Option<String> {
        match self {
            Self::Text(_) => None,
            Self::Link { url, .. } => web_address(url),
        }
    }

    /// Without markup, the address written out.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Text(_) => self.words(),
            Self::Link { url, .. } => {
                let (words, url) =
                    (self.words(), self.address().unwrap_or_else(|| printable(url, usize::MAX)));
                if words == url { url } else { format!("{words} ({url})") }
            }
        }
    }

    /// As much of a text as takes so many bytes. Half a link is none.
    fn beginning(&self, most: usize, size: impl Fn(&Self) -> usize) -> Option<Self> {
        let Self::Text(text) = self else { return None };
        let part = |end: usize| Self::from(text.get(..end).unwrap_or_default());
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let fitting = ends.partition_point(|end| size(&part(*end)) <= most);
        let end = *ends.get(fitting.checked_sub(1)?)?;
        (end > 0).then(|| part(end))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(paragraphs: &[&[&str]]) -> NoteText {
        paragraphs.iter().fold(NoteText::default(), |text, spans| {
            text.paragraph(spans.iter().map(|span| Span::from(*span)))
        })
    }

    fn bytes(span: &Span) -> usize {
        span.words().len()
    }

    #[test]
    fn ids_are_made_of_words() {
        assert_eq!(NoteId::new("Room archived/2026").as_str(), "room-archived-2026");
        assert!(NoteId::is_one(NoteId::new(&"é".repeat(200)).as_str()));
        for no in ["", "A", "a b", "a]", &"a".repeat(61)] {
            assert!(!NoteId::is_one(no), "{no}");
        }
    }

    #[test]
    fn what_fits_is_kept_whole_and_what_does_not_is_cut() {
        let whole = text(&[&["one ", "two"], &[], &["three"]]);
        assert_eq!(whole.bounded(100, 2, bytes), whole.0);
        let cut = |most| {
            let kept = text(&[&["ab"], &["cdéf", "gh"]]).bounded(most, 1, bytes);
            let joined = kept.iter().map(|spans| spans.iter().map(Span::words).collect::<String>());
            joined.collect::<Vec<_>>().join("|")
        };
        // The ellipsis has three bytes, and each paragraph one beside its own.
        for (most, expected) in [
            (0, "…"),
            (4, "…"),
            (5, "a…"),
            (6, "ab…"),
            (7, "ab|…"),
            (8, "ab|c…"),
            (10, "ab|cd…"),
            (11, "ab|cdé…"),
            (13, "ab|cdéfg…"),
            (14, "ab|cdéfgh"),
        ] {
            assert_eq!(cut(most), expected, "{most}");
            // The last paragraph has no separator here, and there is always room for an ellipsis.
            assert!(cut(most).len() < most.max(4), "{most}");
        }
        let link = Span::Link { text: "x".repeat(50), url: "https://d.example/".to_owned() };
        let text = NoteText::default().paragraph([Span::from("a "), link]);
        assert_eq!(text.bounded(20, 0, |span| span.plain().len()), [vec![Span::from("a "), Span::from("…")]]);
    }

    #[test]
    fn a_long_text_of_many_parts_is_cut_in_time() {
        let parts = vec!["é\u{202E}"; 200_000];
        let kept = text(&[&parts]).bounded(65_535, 7, bytes);
        let length: usize = kept.iter().flatten().map(bytes).sum();
        assert!((60_000..=65_535).contains(&length), "{length}");
        let one = "é".repeat(1 << 20);
        assert_eq!(text(&[&[one.as_str()]]).plain(1001).len(), 999);
    }

    #[test]
    fn plain_text_has_its_addresses_written_out() {
        let link = |text: &str, url: &str| Span::Link { text: text.to_owned(), url: url.to_owned() };
        let text = NoteText::default()
            .paragraph([Span::from("New: a\r\nb\u{202E}c "), link("Room", "https://d.example/ü")])
            .paragraph([link("", "https://d.example/"), Span::from(" "), link("x", "javascript:alert(1)")]);
        assert_eq!(
            text.plain(1000),
            "New: a  b\u{FFFD}c Room (https://d.example/%C3%BC)\n\nhttps://d.example/ x (javascript:alert(1))"
        );
    }
}
