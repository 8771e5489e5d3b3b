//! How values are kept in columns: times as milliseconds, whole structures as JSON.

use std::borrow::Cow;

use super::StoreError;
use crate::clock::Timestamp;
use crate::ticket::TicketKey;

pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, StoreError> {
    // What is stored may be personal, so the error says only where it is.
    let place =
        |error: serde_json::Error| format!("{:?} error at column {}", error.classify(), error.column());
    text.map(serde_json::from_str).transpose().map_err(|error| StoreError::Unreadable(place(error)))
}

pub(super) fn key(helpdesk: &str, id: &str) -> Result<TicketKey, StoreError> {
    let unreadable = |error: crate::ticket::InvalidId| StoreError::Unreadable(error.to_string());
    Ok(TicketKey { helpdesk: helpdesk.parse().map_err(unreadable)?, id: id.parse().map_err(unreadable)? })
}

/// PostgreSQL's texts can't hold the character NUL, which JSON and so any helpdesk can send.
pub(super) fn text_of(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
