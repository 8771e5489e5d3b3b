//! Jira's two forms of rich text: the Atlassian Document Format of Cloud, a tree in JSON, and the
//! wiki text of Data Center, in which what customers wrote has to be escaped.

use serde_json::{Value, json};

use super::super::html::is_web;
use super::super::{NoteText, RoomLink, Span};

/// Depth and length of what is read are bounded: a document is somebody else's.
const DEEPEST: usize = 60;
/// The longest comment or description that Jira takes, in characters; a document counts as its
/// JSON. We count bytes, of which there are never fewer.
const LONGEST: usize = 32_767;

/// The link's comment as a document.
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

/// The link's comment as wiki text.
pub(super) fn wiki_note(link: &RoomLink<'_>) -> String {
    let title = printable(link.title);
    let title = if title.is_empty() { "open the room".to_owned() } else { escaped(&title) };
    let room = if is_web(link.url) && can_be_linked(link.url) {
        format!("[{title}|{}]", link.url)
    } else {
        format!("{title} ({})", escaped(link.url))
    };
    format!("DocSpace room for this request: {room}\n{}", escaped(&link.key.marker()))
}

/// A further comment as a document, with its marker as the last paragraph. What is too long for a
/// comment is cut.
pub(super) fn document(said: &NoteText, marker: &str) -> Value {
    let paragraph = |content: Vec<Value>| json!({ "type": "paragraph", "content": content });
    let whole = |content: Vec<Value>| json!({ "type": "doc", "version": 1, "content": content });
    let end = paragraph(vec![text(marker)]);
    // Each paragraph, and each node in one, has a comma before the next.
    let around = paragraph(Vec::new()).to_string().len() + 1;
    let most = LONGEST.saturating_sub(whole(vec![end.clone()]).to_string().len());
    let size = |span: &Span| node(span).map_or(0, |node| node.to_string().len() + 1);
    let paragraphs = said.bounded(most, around, size).into_iter();
    let paragraphs = paragraphs.map(|spans| spans.iter().filter_map(node).collect::<Vec<_>>());
    let paragraphs = paragraphs.filter(|nodes| !nodes.is_empty()).map(paragraph);
    whole(paragraphs.chain([end]).collect())
}

/// A span as a node; none if it says nothing, since documents with empty nodes are refused.
fn node(span: &Span) -> Option<Value> {
    let (words, marks) = match span.address() {
        Some(url) => (span.words(), Some(json!([{ "type": "link", "attrs": { "href": url } }]))),
        // Nothing that a browser might run gets to be clicked on.
        None => (span.plain(), None),
    };
    let mut node = text(&words);
    if let Some(marks) = marks {
        node["marks"] = marks;
    }
    (!words.is_empty()).then_some(node)
}

/// A further comment as wiki text, with its marker as the last line. What is too long for a comment
/// is cut.
pub(super) fn wiki_text(said: &NoteText, marker: &str) -> String {
    const BETWEEN: &str = "\n\n";
    let end = escaped(marker);
    let paragraphs =
        said.bounded(LONGEST.saturating_sub(end.len()), BETWEEN.len(), |span| wiki_span(span).len());
    let paragraphs = paragraphs.iter().map(|spans| spans.iter().map(wiki_span).collect::<String>());
    paragraphs.filter(|paragraph| !paragraph.is_empty()).chain([end]).collect::<Vec<_>>().join(BETWEEN)
}

fn wiki_span(span: &Span) -> String {
    match span.address().filter(|url| can_be_linked(url)) {
        Some(url) => format!("[{}|{url}]", escaped(&span.words())),
        None => escaped(&span.plain()),
    }
}

/// In a wiki link, these end the address or begin another one.
fn can_be_linked(url: &str) -> bool {
    !url.contains(['|', ']', '[', '{', '}', ' '])
}

/// What a comment ends with: the last paragraph of a document, the last line of wiki text without
/// its escapes.
pub(super) fn last_paragraph(body: &Value) -> String {
    if let Value::String(wiki) = body {
        return unescaped(wiki.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default());
    }
    let last = |node: &Value| node.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
    let nodes = last(body).last().map(last).unwrap_or_default();
    nodes.iter().filter_map(|node| node.get("text").and_then(Value::as_str)).collect()
}

/// Wiki text without its escapes.
pub(super) fn unescaped(wiki: &str) -> String {
    wiki.replace('\\', "")
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
    fn a_text_stays_text() {
        let link = |text: &str, url: &str| Span::Link { text: text.to_owned(), url: url.to_owned() };
        let said = NoteText::default()
            .paragraph([
                Span::from("New: a\n] {code} !img! \u{202E}"),
                Span::from(""),
                link("[b|c].docx", URL),
            ])
            .paragraph([Span::from("")])
            .paragraph([link("x", "javascript:alert(1)"), link("y", "https://d.example/a|b]")]);
        assert_eq!(
            document(&said, "[m:1]"),
            json!({ "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [
                    { "type": "text", "text": "New: a ] {code} !img! \u{FFFD}" },
                    { "type": "text", "text": "[b|c].docx", "marks": [{ "type": "link", "attrs": { "href": URL } }] },
                ] },
                { "type": "paragraph", "content": [
                    { "type": "text", "text": "x (javascript:alert(1))" },
                    { "type": "text", "text": "y", "marks": [{ "type": "link", "attrs": { "href": "https://d.example/a|b]" } }] },
                ] },
                { "type": "paragraph", "content": [{ "type": "text", "text": "[m:1]" }] },
            ] })
        );
        assert_eq!(
            wiki_text(&said, "[m:1]"),
            format!(
                "New: a \\] \\{{code\\}} \\!img\\! \u{FFFD}[\\[b\\|c\\].docx|{URL}]\n\n\
                 x (javascript:alert(1))y (https://d.example/a\\|b\\])\n\n\\[m:1\\]"
            )
        );
    }

    #[test]
    fn a_long_text_is_cut_and_its_marker_kept() {
        for part in ["x", "[", "\"", "é", "🔥"] {
            let said = (0..300).fold(NoteText::default(), |said, _| {
                said.paragraph([Span::from(part.repeat(500)), Span::from("y")])
            });
            let (document, wiki) = (document(&said, "[m]"), wiki_text(&said, "[m]"));
            for (body, least) in [(document.to_string(), 32_000), (wiki.clone(), 32_000)] {
                assert!((least..=32_767).contains(&body.len()), "{part} {}", body.len());
                assert!(body.contains('…'), "{part}");
            }
            assert_eq!(last_paragraph(&document), "[m]");
            assert_eq!(last_paragraph(&json!(wiki)), "[m]");
        }
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
