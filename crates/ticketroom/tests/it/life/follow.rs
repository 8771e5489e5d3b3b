//! What of a room follows its ticket: the title follows the subject, access follows assignee, group
//! and requester. What people did by hand, and what another entry of the template says, stays.

use testbed::{Act, Agent, Customer, Desk, Group, wait_until};

use super::{key, members, template, times};
use crate::conformance::over;
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        the_title_follows_the_subject_until_a_person_changes_it,
        access_follows_the_assignee,
        people_whom_others_let_in_stay,
        former_assignees_may_stay,
        nothing_follows_where_nothing_is_to,
        access_follows_group_and_requester,
        five_assignees_in_a_second_leave_the_last_one,
    }
}

/// The others have neither projects nor brands.
mod moved {
    use super::*;

    over! {
        zendesk: Desk::Zendesk, jira: Desk::Jira;
        { a_moved_ticket_keeps_its_room_by_the_rules_of_its_new_place }
    }
}

const WRITES: [&str; 2] = ["update_room", "share_room"];

const SUPPORT: (&str, i32) = ("Support", 10);
const ANNA: (&str, i32) = ("Anna Agent", 11);
const BEN: (&str, i32) = ("Ben Engineer", 11);

async fn the_title_follows_the_subject_until_a_person_changes_it(desk: Desk) {
    let world = World::new().await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "before").await;
    let before = world.room(&ticket);
    // A call that sent `tags` would replace this one.
    docspace.add_tag(before.id, "vip");
    world.act(&mut ticket, Act::Rename("after <b>that</b>".to_owned())).await;
    world.is_right(&ticket).await;
    let room = world.room(&ticket);
    assert_eq!(room.title, before.title.replace("before", "after _b_that__b_"));
    assert_eq!(room.tags, [before.tags, vec!["vip".to_owned()]].concat());
    world.nothing_follows(&ticket).await;
    for nth in 0..3 {
        world.act(&mut ticket, Act::Rename(format!("once more {nth}"))).await;
    }
    world.is_right(&ticket).await;
    assert!(world.room(&ticket).title.ends_with("once more 2"));

    docspace.by(docspace.service_user()).rename_room(room.id, "the big outage").unwrap();
    let writes = world.calls(WRITES);
    world.act(&mut ticket, Act::Rename("unheard".to_owned())).await;
    let view = world.is_right(&ticket).await;
    assert!(view["timeline"].to_string().contains("somebody renamed the room “the big outage”"), "{view:#}");
    assert_eq!((world.room(&ticket).title.as_str(), world.calls(WRITES)), ("the big outage", writes));
    world.nothing_follows(&ticket).await;
}

async fn access_follows_the_assignee(desk: Desk) {
    let world = World::new().await;
    let mut ticket = world.begin(desk, "handed over").await;
    let shared = || world.systems.docspace.counters().of("share_room");
    assert_eq!(members(&world.room(&ticket)), [ANNA, SUPPORT]);
    for (agent, expected, writes) in [
        (Agent::Ben, vec![BEN, SUPPORT], 2),
        (Agent::Nobody, vec![SUPPORT], 1),
        (Agent::Anna, vec![ANNA, SUPPORT], 1),
    ] {
        let before = shared();
        world.act(&mut ticket, Act::Assign(agent)).await;
        world.is_active(&ticket).await;
        assert_eq!(members(&world.room(&ticket)), expected, "{agent:?}");
        assert_eq!(shared(), before + writes, "{agent:?}");
        world.nothing_follows(&ticket).await;
    }
    world.is_right(&ticket).await;
}

async fn people_whom_others_let_in_stay(desk: Desk) {
    // Anna is named by the template as well.
    let world = World::with(
        r#"
        [template.default]
        access = [{ user = "anna.agent@example.com", role = "editor" }, { assignee = true, role = "content-creator" }]
        "#,
    )
    .await;
    let docspace = &world.systems.docspace;
    let mut ticket = world.begin(desk, "others").await;
    // For two reasons, she has the higher role.
    let anna = |agent| ("Anna Agent", if agent == Agent::Anna { 11 } else { 10 });
    assert_eq!(members(&world.room(&ticket)), [anna(Agent::Anna)]);
    let room = world.room(&ticket).id;
    // A person lets Ben and Carla in.
    let [ben, carla] =
        ["ben.engineer@example.com", "carla.customer@example.com"].map(|email| docspace.user(email).unwrap());
    let by_hand = docspace.by(docspace.service_user());
    by_hand.set_member(room, ben, 2).unwrap();
    by_hand.set_member(room, carla, 2).unwrap();
    for agent in [Agent::Ben, Agent::Nobody, Agent::Anna, Agent::Nobody] {
        world.act(&mut ticket, Act::Assign(agent)).await;
        world.is_active(&ticket).await;
        let expected = [anna(agent), ("Ben Engineer", 2), ("Carla Customer", 2)];
        assert_eq!(members(&world.room(&ticket)), expected, "{agent:?}");
        world.nothing_follows(&ticket).await;
    }

    // Ben was let in by the ticket, and then a person gave him another role.
    by_hand.remove_member(room, ben).unwrap();
    world.nothing_follows(&ticket).await;
    world.act(&mut ticket, Act::Assign(Agent::Ben)).await;
    world.is_active(&ticket).await;
    assert_eq!(members(&world.room(&ticket))[1], BEN);
    by_hand.set_member(room, ben, 10).unwrap();
    world.act(&mut ticket, Act::Assign(Agent::Nobody)).await;
    world.is_active(&ticket).await;
    let expected = [anna(Agent::Nobody), ("Ben Engineer", 10), ("Carla Customer", 2)];
    assert_eq!(members(&world.room(&ticket)), expected);
    world.nothing_follows(&ticket).await;
}

