//! Compares the product's records of a ticket with its room and with the ticket in its helpdesk.
//!
//! The API shows the state, the subject, the room with its title and address, and whether the link is in the ticket. Only the
//! timeline shows that the folders were created and who was granted access.

use serde_json::Value;
use simulator::docspace::RoomView;

/// The facts of a ticket.
#[derive(Debug)]
pub(crate) struct Truth<'a> {
    pub(crate) id: &'a str,
    /// All subjects that it had; the last one is the current one.
    pub(crate) subjects: &'a [String],
    pub(crate) room: &'a RoomView,
    /// The room's address, which belongs into the ticket.
    pub(crate) address: &'a str,
}

/// How the product's records differ from the facts.
pub(crate) fn wrong_with(told: &Value, truth: &Truth<'_>) -> Vec<String> {
    let Truth { id, subjects, room, address } = truth;
    let mut wrong = Vec::new();
    let mut expect = |what: &str, told: &Value, is: Value| {
        if *told != is {
            wrong.push(format!("the product says that {what} is {told}, and it is {is}"));
        }
    };
    expect("the state", &told["state"], Value::from("ready"));
    expect("what is not as configured", &told["reason"], Value::Null);
    expect("the subject", &told["subject"], Value::from(subjects.last().map(String::as_str)));
    expect("the room", &told["room"]["id"], Value::from(room.id));
    expect("the room's title", &told["room"]["title"], Value::from(room.title.as_str()));
    expect("the room's address", &told["room"]["url"], Value::from(*address));
    expect("the link in the ticket", &told["written_back"], Value::from(true));
    // A room keeps its first title.
    if !subjects.iter().any(|subject| room.title == format!("Ticket #{id} – {subject}")) {
        wrong.push(format!("the room's title is {:?}, and the ticket was about {subjects:?}", room.title));
    }
    let timeline = told["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !timeline.iter().any(|entry| entry["kind"] == "folders_ready") {
        wrong.push("the product doesn't say that it made the folders".to_owned());
    }
    wrong.extend(wrong_with_access(timeline, room));
    wrong
}

/// The room has exactly the members that the product has granted access to, and its owner.
fn wrong_with_access(timeline: &[Value], room: &RoomView) -> Vec<String> {
    let mut let_in: Vec<&str> = Vec::new();
    for entry in
        timeline.iter().filter(|entry| entry["kind"] == "access_given" || entry["kind"] == "access_missing")
    {
        let text = entry["text"].as_str().unwrap_or_default();
        // Missing members come after those who were granted access, and may have got it later.
        let those = text.strip_prefix("granted access to ").and_then(|those| those.split("; ").next());
        let_in.extend(those.into_iter().flat_map(|those| those.split(", ")));
    }
    let members: Vec<String> = room
        .members
        .iter()
        .map(|member| match &member.email {
            Some(email) => email.clone(),
            None => format!("“{}”", member.name),
        })
        .collect();
    let absent =
        let_in.iter().filter(|claimed| !members.iter().any(|member| claimed.ends_with(member.as_str())));
    let absent = absent
        .map(|claimed| format!("the product says that it granted access to {claimed}, who is not there"));
    let unclaimed =
        members.iter().filter(|member| !let_in.iter().any(|claimed| claimed.ends_with(member.as_str())));
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
            "helpdesk": "zendesk", "id": "4", "subject": "newer", "state": "ready", "reason": null,
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
        let subjects = ["new".to_owned(), "newer".to_owned()];
        wrong_with(&told, &Truth { id: "4", subjects: &subjects, room: &room, address: ADDRESS })
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
    fn each_claim_is_looked_at() {
        type Change = fn(&mut Value, &mut RoomView);
        let changes: [(&str, Change); 11] = [
            ("the state is", |told, _| told["state"] = json!("waiting")),
            ("what is not as configured is", |told, _| told["reason"] = json!("group “Support” is missing")),
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
