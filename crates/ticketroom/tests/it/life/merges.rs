//! Tickets that were merged into others, also in chains and circles, and tickets that continue
//! earlier ones.

use std::time::Duration;

use testbed::{Act, Desk, LifeTicket, wait_until};

use super::{DAY, key, template};
use crate::conformance::over;
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        a_merged_tickets_room_without_files_is_archived_at_once,
        a_merged_tickets_room_with_files_stays_for_the_grace,
        chains_of_merges_lead_to_the_last_ticket,
    }
}

/// Zendesk closes what is merged, so that it can't be merged into.
mod circles {
    use super::*;

    over! {
        freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
        { merges_in_a_circle_come_to_an_end }
    }
}

/// Freshdesk has nothing like it.
mod earlier {
    use super::*;

    over! {
        zendesk: Desk::Zendesk, jira: Desk::Jira, generic: Desk::Generic;
        { a_follow_up_names_the_room_of_the_earlier_ticket }
    }
}

/// Zendesk's merged tickets are closed, and take no notes.
fn takes_note_of_its_merge(desk: Desk) -> bool {
    desk != Desk::Zendesk
}

async fn merge(world: &World, ticket: &mut LifeTicket, into: &LifeTicket) {
    world.act(ticket, Act::MergeInto(into.id.clone())).await;
    if into.desk == Desk::Zendesk {
        // The surviving ticket has another comment.
        return;
    }
    world.tell(into).await;
}

impl World {
    /// The surviving ticket names the room of the merged one, once, and the other way round.
    async fn both_are_told(&self, merged: &LifeTicket, survivor: &LifeTicket, says: &str) {
        let desk = merged.desk;
        let from = self.noted(survivor, &format!("merged-from-{}", merged.id)).await;
        let own = self.systems.member_address(&self.room(merged));
        assert!(from.len() == 1 && from[0].contains(&own) && from[0].contains(says), "{own}: {from:?}");
        let id = format!("merged-into-{}", survivor.id);
        if takes_note_of_its_merge(desk) {
            let into = self.noted(merged, &id).await;
            let url = self.systems.member_address(&self.room(survivor));
            assert!(into.len() == 1 && into[0].contains(&url) && into[0].contains(says), "{url}: {into:?}");
        } else {
            assert_eq!(self.further_notes(merged, &id), [""; 0]);
        }
    }
}

async fn a_merged_tickets_room_without_files_is_archived_at_once(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let (mut merged, survivor) =
        (world.begin(desk, "the same thing").await, world.begin(desk, "the first one").await);
    merge(&world, &mut merged, &survivor).await;
    let view = world.is_archived(&merged).await;
    assert!(view["reason"].as_str().unwrap().contains("merged into"), "{view:#}");
    world.both_are_told(&merged, &survivor, "is archived").await;
    world.is_active(&survivor).await;
    assert_eq!(world.calls(["archive_room", "unarchive_room", "create_room"]), [1, 0, 2]);
    for ticket in [&merged, &survivor] {
        world.nothing_follows(ticket).await;
    }
    assert_eq!(
        desk.links(&world.systems, &survivor.id),
        [world.systems.member_address(&world.room(&survivor))]
    );
}

async fn a_merged_tickets_room_with_files_stays_for_the_grace(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let (mut merged, survivor) =
        (world.begin(desk, "with files").await, world.begin(desk, "the first one").await);
    world.systems.docspace.add_file(world.room(&merged).id, "evidence.pdf");
    merge(&world, &mut merged, &survivor).await;
    world.both_are_told(&merged, &survivor, "stays open until").await;
    world.is_active(&merged).await;
    world.nothing_follows(&merged).await;
    assert_eq!(world.calls(["archive_room"]), [0]);
    world.pass(3 * DAY + Duration::from_secs(60)).await;
    wait_until("the room is archived", async || world.room(&merged).archived).await;
    world.is_archived(&merged).await;
    world.both_are_told(&merged, &survivor, "stays open until").await;
    world.nothing_follows(&merged).await;
    assert!(!world.room(&survivor).archived);
}

async fn chains_of_merges_lead_to_the_last_ticket(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let mut first = world.begin(desk, "first").await;
    let mut second = world.begin(desk, "second").await;
    let last = world.begin(desk, "last").await;
    merge(&world, &mut first, &second).await;
    world.is_archived(&first).await;
    world.both_are_told(&first, &second, "is archived").await;
    merge(&world, &mut second, &last).await;
    world.is_archived(&second).await;
    world.both_are_told(&second, &last, "is archived").await;
    // The first one is looked at again, and leads to the last one.
    world.retry(&key(&first)).await;
    world.both_are_told(&first, &last, "is archived").await;
    for ticket in [&first, &second, &last] {
        world.nothing_follows(ticket).await;
    }
    assert!(!world.room(&last).archived);
    assert_eq!(world.calls(["archive_room", "unarchive_room", "create_room"]), [2, 0, 3]);
}

/// Which of them survives nobody knows, so both rooms stay for the grace.
async fn merges_in_a_circle_come_to_an_end(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let (mut one, mut other) = (world.begin(desk, "chicken").await, world.begin(desk, "egg").await);
    // Both are merged before either is reported.
    assert!(one.act(&world.systems, &Act::MergeInto(other.id.clone())));
    assert!(other.act(&world.systems, &Act::MergeInto(one.id.clone())));
    for ticket in [&one, &other] {
        world.tell(ticket).await;
    }
    world.wait_until_all_rest().await;
    for ticket in [&one, &other] {
        world.retry(&key(ticket)).await;
        world.wait_until_all_rest().await;
    }
    for ticket in [&one, &other] {
        world.nothing_follows(ticket).await;
    }
    // Whoever is seen before the other one's merge is known was merged into a ticket that survived,
    // and its room is archived at once. It comes back when the circle is known, for the grace.
    let [archived, restored, created] = world.calls(["archive_room", "unarchive_room", "create_room"]);
    // Freshdesk moves the note about the first merge away with the second one, so it has no circle.
    let left = if desk == Desk::Freshdesk { 1 } else { 0 };
    assert!(archived <= 2 && created == 2, "{archived} {created}");
    assert!(archived - restored <= left, "{archived} {restored}");
    world.pass(3 * DAY + Duration::from_secs(60)).await;
    wait_until("both are archived", async || [&one, &other].iter().all(|t| world.room(t).archived)).await;
    for ticket in [&one, &other] {
        world.is_archived(ticket).await;
        let notes = world.further_notes(ticket, "merged-");
        assert!(notes.len() <= 2, "{notes:?}");
        world.nothing_follows(ticket).await;
    }
}

async fn a_follow_up_names_the_room_of_the_earlier_ticket(desk: Desk) {
    let world = World::with(&template("archive_after = \"3d\"")).await;
    let mut earlier = world.begin(desk, "it is broken").await;
    world.act(&mut earlier, Act::Close).await;
    world.is_active(&earlier).await;
    let follow_up = earlier.follow_up(&world.systems, "it is broken again").unwrap();
    world.create(&follow_up).await;
    let notes = world.noted(&follow_up, &format!("follows-{}", earlier.id)).await;
    let url = world.systems.member_address(&world.room(&earlier));
    assert!(notes.len() == 1 && notes[0].contains(&url), "{url}: {notes:?}");
    world.is_right(&follow_up).await;
    for ticket in [&earlier, &follow_up] {
        world.nothing_follows(ticket).await;
    }
    assert_ne!(world.room(&earlier).id, world.room(&follow_up).id);
}
