//! Compares the product's records of a ticket with its room and with the ticket in its helpdesk.
//!
//! Of a ticket that is over, the product may not have recorded what it did last: it does nothing
//! more for it. Who has lost their access shows in the timeline only if the product has revoked it
//! undisturbed.
//!
//! The API shows the state, the subject, the room with its title and address, and whether the link
//! is in the ticket. Only the timeline shows that the folders were created and who was granted
//! access.

use serde_json::Value;
use simulator::docspace::RoomView;

use crate::lives::{Life, Place};
use crate::people::title_of;

/// The facts of a ticket.
#[derive(Debug)]
pub(crate) struct Truth<'a> {
    pub(crate) life: &'a Life,
    pub(crate) room: &'a RoomView,
    /// The room's address, which belongs into the ticket.
    pub(crate) address: &'a str,
}

/// How the product's records differ from the facts.
pub(crate) fn wrong_with(told: &Value, truth: &Truth<'_>) -> Vec<String> {
    let Truth { life, room, address } = truth;
    let is_active = life.belongs() == Place::Active;
    let mut wrong = Vec::new();
    let mut expect = |what: &str, told: &Value, is: Value| {
        if *told != is {
            wrong.push(format!("the product says that {what} is {told}, and it is {is}"));
        }
    };
    expect("the state", &told["state"], Value::from(if is_active { "ready" } else { "archived" }));
    // A ticket that is gone can't be read, and has a room if somebody asked for it.
    let code = match (is_active, life.was_asked()) {
        (true, true) if life.ticket.deleted => Value::from("ready.ticket.gone"),
        (true, _) => Value::Null,
        (false, true) => Value::from("archived.ticket.asked"),
        (false, false) => Value::from("archived.ticket.over"),
    };
    if !(life.ticket.deleted && life.was_asked() && told["code"].is_null()) {
        expect("what is not as configured", &told["code"], code);
    }
    if !(life.ticket.deleted && life.subjects.iter().any(|subject| told["subject"] == subject.as_str())) {
        expect("the subject", &told["subject"], Value::from(life.subjects.last().map(String::as_str)));
    }
    expect("the room", &told["room"]["id"], Value::from(room.id));
    expect("the room's title", &told["room"]["title"], Value::from(room.title.as_str()));
    expect("the room's address", &told["room"]["url"], Value::from(*address));
    if is_active && !life.ticket.deleted {
        expect("the link in the ticket", &told["written_back"], Value::from(true));
    }
    let was_ours = life.subjects.iter().any(|subject| room.title == title_of(&life.ticket.id, subject));
    if !was_ours && life.title_by_hand.as_ref() != Some(&room.title) {
        wrong.push(format!(
            "the room's title is {:?}, and the ticket was about {:?}",
            room.title, life.subjects
        ));
    }
    let timeline = told["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Nor can be told what the room of a ticket needs that is gone.
    let is_followed = is_active && !life.ticket.deleted;
    if is_followed && !timeline.iter().any(|entry| entry["kind"] == "folders_ready") {
        wrong.push("the product doesn't say that it made the folders".to_owned());
    }
    wrong.extend(wrong_with_access(timeline, life, room));
    wrong
}

/// The room has no members but those that the product has granted access to, and its owner; and of
/// these, all but former assignees.
fn wrong_with_access(timeline: &[Value], life: &Life, room: &RoomView) -> Vec<String> {
    let mut let_in: Vec<&str> = Vec::new();
    for entry in timeline {
        let text = entry["text"].as_str().unwrap_or_default();
        match entry["kind"].as_str() {
            // Missing members come after those who were granted access, and may have got it later.
            Some("access_given" | "access_missing") => {
                let those =
                    text.strip_prefix("granted access to ").and_then(|those| those.split("; ").next());
                let_in.extend(those.into_iter().flat_map(|those| those.split(", ")));
            }
            Some("access_revoked") => {
                let those =
                    text.strip_prefix("revoked access of ").and_then(|those| those.split("; ").next());
                let_in.retain(|member| {
                    !those.into_iter().flat_map(|those| those.split(", ")).any(|out| out == *member)
                });
            }
            _ => {}
        }
    }
    let members: Vec<String> = room
        .members
        .iter()
        .map(|member| match &member.email {
            Some(email) => email.clone(),
            None => format!("“{}”", member.name),
        })
        .collect();
    let is_former = |claimed: &str| {
        let mut assignees = life.assignees.iter().filter_map(|agent| agent.email());
        life.ticket.assignee.email().is_none_or(|now| !claimed.ends_with(now))
            && assignees.any(|assignee| claimed.ends_with(assignee))
    };
    let absent = let_in
        .iter()
        .filter(|claimed| !is_former(claimed))
        .filter(|claimed| !members.iter().any(|member| claimed.ends_with(member.as_str())));
    let absent = absent
        .map(|claimed| format!("the product says that it granted access to {claimed}, who is not there"));
    let unclaimed =
        members.iter().filter(|member| !let_in.iter().any(|claimed| claimed.ends_with(member.as_str())));
    // The archive may have come between a call and its record.
    let unclaimed = unclaimed.filter(|_| life.belongs() == Place::Active);
    let unclaimed =
        unclaimed.map(|member| format!("{member} is in the room, and the product doesn't say so"));
    absent.chain(unclaimed).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is a test's failure report")]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    const ADDRESS: &str = "http://portal/rooms/shared/7/filter?folder=7";

    /// A room that is as it should be.
    pub(crate) fn room(tag: &str, id: i64) -> RoomView {
        let nobody = "00000000-0000-0000-0000-000000000000";
        let member = |name: &str, email: Option<&str>, access: i32| json!({ "id": nobody, "name": name, "email": email, "is_group": email.is_none(), "access": access });
        let room = json!({
            "id": id, "title": "Ticket #4 – new", "room_type": 2, "tags": [tag], "archived": false,
            "created": "2026-11-27T12:00:00Z", "owner": nobody,
            "folders": testbed::FOLDERS, "files": 0, "links": [],
            "members": [member("Support", None, 10), member("Anna Agent", Some("anna.agent@example.com"), 11)],
        });
        serde_json::from_value(room).unwrap()
    }

    /// What the product says of it.
    pub(crate) fn told() -> Value {
        let entry =
            |kind: &str, text: &str| json!({ "at": "2026-11-27T12:00:00Z", "kind": kind, "text": text });
        json!({
            "helpdesk": "zendesk", "id": "4", "subject": "newer", "state": "ready", "reason": null, "code": null,
            "room": { "id": 7, "title": "Ticket #4 – new", "url": ADDRESS }, "written_back": true, "attempts": 0,
            "timeline": [
                entry("delivery", "ticket.created"),
                entry("folders_ready", "made 4 folders"),
                entry("access_given", "granted access to group “Support”, assignee anna.agent@example.com"),
            ],
        })
    }

    fn found(change: impl FnOnce(&mut Value, &mut RoomView)) -> Vec<String> {
        let (mut told, mut room) = (told(), room("zendesk:4", 7));
        change(&mut told, &mut room);
        wrong_with(&told, &Truth { life: &life(), room: &room, address: ADDRESS })
    }

    fn life() -> Life {
        let mut life = Life::new(testbed::Desk::Zendesk, "4".to_owned(), "new");
        life.subjects.push("newer".to_owned());
        life
    }

    #[test]
    fn nothing_is_wrong_with_what_is_so() {
        assert_eq!(found(|_, _| {}), [""; 0]);
    }

    #[test]
    fn who_was_let_in_may_be_told_in_pieces() {
        let in_pieces = |told: &mut Value, _: &mut RoomView| {
            told["timeline"][2] = json!({
                "kind": "access_missing", "text": "granted access to group “Support”; anna.agent@example.com is unknown",
            });
            let later = json!({ "kind": "access_given", "text": "granted access to assignee anna.agent@example.com" });
            told["timeline"].as_array_mut().unwrap().push(later);
        };
        assert_eq!(found(in_pieces), [""; 0]);
    }

    #[test]
    fn what_was_revoked_is_claimed_no_more() {
        let revoked = |told: &mut Value, _: &mut RoomView| {
            let entry = json!({ "kind": "access_revoked", "text": "revoked access of assignee anna.agent@example.com" });
            told["timeline"].as_array_mut().unwrap().push(entry);
        };
        assert_eq!(found(revoked), ["anna.agent@example.com is in the room, and the product doesn't say so"]);
        let both = |told: &mut Value, room: &mut RoomView| {
            revoked(told, room);
            room.members.pop();
        };
        assert_eq!(found(both), [""; 0]);
    }

    #[test]
    fn a_ticket_that_is_over_has_its_room_in_the_archive() {
        let (told, room, mut life) = (told(), room("zendesk:4", 7), life());
        life.ticket.status = "solved";
        let wrong = wrong_with(&told, &Truth { life: &life, room: &room, address: ADDRESS });
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        let mut right = told;
        (right["state"], right["code"]) = (json!("archived"), json!("archived.ticket.over"));
        assert_eq!(wrong_with(&right, &Truth { life: &life, room: &room, address: ADDRESS }), [""; 0]);
        life.ask(Place::Archive, true, true);
        assert_eq!(wrong_with(&right, &Truth { life: &life, room: &room, address: ADDRESS }).len(), 1);
    }

    #[test]
    fn each_claim_is_looked_at() {
        type Change = fn(&mut Value, &mut RoomView);
        let changes: [(&str, Change); 11] = [
            ("the state is", |told, _| told["state"] = json!("waiting")),
            ("what is not as configured is", |told, _| {
                told["code"] = json!("blocked.docspace.group-unknown");
            }),
            ("the subject is", |told, _| told["subject"] = json!("new")),
            ("the room is", |told, _| told["room"]["id"] = json!(8)),
            ("the room's title is", |told, _| told["room"]["title"] = json!("Ticket #4 – newer")),
            ("the room's title is", |told, room| {
                "Ticket #5 – new".clone_into(&mut room.title);
                told["room"]["title"] = json!(room.title);
            }),
            ("the room's address is", |told, _| told["room"]["url"] = json!("http://elsewhere/")),
            ("the link in the ticket is", |told, _| told["written_back"] = json!(false)),
            ("made the folders", |told, _| told["timeline"][1] = Value::Null),
            ("anna.agent@example.com, who is not there", |_, room| drop(room.members.pop())),
            ("“Support” is in the room", |told, _| {
                told["timeline"][2]["text"] = json!("granted access to assignee anna.agent@example.com");
            }),
        ];
        for (expected, change) in changes {
            let found = found(change);
            assert!(matches!(found.as_slice(), [one] if one.contains(expected)), "{expected}: {found:?}");
        }
    }
}
