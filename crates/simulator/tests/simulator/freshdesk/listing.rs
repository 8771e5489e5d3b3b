//! The list of tickets and the search, with what makes them difficult for a backfill.

use jiff::{SignedDuration, Timestamp};
use simulator::freshdesk::{Change, Limits, NewTicket, Setup};

use super::{Fixture, fixture};
use crate::fixture::Reply;

fn ids(reply: &Reply) -> Vec<u64> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let tickets = reply.body.get("results").unwrap_or(&reply.body);
    tickets.as_array().unwrap().iter().map(|ticket| ticket["id"].as_u64().unwrap()).collect()
}

async fn listed(fixture: &Fixture, query: &str) -> Vec<u64> {
    ids(&fixture.get(&format!("tickets{query}")).await)
}

/// The path of the next page, from the header that names it.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.header("link").strip_prefix('<')?;
    let (address, rel) = link.split_once(">; ").unwrap();
    assert_eq!(rel, "rel=\"next\"");
    Some(address.split_once("/api/v2/").unwrap().1.to_owned())
}

fn minutes(before: Timestamp, minutes: i64) -> Timestamp {
    before.checked_sub(SignedDuration::from_mins(minutes)).unwrap()
}

#[tokio::test]
async fn without_a_time_only_recent_tickets_are_listed() {
    let fixture = fixture(Setup::default()).await;
    let old = fixture.ticket();
    fixture.clock.advance(40 * 24 * 3600);
    let (new, trashed, spam) = (fixture.ticket(), fixture.ticket(), fixture.ticket());
    fixture.freshdesk.change_ticket(trashed, Change::Delete);
    fixture.freshdesk.change_ticket(spam, Change::Spam(true));
    // Its age counts, not when it last changed.
    fixture.freshdesk.change_ticket(old, Change::Priority(4));
    assert_eq!(listed(&fixture, "").await, [new]);
    let all = "?updated_since=2026-01-01T00:00:00Z&order_by=created_at&order_type=asc";
    assert_eq!(listed(&fixture, all).await, [old, new]);
    assert_eq!(listed(&fixture, "?filter=deleted").await, [trashed]);
    assert_eq!(listed(&fixture, "?filter=spam").await, [spam]);
    fixture.freshdesk.change_ticket(old, Change::Archive);
    assert_eq!(listed(&fixture, all).await, [new], "what is archived is never listed");
    fixture.clock.advance(31 * 24 * 3600);
    assert!(listed(&fixture, "").await.is_empty(), "its own clock counts, not the newest ticket");
    assert!(listed(&fixture, "?filter=deleted").await.is_empty());
    assert_eq!(listed(&fixture, "?filter=deleted&updated_since=2026-01-01T00:00:00Z").await, [trashed]);
}

#[tokio::test]
async fn pages_drift_while_tickets_change() {
    let fixture = fixture(Setup::default()).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(fixture.ticket());
        fixture.clock.advance(1);
    }
    let first = "?updated_since=2026-11-20T08:00:00Z&order_by=updated_at&order_type=asc&per_page=2";
    let page = fixture.get(&format!("tickets{first}")).await;
    assert_eq!(ids(&page), made[..2]);
    assert!(page.body[0].get("description").is_none(), "{}", page.body);
    // It moves to the end, and those behind it one place to the front.
    fixture.freshdesk.change_ticket(made[0], Change::Priority(4));
    let page = fixture.get(&next(&page).unwrap()).await;
    assert_eq!(ids(&page), made[3..5], "the third one is on no page");
    let page = fixture.get(&next(&page).unwrap()).await;
    assert_eq!((ids(&page), next(&page)), (vec![made[0]], None));
    assert_eq!(listed(&fixture, "?updated_since=2026-11-20T08:14:05Z").await.len(), 4, "inclusive");
}

#[tokio::test]
async fn there_are_300_pages_of_100_tickets() {
    let fixture = fixture(Setup::default()).await;
    let now = fixture.freshdesk.now();
    let tickets = (0..30_001).map(|number| (NewTicket::about("x"), minutes(now, number % 40_000)));
    assert_eq!(fixture.freshdesk.import_tickets(tickets).len(), 30_001);
    let all = "tickets?updated_since=2026-01-01T00:00:00Z&per_page=100";
    let last = fixture.get(&format!("{all}&page=300")).await;
    assert_eq!(ids(&last).len(), 100);
    assert!(next(&last).unwrap().ends_with("page=301"));
    for (query, field) in [
        ("page=301", "page"),
        ("page=0", "page"),
        ("per_page=101", "per_page"),
        ("updated_since=yesterday", "updated_since"),
        ("order_by=id", "order_by"),
        ("order_type=up", "order_type"),
        ("filter=all", "filter"),
        ("include=conversations", "include"),
    ] {
        let refused = fixture.get(&format!("tickets?{query}")).await;
        assert_eq!((refused.status, refused.body["errors"][0]["field"].as_str()), (400, Some(field)));
    }
    assert!(fixture.freshdesk.deliveries().is_empty(), "an import is not reported");
}

#[tokio::test]
async fn lists_have_a_limit_of_their_own_and_includes_cost_two_calls() {
    let limits = Limits { total: 100, ticket_list: 2, ..Limits::default() };
    let fixture = fixture(Setup { limits: Some(limits), ..Setup::default() }).await;
    let id = fixture.ticket();
    let page = fixture.get("tickets?include=requester,stats,description").await;
    assert_eq!(page.header("x-ratelimit-used-currentrequest"), "7");
    assert_eq!(page.header("x-ratelimit-remaining"), "93");
    assert_eq!(page.body[0]["requester"]["email"], "rita@customer.example");
    assert!(page.body[0]["description"].is_string() && page.body[0]["stats"].is_object());
    assert_eq!(fixture.get("tickets").await.status, 200);
    let refused = fixture.get("tickets").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    assert_eq!(fixture.get(&format!("tickets/{id}")).await.status, 200);
}

#[tokio::test]
async fn the_search_knows_days_and_300_tickets_and_lags() {
    let fixture = fixture(Setup::default()).await;
    let now = fixture.freshdesk.now();
    let tickets = (0..310).map(|number| (NewTicket::about("x"), minutes(now, number + 2)));
    fixture.freshdesk.import_tickets(tickets);
    let asked = async |query: &str, page: u32| {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        fixture.get(&format!("search/tickets?query={query}&page={page}")).await
    };
    let first = asked("\"created_at:>'2026-11-20' AND status:2\"", 1).await;
    assert_eq!((ids(&first).len(), &first.body["total"]), (30, &310.into()));
    let last = asked("\"status:2\"", 10).await;
    assert_eq!((ids(&last).len(), next(&last)), (30, None));
    assert_eq!(asked("\"status:2\"", 11).await.status, 400);
    assert_eq!(asked("status:2", 1).await.status, 400, "the quotes belong to the value");
    assert_eq!(asked(&format!("\"tag:'{}'\"", "x".repeat(510)), 1).await.status, 400);
    let new = fixture.ticket();
    let only_new = format!("\"tag:'new' AND created_at:<'{}'\"", "2026-11-20");
    fixture.freshdesk.change_ticket(new, Change::Tags(vec!["new".to_owned()]));
    assert!(ids(&asked(&only_new, 1).await).is_empty());
    fixture.clock.advance(120);
    assert_eq!(ids(&asked(&only_new, 1).await), [new]);
    fixture.freshdesk.change_ticket(new, Change::Delete);
    fixture.clock.advance(120);
    assert!(ids(&asked(&only_new, 1).await).is_empty());
}
