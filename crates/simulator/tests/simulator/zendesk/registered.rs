//! Webhooks and triggers made by the API.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::fault::{Fault, FaultKind};
use simulator::zendesk::{Change, NewTicket, Role, Setup};

use super::{Fixture, LOOPBACK, fixture};

async fn made(fixture: &Fixture, receiver: &CallbackReceiver, changes: Value) -> Value {
    let mut webhook = json!({
        "name": "DocSpace rooms", "endpoint": receiver.url().join("hooks").unwrap(), "http_method": "POST",
        "request_format": "json", "status": "active",
        "subscriptions": ["zen:event-type:ticket.created", "zen:event-type:ticket.status_changed"],
    });
    webhook.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let answer = fixture.call(Method::POST, "webhooks", Some(&json!({ "webhook": webhook }))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["webhook"].clone()
}

async fn patch(fixture: &Fixture, webhook: &Value, changes: Value) -> u16 {
    let path = format!("webhooks/{}", webhook["id"].as_str().unwrap());
    fixture.call(Method::PATCH, &path, Some(&json!({ "webhook": changes }))).await.status
}

async fn receiver() -> CallbackReceiver {
    CallbackReceiver::start(LOOPBACK).await.unwrap()
}

#[tokio::test]
async fn a_webhook_made_by_the_api_delivers_with_its_own_secret() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let authentication =
        json!({ "type": "bearer_token", "data": { "token": "hidden" }, "add_position": "header" });
    let webhook = made(&fixture, &receiver, json!({ "authentication": authentication })).await;
    let id = webhook["id"].as_str().unwrap();
    assert_eq!((id.len(), webhook.get("secret")), (26, None));
    assert!(!webhook.to_string().contains("hidden"), "{webhook}");
    let secret = fixture.get(&format!("webhooks/{id}/signing_secret")).await.body["signing_secret"].clone();
    assert_eq!(secret["algorithm"], "SHA256");

    let ticket = fixture.ticket();
    fixture.zendesk.change_ticket(ticket, Change::Subject("unheard".to_owned()));
    assert_eq!(fixture.events().await, ["created"]);
    let received = receiver.received().remove(0);
    assert_eq!(
        (&*received.headers["x-zendesk-webhook-id"], &*received.headers["authorization"]),
        (id, "Bearer hidden")
    );
    let at = received.headers["x-zendesk-webhook-signature-timestamp"].parse().unwrap();
    let secret = secret["secret"].as_str().unwrap();
    let signed = fixture.zendesk.signed_headers(secret, &received.raw, "1", at);
    let signature = |headers: &[(String, String)]| {
        headers.iter().find(|(name, _)| name == "x-zendesk-webhook-signature").unwrap().1.clone()
    };
    assert_eq!(received.headers["x-zendesk-webhook-signature"], signature(&signed));

    let renewed = fixture.call(Method::POST, &format!("webhooks/{id}/signing_secret"), None).await;
    assert_ne!(renewed.body["signing_secret"]["secret"], secret);
    assert_eq!(patch(&fixture, &webhook, json!({ "status": "inactive" })).await, 204);
    fixture.ticket();
    assert_eq!(fixture.events().await.len(), 1, "it is inactive");
    let log = fixture.get(&format!("webhooks/{id}/invocations?sort=-latest_completed_at")).await.body;
    assert_eq!(
        (&log["invocations"][0]["status"], &log["invocations"][0]["status_code"]),
        (&json!("success"), &json!(204))
    );
    let invocation = log["invocations"][0]["id"].as_str().unwrap();
    let attempts = fixture.get(&format!("webhooks/{id}/invocations/{invocation}/attempts")).await.body;
    assert_eq!(attempts["attempts"].as_array().unwrap().len(), 1);
    let listed = fixture.get("webhooks?filter[name_contains]=rooms&page[size]=10").await.body;
    assert_eq!((&listed["webhooks"][0]["id"], &listed["meta"]["has_more"]), (&json!(id), &json!(false)));
    let path = format!("webhooks/{id}");
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_zendesk_does_not_let_be_made_or_changed() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let webhook = made(&fixture, &receiver, json!({})).await;
    for wrong in [
        json!({ "name": "" }),
        json!({ "endpoint": "rooms" }),
        json!({ "http_method": "GET" }),
        json!({ "status": "on" }),
        json!({ "subscriptions": ["zen:event-type:ticket.updated"] }),
        json!({ "subscriptions": ["conditional_ticket_events"] }),
        json!({ "custom_headers": { "x-a": "b" } }),
    ] {
        assert_eq!(patch(&fixture, &webhook, wrong.clone()).await, 400, "{wrong}");
    }
    assert_eq!(patch(&fixture, &webhook, json!({ "name": "Other" })).await, 204);
    for scope in ["read tickets:write", "webhooks:read"] {
        let token = fixture.new_token(scope).await;
        let call = async |method: Method| {
            let request = fixture.http.request(method, fixture.url("api/v2/webhooks"));
            request.bearer_auth(&token).json(&json!({})).send().await.unwrap().status().as_u16()
        };
        assert_eq!((call(Method::GET).await, call(Method::POST).await), (200, 403), "{scope}");
    }
    fixture.zendesk.set_integration_role(Role::Agent);
    for path in ["webhooks", "triggers", "triggers/definitions", "trigger_categories"] {
        assert_eq!(fixture.get(path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn triggers_made_by_the_api_fire_by_their_conditions() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let by_triggers = json!({ "subscriptions": ["conditional_ticket_events"] });
    let webhook = made(&fixture, &receiver, by_triggers).await;
    let body = r#"{"ticket_id":"{{ticket.id}}"}"#;
    let trigger = |title: &str, all: Value, any: Value| {
        json!({ "trigger": { "title": title, "category_id": "10026",
            "conditions": { "all": all, "any": any },
            "actions": [{ "field": "notification_webhook", "value": [webhook["id"], body] }] } })
    };
    let is = |kind: &str| json!([{ "field": "update_type", "operator": "is", "value": kind }]);
    let solved = json!([{ "field": "status", "operator": "value", "value": "solved" }]);
    let create = async |body: Value| fixture.call(Method::POST, "triggers", Some(&body)).await;
    let new = create(trigger("new", is("Create"), json!([]))).await;
    assert_eq!(new.status, 201, "{}", new.body);
    assert_eq!(create(trigger("solved", is("Change"), solved)).await.status, 201);
    let known = fixture.get("triggers/definitions").await.body["definitions"]["conditions_all"].clone();
    assert!(known.as_array().unwrap().iter().any(|field| field["subject"] == "assignee_id"));
    for wrong in [
        trigger("", is("Create"), json!([])),
        trigger("none", json!([]), json!([])),
        trigger("x", json!([{ "field": "moon", "operator": "is", "value": "full" }]), json!([])),
        json!({ "trigger": { "title": "no category", "conditions": { "all": is("Create") } } }),
    ] {
        assert_eq!(create(wrong.clone()).await.status, 422, "{wrong}");
    }

    let id = fixture.ticket();
    fixture.zendesk.change_ticket(id, Change::Status("pending".to_owned()));
    fixture.zendesk.change_ticket(id, Change::Status("solved".to_owned()));
    assert_eq!(fixture.events().await, ["new", "solved"]);
    assert!(receiver.received().iter().all(|it| it.body == json!({ "ticket_id": id.to_string() })));

    let path = format!("webhooks/{}", webhook["id"].as_str().unwrap());
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 400, "triggers call it");
    let path = format!("triggers/{}", new.body["trigger"]["id"]);
    let off = json!({ "trigger": { "active": false } });
    assert_eq!(fixture.call(Method::PUT, &path, Some(&off)).await.body["trigger"]["active"], false);
    fixture.ticket();
    assert_eq!(fixture.events().await.len(), 2);
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.get("triggers").await.body["count"], 1);
}

#[tokio::test]
async fn a_test_is_signed_with_the_public_secret_until_there_is_a_webhook() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let endpoint = receiver.url().join("test").unwrap();
    let body = json!({ "request": { "endpoint": endpoint, "payload": "{\"a\":1}" } });
    let tested = fixture.call(Method::POST, "webhooks/test", Some(&body)).await;
    assert_eq!((tested.status, &tested.body["response"]["status"]), (200, &json!(204)));
    assert_eq!(receiver.received()[0].body, json!({ "a": 1 }));
    let webhook = made(&fixture, &receiver, json!({})).await;
    let path = format!("webhooks/test?webhook_id={}", webhook["id"].as_str().unwrap());
    assert_eq!(fixture.call(Method::POST, &path, Some(&json!({}))).await.status, 200);
    assert_eq!(receiver.received()[1].headers["x-zendesk-webhook-id"], webhook["id"].as_str().unwrap());
    assert_eq!(fixture.call(Method::POST, "webhooks/test?webhook_id=1", Some(&json!({}))).await.status, 400);
}

#[tokio::test]
async fn the_circuit_breaker_loses_what_it_blocks() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver().await;
    let webhook = made(&fixture, &receiver, json!({})).await;
    receiver.faults().add(Fault::always("callback", FaultKind::StatusBefore(500)));
    for _ in 0..100 {
        fixture.zendesk.create_ticket(NewTicket::about("x"));
    }
    fixture.zendesk.deliveries_settled().await;
    receiver.faults().clear();
    let lost = fixture.ticket();
    assert_eq!(fixture.zendesk.lost_deliveries()[0].ticket, lost);
    fixture.clock.advance(5);
    let probe = fixture.ticket();
    fixture.zendesk.deliveries_settled().await;
    let heard = fixture.ticket();
    fixture.zendesk.deliveries_settled().await;
    let delivered = |id| fixture.zendesk.deliveries().iter().any(|it| it.ticket == id && it.delivered);
    assert!(delivered(probe) && delivered(heard) && !delivered(lost));
    let path =
        format!("webhooks/{}/invocations?filter[status]=circuit%20broken", webhook["id"].as_str().unwrap());
    assert_eq!(fixture.get(&path).await.body["invocations"].as_array().unwrap().len(), 1);
}
