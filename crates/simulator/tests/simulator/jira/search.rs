//! Cloud's search.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::jira::{Change, NewIssue, Setup};

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

/// The rules of Berlin's time.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

#[tokio::test]
async fn times_are_read_and_shown_in_the_zone_of_the_profile() {
    let fixture = fixture(Setup { search_hold: Duration::ZERO, ..Setup::default() }).await;
    assert!(fixture.jira.set_time_zone("Europe/Berlin", BERLIN));
    assert!(!fixture.jira.set_time_zone("Nowhere", "no rules"));
    assert_eq!(fixture.get("api/3/myself").await.body["timeZone"], "Europe/Berlin");
    let id = fixture.issue();
    let found = async |since: &str| {
        let asked = json!({ "jql": format!("updated >= \"{since}\""), "fields": ["updated"] });
        fixture.post(SEARCH, asked).await.body["issues"].clone()
    };
    let shown = found("2026-11-20 09:14").await;
    assert_eq!(shown[0]["fields"]["updated"], "2026-11-20T09:14:03.412+0100");
    assert_eq!(found("2026-11-20 09:15").await, json!([]));
    // In summer, an hour more.
    let summer = "2026-07-01T08:00:00Z".parse().unwrap();
    fixture.jira.import_tickets([(NewIssue::about("Before"), summer)]);
    let until = json!({ "jql": "created <= \"2026-07-01 10:00\" AND created > \"2026-07-01 09:59\"" });
    assert_eq!(fixture.post(SEARCH, until).await.body["issues"], json!([{ "id": (id + 1).to_string() }]));
}

#[tokio::test]
async fn an_issue_that_changes_between_two_pages_moves_the_others() {
    let fixture = fixture(Setup { search_hold: Duration::ZERO, ..Setup::default() }).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(fixture.issue().to_string());
        fixture.clock.advance(60);
    }
    let mut asked = json!({ "jql": "project = SUP ORDER BY updated ASC", "maxResults": 2 });
    let first = fixture.post(SEARCH, asked.clone()).await.body;
    assert_eq!(first["issues"], json!([{ "id": made[0] }, { "id": made[1] }]));
    fixture.jira.change_ticket(10042, Change::Priority("High".to_owned()));
    asked["nextPageToken"] = first["nextPageToken"].clone();
    let second = fixture.post(SEARCH, asked).await.body;
    assert_eq!(second["issues"], json!([{ "id": made[3] }, { "id": made[0] }]), "the third is on no page");
}
