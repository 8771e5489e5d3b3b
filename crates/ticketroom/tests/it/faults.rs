//! Every call to another system goes wrong in every way, and the tickets come out right all the
//! same.

use std::time::Duration;

use simulator::fault::{Fault, FaultKind, TooMany};
use simulator::zendesk::{ANNA, NewTicket};

use testbed::{ROOM_FIELD, Systems, TEMPLATE, generic, wait_until};

use crate::world::World;

/// Calls that the two tickets below make for sure.
const DOCSPACE_CALLS: [&str; 11] = [
    "find_rooms",
    "self_key",
    "create_room",
    "my_documents",
    "create_folder",
    "copy",
    "subfolders",
    "find_groups",
    "user_by_email",
    "share_room",
    "get_primary_link",
];
const ZENDESK_CALLS: [&str; 3] = ["oauth_token", "get_ticket", "update_ticket"];

const INCIDENT: &str = r#"
    [[rule]]
    when = "ticket.subject == 'incident'"
    template = "incident"
    [template.incident]
    room_type = "custom"
    link = "external"
    folders = ["Timeline", "Logs"]
    access = [{ group = "Support", role = "editor" }]
"#;

async fn every_call_goes_wrong_once(kind: FaultKind) {
    let world = World::with(&format!("{INCIDENT}{TEMPLATE}")).await;
    let systems = &world.systems;
    for call in DOCSPACE_CALLS {
        systems.docspace.faults().add(Fault::once(call, kind.clone()));
    }
    for call in ZENDESK_CALLS {
        systems.zendesk.faults().add(Fault::once(call, kind.clone()));
    }
    systems.callback.faults().add(Fault::once("callback", kind.clone()));
    let plain = world.open(NewTicket { assignee: Some(ANNA), ..NewTicket::about("plain") }).await;
    let incident = world.open(NewTicket::about("incident")).await;
    assert_eq!(world.deliver_generic(&generic("g", "generic")).await, 200);
    for key in [format!("zendesk/{plain}"), format!("zendesk/{incident}"), "intranet/g".to_owned()] {
        world.wait_for_state(&key, &["ready"]).await;
    }
    // Faults at the making of the skeleton send tickets another way for as long as a folder may
    // still land; after that, they come by it.
    let mut later = Vec::new();
    while systems.docspace.counters().of("copy") == 0 {
        let id = world.open(NewTicket::about("later")).await;
        world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
        later.push(id);
    }
    // What was struck late may have left something to look at.
    world.wait_until_all_rest().await;

    assert_eq!(systems.wrong_with_zendesk_ticket(plain), [""; 0]);
    for id in &later {
        assert_eq!(systems.wrong_with_zendesk_ticket(*id), [""; 0]);
    }
    assert_eq!(systems.wrong_with_generic_ticket("g"), [""; 0]);
    let room = systems.the_room_of(&format!("zendesk:{incident}"));
    assert_eq!(room.folders, ["Logs", "Timeline"]);
    let ticket = systems.zendesk.ticket(incident).unwrap();
    let notes = ticket.comments.iter().filter(|note| note.html_body.contains("[ticketroom:")).count();
    assert_eq!(notes, 1);
    let link = ticket.custom_fields[&ROOM_FIELD].as_str().unwrap();
    assert!(room.links.iter().any(|known| known.url == link), "{link}: {:?}", room.links);
    assert_eq!(systems.docspace.rooms().len(), 3 + later.len(), "{:#?}", systems.docspace.rooms());
    let fired = systems.docspace.faults().fired();
    assert_eq!(fired, DOCSPACE_CALLS.len() as u64, "every fault was met: {:?}", systems.docspace.counters());
    assert_eq!(systems.zendesk.faults().fired(), ZENDESK_CALLS.len() as u64, "every fault was met");
    assert_eq!(systems.callback.faults().fired(), 1);
}

macro_rules! goes_wrong {
    ($($name:ident: $kind:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            every_call_goes_wrong_once($kind).await;
        })*
    };
}

goes_wrong! {
    connections_are_refused: FaultKind::Refuse;
    the_minute_is_full: FaultKind::TooMany(TooMany::PerMinute);
    too_many_at_once: FaultKind::TooMany(TooMany::ConcurrentWrites);
    errors_before_the_work: FaultKind::StatusBefore(503);
    errors_after_the_work: FaultKind::StatusAfter(500);
    answers_are_lost: FaultKind::AnswerLost;
    nothing_is_answered: FaultKind::Hang(Duration::from_millis(1000));
    calls_land_late: FaultKind::LateLanding(Duration::from_millis(900));
    answers_break_off: FaultKind::TruncatedBody;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_without_its_tag_is_found_by_its_title() {
    let world = World::new().await;
    world.systems.docspace.lose_tags_of_next_room();
    let id = world.open(NewTicket::about("tagless")).await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert_eq!(world.systems.docspace.rooms().len(), 1);
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
    let kinds: Vec<_> = view["timeline"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert!(kinds.iter().any(|kind| *kind == "room_found"), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_lands_after_all_hope_is_put_away() {
    let world = World::new().await;
    let late = FaultKind::LateLanding(Duration::from_millis(2200));
    world.systems.docspace.faults().add(Fault::once("create_room", late));
    let id = world.open(NewTicket::about("late")).await;
    let key = format!("zendesk/{id}");
    world.wait_for_state(&key, &["ready"]).await;
    wait_until("the second room is archived", async || {
        let rooms = world.systems.docspace.rooms();
        rooms.len() == 2 && rooms.iter().filter(|room| room.archived).count() == 1
    })
    .await;
    let active: Vec<_> = world.systems.docspace.rooms().into_iter().filter(|room| !room.archived).collect();
    let view = world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(view["room"]["id"], active[0].id, "the room in the ledger stays");
    assert!(view["timeline"].to_string().contains("archived empty second rooms"), "{view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_found_again_by_a_new_store() {
    let systems = Systems::start().await;
    let mut world = World::around(systems.clone(), TEMPLATE).await;
    let id = world.open(NewTicket::about("remembered")).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    world.stop().await;
    let other = World::around(systems, TEMPLATE).await;
    assert_eq!(other.deliver_created(id, "again").await, 200);
    other.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert_eq!(other.systems.docspace.rooms().len(), 1);
    assert_eq!(other.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_does_as_well() {
    let setup = simulator::docspace::Setup {
        version: simulator::docspace::ServerVersion::V2_0,
        ..simulator::docspace::Setup::default()
    };
    let world = World::around(Systems::start_with(setup).await, &format!("{INCIDENT}{TEMPLATE}")).await;
    let id = world.open(NewTicket::about("incident")).await;
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let rooms = world.systems.docspace.rooms();
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0].tags, [format!("zendesk:{id}")], "a 2.x server ignores the tags of a new room");
    assert_eq!(view["room"]["url"], rooms[0].links[0].url);
}
