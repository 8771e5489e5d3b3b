//! Text with formatting has two forms: ADF documents in version 3 of the API, wiki text in version
//! 2 and in webhooks. A document is checked strictly: one node, member or mark that is not known
//! refuses it all.
//!
//! Of the nodes of ADF only those are known here that a comment of text needs: no tables, media and
//! tasks.

use serde_json::{Map, Value, json};

/// A position in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    ListItem,
    Inline,
    /// Text without marks.
    Code,
    Nothing,
}

/// Whether Jira accepts the document.
pub(super) fn is_valid(document: &Value) -> bool {
    let Some(members) = document.as_object() else { return false };
    document["type"] == "doc"
        && document["version"] == 1
        && document["content"].is_array()
        && only(members, &["type", "version", "content"])
        && content_is_valid(members, Place::Block)
}

fn only(members: &Map<String, Value>, known: &[&str]) -> bool {
    members.keys().all(|name| known.contains(&name.as_str()))
}

fn content_is_valid(members: &Map<String, Value>, place: Place) -> bool {
    match members.get("content") {
        None => true,
        Some(Value::Array(nodes)) => nodes.iter().all(|node| is_valid_in(place, node)),
        Some(_) => false,
    }
}

fn is_valid_in(place: Place, node: &Value) -> bool {
    let Some(members) = node.as_object() else { return false };
    let kind = node["type"].as_str().unwrap_or_default();
    if kind == "text" {
        return matches!(place, Place::Inline | Place::Code) && text_is_valid(members, place);
    }
    let has_text = |name: &str| node["attrs"][name].is_string();
    let inside = match (place, kind) {
        (Place::Block, "paragraph") => Place::Inline,
        (Place::Block, "heading") if (1..=6).contains(&node["attrs"]["level"].as_u64().unwrap_or(0)) => {
            Place::Inline
        }
        (Place::Block, "codeBlock") => Place::Code,
        (Place::Block, "blockquote" | "expand") | (Place::ListItem, "listItem") => Place::Block,
        (Place::Block, "panel") if has_text("panelType") => Place::Block,
        (Place::Block, "bulletList" | "orderedList") => Place::ListItem,
        (Place::Block, "rule") | (Place::Inline, "hardBreak") => Place::Nothing,
        (Place::Inline, "mention") if has_text("id") => Place::Nothing,
        (Place::Inline, "emoji") if has_text("shortName") => Place::Nothing,
        (Place::Inline, "inlineCard") if has_text("url") => Place::Nothing,
        _ => return false,
    };
    // A list needs an item, and an item needs a block.
    let may_be_empty = inside != Place::ListItem && place != Place::ListItem;
    let is_empty = node["content"].as_array().is_none_or(Vec::is_empty);
    only(members, &["type", "attrs", "content"])
        && (may_be_empty || !is_empty)
        && content_is_valid(members, inside)
}

fn text_is_valid(members: &Map<String, Value>, place: Place) -> bool {
    let is_text = members.get("text").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let marks_are_valid = match members.get("marks") {
        None => true,
        Some(Value::Array(marks)) => {
            let code = marks.iter().any(|mark| mark["type"] == "code");
            place == Place::Inline && marks.iter().all(|mark| mark_is_valid(mark, code))
        }
        Some(_) => false,
    };
    is_text && marks_are_valid && only(members, &["type", "text", "marks"])
}

/// Code can be a link, but nothing else.
fn mark_is_valid(mark: &Value, code: bool) -> bool {
    match mark["type"].as_str().unwrap_or_default() {
        "link" => mark["attrs"]["href"].as_str().is_some_and(|href| !href.is_empty()),
        "code" => true,
        "strong" | "em" | "strike" | "underline" => !code,
        "textColor" | "backgroundColor" => !code && mark["attrs"]["color"].is_string(),
        "subsup" => !code && mark["attrs"]["type"].is_string(),
        _ => false,
    }
}

/// The document as wiki text.
pub(super) fn to_wiki(document: &Value) -> String {
    let blocks: Vec<String> = children(document).map(block_to_wiki).collect();
    blocks.join("\n")
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["content"].as_array().into_iter().flatten()
}

fn block_to_wiki(node: &Value) -> String {
    let inline = || children(node).map(inline_to_wiki).collect::<String>();
    let items = |mark: &str| {
        let items: Vec<String> = children(node).map(|item| format!("{mark} {}", to_wiki(item))).collect();
        items.join("\n")
    };
    match node["type"].as_str().unwrap_or_default() {
        "heading" => format!("h{}. {}", node["attrs"]["level"], inline()),
        "codeBlock" => format!("{{code}}{}{{code}}", inline()),
        "bulletList" => items("*"),
        "orderedList" => items("#"),
        "rule" => "----".to_owned(),
        "blockquote" => format!("{{quote}}{}{{quote}}", to_wiki(node)),
        "panel" => format!("{{panel}}{}{{panel}}", to_wiki(node)),
        "expand" => to_wiki(node),
        _ => inline(),
    }
}

