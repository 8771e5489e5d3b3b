//! The room's link in a ticket: a private note, and a custom field, where one is configured.
//!
//! Freshdesk has no lock, no idempotency key, and no data of our own on a note. So the note carries our marker and the
//! room's address as text, by which it is found again when an answer was lost; and it goes first, so that where the
//! field has the link, the note is there, too. The field may be written again and again.

use serde_json::{Value, json};

use super::super::html::{escaped, note};
use super::super::{Note, RoomLink, WrittenBack, salvage};
use super::api::{Api, PAGE};
use super::wire::{ConversationDto, TicketDto};
use crate::call::{Cause, Failure};

/// How many pages of a hundred notes and replies are searched for our note.
const PAGES: usize = 10;

/// Puts the link into the ticket.
pub(super) async fn write_back(
    api: &Api,
    field: Option<&str>,
    link: &RoomLink<'_>,
) -> Result<WrittenBack, Failure> {
    let id = salvage::whole_number(link.key.id.as_str())
        .ok_or_else(|| api.name("create_note").failed(Cause::NotFound))?;
    let (noted, mut warnings) = match link.note {
        Note::Missing => (true, write_note(api, id, link).await?),
        Note::Settling if !has_note(api, id, link).await? => {
            return Err(api.name("create_note").failed(Cause::Unsettled));
        }
        Note::Uncertain if !has_note(api, id, link).await? => (true, write_note(api, id, link).await?),
        Note::Settling | Note::Uncertain | Note::Written => (false, Vec::new()),
    };
    let in_field = match field {
        None => false,
        Some(field) => match write_field(api, id, field, link).await {
            Ok(()) => true,
            Err(Failure { cause: Cause::Rejected { detail, .. }, .. }) => {
                warnings.push(rejected(field, &detail));
                false
            }
            Err(failure) if noted => return Err(failure.after_an_effect()),
            Err(failure) => return Err(failure),
        },
    };
    let place = if in_field { "field and private note" } else { "private note" };
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    Ok(WrittenBack { place: place.to_owned(), warning })
}

/// Writes the note, and says what is wrong with it, if anything is.
async fn write_note(api: &Api, id: u64, link: &RoomLink<'_>) -> Result<Vec<String>, Failure> {
    // Nobody is notified, and it is ours: other members of the body stay away.
    let made = api.note(id, &json!({ "body": note(link), "private": true })).await?;
    if let Some(author) = made.user_id {
        api.learn_own_id(author);
    }
    let public = "Freshdesk made the note public, and the requester may have been told of it".to_owned();
    Ok((made.private == Some(false)).then_some(public).into_iter().collect())
}

async fn write_field(api: &Api, id: u64, field: &str, link: &RoomLink<'_>) -> Result<(), Failure> {
    let has_link =
        |ticket: &TicketDto| ticket.custom_fields.get(field).and_then(Value::as_str) == Some(link.url);
    // After an uncertain update the field may be right already, and a write would set off the account's rules.
    if matches!(link.note, Note::Settling | Note::Uncertain) && has_link(&api.ticket(id).await?) {
        return Ok(());
    }
    let updated = api.update(id, &json!({ "custom_fields": { field: link.url } })).await?;
    if has_link(&updated) {
        return Ok(());
    }
    // A field that takes something else than what it is given is none for a link.
    Err(api
        .name("update_ticket")
        .failed(Cause::Rejected { status: 200, detail: format!("{field}, invalid_value") }))
}

/// What to do about a field that did not take the link. The link is in the note.
fn rejected(field: &str, detail: &str) -> String {
    if detail.is_empty() || detail.split(", ").any(|said| said == field) {
        return format!(
            "the custom field {field} did not take the link: make a single-line text field of that name, or correct \
             `room_url_field`"
        );
    }
    format!("Freshdesk did not change the ticket, most likely because a required field is empty ({detail})")
}

/// Looks for our note among the ticket's conversations.
async fn has_note(api: &Api, id: u64, link: &RoomLink<'_>) -> Result<bool, Failure> {
    for page in 1..=PAGES {
        let found = api.conversations(id, page).await?;
        for conversation in &found {
            if is_like_ours(conversation, link)
                && conversation.user_id.is_some()
                && conversation.user_id == api.own_id().await?
            {
                return Ok(true);
            }
        }
        if found.len() < PAGE {
            break;
        }
    }
    Ok(false)
}

/// Whether it is a private note with our marker that leads to this room; people can copy that.
fn is_like_ours(conversation: &ConversationDto, link: &RoomLink<'_>) -> bool {
    let marker = link.key.marker();
    // A note that leads to an earlier room is not the one that is looked for.
    let leads_there = |text: &str| text.contains(link.url) || text.contains(&escaped(link.url));
    let (html, text) = (conversation.body.as_deref(), conversation.body_text.as_deref());
    let has = |what: &dyn Fn(&str) -> bool| html.is_some_and(what) || text.is_some_and(what);
    conversation.private == Some(true) && has(&|text| text.contains(&marker)) && has(&leads_there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::RoomId;
    use crate::ticket::TicketKey;

    #[test]
    fn our_note_is_told_from_others() {
        let key = TicketKey { helpdesk: "freshdesk".parse().unwrap(), id: "8123".parse().unwrap() };
        let url = "https://d.example/?a=1&b=2";
        let link =
            RoomLink { key: &key, room: RoomId(4711), title: "R", url, version: None, note: Note::Uncertain };
        let cases = [
            (json!({ "private": true, "body": note(&link), "body_text": "…" }), true),
            (
                json!({ "private": true, "body": "<a href=\"https://d.example/?a=1&amp;b=2\">x</a>",
                "body_text": "x [ticketroom:freshdesk:8123]" }),
                true,
            ),
            (json!({ "private": false, "body": note(&link) }), false),
            (json!({ "private": true, "body": "[ticketroom:freshdesk:8123] https://d.example/?old" }), false),
            (
                json!({ "private": true, "body": "[ticketroom:freshdesk:81234] https://d.example/?a=1&b=2" }),
                false,
            ),
            (json!({}), false),
        ];
        for (json, expected) in cases {
            let read = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(is_like_ours(&read, &link), expected, "{json}");
        }
    }

    #[test]
    fn what_to_do_about_a_field_depends_on_what_is_wrong() {
        assert!(rejected("cf_room", "cf_room, invalid_field").contains("single-line text field"));
        assert!(rejected("cf_room", "").contains("single-line text field"));
        assert!(rejected("cf_room", "cf_region, missing_field").contains("(cf_region, missing_field)"));
    }
}
