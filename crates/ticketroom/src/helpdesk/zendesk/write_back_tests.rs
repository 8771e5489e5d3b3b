//! The note, the update, and what its answer says, without HTTP.

use super::*;
use crate::room::RoomId;
use crate::ticket::TicketKey;

const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711&x='1'";

fn key_of_ticket() -> TicketKey {
    TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "40117".parse().unwrap() }
}

fn link<'a>(key: &'a TicketKey, title: &'a str, url: &'a str) -> RoomLink<'a> {
    RoomLink {
        key,
        room: RoomId(4711),
        title,
        url,
        version: Some("2026-11-20T08:14:03Z"),
        note: NoteState::Missing,
    }
}

#[test]
fn the_update_is_internal_guarded_and_marked() {
    let key = key_of_ticket();
    let mut link = link(&key, "Room", URL);
    let update = whole_update(Some(30_063_999_000_501), &link, &NoteMark::of_link(&link));
    let ticket = &update["ticket"];
    assert_eq!(ticket["comment"]["public"], false);
    assert_eq!(ticket["custom_fields"], json!([{ "id": 30_063_999_000_501_u64, "value": URL }]));
    assert_eq!(
        ticket["metadata"],
        json!({ "ticketroom": { "room_id": "4711", "op": "link", "key": "zendesk:40117:4711:link:v1" } })
    );
    assert_eq!(
        (&ticket["safe_update"], &ticket["updated_stamp"]),
        (&json!(true), &json!("2026-11-20T08:14:03Z"))
    );

    link.version = None;
    let update = whole_update(None, &link, &NoteMark::of_link(&link));
    for absent in ["custom_fields", "safe_update", "updated_stamp"] {
        assert!(update["ticket"].get(absent).is_none(), "{absent}");
    }
}

#[test]
fn the_answer_is_read_back() {
    let key = key_of_ticket();
    let link = link(&key, "Room", URL);
    let right = json!({ "custom_fields": [{ "id": 5, "value": URL }] });
    let other = json!({ "custom_fields": [{ "id": 5, "value": null }] });
    let without = json!({ "custom_fields": [{ "id": 6, "value": URL }] });
    let internal = json!({ "events": [{ "type": "Change" }, { "type": "Comment", "public": false }] });
    let public = json!({ "events": [{ "type": "Comment", "public": true }] });
    let nothing = json!(null);
    let cases = [
        (Some(5), &right, &internal, Some("field and internal note"), None),
        (None, &other, &internal, Some("internal note"), None),
        (Some(5), &other, &internal, Some("internal note"), Some("did not take the link")),
        (Some(5), &without, &internal, Some("internal note"), Some("has no custom field 5")),
        (Some(5), &right, &public, Some("field and internal note"), Some("made the note public")),
        (Some(5), &right, &nothing, Some("field"), Some("did not confirm")),
        (Some(5), &other, &nothing, None, None),
        (None, &right, &nothing, None, None),
    ];
    for (field, ticket, audit, place, warning) in cases {
        let answer: UpdateAnswer =
            serde_json::from_value(json!({ "ticket": ticket, "audit": audit })).unwrap();
        let result = written(field, &link, &answer);
        assert_eq!(result.as_ref().ok().map(|written| written.place.as_str()), place);
        let said = result.ok().and_then(|written| written.warning);
        match warning {
            Some(part) => assert!(said.is_some_and(|said| said.contains(part)), "{part}"),
            None => assert_eq!(said, None),
        }
    }
}