fn inline_to_wiki(node: &Value) -> String {
    let attribute = |name: &str| node["attrs"][name].as_str().unwrap_or_default();
    match node["type"].as_str().unwrap_or_default() {
        "hardBreak" => return "\n".to_owned(),
        "mention" => return format!("[~accountid:{}]", attribute("id")),
        "emoji" => return attribute("shortName").to_owned(),
        "inlineCard" => return format!("[{}]", attribute("url")),
        _ => {}
    }
    let text = node["text"].as_str().unwrap_or_default().to_owned();
    let marks = node["marks"].as_array().into_iter().flatten();
    marks.fold(text, |text, mark| match mark["type"].as_str().unwrap_or_default() {
        "link" => format!("[{text}|{}]", mark["attrs"]["href"].as_str().unwrap_or_default()),
        "strong" => format!("*{text}*"),
        "em" => format!("_{text}_"),
        "strike" => format!("-{text}-"),
        "underline" => format!("+{text}+"),
        "code" => format!("{{{{{text}}}}}"),
        _ => text,
    })
}

/// Wiki text as a document: a paragraph for each line, with links. Other formatting stays as typed.
pub(super) fn from_wiki(text: &str) -> Value {
    let paragraphs = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| json!({ "type": "paragraph", "content": inline_from_wiki(line) }));
    json!({ "type": "doc", "version": 1, "content": paragraphs.collect::<Vec<_>>() })
}

fn inline_from_wiki(line: &str) -> Vec<Value> {
    let mut nodes = Vec::new();
    let mut plain = String::new();
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        if next == '\\'
            && let Some(escaped) = after.chars().next().filter(char::is_ascii_punctuation)
        {
            plain.push(escaped);
            rest = &after[escaped.len_utf8()..];
        } else if next == '['
            && let Some((link, beyond)) = after.split_once(']')
            && let Some((words, href)) = link.split_once('|').filter(|(words, _)| !words.is_empty())
        {
            nodes.extend(text_node(&std::mem::take(&mut plain)));
            let marks = json!([{ "type": "link", "attrs": { "href": href } }]);
            nodes.push(json!({ "type": "text", "text": words, "marks": marks }));
            rest = beyond;
        } else {
            plain.push(next);
            rest = after;
        }
    }
    nodes.extend(text_node(&plain));
    nodes
}

fn text_node(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(content: &Value) -> Value {
        json!({ "type": "doc", "version": 1, "content": content })
    }

    fn paragraph(content: &Value) -> Value {
        doc(&json!([{ "type": "paragraph", "content": content }]))
    }

    #[test]
    fn strict_about_every_node() {
        for (good, document) in [
            (true, paragraph(&json!([{ "type": "text", "text": "x" }]))),
            (true, paragraph(&json!([{ "type": "text", "text": "x", "marks": [{ "type": "strong" }] }]))),
            (true, paragraph(&json!([{ "type": "text", "text": "x" }, { "type": "hardBreak" }]))),
            (true, doc(&json!([{ "type": "paragraph" }, { "type": "rule" }]))),
            (false, paragraph(&json!([{ "type": "text", "text": "" }]))),
            (false, paragraph(&json!([{ "type": "text" }]))),
            (false, paragraph(&json!([{ "type": "text", "text": "x", "marks": [{ "type": "bold" }] }]))),
            (false, paragraph(&json!([{ "type": "text", "text": "x", "marks": [{ "type": "link" }] }]))),
            (
                false,
                paragraph(
                    &json!([{ "type": "text", "text": "x", "marks": [{ "type": "code" }, { "type": "em" }] }]),
                ),
            ),
            (false, paragraph(&json!([{ "type": "paragraph" }]))),
            (false, doc(&json!([{ "type": "text", "text": "x" }]))),
            (false, doc(&json!([{ "type": "bulletList", "content": [{ "type": "paragraph" }] }]))),
            (false, doc(&json!([{ "type": "bulletList" }]))),
            (false, doc(&json!([{ "type": "paragraph", "text": "x" }]))),
            (false, json!({ "type": "doc", "content": [] })),
            (false, json!("x")),
        ] {
            assert_eq!(is_valid(&document), good, "{document}");
        }
    }

    #[test]
    fn documents_and_wiki_text() {
        let wiki = "Room: [open|https://d.example/?a=1]!\n[ticketroom:jira:1]";
        let document = from_wiki(wiki);
        assert!(is_valid(&document));
        assert_eq!(
            document["content"][0]["content"][1]["marks"][0]["attrs"]["href"],
            "https://d.example/?a=1"
        );
        assert_eq!(to_wiki(&document), wiki);
        assert_eq!(to_wiki(&from_wiki("\\[a|b\\] \\{c\\}")), "[a|b] {c}");
    }

    #[test]
    fn what_has_a_form_in_wiki_text_gets_it() {
        let item = |text: &str| json!({ "type": "listItem", "content": [marked(text, &json!([]))] });
        fn marked(text: &str, marks: &Value) -> Value {
            json!({ "type": "paragraph", "content": [{ "type": "text", "text": text, "marks": marks }] })
        }
        let document = doc(&json!([
            { "type": "heading", "attrs": { "level": 2 }, "content": [{ "type": "text", "text": "Room" }] },
            { "type": "bulletList", "content": [item("a"), item("b")] },
            { "type": "codeBlock", "content": [{ "type": "text", "text": "x" }] },
            marked("y", &json!([{ "type": "strong" }, { "type": "em" }])),
        ]));
        assert!(is_valid(&document));
        assert_eq!(to_wiki(&document), "h2. Room\n* a\n* b\n{code}x{code}\n_*y*_");
    }
}
