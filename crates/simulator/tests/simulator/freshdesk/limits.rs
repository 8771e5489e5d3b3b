//! Limits and faults.

use serde_json::json;
use simulator::fault::{Fault, FaultKind, TooMany};
use simulator::freshdesk::{Limits, Setup};

use super::fixture;

#[tokio::test]
async fn every_answer_tells_what_is_left_and_includes_cost_extra() {
    let limits = Limits { total: 5, ticket_update: 1, ..Limits::default() };
    let fixture = fixture(Setup { limits: Some(limits), ..Setup::default() }).await;
    let id = fixture.ticket();
    let first = fixture.get(&format!("tickets/{id}?include=requester")).await;
    assert_eq!(first.header("x-ratelimit-total"), "5");
    assert_eq!(first.header("x-ratelimit-remaining"), "3");
    assert_eq!(first.header("x-ratelimit-used-currentrequest"), "2");
    assert_eq!(fixture.note(id, "x").await.status, 201);
    let refused = fixture.update(id, json!({})).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, "60"),
        "updates have a limit of their own"
    );
    assert_eq!(fixture.get("agents/me").await.status, 200);
    fixture.clock.advance(20);
    let refused = fixture.get("agents/me").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "40"));
    fixture.clock.advance(40);
    assert_eq!(fixture.get("agents/me").await.status, 200);
    assert_eq!(fixture.freshdesk.counters().rejected_429, 2);
}

#[tokio::test]
async fn without_limits_nothing_is_told() {
    let fixture = fixture(Setup::default()).await;
    assert_eq!(fixture.get("agents/me").await.header("x-ratelimit-total"), "");
}

#[tokio::test]
async fn faults_strike_calls_by_their_names() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    fixture.freshdesk.faults().add(Fault::once("create_note", FaultKind::StatusAfter(502)));
    fixture.freshdesk.faults().add(Fault::once("update_ticket", FaultKind::StatusBefore(503)));
    let too_many = FaultKind::TooMany(TooMany::Daily { retry_after_s: 7 });
    fixture.freshdesk.faults().add(Fault::once("get_ticket", too_many));
    assert_eq!(fixture.note(id, "x").await.status, 502);
    assert_eq!(fixture.freshdesk.ticket(id).unwrap().conversations.len(), 1, "the work was done");
    assert_eq!(fixture.update(id, json!({ "tags": ["x"] })).await.status, 503);
    assert!(fixture.freshdesk.ticket(id).unwrap().tags.is_empty());
    let refused = fixture.get(&format!("tickets/{id}")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "7"));
}
