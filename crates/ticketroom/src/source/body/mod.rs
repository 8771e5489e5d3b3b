//! The body of a delivery, from the bytes that were verified to the value that a source reads.
//!
//! Every source reads through here, so that all of them take the same:
//!
//! 1. `Content-Encoding`: gzip and deflate, to a bound ([`encoding`]).
//! 2. The charset: a byte order mark, `Content-Type`, UTF-16 by its zeros, else UTF-8
//!    ([`encoding`]).
//! 3. The form: JSON; JSON as a text within JSON; `application/x-www-form-urlencoded`, as plain
//!    fields or with the JSON in one of them ([`form`]). What begins like JSON is JSON, whatever
//!    `Content-Type` says.
//! 4. JSON as senders write it ([`parse`]), and if it is none, as templates break it.
//!
//! Signatures are over the raw bytes and were checked before. What can't be read keeps its text, so
//! that a ticket's number can be looked for in it, and says where it stops being JSON and what it
//! most likely is ([`diagnosis`]).

mod diagnosis;
mod encoding;
mod form;
mod parse;

use super::salvage::{self, Json};
use super::{NoTarget, NotUnderstood, Verified};
use parse::{Fault, Mode, Parsed};

pub(crate) use diagnosis::has_placeholder;

/// How often JSON may be a text within JSON.
const LAYERS: usize = 3;

/// What looking into a body without JSON finds.
static NULL: Json = Json::Null;

/// A body that was read, as far as it can be.
#[derive(Debug)]
pub(crate) struct Body {
    content: Content,
    text: String,
}

#[derive(Debug)]
enum Content {
    /// What the sender meant.
    Json { json: Json, is_partial: bool },
    /// What the sender most likely meant: a template had broken it.
    Repaired(Json),
    /// Plain fields of a form.
    Form(Json),
    /// No JSON; why.
    Unreadable(String),
}

/// Reads a body.
///
/// # Errors
/// When it is compressed or written in a way that is not supported, or too large.
pub(crate) fn read(delivery: &Verified) -> Result<Body, NoTarget> {
    let content_type = delivery.header("content-type");
    let media_type =
        content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type.starts_with("multipart/") {
        return Err(NoTarget::Unsupported(NotUnderstood(
            "the body is a multipart form; send JSON, or the form as application/x-www-form-urlencoded"
                .to_owned(),
        )));
    }
    let bytes = encoding::inflated(delivery.header("content-encoding"), delivery.body())?;
    let (text, charset) = encoding::decoded(content_type, &bytes)?;
    let text = text.into_owned();
    let start = text.trim_start();
    let is_form = media_type == "application/x-www-form-urlencoded" && start.contains('=');
    let content = if !start.starts_with(['{', '[', '"', '<']) && (is_form || form::looks_like_one(start)) {
        let fields = form::fields(start, charset);
        match form::payload(&fields) {
            Some(payload) => json(payload),
            None => Content::Form(form::object(fields)),
        }
    } else {
        json(&text)
    };
    Ok(Body { content, text })
}

/// Reads JSON, or what was to be JSON.
fn json(text: &str) -> Content {
    let text = text.trim_start_matches('\u{FEFF}');
    let fault = match layered(text, Mode::Exact) {
        Ok(Parsed { json, is_partial }) => return Content::Json { json, is_partial },
        Err(fault) => fault,
    };
    match layered(text, Mode::Repair) {
        Ok(Parsed { json: json @ Json::Object(_), .. }) => Content::Repaired(json),
        _ => Content::Unreadable(diagnosis::of(text, fault)),
    }
}

/// Reads JSON, and the JSON that is in it as one text.
fn layered(text: &str, mode: Mode) -> Result<Parsed, Fault> {
    let mut parsed = parse::parse(text, mode)?;
    for _ in 0..LAYERS {
        match &parsed.json {
            Json::Text(inner) if inner.trim_start().starts_with(['{', '"']) => {
                // Faults inside have no place outside.
                match parse::parse(inner, Mode::Exact).or_else(|_| parse::parse(inner, Mode::Repair)) {
                    Ok(inner) => parsed = inner,
                    Err(_) => break,
                }
            }
            _ => break,
        }
    }
    Ok(parsed)
}

impl Body {
    /// What was read; null if nothing was.
    pub(crate) fn json(&self) -> &Json {
        match &self.content {
            Content::Json { json, .. } | Content::Repaired(json) | Content::Form(json) => json,
            Content::Unreadable(_) => &NULL,
        }
    }

    /// Whether a template had broken it, so that some of it may be in the wrong place.
    pub(crate) fn was_broken(&self) -> bool {
        matches!(self.content, Content::Repaired(_) | Content::Unreadable(_))
    }

    /// Whether it is a form with plain fields.
    pub(crate) fn is_form(&self) -> bool {
        matches!(self.content, Content::Form(_))
    }

    /// The number after one of these names, wherever it is in what could not be read, or not be
    /// kept: in JSON or XML.
    pub(crate) fn number_named(&self, names: &[&str]) -> Option<u64> {
        let is_whole = matches!(self.content, Content::Json { is_partial: false, .. } | Content::Form(_));
        if is_whole {
            return None;
        }
        let text = self.text.as_bytes();
        names.iter().find_map(|name| {
            salvage::number_after(name, text).or_else(|| salvage::number_in_element(name, text))
        })
    }

    /// Why it can't be read, if it can't.
    pub(crate) fn unreadable(&self) -> Option<&str> {
        match &self.content {
            Content::Unreadable(why) => Some(why),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
