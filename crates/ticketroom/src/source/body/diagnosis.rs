//! What a body that can't be read most likely is, for the person who set the sender up. Nothing of
//! it is quoted.

use super::parse::Fault;

/// What is wrong with a text that was to be JSON.
pub(super) fn of(text: &str, fault: Fault) -> String {
    if let Some(other) = something_else(text) {
        return other.to_owned();
    }
    let before = text.get(..fault.at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = format!("the body is no JSON: line {line}, column {column}: {}", fault.what);
    if has_placeholder(text) {
        format!("{place}; it has a placeholder that was not filled in")
    } else if text.trim_start().trim_start_matches(['{', '[']).trim_start().starts_with('\'') {
        format!("{place}; it has single quotation marks where JSON has double ones")
    } else if fault.at >= text.trim_end().len() {
        format!("{place}; it looks cut off after {} bytes", text.len())
    } else {
        format!("{place}; most likely a quotation mark or a line break inside a text is not escaped")
    }
}

/// What the text is if it is not even meant as JSON.
fn something_else(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    let head: String = text.chars().take(1000).collect::<String>().to_ascii_lowercase();
    if text.is_empty() {
        Some("the body is empty; send JSON")
    } else if head.starts_with("<!doctype html") || head.contains("<html") {
        Some(
            "the body is no JSON: it looks like an HTML page; is the request sent by the helpdesk, or by a proxy?",
        )
    } else if text.starts_with('<') {
        Some("the body is no JSON: it looks like XML; switch the sender to JSON")
    } else if head.contains('\0') || text.starts_with(char::REPLACEMENT_CHARACTER) {
        Some(
            "the body is no JSON: it looks like binary data, or like text in a charset that its Content-Type does not name",
        )
    } else if text.starts_with("--") {
        Some(
            "the body is no JSON: it looks like a multipart form; send JSON, or the form as application/x-www-form-urlencoded",
        )
    } else if !text.starts_with(['{', '[', '"']) {
        Some(if has_placeholder(text) {
            "the body is no JSON: it has a placeholder that was not filled in"
        } else {
            "the body is no JSON: line 1, column 1: it is plain text"
        })
    } else {
        None
    }
}

/// Whether a text has `{{…}}`, as templates write what they fill in.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))
}
