//! Jira as one hosts it oneself.

use serde_json::json;
use simulator::fault::{Fault, FaultKind};
use simulator::jira::{BEN, Change, Deployment, INTEGRATION, Mode, RITA, Setup};

use super::fixture;
use crate::fixture::Reply;

fn data_center() -> Setup {
    Setup { deployment: Deployment::DataCenter, ..Setup::default() }
}

#[tokio::test]
async fn users_have_names_and_keys_and_there_is_no_version_3() {
    let fixture = fixture(data_center()).await;
    let me = fixture.get("api/2/myself").await.body;
    assert_eq!(
        (&me["name"], &me["emailAddress"]),
        (&json!("docspace-rooms"), &json!("docspace-rooms@example.com"))
    );
    assert_eq!((&me["key"], me.get("accountId")), (&json!(fixture.jira.reference(INTEGRATION)), None));
    let key = fixture.jira.reference(RITA);
    let rita = fixture.get(&format!("api/2/user?key={key}")).await.body;
    assert_eq!((&rita["name"], &rita["emailAddress"]), (&json!("rita"), &json!("rita@customer.example")));
    assert_eq!(
        fixture.get("api/2/user?username=ben.engineer").await.body["key"],
        fixture.jira.reference(BEN)
    );
    assert_eq!(fixture.get(&format!("api/2/user?accountId={RITA}")).await.status, 404);

    let id = fixture.issue();
    assert_eq!(fixture.get(&format!("api/3/issue/{id}")).await.status, 404);
    assert_eq!(fixture.get("api/3/myself").await.status, 404);
    let note = json!({
        "body": "[ticketroom:jira:10042]",
        "properties": [{ "key": "sd.public.comment", "value": { "internal": true } }],
    });
    let answer = fixture.post(&format!("api/2/issue/{id}/comment"), note).await;
    assert_eq!((answer.status, &answer.body["jsdPublic"]), (201, &json!(false)));
    assert_eq!(answer.body["author"]["key"], fixture.jira.reference(INTEGRATION));
    let assign = json!({ "fields": { "assignee": { "name": "ben.engineer" } } });
    assert_eq!(fixture.put(&format!("api/2/issue/{id}"), assign).await.status, 204);
    assert_eq!(fixture.jira.ticket(id).unwrap().assignee.as_deref(), Some(BEN));

    let basic = fixture.http.get(fixture.url("rest/api/2/myself"));
    let basic = basic.basic_auth(fixture.jira.email(), Some(fixture.jira.api_token()));
    assert_eq!(Reply::to(basic).await.status, 401);
    fixture.jira.revoke_credentials();
    assert_eq!(fixture.get("api/2/myself").await.status, 401);
    assert_eq!(fixture.get(&format!("api/2/issue/{id}")).await.status, 404);
}

#[tokio::test]
async fn search_has_pages_by_number_and_a_total() {
    let fixture = fixture(data_center()).await;
    for _ in 0..3 {
        fixture.issue();
    }
    let asked = json!({ "jql": "project = SUP ORDER BY key ASC", "startAt": 1, "maxResults": 1, "fields": ["status"] });
    let page = fixture.post("api/2/search", asked).await.body;
    assert_eq!((&page["startAt"], &page["maxResults"], &page["total"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!(
        (&page["issues"][0]["key"], page["issues"][0]["fields"].get("summary")),
        (&json!("SUP-43"), None)
    );
    let all = fixture.get("api/2/search?jql=").await.body;
    assert_eq!((&all["total"], &all["issues"][0]["key"]), (&json!(3), &json!("SUP-44")));
    assert_eq!(fixture.post("api/2/search/jql", json!({ "jql": "project = SUP" })).await.status, 404);
}

#[tokio::test]
async fn webhooks_are_sent_once_and_without_an_identifier() {
    let fixture = fixture(data_center()).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(503)));
    let id = fixture.issue();
    fixture.jira.deliveries_settled().await;
    let lost = fixture.jira.deliveries().pop().unwrap();
    assert_eq!((lost.attempts.len(), lost.given_up), (1, true));
    assert!(fixture.jira.change_ticket(id, Change::Assignee(Some(BEN.to_owned()))));
    fixture.jira.deliveries_settled().await;
    let received = receiver.received().pop().unwrap();
    assert!(received.headers.contains_key("x-hub-signature"));
    assert!(!received.headers.keys().any(|name| name.starts_with("x-atlassian-webhook")));
    let ben = fixture.jira.reference(BEN);
    assert_eq!(received.body.pointer("/changelog/items/0/to"), Some(&json!(ben)));
    assert_eq!(
        received.body.pointer("/issue/fields/assignee/emailAddress"),
        Some(&json!("ben.engineer@example.com"))
    );
}
