//! Other systems go away, change their minds, and come back.

use std::time::Duration;

use simulator::docspace::Limits;
use simulator::fault::{Fault, FaultKind, TooMany};
use simulator::zendesk::{Change, NewTicket};

use testbed::{FOLDERS, ROOM_FIELD, generic, wait_until};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn docspace_is_away_and_comes_back() {
    let world = World::new().await;
    world.systems.docspace.set_down(true);
    let id = world.open(NewTicket::about("patience")).await;
    let key = format!("zendesk/{id}");
    wait_until("it was tried", async || {
        let view = world.ticket(&key).await;
        view["attempts"].as_u64() >= Some(1) && view["state"] == "waiting"
    })
    .await;
    let view = world.ticket(&key).await;
    assert!(view["reason"].as_str().unwrap().contains("DocSpace"), "{view}");
    assert!(view["next"].is_string(), "it says when it goes on: {view}");
    world.systems.docspace.set_down(false);
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_blocks_with_advice_until_it_is_good_again() {
    let world = World::new().await;
    let key_text = world.systems.docspace.api_key();
    world.systems.docspace.revoke_key(&key_text);
    let id = world.open(NewTicket::about("locked out")).await;
    let key = format!("zendesk/{id}");
    let view = world.wait_for_state(&key, &["blocked"]).await;
    assert!(view["reason"].as_str().unwrap().contains("api_key"), "{view}");
    assert!(view["next"].is_string(), "it is tried again by itself: {view}");
    world.systems.docspace.restore_key(&key_text);
    world.retry(&key).await;
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_portal_blocks_with_advice() {
    let world = World::new().await;
    world.systems.docspace.set_room_quota(Some(0));
    world.deliver_generic(&generic("1", "no room left")).await;
    let view = world.wait_for_state("intranet/1", &["blocked"]).await;
    assert!(view["reason"].as_str().unwrap().contains("quota"), "{view}");
    world.systems.docspace.set_room_quota(None);
    world.retry("intranet/1").await;
    world.wait_for_state("intranet/1", &["ready"]).await;
    assert_eq!(world.systems.wrong_with_generic_ticket("1"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_day_parks_tickets_until_it_ends() {
    let world = World::new().await;
    let day_over = FaultKind::TooMany(TooMany::Daily { retry_after_s: 7200 });
    world.systems.docspace.faults().add(Fault::always("create_room", day_over));
    world.deliver_generic(&generic("1", "tomorrow")).await;
    wait_until("it is parked", async || {
        let view = world.ticket("intranet/1").await;
        view["state"] == "waiting" && view["next"].is_string() && view["attempts"].as_u64() >= Some(1)
    })
    .await;
    world.systems.docspace.reset_counters();
    world.deliver_generic(&generic("2", "tomorrow, too")).await;
    wait_until("that one, too", async || {
        let view = world.ticket("intranet/2").await;
        view["state"] == "waiting" && view["attempts"].as_u64() >= Some(1)
    })
    .await;
    let next: String = world.ticket("intranet/2").await["next"].as_str().unwrap().to_owned();
    let hours = next.parse::<jiff::Timestamp>().unwrap().duration_since(now()).as_secs_f64() / 3600.0;
    assert!((1.9..2.01).contains(&hours), "{hours} hours");
    assert_eq!(world.systems.docspace.counters().of("create_room"), 0, "nobody asked in vain again");
}

fn now() -> jiff::Timestamp {
    use ticketroom::clock::Clock;
    ticketroom::clock::SystemClock.now()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_count_of_the_day_is_kept() {
    let world = World::with("").await;
    world.systems.docspace.set_limits(Some(Limits { writes_per_day: 10_000, ..Limits::default() }));
    for number in 0..5 {
        world.deliver_generic(&generic(&number.to_string(), "counted")).await;
    }
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.docspace.counters().rejected_429, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_deleted_by_hand_is_made_again_only_when_asked() {
    let world = World::new().await;
    let id = world.open(NewTicket::about("deleted by hand")).await;
    let key = format!("zendesk/{id}");
    let first = world.wait_for_state(&key, &["ready"]).await["room"]["id"].as_i64().unwrap();
    world.systems.docspace.delete_room(first);
    world.systems.zendesk.change_ticket(id, Change::Subject("renamed".to_owned()));
    let body = world.systems.zendesk.event_body(id, "subject_changed").unwrap();
    world.deliver(&body, "renamed").await;
    let view = world.wait_for_state(&key, &["blocked"]).await;
    assert!(view["reason"].as_str().unwrap().contains(&format!("tickets retry {key}")), "{view}");
    assert!(world.systems.docspace.rooms().is_empty(), "nothing is made behind people's backs");
    world.retry(&key).await;
    let view = world.wait_for_state(&key, &["ready"]).await;
    assert_ne!(view["room"]["id"], first);
    let room = world.systems.the_room_of(&format!("zendesk:{id}"));
    assert_eq!(room.folders, FOLDERS);
    let ticket = world.systems.zendesk.ticket(id).unwrap();
    assert_eq!(ticket.custom_fields[&ROOM_FIELD], world.systems.member_address(&room).as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_archived_by_hand_is_left_alone() {
    let world = World::new().await;
    let id = world.open(NewTicket::about("archived by hand")).await;
    let key = format!("zendesk/{id}");
    let room = world.wait_for_state(&key, &["ready"]).await["room"]["id"].as_i64().unwrap();
    world.systems.docspace.archive_room(room);
    world.systems.docspace.reset_counters();
    world.retry(&key).await;
    world.wait_for_state(&key, &["archived"]).await;
    assert_eq!(world.systems.docspace.counters().writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_not_there_and_one_that_is_over() {
    let world = World::new().await;
    let closed = world.systems.zendesk.create_ticket(NewTicket::about("closed"));
    world.systems.zendesk.change_ticket(closed, Change::Status("closed".to_owned()));
    world.deliver_created(closed, "closed").await;
    let view = world.wait_for_state(&format!("zendesk/{closed}"), &["skipped"]).await;
    assert!(view["reason"].as_str().unwrap().contains("closed"), "{view}");

    let deleted = world.systems.zendesk.create_ticket(NewTicket::about("deleted"));
    let body = world.systems.zendesk.event_body(deleted, "created").unwrap();
    world.systems.zendesk.change_ticket(deleted, Change::Delete);
    world.deliver(&body, "deleted").await;
    let key = format!("zendesk/{deleted}");
    wait_until("it is known that it is not there", async || {
        let view = world.ticket(&key).await;
        view["state"] != "working" && view["reason"].is_string()
    })
    .await;
    assert!(world.systems.docspace.rooms().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn zendesk_forgets_its_tokens() {
    let world = World::new().await;
    let id = world.open(NewTicket::about("one")).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    world.systems.zendesk.expire_tokens();
    let id = world.open(NewTicket::about("two")).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_writes_to_the_ticket_at_the_same_time() {
    let world = World::new().await;
    world.systems.docspace.set_latency_of("create_room", Duration::from_millis(1200));
    let id = world.systems.zendesk.create_ticket(NewTicket::about("busy"));
    world.deliver_created(id, "busy").await;
    wait_until("the ticket was read", async || world.systems.zendesk.counters().of("get_ticket") > 0).await;
    wait_until("a second has passed", async || {
        world.systems.zendesk.change_ticket(id, Change::PrivateComment("me, too".to_owned()));
        !world.systems.docspace.rooms().is_empty()
    })
    .await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert_eq!(world.systems.wrong_with_zendesk_ticket(id), [""; 0]);
}
