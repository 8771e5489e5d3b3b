//! Rate limits.

use serde_json::json;
use simulator::jira::{Limits, Setup};

use super::fixture;

#[tokio::test]
async fn bursts_are_counted_by_method_and_endpoint() {
    let limits = Limits { gets_per_second: 2, issue_gets_per_second: 3, ..Limits::default() };
    let fixture = fixture(Setup { limits: Some(limits), ..Setup::default() }).await;
    let id = fixture.issue();
    let first = fixture.get("api/3/myself").await;
    let told = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-nearlimit"];
    assert_eq!(told.map(|name| first.header(name)), ["2", "1", "2026-11-20T08:14:04Z", "false"]);
    assert_eq!(fixture.get("api/3/myself").await.header("x-ratelimit-nearlimit"), "true");
    let third = fixture.get("api/3/myself").await;
    let told = ["retry-after", "ratelimit-reason", "x-ratelimit-remaining"];
    assert_eq!((third.status, told.map(|name| third.header(name))), (429, ["1", "jira-burst-based", "0"]));
    for status in [200, 200, 200, 429] {
        assert_eq!(fixture.get(&format!("api/3/issue/{id}")).await.status, status);
    }
    fixture.clock.advance(1);
    assert_eq!(fixture.get("api/3/myself").await.status, 200);
    assert_eq!(fixture.jira.counters().rejected_429, 2);
    fixture.jira.set_limits(None);
    assert_eq!(fixture.get("api/3/myself").await.header("x-ratelimit-limit"), "");
}

#[tokio::test]
async fn one_issue_can_be_changed_so_often() {
    let limits =
        Limits { issue_writes_per_2_seconds: 2, issue_writes_per_30_seconds: 3, ..Limits::default() };
    let fixture = fixture(Setup { limits: Some(limits), silent_gateway: true, ..Setup::default() }).await;
    let (one, other) = (fixture.issue(), fixture.issue());
    let write = async |id| {
        let answer = fixture.put(&format!("api/3/issue/{id}/properties/p"), json!(1)).await;
        (answer.status, answer.header("retry-after").to_owned(), answer.header("ratelimit-reason").to_owned())
    };
    assert_eq!((write(one).await.0, write(one).await.0), (201, 200));
    let reason = "jira-per-issue-on-write".to_owned();
    assert_eq!(write(one).await, (429, String::new(), reason.clone()));
    assert_eq!(write(one).await, (429, "2".to_owned(), reason.clone()));
    assert_eq!(write(other).await.0, 201);
    fixture.clock.advance(2);
    assert_eq!(write(one).await.0, 200);
    assert_eq!(write(one).await, (429, String::new(), reason.clone()));
    fixture.clock.advance(2);
    assert_eq!(write(one).await, (429, "26".to_owned(), reason));
    // Reading goes on.
    assert_eq!(fixture.get(&format!("api/3/issue/{one}")).await.status, 200);
    fixture.clock.advance(26);
    assert_eq!(write(one).await.0, 200);
}
