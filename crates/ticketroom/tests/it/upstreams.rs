//! A DocSpace that is unlucky, broken or hostile: refusals that prove nothing, rooms that land
//! late, lists and answers without end, links that are no web addresses, and subjects that can't be
//! given access.

use std::time::Duration;

use serde_json::Value;
use simulator::docspace::{NewUser, Quirks, UserKind};
use simulator::fault::{Fault, FaultKind, Times};
use simulator::zendesk::{self, ANNA, NewTicket};
use testbed::{Systems, TEMPLATE, wait_until};

use crate::process::{process_over, run};
use crate::world::World;

fn active_rooms(world: &World) -> usize {
    world.systems.docspace.rooms().iter().filter(|room| !room.archived).count()
}

fn timeline(view: &Value) -> String {
    view["timeline"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_after_the_room_was_made_makes_no_second_one() {
    for status in [400, 403, 404, 409, 415, 422] {
        let world = World::new().await;
        world.systems.docspace.faults().add(Fault::once("create_room", FaultKind::StatusAfter(status)));
        let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("refused") }).await;
        world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
        assert_eq!(world.systems.docspace.rooms().len(), 1, "{status}");
        assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0], "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_tickets_of_which_half_are_refused_after_their_rooms_were_made() {
    let world = World::new().await;
    let refused = Fault { times: Times::N(30), ..Fault::once("create_room", FaultKind::StatusAfter(403)) };
    world.systems.docspace.faults().add(refused);
    let mut tickets = Vec::new();
    for number in 0..60 {
        let ticket = NewTicket { assignee: Some(ANNA), ..NewTicket::about(format!("refused {number}")) };
        tickets.push(world.open(ticket).await);
    }
    for id in &tickets {
        world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    }
    assert_eq!(world.systems.docspace.faults().fired(), 30);
    assert_eq!(world.systems.docspace.rooms().len(), 60);
    for id in tickets {
        assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_really_refused_blocks_after_the_looks_and_costs_one_write() {
    let world = World::new().await;
    world.systems.docspace.faults().add(Fault::always("create_room", FaultKind::StatusBefore(403)));
    let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("forbidden") }).await;
    let key = format!("zendesk/{id}");
    let view = world.wait_for_state(&key, &["blocked"]).await;
    assert!(view["reason"].as_str().unwrap().contains("403"), "{view:#}");
    assert!(timeline(&view).contains("room_not_created"), "{view:#}");
    assert_eq!(world.systems.docspace.counters().of("create_room"), 1);
    assert_eq!(world.systems.docspace.rooms().len(), 0);
    world.systems.docspace.faults().clear();
    world.retry(&key).await;
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_effects_that_are_refused_after_they_happened_are_not_doubled() {
    let world = World::new().await;
    for call in ["copy", "share_room", "create_folder"] {
        world.systems.docspace.faults().add(Fault::once(call, FaultKind::StatusAfter(403)));
    }
    let first = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("first") }).await;
    let second = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("second") }).await;
    for id in [first, second] {
        let key = format!("zendesk/{id}");
        let view = world.wait_for_state(&key, &["ready", "blocked"]).await;
        if view["state"] == "blocked" {
            world.retry(&key).await;
            world.wait_for_state(&key, &["ready"]).await;
        }
        assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_that_are_refused_after_they_happened_do_not_block_the_ticket() {
    for status in [400, 403] {
        let systems = Systems::start().await;
        let world = World::around(
            systems.clone(),
            "[template.default]\nfolders = [\"Logs\", \"Findings\"]\naccess = [{ group = \"Support\", role = \"editor\" }]\n",
        )
        .await;
        let docspace = &systems.docspace;
        let id =
            systems.zendesk.create_ticket(NewTicket { assignee: Some(ANNA), ..NewTicket::about("done") });
        // An adopted room gets its folders one by one.
        let room = docspace.add_room("done", docspace.service_user(), &[&format!("zendesk:{id}")]);
        for call in ["share_room", "create_folder"] {
            let refused = Fault { times: Times::N(8), ..Fault::once(call, FaultKind::StatusAfter(status)) };
            docspace.faults().add(refused);
        }
        assert_eq!(world.deliver_created(id, "first").await, 200);
        let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready", "blocked"]).await;
        assert_eq!(view["state"], "ready", "{status}: {view:#}");
        let folders = docspace.room(room).unwrap().folders;
        assert_eq!(
            folders.iter().collect::<std::collections::BTreeSet<_>>().len(),
            folders.len(),
            "{folders:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_land_long_after_they_were_given_up_are_put_away() {
    let world = World::new().await;
    // The first create lands after the second has been asked for, and after the first audit.
    let late = FaultKind::LateLanding(Duration::from_secs(6));
    world.systems.docspace.faults().add(Fault { times: Times::N(4), ..Fault::once("create_room", late) });
    let mut tickets = Vec::new();
    for number in 0..4 {
        tickets.push(world.open(NewTicket::about(format!("late {number}"))).await);
    }
    for id in &tickets {
        world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    }
    wait_until("all rooms have landed", async || world.systems.docspace.rooms().len() == 8).await;
    wait_until("the second rooms are archived", async || active_rooms(&world) == 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_subject_that_is_none_keeps_nobody_else_waiting() {
    let world = World::with(
        r#"
        [template.default]
        folders = ["Logs"]
        access = [
            { group = "Support", role = "editor" },
            { user = "guest@example.com", role = "viewer" },
            { assignee = true, role = "viewer" },
        ]
        "#,
    )
    .await;
    let docspace = &world.systems.docspace;
    // A room admin may not look at guests.
    docspace.set_service_user_kind(UserKind::RoomAdmin);
    docspace.add_user(NewUser::active("guest@example.com", "A guest", UserKind::Guest));
    let agent = world.systems.zendesk.add_user(zendesk::NewUser {
        name: "An agent".to_owned(),
        email: Some("no address".to_owned()),
        role: zendesk::Role::Agent,
    });
    let id = world.open(NewTicket { assignee: Some(agent), ..NewTicket::about("guests") }).await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["blocked"]).await;
    let reason = view["reason"].as_str().unwrap();
    assert!(reason.contains("guest@example.com"), "{reason}");
    assert!(reason.contains("a room admin may not see guests"), "{reason}");
    let text = timeline(&view);
    assert!(text.contains("has no valid e-mail address"), "{text}");
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    let names: Vec<_> = room.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["Support"], "the group got in");
    assert_eq!(view["written_back"], true, "and the link is in the ticket");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_ends_the_look_and_not_the_service() {
    let world = World::new().await;
    let id = world.open(NewTicket::about("listed")).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let docspace = &world.systems.docspace;
    docspace.set_quirks(Quirks { lists_repeat: true, ..Quirks::default() });
    docspace.reset_counters();
    let other = world.open(NewTicket::about("endless")).await;
    let key = format!("zendesk/{other}");
    let view = world.wait_for_state(&key, &["blocked"]).await;
    assert!(view["reason"].as_str().unwrap().contains("repeats a page"), "{view:#}");
    assert!(docspace.counters().of("find_rooms") < 20, "{:?}", docspace.counters());
    docspace.set_quirks(Quirks::default());
    world.retry(&key).await;
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(docspace.rooms().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_end_are_cut_off() {
    let world = World::new().await;
    for call in ["find_rooms", "create_room", "share_room", "subfolders"] {
        world.systems.docspace.faults().add(Fault::once(call, FaultKind::EndlessBody));
    }
    world.systems.zendesk.faults().add(Fault::once("get_ticket", FaultKind::EndlessBody));
    world.systems.callback.faults().add(Fault::once("callback", FaultKind::EndlessBody));
    let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("endless") }).await;
    assert_eq!(world.deliver_generic(&testbed::generic("g", "endless")).await, 200);
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    world.wait_for_state("intranet/g", &["ready"]).await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
    assert_eq!(world.systems.docspace.rooms().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_no_web_address_does_not_get_into_a_ticket() {
    let world = World::with("[template.default]\nroom_type = \"custom\"\nlink = \"external\"\n").await;
    for (number, address) in ["javascript:alert(1)", "https://d/\r\nX: y", "/s/x"].into_iter().enumerate() {
        let quirks = Quirks { link_address: Some(address.to_owned()), ..Quirks::default() };
        world.systems.docspace.set_quirks(quirks);
        let id = world.open(NewTicket::about(format!("link {number}"))).await;
        let key = format!("zendesk/{id}");
        let view = world.wait_for_state(&key, &["blocked"]).await;
        assert!(view["reason"].as_str().unwrap().contains("the link"), "{view:#}");
        let ticket = world.systems.zendesk.ticket(id).unwrap();
        assert!(ticket.comments.iter().all(|comment| !comment.html_body.contains(address)), "{ticket:#?}");
        world.systems.docspace.set_quirks(Quirks::default());
        world.retry(&key).await;
        world.wait_for_state(&key, &["ready"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_link_that_the_portal_made_internal_is_a_remark() {
    let world = World::with("[template.default]\nroom_type = \"custom\"\nlink = \"external\"\n").await;
    world.systems.docspace.set_quirks(Quirks { links_are_internal: true, ..Quirks::default() });
    let id = world.open(NewTicket::about("internal")).await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert!(view["reason"].as_str().unwrap().contains("users of the portal only"), "{view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_third_parties_and_full_documents_are_no_obstacle() {
    let systems = Systems::start().await;
    let third_party_rooms = (0..3).map(|number| format!("Cloud {number}")).collect();
    systems.docspace.set_quirks(Quirks { third_party_rooms, ..Quirks::default() });
    let documents = systems.docspace.my_documents();
    for number in 0..150 {
        systems.docspace.add_folder(documents, &format!("A folder {number:03}"));
    }
    let world = World::around(systems.clone(), TEMPLATE).await;
    let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("first") }).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    drop(world);
    // A further process finds the skeleton that the first one has made.
    let made = systems.docspace.counters().of("create_folder");
    let world = World::around(systems.clone(), TEMPLATE).await;
    let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("second") }).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert_eq!(systems.docspace.counters().of("create_folder"), made, "one skeleton serves both");
    assert_eq!(systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_people_wrote_in_their_own_way_are_not_made_again() {
    let systems = Systems::start().await;
    let world = World::around(
        systems.clone(),
        "[template.default]\nfolders = [\"Logs\", \"Café\", \"Zurich/Büro\", \"New\"]\n",
    )
    .await;
    let id = systems.zendesk.create_ticket(NewTicket::about("adopted"));
    let docspace = &systems.docspace;
    let room = docspace.add_room("adopted", docspace.service_user(), &[&format!("zendesk:{id}")]);
    for title in ["LOGS ", "Cafe"] {
        docspace.add_folder(room, title);
    }
    let zurich = docspace.add_folder(room, "Zürich");
    docspace.add_folder(zurich, "bu\u{308}ro");
    assert_eq!(world.deliver_created(id, "first").await, 200);
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let mut folders = docspace.room(room).unwrap().folders;
    folders.sort();
    assert_eq!(folders, ["Cafe", "LOGS ", "New", "Zürich", "Zürich/bu\u{308}ro"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_got_another_owner_is_not_doubled() {
    let systems = Systems::start().await;
    let world = World::around(systems.clone(), TEMPLATE).await;
    let id = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("owned") }).await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let room = view["room"]["id"].as_i64().unwrap();
    let boss =
        systems.docspace.add_user(NewUser::active("boss@example.com", "Boss", UserKind::DocSpaceAdmin));
    systems.docspace.set_room_owner(room, boss);
    assert_eq!(world.deliver_created(id, "again").await, 200);
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    drop(world);
    // A new store knows the room by its address in the ticket.
    let world = World::around(systems.clone(), TEMPLATE).await;
    assert_eq!(world.deliver_created(id, "once more").await, 200);
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready", "blocked"]).await;
    assert_eq!((view["room"]["id"].as_i64(), systems.docspace.rooms().len()), (Some(room), 1), "{view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_a_stranger_put_on_a_room_is_said_and_waits_for_a_person() {
    let world = World::new().await;
    let docspace = &world.systems.docspace;
    let first = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("a room to take") }).await;
    let view = world.wait_for_state(&format!("zendesk/{first}"), &["ready"]).await;
    let room = view["room"]["id"].as_i64().unwrap();
    let stranger = docspace.add_user(NewUser::active("s@example.com", "Stranger", UserKind::RoomAdmin));
    docspace.delete_room(room);
    let id = world.systems.zendesk.create_ticket(NewTicket::about("claimed by a stranger"));
    let theirs = docspace.add_room("theirs", stranger, &[&format!("zendesk:{id}")]);
    assert_eq!(world.deliver_created(id, "first").await, 200);
    let key = format!("zendesk/{id}");
    let view = world.wait_for_state(&key, &["blocked"]).await;
    assert!(view["reason"].as_str().unwrap().contains("another user owns it"), "{view:#}");
    docspace.delete_room(theirs);
    world.retry(&key).await;
    let view = world.wait_for_state(&key, &["ready"]).await;
    assert_ne!(view["room"]["id"], theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_knows_what_keys_and_session_tokens_may_do() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, section) = text.split_once("[docspace]").unwrap();
    let line = section.lines().find(|line| line.starts_with("api_key")).unwrap().to_owned();
    let with_key = |key: &str| {
        std::fs::write(&file, text.replacen(&line, &format!("api_key = {key:?}"), 1)).unwrap();
        process.command(&["check"])
    };
    let narrow = systems.docspace.add_key(&["rooms:write", "files:write", "accounts:write"], None);
    let (status, out, err) = run(&mut with_key(&narrow)).await;
    assert_eq!(status, 1, "{out}{err}");
    assert!(
        out.contains("the API key lacks accounts:read"),
        "groups can't be read with accounts:write: {out}"
    );
    let (status, out, err) = run(&mut with_key(&systems.docspace.add_session())).await;
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("the key is a session token"), "{out}");
}
