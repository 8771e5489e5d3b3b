//! How values are kept in columns: times as milliseconds, whole structures as JSON.

use std::borrow::Cow;

use super::reasons::WRITTEN_BY_A_LATER_VERSION;
use super::{State, StoreError};
use crate::clock::Timestamp;
use crate::reason::Reason;
use crate::ticket::{Ticket, TicketKey};

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

/// By which template a ticket's room was made. A ledger that can't be read says nothing.
pub(super) fn template_in(ledger: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Told {
        #[serde(default)]
        template: Option<String>,
    }
    serde_json::from_str::<Told>(ledger).ok()?.template
}

/// A reason as its columns have it.
pub(super) fn reason(code: Option<String>, text: Option<String>, help: Option<String>) -> Option<Reason> {
    Some(Reason { code: code.unwrap_or_default().into(), text: text?, help })
}

/// How a ticket stands; one in a state that only a later version knows is shown as waiting.
pub(super) fn state_of(state: &str, claimed: bool) -> State {
    if claimed { State::Working } else { State::from_name(state).unwrap_or(State::Waiting) }
}

/// What of a ticket can be shown beside its columns: its state, why it is so, and the ticket
/// itself. A later version may have written what we can't read. That must not hide the ticket from
/// those who look for it: it counts as waiting if its state is one that we don't know, is shown
/// without what we can't read, and says so.
pub(super) fn shown(
    state: &str,
    reason: Option<Reason>,
    ticket: Option<&str>,
) -> (State, Option<Reason>, Option<Ticket>) {
    let (mut problems, known) = (Vec::new(), State::from_name(state));
    if known.is_none() {
        problems.push(format!("its state is “{state}”, which this ticketroom doesn't know"));
    }
    let ticket = from_json(ticket).unwrap_or_else(|error| {
        problems.push(format!("what was seen of it can't be shown: {error}"));
        None
    });
    // Why it stands so comes first; it may say the same.
    let problems = problems.into_iter().map(|problem| WRITTEN_BY_A_LATER_VERSION.reason(problem));
    let reason = Reason::join(reason.into_iter().chain(problems));
    (known.unwrap_or(State::Waiting), reason, ticket)
}
