//! The note that goes into a ticket, as HTML, with what customers wrote made harmless.

use super::RoomLink;

/// The note. The title holds what a customer wrote as the subject.
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

/// Whether an address may be clicked on.
pub(super) fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
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
