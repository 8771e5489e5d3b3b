//! Our notes as HTML, with what customers and members of a room wrote made harmless.

use super::{NoteText, RoomLink, Span};

/// The longest note in bytes. Zendesk takes 65,535 characters, however it counts them; of
/// Freshdesk, no limit is known.
const LONGEST: usize = 65_535;

/// The link's note. The title holds what a customer wrote as the subject.
pub(super) fn note(link: &RoomLink<'_>) -> String {
    let url = escaped(link.url);
    let title = if link.title.trim().is_empty() { "open the room".to_owned() } else { escaped(link.title) };
    let room = if is_web(link.url) {
        format!("<a href=\"{url}\">{title}</a>")
    } else {
        // Nothing that a browser might run gets to be clicked on.
        format!("{title} ({url})")
    };
    format!("<p>DocSpace room for this ticket: {room}</p><p>{}</p>", escaped(&link.key.marker()))
}

/// A further note, with its marker as the last paragraph. What is too long for a note is cut.
pub(super) fn text(text: &NoteText, marker: &str) -> String {
    const AROUND: usize = "<p></p>".len();
    let end = format!("<p>{}</p>", escaped(marker));
    let paragraphs = text.bounded(LONGEST - end.len(), AROUND, |text| span(text).len());
    let paragraphs = paragraphs.iter().filter(|spans| !spans.is_empty());
    let html: String =
        paragraphs.map(|spans| format!("<p>{}</p>", spans.iter().map(span).collect::<String>())).collect();
    html + &end
}

fn span(span: &Span) -> String {
    match span.address() {
        Some(url) => format!("<a href=\"{}\">{}</a>", escaped(&url), escaped(&span.words())),
        None => escaped(&span.plain()),
    }
}

/// Whether an address may be clicked on.
pub(super) fn is_web(url: &str) -> bool {
    web_address(url).is_some()
}

/// An address that may be clicked on, as browsers write it: without control characters and without
/// letters beyond ASCII.
pub(super) fn web_address(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Text made harmless in HTML, between tags and inside quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::NoteState;
    use super::*;
    use crate::room::RoomId;
    use crate::ticket::TicketKey;

    const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711&x='1'";

    fn key_of_ticket() -> TicketKey {
        TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "40117".parse().unwrap() }
    }

    fn link<'a>(key: &'a TicketKey, title: &'a str, url: &'a str) -> RoomLink<'a> {
        RoomLink { key, room: RoomId(4711), title, url, version: None, note: NoteState::Missing }
    }

    #[test]
    fn the_note_is_escaped() {
        let key = key_of_ticket();
        let hostile = r#""><img src=x onerror='alert(1)'></a>&amp;"#;
        assert_eq!(
            note(&link(&key, hostile, URL)),
            "<p>DocSpace room for this ticket: \
             <a href=\"https://docspace.example.com/rooms/shared/4711/filter?folder=4711&amp;x=&#39;1&#39;\">\
             &quot;&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&lt;/a&gt;&amp;amp;</a></p>\
             <p>[ticketroom:zendesk:40117]</p>"
        );
    }

    #[test]
    fn a_text_stays_text() {
        let link = |text: &str, url: &str| Span::Link { text: text.to_owned(), url: url.to_owned() };
        let said = NoteText::default()
            .paragraph([
                Span::from("2 new files: <script>alert(1)</script>\u{202E}\n&amp; "),
                link("a\"b.docx", URL),
            ])
            .paragraph([])
            .paragraph([
                link("x", "javascript:alert(1)"),
                link("", "https://d.example/\" onclick=\"x\u{202E}"),
            ]);
        assert_eq!(
            text(&said, "[ticketroom:z:1:files]"),
            "<p>2 new files: &lt;script&gt;alert(1)&lt;/script&gt;\u{FFFD} &amp;amp; \
             <a href=\"https://docspace.example.com/rooms/shared/4711/filter?folder=4711&amp;x=%271%27\">a&quot;b.docx</a></p>\
             <p>x (javascript:alert(1))<a href=\"https://d.example/%22%20onclick=%22x%E2%80%AE\">https://d.example/&quot; \
             onclick=&quot;x\u{FFFD}</a></p><p>[ticketroom:z:1:files]</p>"
        );
    }

    #[test]
    fn a_long_text_is_cut_and_its_marker_kept() {
        for part in ["x", "<", "é", "\u{202E}"] {
            let said =
                (0..300).fold(NoteText::default(), |text, _| text.paragraph([Span::from(part.repeat(999))]));
            let html = text(&said, "[m]");
            assert!((65_000..=65_535).contains(&html.len()), "{}", html.len());
            assert!(html.ends_with("…</p><p>[m]</p>"), "{part}");
        }
    }

    #[test]
    fn only_web_addresses_can_be_clicked() {
        let key = key_of_ticket();
        for url in ["javascript:alert(1)", "data:text/html,<script>", "\" onclick=\"x", "//evil.example", ""]
        {
            let note = note(&link(&key, "Room", url));
            assert!(!note.contains("href") && !note.contains("<script"), "{note}");
        }
        assert!(note(&link(&key, "", URL)).contains(">open the room</a>"));
    }
}
