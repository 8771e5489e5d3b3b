//! Automation rules and ticket fields made by the API.

use std::net::Ipv4Addr;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::freshdesk::{ANNA, BEN, Change, Setup};

use super::{Fixture, fixture};
use crate::fixture::Reply;

async fn receiver() -> CallbackReceiver {
    CallbackReceiver::start((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap()
}

fn rule(receiver: &CallbackReceiver, changes: &Value) -> Value {
    let mut rule = json!({
        "name": "DocSpace rooms", "active": true,
        "conditions": [{ "name": "condition_set_1", "match_type": "any", "properties": [
            { "resource_type": "ticket", "field_name": "source", "operator": "in", "value": [1, 2] }] }],
        "actions": [{
            "field_name": "trigger_webhook", "request_type": "POST", "content_type": "JSON",
            "url": format!("{}hook?ticket_id={{{{ticket.id}}}}", receiver.url()),
            "content": "{\"ticket_id\":\"{{ticket.id}}\",\"event\":\"{{triggered_event}}\"}",
            "custom_headers": "X-Ticketroom-Secret: s3cret",
        }],
    });
    rule.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    rule
}

async fn post(fixture: &Fixture, kind: u64, rule: Value) -> Reply {
    fixture.call(Method::POST, &format!("automations/{kind}/rules"), Some(rule)).await
}

#[tokio::test]
async fn rules_for_new_tickets_fire_one_and_those_for_updates_all() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let first = post(&fixture, 1, rule(&receiver, &json!({}))).await;
    assert_eq!((first.status, &first.body["outdated"]), (201, &json!(false)), "{}", first.body);
    assert_eq!(post(&fixture, 1, rule(&receiver, &json!({ "name": "second" }))).await.status, 201);
    let updates = |members: Value| {
        rule(
            &receiver,
            &json!({ "performer": { "type": 1, "members": members },
            "events": [{ "field_name": "status" }, { "field_name": "note_type" }] }),
        )
    };
    for members in [json!([ANNA]), json!([])] {
        assert_eq!(post(&fixture, 4, updates(members)).await.status, 201);
    }
    let id = fixture.ticket();
    fixture.freshdesk.deliveries_settled().await;
    assert_eq!(receiver.received().len(), 1, "only the first one that matches");
    let created = receiver.received().remove(0);
    assert_eq!(created.body, json!({ "ticket_id": id.to_string(), "event": "{ticket_action:created}" }));
    assert_eq!(created.headers["x-ticketroom-secret"], "s3cret");
    let heard = async |change: Option<(u64, Change)>| {
        let before = receiver.received().len();
        match change {
            Some((agent, change)) => assert!(fixture.freshdesk.change_ticket_by(agent, id, change)),
            None => assert_eq!(fixture.note(id, "our own").await.status, 201),
        }
        fixture.freshdesk.deliveries_settled().await;
        receiver.received().len() - before
    };
    assert_eq!(heard(Some((ANNA, Change::Status(4)))).await, 2);
    assert_eq!(heard(Some((BEN, Change::Status(2)))).await, 1, "he is not in the first one");
    assert_eq!(heard(Some((ANNA, Change::Priority(4)))).await, 0, "no event of theirs");
    assert_eq!(heard(None).await, 1, "who writes by the API is an agent");
}

#[tokio::test]
async fn rules_are_listed_changed_and_removed_by_administrators() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let id = post(&fixture, 1, rule(&receiver, &json!({}))).await.body["id"].clone();
    let path = format!("automations/1/rules/{id}");
    let off = fixture.call(Method::PUT, &path, Some(json!({ "active": false, "outdated": true }))).await;
    assert_eq!((&off.body["active"], &off.body["outdated"]), (&json!(false), &json!(false)));
    fixture.ticket();
    fixture.freshdesk.deliveries_settled().await;
    assert!(receiver.received().is_empty());
    assert_eq!(fixture.get("automations/1/rules").await.body.as_array().unwrap().len(), 1);
    assert_eq!(fixture.get("automations/4/rules").await.body, json!([]));
    assert_eq!(fixture.get("automations/2/rules").await.status, 404);
    for wrong in [
        json!({ "name": " " }),
        json!({ "actions": [] }),
        json!({ "actions": [{ "field_name": "trigger_webhook" }] }),
    ] {
        assert_eq!(post(&fixture, 1, rule(&receiver, &wrong)).await.status, 400, "{wrong}");
    }
    assert_eq!(post(&fixture, 4, rule(&receiver, &json!({}))).await.status, 400, "without events");
    fixture.freshdesk.set_administrator(false);
    assert_eq!(fixture.get(&path).await.status, 403);
    fixture.freshdesk.set_administrator(true);
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_field_that_is_made_can_be_written() {
    let fixture = fixture(Setup { room_field: None, ..Setup::default() }).await;
    let id = fixture.ticket();
    let update = json!({ "custom_fields": { "cf_docspace_room": "https://d.example/1" } });
    assert_eq!(fixture.update(id, update.clone()).await.status, 400);
    let field = json!({ "label": "DocSpace room", "label_for_customers": "Room", "type": "custom_text" });
    let made = fixture.call(Method::POST, "admin/ticket_fields", Some(field.clone())).await;
    assert_eq!((made.status, &made.body["name"]), (201, &json!("cf_docspace_room")));
    assert_eq!(
        fixture.update(id, update).await.body["custom_fields"]["cf_docspace_room"],
        "https://d.example/1"
    );
    assert_eq!(fixture.call(Method::POST, "admin/ticket_fields", Some(field)).await.status, 409);
    let listed = fixture.get("admin/ticket_fields").await.body;
    assert!(listed.as_array().unwrap().iter().any(|field| field["name"] == "cf_docspace_room"));
    fixture.freshdesk.set_administrator(false);
    assert_eq!(fixture.get("admin/ticket_fields").await.status, 403);
    assert_eq!(fixture.get("ticket_fields").await.status, 200);
}
