//! The room's link in a ticket: a private note, and then a custom field, where one is configured.
//!
//! These are two requests, and a crash may come between them. The note is written first: where the
//! field shows the link, everything is there. The field may be written again and again; a note may
//! not, and is looked for first when an answer was lost ([`notes`]).
//!
//! Once the note is there, the link is in the ticket. A field that does not exist, or a ticket that
//! Freshdesk won't save because of another field, is then something to tell about, not a failure.
//! What may go better next time is one, but one after which the note has to be looked for
//! ([`Failure::after_an_effect`]).

use serde_json::Value;

use super::super::html::note;
use super::super::mark::NoteMark;
use super::super::{NOT_TAKEN, NOWHERE, NoteState, RoomLink, WrittenBack};
use super::api::{Api, Objection, Update, list};
use super::notes;
use super::wire::{ConversationDto, TicketDto};
use crate::call::{Cause, Failure};
use crate::source::salvage;

/// Puts the link into the ticket.
pub(super) async fn write_back(
    api: &Api,
    field: Option<&str>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let id = salvage::whole_number(link.key.id.as_str())
        .ok_or_else(|| api.failed("create_note", Cause::NotFound))?;
    let mark = NoteMark::of_link(link);
    let is_due = link.note.is_to_be_written(api.name("create_note"), notes::is_there(api, id, &mark)).await?;
    let posted = if is_due { Some(api.post_note(id, &note(link)).await?) } else { None };
    let in_field = match field {
        None => None,
        Some(field) => {
            let filled = fill(api, id, field, link).await;
            Some(
                filled
                    .map_err(|failure| if posted.is_some() { failure.after_an_effect() } else { failure })?,
            )
        }
    };
    Ok(written_back(link.note == NoteState::Unwanted, posted.as_ref(), in_field))
}

/// What the two requests came to.
fn written_back(is_quiet: bool, posted: Option<&ConversationDto>, in_field: Option<Field>) -> WrittenBack {
    let public = posted.filter(|note| notes::is_public(note)).map(|_| notes::MADE_PUBLIC.to_owned());
    let (place, odd) = match (in_field, is_quiet) {
        (Some(Field::Filled), false) => ("field and private note", None),
        (Some(Field::Odd(warning)), false) => ("private note", Some(warning)),
        (None, false) => ("private note", None),
        (Some(Field::Filled), true) => ("field", None),
        (Some(Field::Odd(warning)), true) => (NOT_TAKEN, Some(warning)),
        (None, true) => (NOWHERE, None),
    };
    let warnings: Vec<String> = odd.into_iter().chain(public).collect();
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    WrittenBack { place: place.to_owned(), warning }
}

/// What became of the custom field.
#[derive(Debug, PartialEq, Eq)]
enum Field {
    /// It has the link.
    Filled,
    /// It does not; why, and what to do.
    Odd(String),
}

/// Puts the link into the custom field.
async fn fill(api: &Api, id: u64, field: &str, link: &RoomLink<'_>) -> Result<Field, Failure> {
    // After an uncertain write-back the field is most often right, and other rules run on every
    // change.
    if matches!(link.note, NoteState::Settling | NoteState::Uncertain)
        && holds(&api.ticket(id).await?, field, link.url)
    {
        return Ok(Field::Filled);
    }
    match api.set_field(id, field, link.url).await {
        Ok(Update::Done(ticket)) => Ok(filled(&ticket, field, link.url)),
        Ok(Update::Refused(objections)) => Ok(Field::Odd(refused(&objections, field))),
        Err(failure) => not_filled(failure, field),
    }
}

fn holds(ticket: &TicketDto, field: &str, url: &str) -> bool {
    ticket.custom_fields.get(field).and_then(Value::as_str).is_some_and(|link| link.trim() == url)
}

/// Reads back what an update did.
fn filled(ticket: &TicketDto, field: &str, url: &str) -> Field {
    if holds(ticket, field, url) {
        Field::Filled
    } else if ticket.custom_fields.contains_key(field) {
        Field::Odd(format!("the custom field {field} did not take the link: {MAKE_ONE}"))
    } else {
        Field::Odd(format!("the ticket has no custom field {field}: {MAKE_ONE}"))
    }
}

const MAKE_ONE: &str = "make a single-line text field under Admin > Workflows > Ticket fields and put its API name \
                        into `room_url_field`";

/// What a refusal means, whose objections say which fields it is about.
fn refused(objections: &[Objection], field: &str) -> String {
    match objections.iter().find(|objection| objection.field == field) {
        Some(objection) if objection.code == "invalid_field" => {
            format!("the ticket has no custom field {field}: {MAKE_ONE}")
        }
        Some(objection) => format!("Freshdesk does not take the link for {objection}: {MAKE_ONE}"),
        None => format!(
            "Freshdesk does not save the ticket because of other fields, {}: fill them, or make them optional under \
             Admin > Workflows > Ticket fields; then the link gets into {field}",
            list(objections)
        ),
    }
}

/// What a failure means when the note is there: one that is about this update is no reason to block
/// the ticket; one that passes, or is about us or the whole ticket, is.
fn not_filled(failure: Failure, field: &str) -> Result<Field, Failure> {
    match failure.cause {
        Cause::Forbidden | Cause::Rejected { .. } => Ok(Field::Odd(format!(
            "the custom field {field} could not be filled: {failure}; may the agent of the API key edit this ticket?"
        ))),
        _ => Err(failure),
    }
}

#[cfg(test)]
#[path = "write_back_tests.rs"]
mod tests;
