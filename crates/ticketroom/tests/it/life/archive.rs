//! Rooms go into the archive when their tickets are over, and come back: after the grace, over
//! restarts and jumps of the clock, through lost and slow operations, a full queue and a full
//! portal.

use std::time::{Duration, Instant};

use serde_json::json;
use simulator::docspace::Setup;
use testbed::{Act, Desk, LifeTicket, Systems, wait_until};

use super::{DAY, key, template, times};
use crate::conformance::over;
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        a_solved_tickets_room_is_archived_and_the_same_one_comes_back,
        the_grace_goes_on_over_restarts_and_jumps_of_the_clock,
        reopening_ends_the_grace,
        a_ticket_may_turn_while_its_room_is_on_its_way,
        what_docspace_loses_is_asked_for_again,
        thirty_at_once_are_all_archived,
        finished_operations_leave_the_queue,
        a_full_portal_blocks_the_restoring_until_there_is_room,
        rooms_of_deleted_tickets_are_archived_at_once_and_come_back,
        deliveries_that_overtake_each_other_make_one_room,
        a_link_for_everybody_comes_back_with_its_room,
    }
}

/// What is sent by a system of one's own carries no time.
mod overtaken {
    use super::*;

    over! {
        generic: Desk::Generic;
        { a_creation_that_comes_late_reopens_nothing }
    }
}

/// Once for all kinds of helpdesk.
mod templates {
    use super::*;

    over! {
        generic: Desk::Generic;
        { a_room_whose_template_was_removed_goes_into_the_archive_and_comes_back }
    }
}

const MOVES: [&str; 2] = ["archive_room", "unarchive_room"];

async fn a_solved_tickets_room_is_archived_and_the_same_one_comes_back(desk: Desk) {
    let world = World::with(&template("archive_after = \"1s\"")).await;
    let mut ticket = world.begin(desk, "solved").await;
    let room = world.room(&ticket);
    for round in 1..=2 {
        let started = Instant::now();
        world.act(&mut ticket, Act::Solve).await;
        let view = world.is_archived(&ticket).await;
        assert!(started.elapsed() >= Duration::from_secs(1), "the grace was {:?}", started.elapsed());
        assert_eq!(view["code"], "archived.ticket.over", "{view:#}");
        world.nothing_follows(&ticket).await;
        // Somebody empties the field meanwhile.
        if desk != Desk::Generic {
            desk.take_link_away(&world.systems, &ticket.id);
        }
        world.act(&mut ticket, Act::Reopen).await;
        world.is_right(&ticket).await;
        assert_eq!(world.room(&ticket).id, room.id);
        assert_eq!(world.calls(MOVES), [round, round]);
        world.nothing_follows(&ticket).await;
    }
    assert_eq!(world.calls(["create_room", "share_room", "update_room"]), [1, 1, 0]);
}

async fn the_grace_goes_on_over_restarts_and_jumps_of_the_clock(desk: Desk) {
    let mut world = World::with(&template("archive_after = \"3d\"")).await;
    let mut ticket = world.begin(desk, "patience").await;
    world.act(&mut ticket, Act::Solve).await;
    let view = world.is_active(&ticket).await;
    assert_eq!(times(&view, "ticket_over"), 1, "{view:#}");
    world.stop().await;
    world.pass(2 * DAY).await;
    world.start().await;
    world.nothing_follows(&ticket).await;
    assert_eq!(world.calls(MOVES), [0, 0]);
    world.pass(DAY).await;
    // Nobody reports anything.
    wait_until("the room is archived", async || world.room(&ticket).archived).await;
    let view = world.is_archived(&ticket).await;
    assert_eq!((times(&view, "ticket_over"), times(&view, "room_archived")), (1, 1), "{view:#}");
    world.stop().await;
    world.pass(30 * DAY).await;
    world.start().await;
    world.nothing_follows(&ticket).await;
    assert_eq!(world.calls(MOVES), [1, 0]);
}

async fn reopening_ends_the_grace(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let mut ticket = world.begin(desk, "on and off").await;
    world.act(&mut ticket, Act::Solve).await;
    world.is_active(&ticket).await;
    world.act(&mut ticket, Act::Reopen).await;
    world.is_active(&ticket).await;
    world.pass(4 * DAY).await;
    world.nothing_follows(&ticket).await;
    world.act(&mut ticket, Act::Solve).await;
    let over_again = async || times(&world.ticket(&key(&ticket)).await, "ticket_over") == 2;
    wait_until("it is over again", over_again).await;
    // The clock starts again.
    world.pass(2 * DAY).await;
    world.nothing_follows(&ticket).await;
    assert_eq!(world.calls(MOVES), [0, 0]);
    world.pass(DAY).await;
    wait_until("the room is archived", async || world.room(&ticket).archived).await;
    world.is_archived(&ticket).await;
    assert_eq!(world.calls(MOVES), [1, 0]);
}

