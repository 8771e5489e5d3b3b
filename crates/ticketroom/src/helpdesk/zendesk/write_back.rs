//! The room's link in a ticket: a custom field, where one is configured, and an internal note.
//!
//! Both are written in one update, so that neither is there without the other. The custom field may
//! be written again and again; a note may not, and is looked for first when an answer was lost
//! ([`notes`]). The update carries the version of the ticket that we decided on, so that of two
//! writers one gets a 409.

use serde_json::{Value, json};

use super::super::html::note;
use super::super::mark::NoteMark;
use super::super::{NOT_TAKEN, NOWHERE, NoteState, RoomLink, WrittenBack};
use super::api::{Api, name};
use super::notes::{self, Visibility};
use super::wire::UpdateAnswer;
use crate::call::{Cause, Failure};
use crate::source::salvage;

/// Puts the link into the ticket.
pub(super) async fn write_back(
    api: &Api,
    field: Option<u64>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let id = salvage::whole_number(link.key.id.as_str())
        .ok_or_else(|| name("update_ticket").failed(Cause::NotFound))?;
    let mark = NoteMark::of_link(link);
    if link.note.is_to_be_written(name("update_ticket"), notes::is_there(api, id, &mark)).await? {
        let answer = notes::write(api, id, &mark, &whole_update(field, link, &mark)).await?;
        written(field, link, &answer)
    } else {
        write_field(api, id, field, link).await
    }
}

async fn write_field(
    api: &Api,
    id: u64,
    field: Option<u64>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let is_quiet = link.note == NoteState::Unwanted;
    let Some(field) = field else {
        let place = if is_quiet { NOWHERE } else { "internal note" };
        return Ok(WrittenBack { place: place.to_owned(), warning: None });
    };
    // After an uncertain update the field is most often right, and a look costs less than a write.
    if !is_quiet
        && link.note != NoteState::Written
        && api.ticket(id).await?.ticket.custom_field(field).and_then(Value::as_str) == Some(link.url)
    {
        return Ok(WrittenBack { place: "field and internal note".to_owned(), warning: None });
    }
    // Without a version: whatever else changed in the ticket, this is what the field should hold.
    let update = json!({ "ticket": { "custom_fields": [{ "id": field, "value": link.url }] } });
    let warning = field_warning(field, link, &api.update(id, &update).await?);
    let place = match (warning.is_some(), is_quiet) {
        (false, false) => "field and internal note",
        (true, false) => "internal note",
        (false, true) => "field",
        (true, true) => NOT_TAKEN,
    };
    Ok(WrittenBack { place: place.to_owned(), warning })
}

/// The field, the note, and what makes the two repeatable.
fn whole_update(field: Option<u64>, link: &RoomLink<'_>, mark: &NoteMark<'_>) -> Value {
    let about = json!({ "room_id": link.room.to_string(), "op": "link", "key": mark.key });
    let mut ticket = notes::with_note(&note(link), &about);
    if let Some(field) = field {
        ticket["custom_fields"] = json!([{ "id": field, "value": link.url }]);
    }
    if let Some(version) = link.version {
        ticket["safe_update"] = json!(true);
        ticket["updated_stamp"] = json!(version);
    }
    json!({ "ticket": ticket })
}

/// Reads back what an update with field and note did.
fn written(field: Option<u64>, link: &RoomLink<'_>, answer: &UpdateAnswer) -> Result<WrittenBack, Failure> {
    let field_warning = field.and_then(|field| field_warning(field, link, answer));
    let in_field = field.is_some() && field_warning.is_none();
    let (in_note, note_warning) = match notes::visibility(answer) {
        Some(Visibility::Public) => (true, Some(notes::MADE_PUBLIC.to_owned())),
        Some(Visibility::Internal) => (true, None),
        None => (false, Some("Zendesk did not confirm the internal note".to_owned())),
    };
    let place = match (in_field, in_note) {
        (true, true) => "field and internal note",
        (true, false) => "field",
        (false, true) => "internal note",
        (false, false) => {
            let nothing = "the answer tells neither of the field nor of the note".to_owned();
            return Err(name("update_ticket").failed(Cause::Unintelligible(nothing)));
        }
    };
    let warnings: Vec<String> = field_warning.into_iter().chain(note_warning).collect();
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    Ok(WrittenBack { place: place.to_owned(), warning })
}

/// What is wrong with the custom field: Zendesk silently ignores one that does not exist.
fn field_warning(field: u64, link: &RoomLink<'_>, answer: &UpdateAnswer) -> Option<String> {
    match answer.ticket.custom_field(field) {
        Some(value) if value.as_str() == Some(link.url) => None,
        Some(_) => Some(format!(
            "the custom field {field} did not take the link: make a field of type text and put its id into `room_url_field`"
        )),
        None => Some(format!(
            "the ticket has no custom field {field}: make a field of type text and put its id into `room_url_field`"
        )),
    }
}

#[cfg(test)]
#[path = "write_back_tests.rs"]
mod tests;
