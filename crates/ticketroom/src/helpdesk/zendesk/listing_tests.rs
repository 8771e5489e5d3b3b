//! The list of changed tickets, against a Zendesk that answers what a test tells it to.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::pace::Paces;
use super::super::scripted::{Scripted, assert_foreign_cursors, ids, stored};
use super::Zendesk;
use crate::call::Cause;
use crate::clock::{ManualClock, Timestamp};
use crate::config::{ZendeskAuth, ZendeskConfig};
use crate::helpdesk::Listing;
use crate::http::Http;
use crate::metrics::Metrics;

const EXPORT: &str = "/api/v2/incremental/tickets/cursor";
const SEARCH: &str = "/api/v2/search/export";
const DELETED: &str = "/api/v2/deleted_tickets";

async fn zendesk(answers: Vec<(u16, Value)>) -> (Zendesk, Scripted) {
    let server = Scripted::with(answers).await;
    let config = ZendeskConfig {
        url: server.url.clone(),
        webhook_secrets: vec!["s".into()],
        auth: ZendeskAuth::OAuth { client_id: "ticketroom".to_owned(), client_secret: "hush".into() },
        room_url_field: None,
        signature_window: Duration::from_secs(900),
    };
    // Ten minutes behind Zendesk's.
    let clock = Arc::new(ManualClock::at("2026-11-24T09:50:00Z".parse().unwrap()));
    let http = Http::new(Metrics::new()).unwrap();
    (Zendesk::new("zendesk".parse().unwrap(), &config, http, clock, &Paces::default()), server)
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn ticket(id: &Value, updated: &str) -> Value {
    json!({ "id": id, "updated_at": updated, "generated_timestamp": at(updated).as_second() })
}

fn exported(tickets: &[Value], after: &str, end: bool) -> (u16, Value) {
    (200, json!({ "tickets": tickets, "after_cursor": after, "end_of_stream": end }))
}

fn starts(asked: &[String]) -> Vec<String> {
    asked.iter().map(|asked| asked.replace("&per_page=250&support_type_scope=all", "")).collect()
}

#[tokio::test]
async fn the_export_is_read_to_its_end_and_goes_on_from_there() {
    let (one, two) = (ticket(&json!(1), "2026-11-24T08:00:00Z"), ticket(&json!("2"), "2026-11-24T08:00:00Z"));
    let answers = vec![
        exported(&[one.clone(), two.clone()], "c1", false),
        exported(&[two, ticket(&json!(3), "2026-11-24T09:00:00Z")], "c2", true),
        exported(&[], "c2", true),
    ];
    let (zendesk, server) = zendesk(answers).await;
    let page = zendesk.page(&zendesk.since(at("2026-11-24T07:30:00.9Z"))).await.unwrap();
    assert_eq!((ids(&page), page.more), (vec!["1", "2"], true));
    assert_eq!(page.now, at("2026-11-24T10:00:00Z"), "its clock, not ours");
    assert_eq!(page.tickets[0].updated, at("2026-11-24T08:00:00Z"));
    let page = zendesk.page(&stored(&page.next)).await.unwrap();
    assert_eq!((ids(&page), page.more), (vec!["2", "3"], false));
    let page = zendesk.page(&stored(&page.next)).await.unwrap();
    assert_eq!((ids(&page), page.more), (vec![], false));
    assert_eq!(
        starts(&server.asked()),
        [
            format!("{EXPORT}?start_time={}", at("2026-11-24T07:30:00Z").as_second()),
            format!("{EXPORT}?cursor=c1"),
            format!("{EXPORT}?cursor=c2"),
        ]
    );
}

#[tokio::test]
async fn a_start_that_is_too_recent_is_moved_back_by_zendesks_clock() {
    for status in [400, 422] {
        let refusal = (status, json!({ "error": "StartTimeTooRecent" }));
        let (zendesk, server) = zendesk(vec![refusal, exported(&[], "c", true)]).await;
        zendesk.page(&zendesk.since(at("2026-11-24T09:59:50Z"))).await.unwrap();
        let start = at("2026-11-24T09:58:50Z").as_second();
        assert_eq!(starts(&server.asked())[1], format!("{EXPORT}?start_time={start}"));
    }
    let (zendesk, server) = zendesk(vec![(422, json!({}))]).await;
    let failure = zendesk.page(&zendesk.since(at("2026-11-20T08:00:00Z"))).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Rejected { status: 422, .. }), "{failure}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_cursor_that_is_none_any_more_begins_again_shortly_before_it() {
    let seen = ticket(&json!(1), "2026-11-24T08:00:00Z");
    let answers = vec![
        exported(std::slice::from_ref(&seen), "c", true),
        (400, json!({})),
        exported(&[seen], "d", true),
    ];
    let (zendesk, server) = zendesk(answers).await;
    let page = zendesk.page(&zendesk.since(at("2026-11-20T08:00:00Z"))).await.unwrap();
    assert_eq!(ids(&zendesk.page(&page.next).await.unwrap()), ["1"]);
    let start = at("2026-11-24T07:59:59Z").as_second();
    assert_eq!(starts(&server.asked())[2], format!("{EXPORT}?start_time={start}"));
}

