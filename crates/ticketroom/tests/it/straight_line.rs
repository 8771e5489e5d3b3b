//! A ticket comes in, one room stands ready, its link is in the ticket.

use serde_json::{Value, json};
use simulator::zendesk::{ANNA, BEN, Change, NewTicket, SUPPORT};

use testbed::{FOLDERS, ROOM_FIELD, generic};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_zendesk_ticket_gets_its_room_and_the_room_its_people() {
    let world = World::new().await;
    let id = world
        .open(NewTicket {
            assignee: Some(ANNA),
            group: Some(SUPPORT),
            ..NewTicket::about("VPN: \"down\" 🔥")
        })
        .await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;

    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    assert_eq!(room.title, format!("Ticket #{id} – VPN_ _down_ __"));
    assert_eq!(room.room_type, 2);
    assert_eq!(room.folders, FOLDERS);
    let roles: Vec<_> = room.members.iter().map(|member| (member.name.as_str(), member.access)).collect();
    assert!(roles.contains(&("Support", 10)) && roles.contains(&("Anna Agent", 11)), "{roles:?}");
    assert_eq!(view["room"]["id"], room.id);
    assert_eq!(view["room"]["title"], room.title);
    assert_eq!(view["room"]["url"], world.systems.member_address(&room));
    assert_eq!(view["written_back"], true);
    assert_eq!(view["subject"], "VPN: \"down\" 🔥");
    assert_eq!(view["attempts"], 0);
    let kinds: Vec<_> =
        view["timeline"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["delivery", "room_created", "linked"], "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_costs_three_docspace_writes() {
    let world = World::new().await;
    // The first ticket of a template also makes the skeleton.
    let first = world.open(NewTicket::about("first")).await;
    world.wait_for_state(&format!("zendesk/{first}"), &["ready"]).await;
    world.systems.docspace.reset_counters();
    let second = world.open(NewTicket::about("second")).await;
    world.wait_for_state(&format!("zendesk/{second}"), &["ready"]).await;
    let counters = world.systems.docspace.counters();
    assert_eq!(counters.writes, 3, "{counters:?}");
    assert_eq!(counters.of("copy"), 1);
    assert_eq!(world.systems.wrong_with_zendesk_ticket(second), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generic_ticket_is_told_of_by_callback() {
    let world = World::new().await;
    assert_eq!(world.deliver_generic(&generic("4711", "Printer smokes")).await, 200);
    let view = world.wait_for_state("intranet/4711", &["ready"]).await;
    assert_eq!(world.systems.wrong_with_generic_ticket("4711"), [""; 0]);
    let room = world.systems.the_room_of("intranet:4711");
    let told = &world.systems.callback.received()[0].body;
    assert_eq!(told["roomId"].as_str().map(str::to_owned), Some(room.id.to_string()));
    assert_eq!(view["written_back"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_room_type_has_its_link() {
    let template = |name: &str, room_type: &str, link: &str| {
        format!(
            r#"
            [[rule]]
            when = "ticket.subject == '{name}'"
            template = "{name}"
            [template.{name}]
            room_type = "{room_type}"
            folders = ["One"]
            access = []
            {link}
            "#
        )
    };
    let said = |link: &str| if link.is_empty() { String::new() } else { format!("link = \"{link}\"") };
    let cases = [
        ("custom-default", "custom", "", "/rooms/shared/", 5),
        ("public-default", "public", "", "/rooms/shared/", 6),
        ("collaboration-auto", "collaboration", "auto", "/rooms/shared/", 2),
        ("custom-auto", "custom", "auto", "/s/", 5),
        ("custom-member", "custom", "member", "/rooms/shared/", 5),
        ("public-external", "public", "external", "/s/", 6),
        ("virtual-data-auto", "virtual-data", "auto", "/rooms/shared/", 8),
        ("collaboration-invitation", "collaboration", "invitation", "/s/", 2),
        ("public-invitation", "public", "invitation", "/s/", 6),
    ];
    let more: String =
        cases.iter().map(|(name, room_type, link, ..)| template(name, room_type, &said(link))).collect();
    let world = World::with(&more).await;
    for (name, _, _, address, number) in cases {
        let id = world.open(NewTicket::about(name)).await;
        world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
        let room = world.systems.the_room_of(&format!("zendesk:{id}"));
        assert_eq!(room.room_type, number, "{name}");
        assert_eq!(room.folders, ["One"], "{name}");
        let ticket = world.systems.zendesk.ticket(id).unwrap();
        let field = ticket.custom_fields[&ROOM_FIELD].as_str().unwrap().to_owned();
        assert!(field.contains(address), "{name}: {field}");
        if address == "/s/" {
            let links: Vec<_> = room.links.iter().filter(|link| link.url == field).collect();
            assert_eq!(links.len(), 1, "{name}: {field} is none of {:?}", room.links);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_note_is_no_news() {
    let world = World::new().await;
    let id = world.open(NewTicket::about("echo")).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let note = world.systems.zendesk.event_body(id, "comment_added").unwrap();
    world.systems.docspace.reset_counters();
    world.systems.zendesk.reset_counters();
    assert_eq!(world.deliver(&note, "the echo").await, 200);
    let view = world.ticket(&format!("zendesk/{id}")).await;
    assert_eq!(view["state"], "ready", "an echo makes no ticket due");
    let last = view["timeline"].as_array().unwrap().last().unwrap().clone();
    assert!(last["text"].as_str().unwrap().contains("our own note"), "{last}");
    assert_eq!(world.systems.docspace.counters().requests, 0);
    assert_eq!(world.systems.zendesk.counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_follows_the_assignee_and_a_second_look_writes_nothing() {
    let world = World::new().await;
    let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("handed over") }).await;
    let key = format!("zendesk/{id}");
    world.wait_for_state(&key, &["ready"]).await;
    world.systems.zendesk.change_ticket(id, Change::Assignee(Some(BEN)));
    let body = world.systems.zendesk.event_body(id, "agent_assignment_changed").unwrap();
    world.systems.docspace.reset_counters();
    assert_eq!(world.deliver(&body, "assigned").await, 200);
    world.wait_for_state(&key, &["ready"]).await;
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    let names: Vec<_> = room.members.iter().map(|member| member.name.as_str()).collect();
    assert!(names.contains(&"Ben Engineer") && !names.contains(&"Anna Agent"), "{names:?}");
    let counters = world.systems.docspace.counters();
    assert_eq!(
        (counters.of("share_room"), counters.writes),
        (2, 2),
        "one is let in, the other one is removed"
    );

    world.systems.docspace.reset_counters();
    world.systems.zendesk.reset_counters();
    world.retry(&key).await;
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(world.systems.docspace.counters().writes, 0);
    assert_eq!(world.systems.zendesk.counters().of("update_ticket"), 0);
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn updated_before_created_and_the_same_fifty_times() {
    let world = World::new().await;
    let id = world.systems.zendesk.create_ticket(NewTicket::about("shuffled"));
    world.systems.zendesk.change_ticket(id, Change::Subject("renamed".to_owned()));
    let changed = world.systems.zendesk.event_body(id, "subject_changed").unwrap();
    assert_eq!(world.deliver(&changed, "2").await, 200);
    let created = world.systems.zendesk.event_body(id, "created").unwrap();
    let repeats = (0..50).map(|_| world.deliver(&created, "1"));
    let statuses = futures_util::future::join_all(repeats).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let generic_body = generic("77", "fifty times without any id");
    let repeats = (0..50).map(|_| world.deliver_generic(&generic_body));
    futures_util::future::join_all(repeats).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    world.wait_for_state("intranet/77", &["ready"]).await;
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
    assert_eq!(world.systems.wrong_with_generic_ticket("77"), [""; 0]);
    assert_eq!(world.systems.docspace.rooms().len(), 2);
    assert_eq!(world.systems.docspace.counters().of("create_room"), 2);
    let view = world.ticket(&format!("zendesk/{id}")).await;
    let deliveries = view["timeline"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "delivery");
    assert_eq!(deliveries.count(), 2, "a repeat is no delivery of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_can_say_that_a_ticket_gets_no_room() {
    let rule = "[[rule]]\nwhen = \"ticket.group == 'Sales'\"\nskip = true\n";
    let world = World::with(rule).await;
    world.deliver_generic(&json!({ "ticketId": "1", "subject": "buy", "group": "Sales" })).await;
    let view = world.wait_for_state("intranet/1", &["skipped"]).await;
    assert!(view["reason"].as_str().unwrap().contains("ticket.group == 'Sales'"), "{view}");
    assert_eq!(view["room"], Value::Null);
    assert!(world.systems.docspace.rooms().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_missing_is_reported_and_let_in_later() {
    let access = r#"
        [template.default]
        access = [
            { group = "Support", role = "editor" },
            { group = "Night shift", role = "viewer" },
            { user = "terminated@example.com", role = "viewer" },
            { user = "ben.engineer@example.com", role = "manager" },
        ]
    "#;
    let world = World::with(access).await;
    let id = world.open(NewTicket::about("who")).await;
    let key = format!("zendesk/{id}");
    let view = world.wait_for_state(&key, &["blocked"]).await;
    let reason = view["reason"].as_str().unwrap();
    for part in ["Night shift", "terminated@example.com", "ben.engineer@example.com", "manager"] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    assert_eq!(view["written_back"], true, "the ticket has its room all the same");
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    assert_eq!(room.members.len(), 1, "{:?}", room.members);

    let ben = room.members.iter().find(|member| member.name == "Ben Engineer").map(|ben| ben.id);
    assert_eq!(ben, None);
    world.systems.docspace.add_group("Night shift", &[]);
    world.retry(&key).await;
    let view = world.wait_for_state(&key, &["blocked"]).await;
    assert!(!view["reason"].as_str().unwrap().contains("Night shift"), "{view}");
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    assert!(room.members.iter().any(|member| member.name == "Night shift" && member.access == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tickets_group_gets_in_and_a_requester_who_is_unknown_is_a_remark() {
    let world = World::with(
        r#"
        [[rule]]
        name = "own group"
        when = "ticket.subject.contains('OWN') and ticket.group == 'Support' and ticket.channel is defined"
        template = "own"
        [template.own]
        access = [{ ticket_group = true, role = "viewer" }, { requester = true, role = "viewer" }]
        "#,
    )
    .await;
    let id = world.open(NewTicket { group: Some(SUPPORT), ..NewTicket::about("my own") }).await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    let roles: Vec<_> = room.members.iter().map(|member| (member.name.as_str(), member.access)).collect();
    assert!(roles.contains(&("Support", 2)), "{roles:?}");
    assert_eq!(room.folders, ["Attachments", "Findings", "Logs"], "the rest is the default template's");
    let reason = view["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("DocSpace has no active user "), "{view}");
}
