//! Cloud's search.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::jira::{Change, Setup};

use super::fixture;

const SEARCH: &str = "api/3/search/jql";

#[tokio::test]
async fn what_was_just_changed_is_missing_for_a_while() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let asked = json!({ "jql": "project = SUP AND updated >= -90m ORDER BY updated ASC" });
    let found = async || fixture.post(SEARCH, asked.clone()).await.body["issues"].clone();
    assert_eq!(found().await, json!([]));
    let fresh = json!({ "jql": "project = SUP", "reconcileIssues": [id] });
    assert_eq!(fixture.post(SEARCH, fresh).await.body["issues"], json!([{ "id": "10042" }]));
    fixture.clock.advance(60);
    assert_eq!(found().await, json!([{ "id": "10042" }]));
    fixture.jira.change_ticket(id, Change::PublicComment("x".to_owned()));
    assert_eq!(found().await, json!([]));
    fixture.clock.advance(90 * 60);
    assert_eq!(found().await, json!([{ "id": "10042" }]));
    fixture.clock.advance(1);
    assert_eq!(found().await, json!([]));
}

#[tokio::test]
async fn pages_are_turned_by_tokens() {
    let fixture = fixture(Setup { search_hold: Duration::ZERO, ..Setup::default() }).await;
    for number in 0..5 {
        let id = fixture.issue();
        fixture.clock.advance(60);
        if number == 2 {
            fixture.jira.change_ticket(id, Change::Delete);
        }
    }
    fixture.jira.change_ticket(10043, Change::Move("HR".to_owned()));
    let mut asked = json!({
        "jql": "project in (SUP, HR) ORDER BY updated ASC",
        "fields": ["status", "updated"],
        "maxResults": 2,
    });
    let mut pages = Vec::new();
    loop {
        let page = fixture.post(SEARCH, asked.clone()).await.body;
        let keys =
            page["issues"].as_array().unwrap().iter().map(|issue| issue["key"].as_str().unwrap().to_owned());
        pages.push(keys.collect::<Vec<_>>());
        assert_eq!(page.get("total"), None);
        if page["isLast"] == true {
            break;
        }
        asked["nextPageToken"] = page["nextPageToken"].clone();
    }
    assert_eq!(pages, [["SUP-42", "SUP-45"], ["SUP-46", "HR-1"]]);
    fixture.clock.advance(7 * 24 * 3600);
    assert_eq!(fixture.post(SEARCH, asked).await.status, 400);
    let since =
        json!({ "jql": "project = SUP AND updated >= \"2026-11-20 08:17\" AND statusCategory != Done" });
    let issues = fixture.post(SEARCH, since).await.body["issues"].clone();
    assert_eq!(issues, json!([{ "id": "10046" }, { "id": "10045" }]));
}

#[tokio::test]
async fn queries_that_are_refused() {
    let fixture = fixture(Setup::default()).await;
    for jql in [
        "",
        "ORDER BY updated",
        "project = NONE",
        "project = SUP AND updated >= 2026-11-20T08:14:03Z",
        "project = SUP AND",
        "resolution = Done",
    ] {
        let answer = fixture.post(SEARCH, json!({ "jql": jql })).await;
        assert_eq!((answer.status, answer.body["errorMessages"].is_array()), (400, true), "{jql}");
    }
    fixture.jira.hide_project("HR");
    assert_eq!(fixture.post(SEARCH, json!({ "jql": "project = HR" })).await.status, 400);
    let former = fixture.post("api/3/search", json!({ "jql": "project = SUP" })).await;
    assert_eq!((former.status, &former.body["errors"]), (410, &json!({})));
    assert_eq!(fixture.post(SEARCH, Value::Null).await.status, 400);
    assert_eq!(fixture.jira.counters().of("search"), 8);
}
