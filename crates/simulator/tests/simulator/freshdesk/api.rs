//! The REST API: who may call, tickets as they are, and what can be written.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::freshdesk::{ANNA, BEN, Change, INTEGRATION, NewTicket, RITA, SUPPORT, Setup};

use super::fixture;
use crate::fixture::Reply;

#[tokio::test]
async fn the_api_key_is_the_user() {
    let fixture = fixture(Setup::default()).await;
    let key = fixture.freshdesk.api_key();
    let right = fixture.request(Method::GET, "agents/me").basic_auth(&key, Some("anything"));
    let reply = Reply::to(right).await;
    assert_eq!((reply.status, &reply.body["id"]), (200, &json!(INTEGRATION)));
    for request in [
        fixture.request(Method::GET, "agents/me"),
        fixture.request(Method::GET, "agents/me").basic_auth("guess", Some("X")),
        fixture.request(Method::GET, "agents/me").bearer_auth(&key),
    ] {
        let reply = Reply::to(request).await;
        assert_eq!((reply.status, &reply.body["code"]), (401, &json!("invalid_credentials")));
    }
    fixture.freshdesk.revoke_key();
    let revoked = fixture.request(Method::GET, "agents/me").basic_auth(&key, Some("X"));
    assert_eq!(Reply::to(revoked).await.status, 401);
}

#[tokio::test]
async fn tickets_are_shown_as_they_are() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.freshdesk.create_ticket(NewTicket {
        responder: Some(ANNA),
        group: Some(SUPPORT),
        tags: vec!["b".to_owned(), "a".to_owned()],
        description: "a < b".to_owned(),
        ..NewTicket::about("VAT ☃")
    });
    let shown = fixture.get(&format!("tickets/{id}?include=requester,conversations")).await.body;
    assert_eq!((&shown["id"], &shown["status"], &shown["priority"]), (&json!(8123), &json!(2), &json!(2)));
    assert_eq!(shown["description_text"], "a < b");
    assert_eq!(shown["updated_at"], "2026-11-20T08:14:03Z");
    assert_eq!(shown["custom_fields"], json!({ "cf_room": null }));
    assert_eq!(shown["tags"], json!(["a", "b"]));
    assert_eq!((&shown["requester"]["id"], &shown["responder_id"]), (&json!(RITA), &json!(ANNA)));
    assert_eq!(fixture.get(&format!("tickets/{id}")).await.body["requester"], Value::Null);
    assert_eq!(fixture.get(&format!("tickets/{id}?include=everything")).await.status, 400);
    let missing = fixture.get("tickets/99").await;
    assert_eq!((missing.status, missing.length), (404, 0), "nothing is said about what is not there");
}

#[tokio::test]
async fn trash_archive_and_restrictions_differ() {
    let fixture = fixture(Setup::default()).await;
    let [trashed, archived, restricted, purged] = [(); 4].map(|()| fixture.ticket());
    fixture.freshdesk.change_ticket(trashed, Change::Delete);
    fixture.freshdesk.change_ticket(archived, Change::Archive);
    fixture.freshdesk.restrict_ticket(restricted);
    fixture.freshdesk.change_ticket(purged, Change::Purge);
    let shown = fixture.get(&format!("tickets/{trashed}")).await;
    assert_eq!((shown.status, &shown.body["deleted"]), (200, &json!(true)));
    assert_eq!(fixture.note(trashed, "x").await.status, 405);
    assert_eq!(fixture.get(&format!("tickets/{archived}")).await.status, 404);
    assert_eq!(fixture.get(&format!("tickets/archived/{archived}")).await.status, 200);
    assert_eq!(fixture.get(&format!("tickets/archived/{purged}")).await.status, 404);
    let denied = fixture.get(&format!("tickets/{restricted}")).await;
    assert_eq!((denied.status, &denied.body["code"]), (403, &json!("access_denied")));
    let restored = fixture.call(Method::PUT, &format!("tickets/{trashed}/restore"), Some(json!({}))).await;
    assert_eq!(restored.status, 204);
    assert_eq!(fixture.note(trashed, "x").await.status, 201);
}

