//! Webhooks made by the API.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::jira::{Change, Deployment, NewIssue, Setup, hub_signature};

use super::{LOOPBACK, SECRET, fixture};

const CLASSIC: &str = "webhooks/1.0/webhook";
const NEWER: &str = "jira-webhook/1.0/webhooks";

fn wanted(receiver: &CallbackReceiver) -> Value {
    json!({
        "name": "DocSpace rooms", "url": receiver.url().join("hooks").unwrap(),
        "events": ["jira:issue_created", "jira:issue_deleted"],
        "filters": { "issue-related-events-section": "project = SUP AND labels is EMPTY" },
        "excludeBody": false, "secret": SECRET,
    })
}

#[tokio::test]
async fn a_webhook_made_by_the_api_delivers_what_its_jql_finds() {
    let fixture = fixture(Setup::default()).await;
    let receiver = CallbackReceiver::start(LOOPBACK).await.unwrap();
    let made = fixture.post(CLASSIC, wanted(&receiver)).await;
    assert_eq!((made.status, &made.body["isSigned"], made.body.get("secret")), (201, &json!(true), None));
    let id = made.body["self"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let issue = fixture.issue();
    fixture.jira.create_ticket(NewIssue { labels: vec!["x".to_owned()], ..NewIssue::about("labelled") });
    fixture.jira.create_ticket(NewIssue { project: Some("HR".to_owned()), ..NewIssue::about("elsewhere") });
    fixture.jira.change_ticket(issue, Change::Priority("High".to_owned()));
    fixture.jira.change_ticket(issue, Change::Delete);
    assert_eq!(fixture.events().await, ["jira:issue_created", "jira:issue_deleted"]);
    for received in receiver.received() {
        assert_eq!(received.headers["x-hub-signature"], hub_signature(SECRET, &received.raw));
    }
    let path = format!("{CLASSIC}/{id}");
    let changed =
        json!({ "url": format!("{}hooks?key=${{issue.key}}", receiver.url()), "excludeBody": true });
    let changed = fixture.put(&path, changed).await;
    assert_eq!((changed.status, &changed.body["isSigned"]), (200, &json!(true)), "the secret stays");
    fixture.issue();
    fixture.jira.deliveries_settled().await;
    assert!(receiver.received()[2].raw.is_empty());
    let off = fixture.put(&path, json!({ "enabled": false })).await;
    assert_eq!(off.body["enabled"], false);
    fixture.issue();
    assert_eq!(fixture.events().await.len(), 3);
    assert_eq!(fixture.get(CLASSIC).await.body.as_array().unwrap().len(), 1);
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.get(&path).await.status, 404);
    assert_eq!(fixture.get(NEWER).await.status, 404);
}

#[tokio::test]
async fn what_is_refused() {
    let fixture = fixture(Setup::default()).await;
    let receiver = CallbackReceiver::start(LOOPBACK).await.unwrap();
    for (field, value) in [
        ("name", json!("")),
        ("url", json!("rooms")),
        ("filters", json!({ "issue-related-events-section": "project = NONE" })),
    ] {
        let mut body = wanted(&receiver);
        body[field] = value;
        assert_eq!(fixture.post(CLASSIC, body).await.status, 400, "{field}");
    }
    fixture.jira.set_administrator(false);
    assert_eq!(fixture.get(CLASSIC).await.status, 403);
    assert_eq!(fixture.post(CLASSIC, wanted(&receiver)).await.status, 403);
    fixture.jira.revoke_credentials();
    assert_eq!(fixture.get(CLASSIC).await.status, 401);
}

#[tokio::test]
async fn data_center_10_has_another_api_that_ignores_a_secret() {
    let setup = Setup { deployment: Deployment::DataCenter, ..Setup::default() };
    let fixture = fixture(setup).await;
    let receiver = CallbackReceiver::start(LOOPBACK).await.unwrap();
    assert_eq!(fixture.get(CLASSIC).await.status, 404);
    let made = fixture.post(NEWER, wanted(&receiver)).await;
    assert_eq!((made.status, &made.body["isSigned"]), (201, &json!(false)));
    fixture.issue();
    fixture.jira.deliveries_settled().await;
    assert!(!receiver.received()[0].headers.contains_key("x-hub-signature"));
    let path = format!("{NEWER}/{}", made.body["id"]);
    let secret = json!({ "configuration": { "EXCLUDE_BODY": "false", "SECRET": SECRET } });
    let changed = fixture.put(&path, secret).await.body;
    assert_eq!((&changed["isSigned"], changed["configuration"].get("SECRET")), (&json!(true), None));
    fixture.issue();
    fixture.jira.deliveries_settled().await;
    let received = receiver.received().remove(1);
    assert_eq!(received.headers["x-hub-signature"], hub_signature(SECRET, &received.raw));
    assert_eq!(fixture.get(&format!("{path}/statistics")).await.body["invocations"], 2);
    assert_eq!(fixture.get(&format!("{path}/latest")).await.body["result"]["outcome"], "SUCCESS");
}

#[tokio::test]
async fn data_center_9_has_the_former_api() {
    let setup = Setup { deployment: Deployment::DataCenter, data_center_version: 9, ..Setup::default() };
    let fixture = fixture(setup).await;
    let receiver = CallbackReceiver::start(LOOPBACK).await.unwrap();
    assert_eq!(fixture.post(CLASSIC, wanted(&receiver)).await.body["isSigned"], true);
    assert_eq!(fixture.get(NEWER).await.status, 404);
    assert_eq!(fixture.get("api/2/serverInfo").await.body["versionNumbers"], json!([9, 0, 0]));
}
