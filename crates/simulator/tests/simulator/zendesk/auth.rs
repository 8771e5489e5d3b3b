//! Who may call.

use serde_json::json;
use simulator::zendesk::{RITA, SUPPORT, Setup};

use super::fixture;
use crate::fixture::Reply;

#[tokio::test]
async fn tokens_are_for_those_who_may_have_one_and_expire() {
    let fixture = fixture(Setup::default()).await;
    for (changes, status, error) in [
        (json!({ "client_secret": "x" }), 401, "invalid_client"),
        (json!({ "client_id": "x" }), 401, "invalid_client"),
        (json!({ "grant_type": "password" }), 400, "unsupported_grant_type"),
        (json!({ "scope": "" }), 400, "invalid_scope"),
        (json!({ "scope": "everything" }), 400, "invalid_scope"),
        (json!({ "expires_in": 299 }), 400, "invalid_request"),
        (json!({ "expires_in": 172_801 }), 400, "invalid_request"),
    ] {
        let answer = fixture.token(changes.clone()).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (status, Some(error)), "{changes}");
    }
    let answer = fixture.token(json!({})).await;
    assert_eq!(answer.status, 201);
    let token = answer.body;
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("bearer"), &json!(1800)));

    let status = async || fixture.get("users/me").await.status;
    assert_eq!(status().await, 200);
    fixture.clock.advance(1799);
    assert_eq!(status().await, 200);
    fixture.clock.advance(1);
    assert_eq!(status().await, 401);
    let long = fixture.token(json!({ "expires_in": 172_800, "scope": "read" })).await;
    assert_eq!(long.body["expires_in"], 172_800);
    assert_eq!(fixture.zendesk.counters().of("oauth_token"), 9);
}

#[tokio::test]
async fn credentials_stop_working_when_told_so() {
    let mut fixture = fixture(Setup::default()).await;
    fixture.zendesk.expire_tokens();
    let expired = fixture.get("users/me").await;
    assert_eq!((expired.status, &expired.body["error"]), (401, &json!("invalid_token")));
    fixture.token = fixture.new_token("read").await;
    assert_eq!(fixture.get("users/me").await.status, 200);
    fixture.zendesk.revoke_client();
    assert_eq!(fixture.get("users/me").await.status, 401);
    assert_eq!(fixture.token(json!({})).await.status, 401);

    let me = fixture.url("api/v2/users/me");
    let basic = |token: String| {
        let user = format!("{}/token", fixture.zendesk.email());
        Reply::to(fixture.http.get(me.clone()).basic_auth(user, Some(token)))
    };
    let answer = basic(fixture.zendesk.api_token()).await;
    assert_eq!(
        (answer.status, &answer.body["user"]["id"]),
        (200, &json!(fixture.zendesk.integration_user()))
    );
    assert_eq!(basic("wrong".to_owned()).await.status, 401);
    let nobody = Reply::to(fixture.http.get(me.clone())).await;
    assert_eq!((nobody.status, &nobody.body), (401, &json!({ "error": "Couldn't authenticate you" })));
}

#[tokio::test]
async fn granular_scopes_reach_their_own_resource_alone() {
    let mut fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    fixture.token = fixture.new_token("tickets:read users:read").await;
    let group = format!("groups/{SUPPORT}");
    for (path, status) in [
        (format!("tickets/{id}"), 200),
        (format!("users/{RITA}"), 200),
        (group.clone(), 403),
        ("ticket_fields".to_owned(), 403),
    ] {
        assert_eq!(fixture.get(&path).await.status, status, "{path}");
    }
    assert_eq!(fixture.put(id, json!({ "subject": "x" })).await.status, 403);
    fixture.token = fixture.new_token("read").await;
    assert_eq!(fixture.get(&group).await.status, 200);
}
