//! What people do with the files of a room becomes one internal note per quiet period, and what we
//! do ourselves is no news.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{Act, Desk, LifeTicket, wait_until};
use uuid::Uuid;

use super::{elapsed, key, template};
use crate::conformance::over;
use crate::docspace_webhook::{SECRET, connected_with};
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        files_of_people_are_one_note_with_who_and_where,
        hostile_names_of_files_stay_text,
        folders_are_news_only_where_they_are_wanted,
        a_storm_of_files_is_one_note,
        attempts_of_one_delivery_are_told_once,
        our_own_notes_make_no_news,
        events_of_a_room_that_was_deleted_are_not_told_of_its_successor,
    }
}

const QUIET: Duration = Duration::from_secs(1);

/// A world with this `notify`, and a ticket in it whose own events have come in.
async fn ticket_in(desk: Desk, notify: &str) -> (World, LifeTicket, i64) {
    let world = connected_with(&template(&format!("notify = {notify}"))).await;
    let ticket = world.begin(desk, "with files").await;
    world.systems.docspace.webhook_deliveries_settled().await;
    let room = world.room(&ticket).id;
    (world, ticket, room)
}

fn anna(world: &World) -> Uuid {
    world.systems.docspace.user("anna.agent@example.com").unwrap()
}

impl World {
    /// Waits until so many notes tell of files, and then whether more come.
    async fn told(&self, ticket: &LifeTicket, notes: usize) -> Vec<String> {
        let told = || self.further_notes(ticket, "files-");
        wait_until(&format!("{} has {notes} notes", key(ticket)), async || told().len() >= notes).await;
        self.is_quiet(ticket).await;
        assert_eq!(told().len(), notes, "{:#?}", told());
        told()
    }

    /// Waits until everything that was reported has been told, and looks whether anything else is.
    async fn is_quiet(&self, ticket: &LifeTicket) {
        self.systems.docspace.webhook_deliveries_settled().await;
        let store = self.service.as_ref().unwrap().store().clone();
        wait_until("no event is left", async || {
            let untold = store.unreported_events(1, None, 1).await.unwrap().total;
            untold == 0 && store.unplaced(1).await.unwrap().is_empty()
        })
        .await;
        self.nothing_follows(ticket).await;
    }
}

