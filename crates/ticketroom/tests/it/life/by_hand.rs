//! What people do with a room in DocSpace by hand is left as they made it, told in the timeline
//! and, where the ticket's people should know, in one internal note.

use testbed::{Act, Desk, TEMPLATE, wait_until};

use super::{key, members, template, times};
use crate::conformance::over;
use crate::docspace_webhook::connected_with;
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        a_room_archived_by_hand_stays_there_and_is_told_once,
        a_room_taken_out_by_hand_stays_active_until_its_ticket_is_over_again,
        a_person_may_archive_a_room_that_comes_back,
        a_deleted_room_is_told_once_and_made_again_on_request,
        members_removed_by_hand_stay_out,
        another_owner_is_told_in_the_timeline,
    }
}

const MOVES: [&str; 2] = ["archive_room", "unarchive_room"];

async fn a_room_archived_by_hand_stays_there_and_is_told_once(desk: Desk) {
    let world = connected_with(TEMPLATE).await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "put away").await;
    let room = world.room(&ticket).id;
    docspace.by(docspace.portal_owner()).archive_room(room).unwrap();
    // DocSpace's webhook tells.
    let view = world.is_archived(&ticket).await;
    assert_eq!(view["code"], "archived.docspace.by-hand", "{view:#}");
    let notes = world.noted(&ticket, "archived-").await;
    assert!(notes.len() == 1 && notes[0].contains("Somebody archived"), "{notes:?}");
    world.nothing_follows(&ticket).await;
    // Nothing that happens to the ticket brings it back while it is open.
    world.act(&mut ticket, Act::Rename("still here".to_owned())).await;
    world.is_archived(&ticket).await;
    assert_eq!((world.calls(MOVES), world.further_notes(&ticket, "").len()), ([0, 0], 1));
    // A person may ask for it.
    world.ask_for(&key(&ticket), "reopen").await;
    world.is_right(&ticket).await;
    // That stands until the ticket changes. The second time after that is another time.
    world.act(&mut ticket, Act::Rename("changed".to_owned())).await;
    world.is_right(&ticket).await;
    world.pass(std::time::Duration::from_secs(2)).await;
    docspace.by(docspace.portal_owner()).archive_room(room).unwrap();
    world.is_archived(&ticket).await;
    wait_until("it is told again", async || world.further_notes(&ticket, "archived-").len() == 2).await;
    world.nothing_follows(&ticket).await;
}

async fn a_room_taken_out_by_hand_stays_active_until_its_ticket_is_over_again(desk: Desk) {
    let world = connected_with(&template("archive_after = \"0s\"")).await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "taken out").await;
    let room = world.room(&ticket).id;
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    docspace.by(docspace.portal_owner()).unarchive_room(room).unwrap();
    let view = world.is_right(&ticket).await;
    assert_eq!(times(&view, "room_unarchived"), 1, "{view:#}");
    world.nothing_follows(&ticket).await;
    world.act(&mut ticket, Act::Rename("seen again".to_owned())).await;
    world.is_right(&ticket).await;
    assert_eq!(world.calls(MOVES), [1, 0]);
    // Whoever archives it while its ticket is over does what we would have done.
    docspace.by(docspace.portal_owner()).archive_room(room).unwrap();
    world.is_archived(&ticket).await;
    world.act(&mut ticket, Act::Reopen).await;
    world.is_right(&ticket).await;
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    world.nothing_follows(&ticket).await;
    assert_eq!((world.calls(MOVES), world.further_notes(&ticket, "").len()), ([2, 1], 0));
}

/// It comes back for a moment, and is archived again by hand: either we have seen it meanwhile, or
/// we have not.
async fn a_person_may_archive_a_room_that_comes_back(desk: Desk) {
    let world = connected_with(&template("archive_after = \"0s\"")).await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "in between").await;
    let room = world.room(&ticket).id;
    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    docspace.set_operation_time(std::time::Duration::from_millis(300));
    world.act(&mut ticket, Act::Reopen).await;
    wait_until("it is asked for", async || world.calls(MOVES) == [1, 1]).await;
    docspace.by(docspace.portal_owner()).unarchive_room(room).unwrap();
    docspace.by(docspace.portal_owner()).archive_room(room).unwrap();
    wait_until("it rests", async || {
        let view = world.ticket(&key(&ticket)).await;
        view["state"] == "ready" || view["state"] == "archived"
    })
    .await;
    docspace.webhook_deliveries_settled().await;
    world.wait_until_all_rest().await;
    let view = world.ticket(&key(&ticket)).await;
    assert_eq!(world.room(&ticket).archived, view["state"] == "archived", "{view:#}");
    assert!(world.further_notes(&ticket, "").len() <= 1, "{view:#}");
    world.nothing_follows(&ticket).await;
}

async fn a_deleted_room_is_told_once_and_made_again_on_request(desk: Desk) {
    let world = connected_with(TEMPLATE).await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "deleted").await;
    let room = world.room(&ticket).id;
    docspace.delete_room(room);
    let view = world.wait_for_state(&key(&ticket), &["blocked"]).await;
    assert_eq!(view["code"], "blocked.docspace.room-deleted", "{view:#}");
    let notes = world.noted(&ticket, "deleted-").await;
    assert!(notes.len() == 1 && notes[0].contains("Somebody deleted"), "{notes:?}");
    world.act(&mut ticket, Act::Rename("no room for that".to_owned())).await;
    world.wait_for_state(&key(&ticket), &["blocked"]).await;
    assert_eq!((world.calls(["create_room"]), world.further_notes(&ticket, "").len()), ([1], 1));
    world.retry(&key(&ticket)).await;
    world.is_active(&ticket).await;
    assert_ne!(world.room(&ticket).id, room);
    assert_eq!(world.calls(["create_room"]), [2]);
    assert_eq!(world.further_notes(&ticket, "").len(), 1);
    let link = world.systems.member_address(&world.room(&ticket));
    assert_eq!(desk.links(&world.systems, &ticket.id).last(), Some(&link));
    world.nothing_follows(&ticket).await;
}

async fn members_removed_by_hand_stay_out(desk: Desk) {
    let world = World::new().await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "kept out").await;
    let room = world.room(&ticket).id;
    let by = docspace.by(docspace.service_user());
    let anna = docspace.user("anna.agent@example.com").unwrap();
    by.remove_member(room, anna).unwrap();
    by.remove_member(room, docspace.group("Support").unwrap()).unwrap();
    let shared = world.calls(["share_room"]);
    world.act(&mut ticket, Act::Rename("looked at".to_owned())).await;
    let view = world.is_active(&ticket).await;
    let timeline = view["timeline"].to_string();
    assert!(timeline.contains("somebody removed") && timeline.contains("is not added again"), "{timeline}");
    assert_eq!((members(&world.room(&ticket)), world.calls(["share_room"])), (vec![], shared));
    world.nothing_follows(&ticket).await;
}

async fn another_owner_is_told_in_the_timeline(desk: Desk) {
    let world = World::new().await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "given away").await;
    let room = world.room(&ticket).id;
    let owner = docspace.portal_owner();
    docspace.by(owner).change_owner(room, owner).unwrap();
    for solved in [true, false] {
        world.act(&mut ticket, if solved { Act::Solve } else { Act::Reopen }).await;
        world.wait_for_state(&key(&ticket), &["ready", "blocked"]).await;
        world.wait_until_all_rest().await;
        let view = world.ticket(&key(&ticket)).await;
        assert_eq!(times(&view, "owner_changed"), 1, "{view:#}");
    }
    assert_eq!(world.room(&ticket).owner, owner);
    world.nothing_follows(&ticket).await;
}
