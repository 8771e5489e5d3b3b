//! Jira's two forms of rich text: the Atlassian Document Format of Cloud, a tree in JSON, and the wiki text of Data
//! Center, in which what customers wrote has to be escaped.

use serde_json::{Value, json};

use super::super::RoomLink;
use super::super::html::is_web;

/// Depth and length are bounded: a document is somebody else's.
const DEEPEST: usize = 60;
const LONGEST: usize = 32_767;

/// Our comment as a document.
pub(super) fn note(link: &RoomLink<'_>) -> Value {
    let title = printable(link.title);
    let title = if title.is_empty() { "open the room" } else { title.as_str() };
    let room = if is_web(link.url) {
        vec![json!({
            "type": "text", "text": title,
            "marks": [{ "type": "link", "attrs": { "href": link.url } }],
        })]
    } else {
        // Nothing that a browser might run gets to be clicked on.
        vec![text(&format!("{title} ({})", link.url))]
    };
    let mut first = vec![text("DocSpace room for this request: ")];
    first.extend(room);
    json!({
        "type": "doc",
        "version": 1,
        "content": [
            { "type": "paragraph", "content": first },
            { "type": "paragraph", "content": [text(&link.key.marker())] },
        ],
    })
}

/// Our comment as wiki text.
pub(super) fn wiki_note(link: &RoomLink<'_>) -> String {
    let title = printable(link.title);
    let title = if title.is_empty() { "open the room".to_owned() } else { escaped(&title) };
    // In a wiki link, these end the address or begin another one.
    let can_be_linked = is_web(link.url) && !link.url.contains(['|', ']', '[', '{', '}', ' ']);
    let room = if can_be_linked {
        format!("[{title}|{}]", link.url)
    } else {
        format!("{title} ({})", escaped(link.url))
    };
    format!("DocSpace room for this request: {room}\n{}", escaped(&link.key.marker()))
}

/// A node of text. Documents with an empty one are refused.
fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// One line without control characters, which a text node can't hold.
fn printable(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

/// Text that wiki markup leaves alone.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '{' | '}' | '[' | ']' | '*' | '_' | '-' | '!' | '|' | '+' | '^' | '~' | '?' | '#' | '\\' | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The text of a description: of a document its words, of wiki text the text itself.
pub(super) fn plain(body: &Value) -> Option<String> {
    let mut said = String::new();
    match body {
        Value::String(wiki) => said.push_str(wiki),
        Value::Object(_) => collect(body, 0, &mut said),
        _ => return None,
    }
    let said = said.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

fn collect(node: &Value, depth: usize, said: &mut String) {
    if depth > DEEPEST || said.len() > LONGEST {
        return;
    }
    match node.get("type").and_then(Value::as_str) {
        Some("text") => said.push_str(node.get("text").and_then(Value::as_str).unwrap_or_default()),
        Some("hardBreak") => said.push('\n'),
        Some("mention" | "emoji") => {
            let text = node.pointer("/attrs/text").and_then(Value::as_str);
            said.push_str(text.unwrap_or_default());
        }
        _ => {}
    }
    for child in node.get("content").and_then(Value::as_array).into_iter().flatten() {
        collect(child, depth + 1, said);
    }
    let ends_a_line = matches!(
        node.get("type").and_then(Value::as_str),
        Some("paragraph" | "heading" | "codeBlock" | "listItem" | "tableRow" | "rule")
    );
    if ends_a_line && !said.ends_with('\n') {
        said.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::NoteState;
    use super::*;
    use crate::room::RoomId;
    use crate::ticket::TicketKey;

    const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711";

    fn notes(title: &str, url: &str) -> (Value, String) {
        let key = TicketKey { helpdesk: "jira".parse().unwrap(), id: "10042".parse().unwrap() };
        let link =
            RoomLink { key: &key, room: RoomId(4711), title, url, version: None, note: NoteState::Missing };
        (note(&link), wiki_note(&link))
    }

    #[test]
    fn notes_lead_to_the_room_and_carry_the_marker() {
        let (document, wiki) = notes("Room", URL);
        assert_eq!(document["content"][0]["content"][1]["marks"][0]["attrs"]["href"], URL);
        assert_eq!(document["content"][1]["content"][0]["text"], "[ticketroom:jira:10042]");
        assert_eq!(
            wiki,
            format!("DocSpace room for this request: [Room|{URL}]\n\\[ticketroom:jira:10042\\]")
        );
    }

    #[test]
    fn what_customers_wrote_stays_text() {
        let hostile = "a\n] {code} [x|javascript:alert(1)] !img! *b* @all";
        let (document, wiki) = notes(hostile, URL);
        assert_eq!(document["content"][0]["content"][1]["text"], hostile.replace('\n', " "));
        assert!(
            wiki.contains(r"a \] \{code\} \[x\|javascript:alert(1)\] \!img\! \*b\* \@all|https"),
            "{wiki}"
        );
        for url in ["javascript:alert(1)", "data:text/html,x", "https://d.example/a|b]"] {
            let (document, wiki) = notes("Room", url);
            assert!(!wiki.contains("[Room|"), "{wiki}");
            assert_eq!(document.to_string().contains("href"), url.starts_with("https"), "{document}");
        }
        let (document, _) = notes(" \u{7} ", URL);
        assert_eq!(document["content"][0]["content"][1]["text"], "open the room");
    }

    #[test]
    fn documents_are_read_as_text() {
        let document = json!({ "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [
                { "type": "text", "text": "The export " }, { "type": "text", "text": "fails", "marks": [] },
                { "type": "hardBreak" }, { "type": "text", "text": "see the log." } ] },
            { "type": "codeBlock", "content": [{ "type": "text", "text": "0x80070057" }] },
            { "type": "mediaSingle", "content": [{ "type": "media", "attrs": { "id": "x" } }] },
        ]});
        assert_eq!(plain(&document).as_deref(), Some("The export fails\nsee the log.\n0x80070057"));
        assert_eq!(plain(&json!("wiki {code}")).as_deref(), Some("wiki {code}"));
        for nothing in [json!(null), json!({}), json!("  "), json!([1])] {
            assert_eq!(plain(&nothing), None);
        }
        let mut deep = json!({ "type": "text", "text": "deep" });
        for _ in 0..100 {
            deep = json!({ "type": "doc", "content": [deep] });
        }
        assert_eq!(plain(&deep), None);
    }
}
