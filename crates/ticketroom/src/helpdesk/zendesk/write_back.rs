//! The room's link in a ticket: a custom field, where one is configured, and an internal note.
//!
//! Both are written in one update, so that neither is there without the other. The custom field may be
//! written again and again; a note may not, and Zendesk has no idempotency key for updates. So the update
//! carries a key in its metadata and a marker in its note, by which the note is found again when an answer
//! was lost, and the version of the ticket that we decided on, so that of two writers one gets a 409.

use serde_json::{Value, json};

use super::super::html::{escaped, note};
use super::super::{NoteState, RoomLink, WrittenBack, too_many_comments};
use super::api::{Api, name};
use super::wire::{CommentDto, UpdateAnswer};
use crate::call::{Cause, Failure};
use crate::source::salvage;

/// How many pages of a hundred comments are searched for our note. A ticket has 5,000 comments at most; whichever order
/// they come in, all of them are read, unless our note is found before.
const PAGES: usize = 100;

/// Puts the link into the ticket.
pub(super) async fn write_back(
    api: &Api,
    field: Option<u64>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let id = salvage::whole_number(link.key.id.as_str())
        .ok_or_else(|| name("update_ticket").failed(Cause::NotFound))?;
    match link.note {
        NoteState::Missing => write_all(api, id, field, link).await,
        NoteState::Settling if !has_note(api, id, link).await? => {
            Err(name("update_ticket").failed(Cause::Unsettled))
        }
        NoteState::Uncertain if !has_note(api, id, link).await? => write_all(api, id, field, link).await,
        NoteState::Settling | NoteState::Uncertain | NoteState::Written => {
            write_field(api, id, field, link).await
        }
    }
}

async fn write_all(
    api: &Api,
    id: u64,
    field: Option<u64>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let answer = api.update(id, &whole_update(field, link)).await?;
    // An update that carries our key was made by us; anything else would be a guess.
    if let Some(audit) = &answer.audit
        && audit.metadata.key() == Some(key(link).as_str())
        && let Some(author) = audit.author_id
    {
        api.learn_own_id(author);
    }
    written(field, link, &answer)
}

async fn write_field(
    api: &Api,
    id: u64,
    field: Option<u64>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let Some(field) = field else {
        return Ok(WrittenBack { place: "internal note".to_owned(), warning: None });
    };
    // After an uncertain update the field is most often right, and a look costs less than a write.
    if link.note != NoteState::Written
        && api.ticket(id).await?.ticket.custom_field(field).and_then(Value::as_str) == Some(link.url)
    {
        return Ok(WrittenBack { place: "field and internal note".to_owned(), warning: None });
    }
    // Without a version: whatever else changed in the ticket, this is what the field should hold.
    let update = json!({ "ticket": { "custom_fields": [{ "id": field, "value": link.url }] } });
    let warning = field_warning(field, link, &api.update(id, &update).await?);
    let place = if warning.is_some() { "internal note" } else { "field and internal note" };
    Ok(WrittenBack { place: place.to_owned(), warning })
}

/// Looks for our note among the ticket's comments.
async fn has_note(api: &Api, id: u64, link: &RoomLink<'_>) -> Result<bool, Failure> {
    let (key, marker) = (key(link), link.key.marker());
    let mut after: Option<String> = None;
    for _ in 0..PAGES {
        let page = api.comments(id, after.as_deref()).await?;
        for comment in &page.comments {
            match resemblance(comment, &key, &marker, link.url) {
                Resemblance::Ours => return Ok(true),
                Resemblance::IfWeWroteIt if comment.author_id == Some(api.own_id().await?) => {
                    return Ok(true);
                }
                _ => {}
            }
        }
        match page.meta.after_cursor {
            Some(cursor) if page.meta.has_more && after.as_ref() != Some(&cursor) => after = Some(cursor),
            _ => return Ok(false),
        }
    }
    Err(name("comments").failed(too_many_comments()))
}

#[derive(Debug, PartialEq, Eq)]
enum Resemblance {
    None,
    /// It has our marker, which people can copy.
    IfWeWroteIt,
    /// It has our key in its metadata, where only programs can write.
    Ours,
}

fn resemblance(comment: &CommentDto, key: &str, marker: &str, url: &str) -> Resemblance {
    // A note that leads to an earlier room is not the one that is looked for.
    let leads_there = |text: &str| text.contains(url) || text.contains(&escaped(url));
    let marked =
        |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(marker) && leads_there(text));
    if comment.public != Some(false) {
        return Resemblance::None;
    }
    if comment.metadata.key() == Some(key) {
        return Resemblance::Ours;
    }
    if marked(&comment.body) || marked(&comment.html_body) {
        Resemblance::IfWeWroteIt
    } else {
        Resemblance::None
    }
}

/// By what our update is known again.
fn key(link: &RoomLink<'_>) -> String {
    // With the room: a ticket whose room was deleted gets a note for the new one.
    format!("{}:{}:{}:link:v1", link.key.helpdesk, link.key.id, link.room)
}

/// The field, the note, and what makes the two repeatable.
fn whole_update(field: Option<u64>, link: &RoomLink<'_>) -> Value {
    let mut ticket = json!({
        // Where `public` is missing, the ticket's default counts, and that may be to tell the customer.
        "comment": { "html_body": note(link), "public": false },
        "metadata": { "ticketroom": { "room_id": link.room.to_string(), "op": "link", "key": key(link) } },
    });
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
    let events = answer.audit.iter().flat_map(|audit| &audit.events);
    let comment = events.into_iter().find(|event| event.kind.as_deref() == Some("Comment"));
    let (in_note, note_warning) = match comment.map(|comment| comment.public) {
        Some(Some(true)) => (
            true,
            Some("Zendesk made the note public, and the requester may have been told of it".to_owned()),
        ),
        Some(_) => (true, None),
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