#[tokio::test]
async fn one_broken_entry_holds_nothing_up() {
    let entries = [
        json!(null),
        json!({ "id": { "x": 1 }, "updated_at": "2026-11-24T08:00:00Z" }),
        json!({ "updated_at": [] }),
        json!("text"),
        json!({ "id": 7, "updated_at": "soon", "generated_timestamp": "x" }),
        ticket(&json!(8), "2026-11-24T08:00:00Z"),
    ];
    let (zendesk, _server) = zendesk(vec![exported(&entries, "c", true)]).await;
    let since = at("2026-11-24T07:00:00Z");
    let page = zendesk.page(&zendesk.since(since)).await.unwrap();
    assert_eq!((ids(&page), page.unreadable), (vec!["7", "8"], 4));
    assert_eq!(page.tickets[0].updated, since);
}

#[tokio::test]
async fn answers_that_lead_nowhere_are_failures() {
    let stuck = |after: Value| (200, json!({ "tickets": [], "after_cursor": after, "end_of_stream": false }));
    let (zendesk, _server) = zendesk(vec![
        stuck(json!(null)),
        exported(&[], "c", true),
        stuck(json!("c")),
        (200, json!({})),
        (503, json!({})),
        (429, json!({})),
    ])
    .await;
    let since = zendesk.since(at("2026-11-24T07:00:00Z"));
    assert!(zendesk.page(&since).await.unwrap_err().is_transient());
    let next = zendesk.page(&since).await.unwrap().next;
    assert!(zendesk.page(&next).await.unwrap_err().is_transient());
    assert!(zendesk.page(&next).await.unwrap_err().is_transient());
    assert!(zendesk.page(&next).await.unwrap_err().is_transient());
    let failure = zendesk.page(&next).await.unwrap_err();
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn without_the_rights_of_an_administrator_it_is_searched() {
    let found = |ids: &[u64], after: Option<&str>| {
        let results: Vec<Value> = ids.iter().map(|id| ticket(&json!(id), "2026-11-24T08:00:00Z")).collect();
        let meta = json!({ "has_more": after.is_some(), "after_cursor": after });
        (200, json!({ "results": results, "meta": meta }))
    };
    let deleted = |entries: &[(u64, &str)], after: Option<&str>| {
        let list: Vec<Value> =
            entries.iter().map(|(id, time)| json!({ "id": id, "deleted_at": time })).collect();
        let meta = json!({ "has_more": after.is_some(), "after_cursor": after });
        (200, json!({ "deleted_tickets": list, "meta": meta }))
    };
    let (zendesk, server) = zendesk(vec![
        (403, json!({})),
        found(&[1, 2], Some("s1")),
        (400, json!({})),
        found(&[1], Some("s1")),
        found(&[2], None),
        deleted(&[(9, "2026-11-24T09:00:00Z"), (8, "2026-11-24T07:00:00Z")], Some("d1")),
        deleted(&[(7, "2026-11-24T06:30:00Z"), (6, "2026-11-20T00:00:00Z")], Some("d2")),
        (403, json!({})),
        found(&[], None),
        (403, json!({})),
    ])
    .await;
    let mut next = zendesk.since(at("2026-11-24T06:00:00Z"));
    let mut pages = Vec::new();
    for _ in 0..5 {
        let page = zendesk.page(&stored(&next)).await.unwrap();
        pages.push((ids(&page).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>(), page.more));
        next = page.next;
    }
    let page = |ids: &[&str], more| (ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>(), more);
    let expected = [
        page(&["1", "2"], true),
        page(&["1"], true),
        page(&["2"], true),
        page(&["9", "8"], true),
        page(&["7"], false),
    ];
    assert_eq!(pages, expected);
    let asked = server.asked();
    assert!(
        asked[1].starts_with(&format!("{SEARCH}?query=updated>2026-11-24T05:59:59Z&filter[type]=ticket"))
    );
    assert!(!asked[3].contains("page[after]"), "an hour later, the pass begins again: {asked:?}");
    assert!(asked[6].starts_with(DELETED) && asked[6].ends_with("page[after]=d1"), "{asked:?}");

    // The next pass tries the export again, from before this one began; without the right to see
    // deleted tickets, it ends without them.
    zendesk.page(&next).await.unwrap();
    let asked = server.asked();
    let start = at("2026-11-24T09:50:00Z").as_second();
    assert_eq!(starts(&asked)[0], format!("{EXPORT}?start_time={start}"));
}

#[tokio::test]
async fn where_the_order_is_not_heeded_all_deleted_tickets_are_read() {
    let place = |pass: Value| {
        let text = json!({ "v": 1, "kind": "zendesk", "from": "2026-11-24T06:00:00Z", "place": pass });
        serde_json::from_value(Value::String(text.to_string())).unwrap()
    };
    let old_first = json!({ "deleted_tickets": [
        { "id": 1, "deleted_at": "2026-11-01T00:00:00Z" }, { "id": 2, "deleted_at": "2026-11-02T00:00:00Z" },
    ], "meta": { "has_more": true, "after_cursor": "d1" } });
    let last = json!({ "deleted_tickets": [{ "id": 3, "deleted_at": "2026-11-24T08:00:00Z" }] });
    let (zendesk, _server) = zendesk(vec![(200, old_first), (200, last)]).await;
    let cursor = place(json!({ "deleted": { "begun": null, "after": null } }));
    let page = zendesk.page(&cursor).await.unwrap();
    assert_eq!((ids(&page), page.more), (vec![], true));
    let page = zendesk.page(&page.next).await.unwrap();
    assert_eq!((ids(&page), page.more), (vec!["3"], false));
    assert_eq!(page.next, zendesk.since(at("2026-11-24T06:00:00Z")), "no earlier, as no time was said");
}

#[tokio::test]
async fn cursors_of_others_are_noticed() {
    let (zendesk, server) = zendesk(Vec::new()).await;
    assert_foreign_cursors(&zendesk, || server.asked()).await;
}
