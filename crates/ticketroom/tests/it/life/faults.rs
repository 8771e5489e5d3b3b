//! Every call of a ticket's life goes wrong in every way once, and at the end everything is as if
//! nothing had.

use std::time::Duration;

use simulator::fault::{Fault, FaultKind, TooMany};
use testbed::{Act, Agent, Desk, LifeTicket, wait_until};

use super::{key, members, template};
use crate::conformance::over;
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        every_call_of_a_room_may_go_wrong_in_every_way,
        every_call_about_a_note_may_go_wrong_in_every_way,
    }
}

fn kinds() -> [FaultKind; 7] {
    [
        FaultKind::Refuse,
        FaultKind::TooMany(TooMany::Daily { retry_after_s: 1 }),
        FaultKind::StatusBefore(503),
        FaultKind::StatusAfter(502),
        FaultKind::AnswerLost,
        FaultKind::TruncatedBody,
        FaultKind::LateLanding(Duration::from_millis(700)),
    ]
}

/// Opens so many tickets, and waits until their rooms are ready.
async fn opened(world: &World, desk: Desk, number: usize) -> Vec<LifeTicket> {
    let tickets: Vec<LifeTicket> =
        (0..number).map(|nth| LifeTicket::open(desk, &world.systems, &format!("struck {nth}"))).collect();
    for ticket in &tickets {
        let created = ticket.created(&world.systems);
        assert_eq!(world.deliver_to(&desk.endpoint(), &created).await, 200);
    }
    for ticket in &tickets {
        world.is_right(ticket).await;
    }
    tickets
}

/// Makes an act for the ticket with a number.
type MakeAct = fn(u64) -> Act;

/// What is done to a ticket, and how its room is afterwards.
#[derive(Debug, Clone, Copy)]
struct Step {
    call: &'static str,
    /// The act that makes that call, for the ticket with this number.
    act: MakeAct,
    archived: bool,
}

async fn every_call_of_a_room_may_go_wrong_in_every_way(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    // An operation whose answer was lost is read by nobody and keeps its place; the clock goes fast
    // here.
    world.systems.docspace.set_operations_known_for(Duration::from_secs(2));
    let faults = world.systems.docspace.faults();
    let solve: MakeAct = |_| Act::Solve;
    let reopen: MakeAct = |_| Act::Reopen;
    let rename: MakeAct = |nth| Act::Rename(format!("renamed {nth}"));
    let assign: MakeAct = |_| Act::Assign(Agent::Ben);
    let steps = [
        Step { call: "update_room", act: rename, archived: false },
        Step { call: "get_room", act: rename, archived: false },
        Step { call: "share_room", act: assign, archived: false },
        Step { call: "get_share", act: assign, archived: false },
        Step { call: "archive_room", act: solve, archived: true },
        Step { call: "fileops", act: solve, archived: true },
        Step { call: "unarchive_room", act: reopen, archived: false },
    ];
    let mut tickets = opened(&world, desk, steps.len() * kinds().len()).await;
    let mut cases = Vec::new();
    for kind in kinds() {
        for step in steps {
            let mut ticket = tickets.pop().unwrap();
            if matches!((step.act)(0), Act::Reopen) {
                world.act(&mut ticket, Act::Solve).await;
            }
            cases.push((kind.clone(), step, ticket));
        }
    }
    // Ten operations at most are carried out at a time.
    world.hurry_until("all rest", async || world.all_rest().await).await;
    for (nth, (kind, step, ticket)) in (0..).zip(&mut cases) {
        let fired = faults.fired();
        faults.add(Fault::once(step.call, kind.clone()));
        world.act(ticket, (step.act)(nth)).await;
        wait_until(&format!("{} is struck by {kind:?}", step.call), async || faults.fired() > fired).await;
    }
    // What was asked for and may have been lost is asked for again after a while.
    world.hurry_until("all rest", async || world.all_rest().await).await;
    let mut wrong = Vec::new();
    for (nth, (kind, step, ticket)) in (0_u64..).zip(&cases) {
        let mut is_wrong = |what: &str, is_wrong: bool| {
            if is_wrong {
                wrong.push(format!("{} {kind:?} {nth} {}: {what}", step.call, key(ticket)));
            }
        };
        let room = world.room(ticket);
        is_wrong("its place", room.archived != step.archived);
        is_wrong("its title", !room.title.ends_with(&ticket.subject));
        let name = ticket.assignee.name().unwrap();
        is_wrong(&format!("{:?}", members(&room)), members(&room) != [(name, 11), ("Support", 10)]);
        is_wrong("its notes", desk.notes(&world.systems, &ticket.id) != (1, 0));
        is_wrong("further notes", !world.further_notes(ticket, "").is_empty());
        is_wrong(
            "its links",
            desk.links(&world.systems, &ticket.id) != [world.systems.member_address(&room)],
        );
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(world.calls(["create_room"]), [cases.len() as u64]);
    for (_, _, ticket) in cases.iter().take(8) {
        world.nothing_follows(ticket).await;
    }
}

/// The note about a room that somebody archived by hand.
async fn every_call_about_a_note_may_go_wrong_in_every_way(desk: Desk) {
    let world = World::new().await;
    let faults = desk.faults(&world.systems);
    let (write, look) = desk.note_calls();
    let calls = if write == look { vec![write] } else { vec![write, look] };
    let tickets = opened(&world, desk, calls.len() * kinds().len()).await;
    let struck = kinds().into_iter().flat_map(|kind| calls.iter().map(move |call| (kind.clone(), *call)));
    for ((kind, call), ticket) in struck.zip(&tickets) {
        let fired = faults.fired();
        faults.add(Fault::once(call, kind.clone()));
        world.systems.docspace.archive_room(world.room(ticket).id);
        world.retry(&key(ticket)).await;
        wait_until(&format!("{call} is struck by {kind:?}"), async || faults.fired() > fired).await;
    }
    for ticket in &tickets {
        world.noted(ticket, "archived-").await;
    }
    world.wait_until_all_rest().await;
    for ticket in &tickets {
        assert_eq!(world.further_notes(ticket, "").len(), 1, "{}", key(ticket));
        assert_eq!(desk.notes(&world.systems, &ticket.id), (1, 0));
        world.is_archived(ticket).await;
    }
    for ticket in &tickets {
        world.nothing_follows(ticket).await;
    }
}
