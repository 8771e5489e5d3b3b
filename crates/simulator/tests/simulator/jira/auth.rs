//! Who may call.

use serde_json::{Value, json};
use simulator::jira::{INTEGRATION, Setup};

use super::fixture;
use crate::fixture::Reply;

#[tokio::test]
async fn strangers_are_not_refused_but_see_nothing() {
    let fixture = fixture(Setup { search_hold: std::time::Duration::ZERO, ..Setup::default() }).await;
    let id = fixture.issue();
    assert_eq!(fixture.get("api/3/myself").await.body["accountId"], INTEGRATION);
    let search = "api/3/search/jql?jql=project%20%3D%20SUP";
    assert_eq!(fixture.get(search).await.body["issues"], json!([{ "id": "10042" }]));
    fixture.jira.revoke_credentials();
    assert_eq!(fixture.get("api/3/myself").await.status, 401);
    assert_eq!(fixture.get(&format!("api/3/user?accountId={INTEGRATION}")).await.status, 401);
    assert_eq!(fixture.get(search).await.body, json!({ "issues": [], "isLast": true }));
    assert_eq!(fixture.get(&search.replacen('3', "2", 1)).await.status, 200);
    assert_eq!(fixture.get("api/3/project/SUP").await.status, 404);
    let hidden = json!({
        "errorMessages": ["Issue does not exist or you do not have permission to see it."],
        "errors": {},
    });
    for path in ["", "/comment", "/remotelink", "/properties/docspace.room"] {
        let answer = fixture.get(&format!("api/3/issue/{id}{path}")).await;
        assert_eq!((answer.status, &answer.body), (404, &hidden), "{path}");
    }
    let comment = fixture.post(&format!("servicedeskapi/request/{id}/comment"), json!({ "body": "x" })).await;
    assert_eq!((comment.status, fixture.jira.ticket(id).unwrap().comments.len()), (404, 0));
}

#[tokio::test]
async fn only_the_right_credential_of_the_deployment_will_do() {
    let fixture = fixture(Setup::default()).await;
    let myself = || fixture.http.get(fixture.url("rest/api/3/myself"));
    let (email, token) = (fixture.jira.email(), fixture.jira.api_token());
    let requests = [
        (myself().basic_auth(&email, Some(&token)), 200),
        (myself().basic_auth(&email, Some("wrong")), 401),
        (myself().basic_auth("anna.agent@example.com", Some(&token)), 401),
        (myself().bearer_auth(&token), 401),
        (myself().bearer_auth(fixture.jira.personal_access_token()), 401),
        (myself(), 401),
    ];
    for (request, status) in requests {
        assert_eq!(Reply::to(request).await.status, status);
    }
    let nowhere = fixture.get("api/3/nothing").await;
    assert_eq!((nowhere.status, nowhere.body), (404, Value::Null));
    assert_eq!((fixture.jira.counters().of("myself"), fixture.jira.counters().of("other")), (6, 1));
}