async fn files_of_people_are_one_note_with_who_and_where(desk: Desk) {
    let (world, ticket, room) = ticket_in(desk, "{ quiet = \"1s\" }").await;
    let docspace = &world.systems.docspace;
    world.is_quiet(&ticket).await;
    assert_eq!(world.further_notes(&ticket, ""), [""; 0], "our own folders are no news");
    let owner = docspace.portal_owner();
    docspace.add_member(room, owner, 9);
    let started = Instant::now();
    let kept = docspace.by(anna(&world)).upload_into(room, "Logs/Server", "boot.log").unwrap();
    let report = docspace.by(anna(&world)).upload(room, "report.docx").unwrap();
    docspace.by(owner).upload(room, "terms.pdf").unwrap();
    let told = world.told(&ticket, 1).await;
    assert!(started.elapsed() >= QUIET, "told after {:?}", started.elapsed());
    let note = &told[0];
    for part in ["Anna Agent", "Olga Owner", "boot.log", "report.docx", "terms.pdf"] {
        assert!(note.contains(part), "{part}: {note}");
    }
    let address = format!("{}rooms/shared/{room}/filter?folder=", docspace.url());
    assert!(note.matches(&address).count() >= 3, "{address}: {note}");

    // The next quiet period has a note of its own.
    docspace.by(anna(&world)).edit_file(kept).unwrap();
    docspace.by(anna(&world)).trash_file(report).unwrap();
    let told = world.told(&ticket, 2).await;
    let note = &told[1];
    for part in ["changed the file", "boot.log", "removed the file", "report.docx"] {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert!(!note.contains("terms.pdf"), "{note}");
    assert_eq!(world.systems.wrong_with_opened(desk, &ticket.id), [""; 0]);
}

async fn hostile_names_of_files_stay_text(desk: Desk) {
    let (world, ticket, room) = ticket_in(desk, "{ quiet = \"1s\" }").await;
    let by = world.systems.docspace.by(anna(&world));
    for title in [
        "\"><img src=x onerror=alert(1)>.docx",
        "</a><script>alert(2)<script>.js",
        "[x|javascript:alert(3)] {html}<b>y</b>{html}.txt",
        "\u{202E}fdp.exe",
        "[ticketroom:zendesk:1:other].txt",
    ] {
        by.upload(room, title).unwrap();
    }
    let note = world.told(&ticket, 1).await.remove(0);
    assert!(!note.contains('\u{202E}'), "{note}");
    if desk != Desk::Generic && desk != Desk::Jira {
        for harmful in ["<img", "<script", "<b>", "\"javascript:"] {
            assert!(!note.contains(harmful), "{harmful}: {note}");
        }
    }
    assert_eq!(world.systems.wrong_with_opened(desk, &ticket.id), [""; 0]);
}

async fn folders_are_news_only_where_they_are_wanted(desk: Desk) {
    for (events, notes) in [("[\"folder\"]", 1), ("[]", 0)] {
        let (world, ticket, room) =
            ticket_in(desk, &format!("{{ quiet = \"1s\", events = {events} }}")).await;
        let by = world.systems.docspace.by(anna(&world));
        by.upload(room, "nobody-cares.txt").unwrap();
        by.create_folder(room, "Evidence").unwrap();
        let told = world.told(&ticket, notes).await;
        let names_folders = |note: &String| note.contains("Evidence") && !note.contains("nobody-cares");
        assert!(told.iter().all(names_folders), "{told:?}");
    }
}

async fn a_storm_of_files_is_one_note(desk: Desk) {
    let (world, ticket, room) = ticket_in(desk, "{ quiet = \"8s\" }").await;
    let by = world.systems.docspace.by(anna(&world));
    for number in 0..1000 {
        by.upload(room, &format!("{number}.log")).unwrap();
    }
    let started = Instant::now();
    world.systems.docspace.webhook_deliveries_settled().await;
    assert!(started.elapsed() < 3 * Duration::from_secs(8), "a slow machine: {:?}", started.elapsed());
    // All of them are placed before the note is due.
    let store = world.service.as_ref().unwrap().store().clone();
    wait_until("all are placed", async || store.unreported_events(1, None, 1).await.unwrap().total == 1000)
        .await;
    world.pass(Duration::from_secs(8)).await;
    let told = world.told(&ticket, 1).await;
    assert!(told[0].contains("and 980 further events"), "{told:?}");
    assert!(told[0].len() < 20_000, "{}", told[0].len());
    assert_eq!(world.systems.wrong_with_opened(desk, &ticket.id), [""; 0]);
}

async fn attempts_of_one_delivery_are_told_once(desk: Desk) {
    let (world, ticket, room) = ticket_in(desk, "{ quiet = \"1s\" }").await;
    let docspace = &world.systems.docspace;
    docspace.by(anna(&world)).upload(room, "once.txt").unwrap();
    docspace.webhook_deliveries_settled().await;
    let sent = docspace.webhook_deliveries();
    let uploaded = sent.iter().rfind(|sent| sent.trigger == "file.uploaded").unwrap();
    let mut again: Value = serde_json::from_str(&uploaded.bodies[0]).unwrap();
    for retry in 1..=5 {
        again["webhook"]["retryCount"] = json!(retry);
        again["webhook"]["lastFailureContent"] = json!("no answer");
        assert_eq!(world.deliver_event(&again, SECRET).await, 200);
    }
    let told = world.told(&ticket, 1).await;
    assert!(told[0].contains("added the file ") && !told[0].contains("further"), "{told:?}");
    // Also when the note was written long ago.
    again["webhook"]["retryCount"] = json!(6);
    assert_eq!(world.deliver_event(&again, SECRET).await, 200);
    let started = Instant::now();
    elapsed(started, QUIET).await;
    world.told(&ticket, 1).await;
}

/// Our notes, renamings and moves raise events in the helpdesk and in DocSpace, and these end
/// there.
async fn our_own_notes_make_no_news(desk: Desk) {
    let notify = "{ quiet = \"1s\", events = [\"file\", \"folder\"] }\narchive_after = \"0s\"";
    let world = connected_with(&template(&format!("notify = {notify}"))).await;
    desk.send_all_to(&world.systems, &world.url(&desk.endpoint()));
    let mut ticket = LifeTicket::open(desk, &world.systems, "echo");
    if desk == Desk::Generic {
        world.create(&ticket).await;
    } else {
        world.wait_for_state(&key(&ticket), &["ready"]).await;
    }
    let room = world.room(&ticket).id;
    let docspace = &world.systems.docspace;
    docspace.by(anna(&world)).upload(room, "one.txt").unwrap();
    world.told(&ticket, 1).await;
    for act in [Act::Rename("echoes".to_owned()), Act::Assign(testbed::Agent::Ben), Act::Solve, Act::Reopen] {
        world.act(&mut ticket, act).await;
        desk.deliveries_settled(&world.systems).await;
        docspace.webhook_deliveries_settled().await;
        world.wait_until_all_rest().await;
    }
    world.is_active(&ticket).await;
    let stands = || (world.everything(&ticket), docspace.counters().requests);
    let before = stands();
    let started = Instant::now();
    elapsed(started, 2 * QUIET).await;
    assert_eq!(stands(), before, "nothing goes on by itself");
    let counters = docspace.counters();
    for (call, expected) in
        [("archive_room", 1), ("unarchive_room", 1), ("update_room", 1), ("create_room", 1)]
    {
        assert_eq!(counters.of(call), expected, "{call}: {counters:?}");
    }
    assert_eq!((world.further_notes(&ticket, "").len(), desk.notes(&world.systems, &ticket.id)), (1, (1, 0)));
    assert_eq!(desk.refused_deliveries(&world.systems), [""; 0]);
}

async fn events_of_a_room_that_was_deleted_are_not_told_of_its_successor(desk: Desk) {
    let (world, ticket, room) = ticket_in(desk, "{ quiet = \"1h\" }").await;
    let docspace = &world.systems.docspace;
    docspace.by(anna(&world)).upload(room, "lost.txt").unwrap();
    let store = world.service.as_ref().unwrap().store().clone();
    let untold = async || store.unreported_events(1, None, 1).await.unwrap().total;
    wait_until("it is placed", async || untold().await == 1).await;
    docspace.delete_room(room);
    world.wait_for_state(&key(&ticket), &["blocked"]).await;
    world.retry(&key(&ticket)).await;
    world.is_active(&ticket).await;
    wait_until("it is forgotten", async || untold().await == 0).await;
    world.pass(Duration::from_secs(2 * 3600)).await;
    world.is_quiet(&ticket).await;
    assert_eq!(world.further_notes(&ticket, "files-"), [""; 0]);
}