async fn a_ticket_may_turn_while_its_room_is_on_its_way(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    let mut ticket = world.begin(desk, "undecided").await;
    world.systems.docspace.set_operation_time(Duration::from_millis(400));
    let moved = |moves: [u64; 2]| {
        let world = &world;
        async move { wait_until(&format!("{moves:?}"), async || world.calls(MOVES) == moves).await }
    };
    world.act(&mut ticket, Act::Solve).await;
    moved([1, 0]).await;
    world.act(&mut ticket, Act::Reopen).await;
    // It is archived all the same, and comes back.
    moved([1, 1]).await;
    world.is_right(&ticket).await;
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    world.act(&mut ticket, Act::Reopen).await;
    moved([2, 2]).await;
    world.act(&mut ticket, Act::Solve).await;
    moved([3, 2]).await;
    world.is_archived(&ticket).await;
    world.nothing_follows(&ticket).await;
    assert_eq!(world.calls(MOVES), [3, 2]);
}

async fn what_docspace_loses_is_asked_for_again(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "lost").await;
    for (act, archived, moves) in [(Act::Solve, true, [1, 0]), (Act::Reopen, false, [2, 1])] {
        docspace.lose_operations(1);
        world.act(&mut ticket, act).await;
        wait_until("it is waited for", async || {
            let view = world.ticket(&key(&ticket)).await;
            world.calls(MOVES) == moves && view["code"] == "waiting.docspace.room-on-its-way"
        })
        .await;
        assert_eq!(world.room(&ticket).archived, !archived);
        world.pass(Duration::from_secs(60)).await;
        wait_until("the room is moved", async || world.room(&ticket).archived == archived).await;
    }
    world.is_right(&ticket).await;
    assert_eq!(world.calls(MOVES), [2, 2]);
    world.nothing_follows(&ticket).await;
}

async fn thirty_at_once_are_all_archived(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    let mut tickets: Vec<LifeTicket> =
        (0..30).map(|nth| LifeTicket::open(desk, &world.systems, &format!("of many {nth}"))).collect();
    for ticket in &tickets {
        let created = ticket.created(&world.systems);
        assert_eq!(world.deliver_to(&desk.endpoint(), &created).await, 200);
    }
    world.wait_until_all_rest().await;
    // Ten operations at most are carried out at a time, and those beyond them are lost.
    world.systems.docspace.set_operation_time(Duration::from_millis(300));
    for ticket in &mut tickets {
        assert!(ticket.act(&world.systems, &Act::Solve));
    }
    for ticket in &tickets {
        let changed = ticket.changed(&world.systems, 1);
        assert_eq!(world.deliver_to(&desk.endpoint(), &changed).await, 200);
    }
    let archived = || world.systems.docspace.rooms().iter().filter(|room| room.archived).count();
    world.hurry_until("all are archived", async || archived() == 30).await;
    for ticket in &tickets {
        world.is_archived(ticket).await;
    }
    let [archived, unarchived] = world.calls(MOVES);
    assert!((30..90).contains(&archived) && unarchived == 0, "{archived} {unarchived}");
}

async fn finished_operations_leave_the_queue(desk: Desk) {
    // One that has ended and was not read occupies its place for a minute.
    let systems = Systems::start_with(Setup { operation_workers: 2, ..Setup::default() }).await;
    let world = World::around(systems, &template("archive_after = \"0s\"")).await;
    let mut ticket = world.begin(desk, "to and fro").await;
    for _ in 0..4 {
        world.act(&mut ticket, Act::Solve).await;
        world.is_archived(&ticket).await;
        world.act(&mut ticket, Act::Reopen).await;
        world.is_active(&ticket).await;
    }
    assert_eq!(world.calls(MOVES), [4, 4], "none was lost");
    world.is_right(&ticket).await;
}

async fn a_full_portal_blocks_the_restoring_until_there_is_room(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "no room").await;
    for by_itself in [false, true] {
        world.act(&mut ticket, Act::Solve).await;
        if by_itself {
            wait_until("the room is archived", async || world.room(&ticket).archived).await;
        }
        world.is_archived(&ticket).await;
        docspace.set_room_quota(Some(0));
        world.act(&mut ticket, Act::Reopen).await;
        let view = world.wait_for_state(&key(&ticket), &["blocked"]).await;
        assert_eq!(view["code"], "blocked.docspace.room-not-restored", "{view:#}");
        let help = view.to_string();
        assert!(help.contains("quota") && help.contains("tickets retry"), "{help}");
        assert!(world.room(&ticket).archived);
        docspace.set_room_quota(None);
        if by_itself {
            world.pass(Duration::from_secs(16 * 60)).await;
        } else {
            world.retry(&key(&ticket)).await;
        }
        wait_until("the room is back", async || !world.room(&ticket).archived).await;
        world.is_right(&ticket).await;
    }
    world.nothing_follows(&ticket).await;
    assert_eq!(world.calls(MOVES), [2, 4]);
}

