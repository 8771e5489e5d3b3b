//! What a person asks for stands until the ticket changes after it.

use testbed::{Act, Desk, generic, wait_until};

use super::{key, template, times};
use crate::conformance::over;
use crate::process::{process_over, run};
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    { a_word_stands_until_the_ticket_changes }
}

async fn a_word_stands_until_the_ticket_changes(desk: Desk) {
    let world = World::with(&template("archive_after = \"0s\"")).await;
    let mut ticket = world.begin(desk, "said").await;
    world.ask_for(&key(&ticket), "archive").await;
    let view = world.is_archived(&ticket).await;
    assert_eq!(view["code"], "archived.ticket.asked", "{view:#}");
    world.nothing_follows(&ticket).await;
    world.tell(&ticket).await;
    world.is_archived(&ticket).await;
    world.act(&mut ticket, Act::Rename("changed".to_owned())).await;
    let view = world.is_right(&ticket).await;
    assert_eq!(times(&view, "request_expired"), 1, "{view:#}");
    world.nothing_follows(&ticket).await;

    world.act(&mut ticket, Act::Solve).await;
    world.is_archived(&ticket).await;
    world.ask_for(&key(&ticket), "reopen").await;
    world.is_right(&ticket).await;
    world.nothing_follows(&ticket).await;
    // Of several words, the last one counts, and one that is said twice is one.
    for what in ["archive", "archive", "reopen"] {
        world.ask_for(&key(&ticket), what).await;
    }
    world.is_right(&ticket).await;
    world.nothing_follows(&ticket).await;
    // The ticket is over still, so its room goes back.
    world.act(&mut ticket, Act::Rename("changed again".to_owned())).await;
    world.is_archived(&ticket).await;
    world.act(&mut ticket, Act::Reopen).await;
    world.is_right(&ticket).await;
    world.nothing_follows(&ticket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_the_same_words() {
    let systems = testbed::Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let url = format!("{}/helpdesk/ticket-created", process.url);
    let answer = process.client.post(url).json(&generic("7", "by command")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    process.wait_until_all_rest().await;
    let archived = || systems.rooms_of("intranet:7").iter().all(|room| room.archived);
    for (word, expected) in [("archive", true), ("archive", true), ("reopen", false)] {
        let (status, out, err) = run(&mut process.command(&["tickets", word, "intranet/7"])).await;
        assert_eq!(status, 0, "{out}{err}");
        wait_until(word, async || archived() == expected).await;
        process.wait_until_all_rest().await;
    }
    let counters = systems.docspace.counters();
    assert_eq!((counters.of("archive_room"), counters.of("unarchive_room")), (1, 1));
    assert_eq!(systems.wrong_with_generic_ticket("7"), [""; 0]);
    let (status, out, err) = run(&mut process.command(&["tickets", "archive", "intranet/8"])).await;
    assert_eq!(status, 1, "there is no such ticket: {out}{err}");
}