#[tokio::test]
async fn an_update_is_all_or_nothing() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let link = "https://docspace.example.com/rooms/shared/4711";
    let updated = fixture.update(id, json!({ "custom_fields": { "cf_room": link }, "tags": ["x"] })).await;
    assert_eq!((updated.status, &updated.body["custom_fields"]["cf_room"]), (200, &json!(link)));
    for (update, field, code) in [
        (json!({ "custom_fields": { "cf_other": "x" }, "tags": [] }), "cf_other", "invalid_field"),
        (json!({ "custom_fields": { "cf_room": "x".repeat(256) }, "tags": [] }), "cf_room", "invalid_value"),
        (json!({ "custom_fields": { "cf_room": 7 }, "tags": [] }), "cf_room", "datatype_mismatch"),
    ] {
        let refused = fixture.update(id, update).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.body["errors"][0]["field"], field);
        assert_eq!(refused.body["errors"][0]["code"], code);
    }
    let ticket = fixture.freshdesk.ticket(id).unwrap();
    assert_eq!((ticket.custom_fields["cf_room"].as_str(), ticket.tags), (Some(link), vec!["x".to_owned()]));
    let text = fixture
        .request(Method::PUT, &format!("tickets/{id}"))
        .body("{}")
        .header("content-type", "text/plain");
    let text = text.basic_auth(fixture.freshdesk.api_key(), Some("X"));
    assert_eq!(Reply::to(text).await.status, 415);
    fixture.freshdesk.require_field(Some("cf_region"));
    let refused = fixture.update(id, json!({ "tags": [] })).await;
    assert_eq!(
        refused.body["errors"][0],
        json!({ "field": "cf_region", "code": "missing_field",
        "message": "It should not be blank as this is a mandatory field" })
    );
}

#[tokio::test]
async fn a_note_that_is_sent_twice_is_there_twice() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let html = "<p id=\"m\">Room <a href=\"https://d.example/?a=1&amp;b\">open</a><!-- m --></p>";
    let first = fixture.note(id, html).await;
    assert_eq!(
        (first.status, &first.body["private"]),
        (201, &json!(true)),
        "private unless it says otherwise"
    );
    assert_eq!(first.body["body"], "<p>Room <a href=\"https://d.example/?a=1&amp;b\">open</a></p>");
    assert_eq!(
        (&first.body["body_text"], &first.body["user_id"]),
        (&json!("Room open"), &json!(INTEGRATION))
    );
    fixture.note(id, html).await;
    let public = json!({ "body": "x", "private": false });
    fixture.call(Method::POST, &format!("tickets/{id}/notes"), Some(public)).await;
    let notes = fixture.freshdesk.ticket(id).unwrap().conversations;
    let private: Vec<bool> = notes.iter().map(|note| note.private).collect();
    assert_eq!(private, [true, true, false]);
    assert_eq!(fixture.note(id, "").await.status, 400);

    let first_page = fixture.get(&format!("tickets/{id}/conversations?per_page=2&page=1")).await;
    assert_eq!(first_page.body.as_array().unwrap().len(), 2);
    assert!(first_page.header("link").contains("page=2>; rel=\"next\""), "{}", first_page.header("link"));
    let last_page = fixture.get(&format!("tickets/{id}/conversations?per_page=2&page=2")).await;
    assert_eq!((last_page.body.as_array().unwrap().len(), last_page.header("link")), (1, ""));
    let note = notes[0].id;
    let edited =
        fixture.call(Method::PUT, &format!("conversations/{note}"), Some(json!({ "body": "y" }))).await;
    assert_eq!((edited.status, &edited.body["body"]), (200, &json!("y")));
    assert_eq!(fixture.call(Method::DELETE, &format!("conversations/{note}"), None).await.status, 204);
    assert_eq!(fixture.freshdesk.ticket(id).unwrap().conversations.len(), 2);
}

#[tokio::test]
async fn people_and_groups_can_be_asked_for_unless_that_is_forbidden() {
    let fixture = fixture(Setup::default()).await;
    let anna = fixture.get(&format!("agents/{ANNA}")).await.body;
    assert_eq!(anna["contact"]["email"], "anna.agent@example.com");
    assert_eq!(fixture.get(&format!("groups/{SUPPORT}")).await.body["name"], "Support");
    assert_eq!(fixture.get(&format!("contacts/{RITA}")).await.body["email"], "rita@customer.example");
    assert_eq!(fixture.get(&format!("contacts/{ANNA}")).await.status, 404, "an agent is no contact");
    for path in [format!("agents/{ANNA}"), format!("groups/{SUPPORT}"), format!("contacts/{RITA}")] {
        let shown = fixture.get(&path).await.body;
        assert!(shown["created_at"].is_string() && shown["updated_at"].is_string(), "{path}: {shown}");
    }
    let fields = fixture.get("ticket_fields").await.body;
    assert!(fields.as_array().unwrap().iter().all(|field| field["updated_at"].is_string()), "{fields}");
    let groups = fixture.get("groups?per_page=100").await.body;
    assert_eq!(groups.as_array().unwrap().len(), 2);
    fixture.freshdesk.remove_agent(BEN);
    assert_eq!(fixture.get(&format!("agents/{BEN}")).await.status, 404);
    fixture.freshdesk.set_directory_readable(false);
    assert_eq!(fixture.get(&format!("agents/{ANNA}")).await.status, 403);
    assert_eq!(fixture.get("groups").await.status, 403);
    assert_eq!(fixture.get("agents/me").await.status, 200, "oneself may always be asked for");
    let fields = fixture.get("ticket_fields").await.body;
    let room = fields.as_array().unwrap().iter().find(|field| field["name"] == "cf_room").unwrap();
    assert_eq!(room["type"], "custom_text");
}