async fn rooms_of_deleted_tickets_are_archived_at_once_and_come_back(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    for (gone, back) in [(Act::Delete, Act::Restore), (Act::Spam, Act::NotSpam)] {
        if !desk.supports(&gone) {
            continue;
        }
        let mut ticket = world.begin(desk, "gone").await;
        let room = world.room(&ticket);
        world.act(&mut ticket, gone.clone()).await;
        let view = world.is_archived(&ticket).await;
        assert!(view["reason"].as_str().unwrap().contains("deleted"), "{view:#}");
        world.nothing_follows(&ticket).await;
        if desk.supports(&back) {
            world.act(&mut ticket, back).await;
            world.is_right(&ticket).await;
            assert_eq!(world.room(&ticket).id, room.id);
            world.nothing_follows(&ticket).await;
        }
    }
}

async fn deliveries_that_overtake_each_other_make_one_room(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let mut solved = LifeTicket::open(desk, &world.systems, "overtaken");
    let mut closed = LifeTicket::open(desk, &world.systems, "overtaken and closed");
    let created = [&solved, &closed].map(|ticket| ticket.created(&world.systems));
    for (ticket, act) in [(&mut solved, Act::Solve), (&mut closed, Act::Close)] {
        world.act(ticket, act).await;
    }
    world.wait_for_state(&key(&closed), &["skipped"]).await;
    let view = world.is_right(&solved).await;
    assert_eq!(times(&view, "ticket_over"), 1, "{view:#}");
    for created in created {
        assert_eq!(world.deliver_to(&desk.endpoint(), &created).await, 200);
    }
    world.wait_until_all_rest().await;
    world.wait_for_state(&key(&closed), &["skipped"]).await;
    world.nothing_follows(&solved).await;
    world.pass(3 * DAY).await;
    wait_until("the room is archived", async || world.room(&solved).archived).await;
    world.is_archived(&solved).await;
    world.nothing_follows(&solved).await;
    assert_eq!(world.calls(["create_room", "archive_room", "unarchive_room"]), [1, 1, 0]);
    assert_eq!(desk.notes(&world.systems, &solved.id), (1, 0));
}

/// Archiving a room disables its links.
async fn a_link_for_everybody_comes_back_with_its_room(desk: Desk) {
    let custom = "[template.default]\nroom_type = \"custom\"\nlink = \"external\"\narchive_after = \"0s\"\n";
    let world = World::with(custom).await;
    let mut ticket = world.begin(desk, "for everybody").await;
    let link = desk.links(&world.systems, &ticket.id);
    let asked = || world.systems.docspace.counters().of("get_primary_link");
    let before = asked();
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    assert_eq!(asked(), before);
    world.act(&mut ticket, Act::Reopen).await;
    world.is_active(&ticket).await;
    assert!(asked() > before, "the link is asked for again");
    let room = world.room(&ticket);
    assert_eq!(desk.links(&world.systems, &ticket.id), link);
    assert_eq!(room.links.iter().map(|link| link.url.clone()).collect::<Vec<_>>(), link);
    assert_eq!(desk.notes(&world.systems, &ticket.id), (1, 0));
    world.nothing_follows(&ticket).await;
}

async fn a_creation_that_comes_late_reopens_nothing(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    let mut ticket = world.begin(desk, "overtaken").await;
    let body = |event: &str| json!({ "ticketId": ticket.id, "subject": "overtaken", "event": event, "status": "open" });
    let (late, reopened) = (body("ticket.created"), body("ticket.reopened"));
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    assert_eq!(world.deliver_generic(&late).await, 200);
    world.wait_until_all_rest().await;
    let view = world.is_archived(&ticket).await;
    assert_eq!(times(&view, "ticket_reopened"), 0, "{view:#}");
    assert_eq!(world.deliver_generic(&reopened).await, 200);
    world.is_active(&ticket).await;
}

async fn a_room_whose_template_was_removed_goes_into_the_archive_and_comes_back(desk: Desk) {
    let incident = "[[rule]]\nwhen = \"'incident' in ticket.subject\"\ntemplate = \"incident\"\n\n\
                    [template.incident]\ntitle = \"Incident {{ ticket.id }}\"\n";
    let world = World::with(&format!("{}{incident}", template("archive_after = \"1s\""))).await;
    let mut ticket = world.begin(desk, "an incident").await;
    world.edit(&[(incident, "")]);
    world.reload().await;
    world.retry(&key(&ticket)).await;
    let view = world.wait_for_state(&key(&ticket), &["blocked"]).await;
    assert_eq!(view["code"], "blocked.template.removed", "{view:#}");
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    world.ask_for(&key(&ticket), "reopen").await;
    wait_until("it is restored as asked", async || !world.room(&ticket).archived).await;
    world.ask_for(&key(&ticket), "archive").await;
    world.is_archived(&ticket).await;
    world.act(&mut ticket, Act::Reopen).await;
    let view = world.wait_for_state(&key(&ticket), &["blocked"]).await;
    assert!(!world.room(&ticket).archived, "{view:#}");
    assert_eq!(world.calls(MOVES), [2, 2]);
}