async fn former_assignees_may_stay(desk: Desk) {
    let world = World::with(&template("remove_former = false")).await;
    let mut ticket = world.begin(desk, "all stay").await;
    for agent in [Agent::Ben, Agent::Nobody] {
        world.act(&mut ticket, Act::Assign(agent)).await;
        world.is_right(&ticket).await;
        assert_eq!(members(&world.room(&ticket)), [ANNA, BEN, SUPPORT], "{agent:?}");
        world.nothing_follows(&ticket).await;
    }
}

async fn nothing_follows_where_nothing_is_to(desk: Desk) {
    let world = World::with(&template("follow = []")).await;
    let mut ticket = world.begin(desk, "as it was").await;
    let (room, writes) = (world.room(&ticket), world.calls(WRITES));
    world.act(&mut ticket, Act::Rename("different".to_owned())).await;
    world.is_right(&ticket).await;
    world.act(&mut ticket, Act::Assign(Agent::Ben)).await;
    world.is_right(&ticket).await;
    world.nothing_follows(&ticket).await;
    assert_eq!((world.room(&ticket), world.calls(WRITES)), (room, writes));
}

async fn access_follows_group_and_requester(desk: Desk) {
    let world = World::with(
        r#"
        [template.default]
        access = [{ ticket_group = true, role = "editor" }, { requester = true, role = "viewer" }]
        "#,
    )
    .await;
    let mut ticket = world.begin(desk, "for others").await;
    assert_eq!(members(&world.room(&ticket)), []);
    let carla = ("Carla Customer", 2);
    let acts: Vec<(Act, Vec<(&str, i32)>)> = if desk.supports(&Act::Group(Group::Sales)) {
        vec![
            (Act::Group(Group::Sales), vec![("Sales", 10)]),
            (Act::Requester(Customer::Carla), vec![carla, ("Sales", 10)]),
            (Act::Group(Group::Support), vec![carla, SUPPORT]),
            (Act::Requester(Customer::Rita), vec![SUPPORT]),
        ]
    } else {
        // Jira's issues have no groups, and show no addresses of customers.
        vec![(Act::Requester(Customer::Carla), vec![]), (Act::Requester(Customer::Rita), vec![])]
    };
    for (act, expected) in acts {
        world.act(&mut ticket, act.clone()).await;
        world.is_active(&ticket).await;
        assert_eq!(members(&world.room(&ticket)), expected, "{act:?}");
        world.nothing_follows(&ticket).await;
    }
}

async fn five_assignees_in_a_second_leave_the_last_one(desk: Desk) {
    let world = World::new().await;
    let mut ticket = world.begin(desk, "hot potato").await;
    for agent in [Agent::Ben, Agent::Anna, Agent::Ben, Agent::Nobody, Agent::Ben] {
        world.act(&mut ticket, Act::Assign(agent)).await;
    }
    wait_until("Ben has access", async || members(&world.room(&ticket)) == [BEN, SUPPORT]).await;
    let view = world.is_active(&ticket).await;
    assert_eq!(members(&world.room(&ticket)), [BEN, SUPPORT], "{view:#}");
    let shared = world.systems.docspace.counters().of("share_room");
    assert!(shared <= 1 + 2 * 5, "{shared}");
    world.nothing_follows(&ticket).await;
}

async fn a_moved_ticket_keeps_its_room_by_the_rules_of_its_new_place(desk: Desk) {
    let rules = r#"
        [[rule]]
        when = "ticket.project == 'OPS' or ticket.brand == '30063999000012'"
        template = "moved"

        [template.moved]
        title = "Moved: {{ ticket.subject }}"
        access = [{ group = "Sales", role = "editor" }, { assignee = true, role = "content-creator" }]
        "#;
    let world = World::with(&format!("{}{rules}", template(""))).await;
    let mut ticket = world.begin(desk, "on the move").await;
    let before = world.room(&ticket);
    world.act(&mut ticket, Act::Move).await;
    let view = world.is_active(&ticket).await;
    assert_eq!(times(&view, "ticket_moved"), 1, "{view:#}");
    let room = world.room(&ticket);
    assert_eq!((room.id, room.title.as_str()), (before.id, "Moved_ on the move"), "{view:#}");
    // What the configuration names is no concern of the ticket's: Support stays.
    assert_eq!(members(&room), [ANNA, ("Sales", 10), SUPPORT], "{view:#}");
    assert_eq!(desk.notes(&world.systems, &ticket.id), (1, 0));
    world.nothing_follows(&ticket).await;
    assert_eq!(world.calls(["create_room", "update_room"]), [1, 1], "{}", key(&ticket));
}
