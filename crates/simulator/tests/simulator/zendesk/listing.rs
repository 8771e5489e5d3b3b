//! Exports and the search, with what makes them difficult for a backfill.

use reqwest::Method;
use serde_json::Value;
use simulator::zendesk::{Change, NewTicket, Role, Setup};

use super::fixture;
use crate::fixture::Reply;

fn ids(reply: &Reply, name: &str) -> Vec<u64> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body[name].as_array().unwrap().iter().map(|ticket| ticket["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_zendesk_itself_changes_comes_again_with_the_same_time() {
    let fixture = fixture(Setup::default()).await;
    let (one, other) = (fixture.ticket(), fixture.ticket());
    let begin = fixture.zendesk.now().as_second() - 1;
    fixture.clock.advance(61);
    let first = fixture.get(&format!("incremental/tickets/cursor?start_time={begin}")).await;
    assert_eq!(ids(&first, "tickets"), [one, other]);
    assert!(fixture.zendesk.touch_by_system(one));
    fixture.clock.advance(61);
    let cursor = first.body["after_cursor"].as_str().unwrap();
    let second = fixture.get(&format!("incremental/tickets/cursor?cursor={cursor}")).await;
    assert_eq!(ids(&second, "tickets"), [other, one]);
    let again = &second.body["tickets"][1];
    assert_eq!(again["updated_at"], first.body["tickets"][0]["updated_at"]);
    assert_ne!(again["generated_timestamp"], first.body["tickets"][0]["generated_timestamp"]);
}

#[tokio::test]
async fn an_agent_may_not_export() {
    let fixture = fixture(Setup::default()).await;
    fixture.zendesk.set_integration_role(Role::Agent);
    assert_eq!(fixture.get("incremental/tickets/cursor?start_time=1").await.status, 403);
    assert_eq!(fixture.get("incremental/tickets?start_time=1").await.status, 403);
    assert_eq!(fixture.get("search/export?query=type:ticket&filter[type]=ticket").await.status, 200);
    assert_eq!(fixture.get("users/me").await.body["user"]["role"], "agent");
}

#[tokio::test]
async fn the_export_by_time_keeps_seconds_together() {
    let fixture = fixture(Setup::default()).await;
    let begin = fixture.zendesk.now().as_second();
    for _ in 0..3 {
        fixture.ticket();
    }
    fixture.clock.advance(1);
    fixture.ticket();
    fixture.clock.advance(61);
    let first = fixture.get(&format!("incremental/tickets.json?start_time={begin}&per_page=2")).await;
    assert_eq!(ids(&first, "tickets"), [40117, 40118, 40119]);
    assert_eq!((&first.body["end_of_stream"], &first.body["end_time"]), (&false.into(), &begin.into()));
    let next = first.body["next_page"].as_str().unwrap();
    assert!(next.contains(&format!("start_time={begin}")), "{next}");
}

#[tokio::test]
async fn the_search_export_repeats_tickets_and_its_cursor_expires() {
    let mut fixture = fixture(Setup::default()).await;
    let made: Vec<u64> = (0..3).map(|_| fixture.ticket()).collect();
    fixture.zendesk.change_ticket(made[1], Change::Delete);
    let path =
        "search/export?query=type:ticket%20created%3E2026-11-20T08:00:00Z&filter[type]=ticket&page[size]=2";
    assert!(ids(&fixture.get(path).await, "results").is_empty(), "the index lags");
    fixture.clock.advance(120);
    for _ in &made {
        fixture.ticket();
    }
    let first = fixture.get(path).await;
    assert_eq!(ids(&first, "results"), [made[0], made[2]]);
    assert_eq!(first.body["meta"]["has_more"], false);
    fixture.clock.advance(120);
    let after =
        |page: &Value| format!("{path}&page[after]={}", page["meta"]["after_cursor"].as_str().unwrap());
    let second = fixture.get(&after(&first.body)).await;
    assert_eq!(ids(&second, "results"), [made[2], 40120], "the last of a page comes again");
    assert!(second.body["links"]["next"].as_str().unwrap().contains("page%5Bafter%5D="));
    fixture.clock.advance(3600);
    fixture.token = fixture.new_token("read").await;
    assert_eq!(fixture.get(&after(&second.body)).await.status, 422);
    for path in ["search/export?query=type:ticket", "search?query=cats"] {
        assert_eq!(fixture.get(path).await.status, 422, "{path}");
    }
}

#[tokio::test]
async fn the_search_finds_a_thousand() {
    let fixture = fixture(Setup::default()).await;
    let now = fixture.zendesk.now();
    fixture.zendesk.import_tickets((0..1_100).map(|_| (NewTicket::about("x"), now)));
    fixture.clock.advance(120);
    let last = fixture.get("search?query=type:ticket%20status%3Csolved&page=10&per_page=100").await;
    assert_eq!((ids(&last, "results").len(), &last.body["count"]), (100, &1_100.into()));
    assert_eq!(last.body["results"][0]["result_type"], "ticket");
    assert_eq!(fixture.get("search?query=type:ticket&page=11&per_page=100").await.status, 422);
    let list = fixture.call(Method::GET, "tickets?page=11&per_page=100", None).await;
    assert_eq!(ids(&list, "tickets").len(), 100);
    assert_eq!(fixture.get("tickets?page=101").await.status, 400);
}
