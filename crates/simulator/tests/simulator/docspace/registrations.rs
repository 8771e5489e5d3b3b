//! How webhooks are registered: what they have to be, and where something has to answer.

use simulator::docspace::{PasswordPolicy, signed_headers};
use simulator::fault::{Fault, FaultKind};

use super::examples::is_like;
use super::webhooks::{SECRET, heard, receiver, registration};
use super::*;

#[tokio::test]
async fn a_webhook_is_registered_only_where_something_answers() {
    let fixture = fixture().await;
    let receiver = receiver().await;
    let uri = receiver.url();
    let created = fixture.post("settings/webhook", registration(&uri)).await;
    is_like(&created, "webhook-create");
    assert_eq!(created.response()["uri"], json!(uri));
    assert!(!created.body.to_string().contains(SECRET));
    assert_eq!(receiver.received().len(), 1, "it was asked by HEAD");
    receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(404)));
    assert_eq!(fixture.post("settings/webhook", registration(&uri)).await.status, 400);
    receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(302)));
    assert_eq!(fixture.post("settings/webhook", registration(&uri)).await.status, 400, "no redirects");
    receiver.faults().add(Fault::once("callback", FaultKind::AnswerLost));
    assert_eq!(fixture.post("settings/webhook", registration(&uri)).await.status, 500);
    assert_eq!(fixture.get("settings/webhook").await.response().as_array().unwrap().len(), 1);

    // Changing asks as well, enabling too, disabling doesn't.
    let id = created.response()["id"].clone();
    let mut change = registration(&uri);
    change["id"] = id.clone();
    change["name"] = json!("renamed");
    change["secretKey"] = Value::Null;
    let changed = fixture.put("settings/webhook", change.clone()).await;
    assert_eq!(
        (&changed.response()["name"], changed.response()["modifiedBy"].is_object()),
        (&json!("renamed"), true)
    );
    receiver.faults().add(Fault::always("callback", FaultKind::StatusBefore(503)));
    assert_eq!(fixture.put("settings/webhook", change.clone()).await.status, 400);
    let enable = |enabled: bool| json!({ "id": id, "enabled": enabled });
    assert_eq!(fixture.put("settings/webhook/enable", enable(true)).await.status, 400);
    assert_eq!(fixture.put("settings/webhook/enable", enable(false)).await.response()["enabled"], false);
    receiver.faults().clear();
    let before = fixture.docspace.webhook_deliveries().len();
    let room = fixture.room("Ticket", 2, &[]).await;
    fixture.archive(room).await;
    assert_eq!(fixture.docspace.webhook_deliveries().len(), before, "it is disabled");
    assert_eq!(fixture.put("settings/webhook/enable", enable(true)).await.response()["enabled"], true);
    fixture.docspace.by(fixture.docspace.service_user()).unarchive_room(room).unwrap();
    fixture.archive(room).await;
    fixture.docspace.webhook_deliveries_settled().await;
    let last = receiver.received().pop().unwrap();
    assert_eq!(
        last.headers["x-docspace-signature-256"],
        signed_headers(SECRET, &last.raw)[1].1,
        "the secret stayed"
    );

    change["id"] = json!(999);
    assert_eq!(fixture.put("settings/webhook", change).await.status, 404);
    let path = format!("settings/webhook/{id}");
    assert_eq!(fixture.delete(&path, json!({})).await.response()["id"], id);
    assert_eq!(fixture.delete(&path, json!({})).await.status, 404);
    let triggers = fixture.get("settings/webhook/triggers").await;
    assert_eq!(
        (&triggers.response()["*"], &triggers.response()["room.archived"]),
        (&json!(0), &json!(1 << 24))
    );
}

#[tokio::test]
async fn what_a_registration_has_to_be() {
    let fixture = fixture().await;
    let receiver = receiver().await;
    let uri = receiver.url();
    let with = |name: &str, value: Value| {
        let mut body = registration(&uri);
        body[name] = value;
        body
    };
    for (name, value) in [
        ("name", json!("x".repeat(51))),
        ("name", json!("")),
        ("uri", json!("ftp://example.com/")),
        ("uri", json!("nothing")),
        ("uri", Value::Null),
        ("secretKey", Value::Null),
        ("secretKey", json!("short1!")),
        ("secretKey", json!("nouppercase1!")),
        ("secretKey", json!("NoDigitHere!")),
        ("secretKey", json!("NoSpecial123")),
        ("secretKey", json!(format!("S1!{}", "x".repeat(48)))),
        ("triggers", json!(-1)),
        ("triggers", json!(1_i64 << 36)),
        ("targetId", json!("x".repeat(256))),
    ] {
        let reply = fixture.post("settings/webhook", with(name, value.clone())).await;
        assert_eq!(reply.status, 400, "{name}: {value}");
    }
    assert!(receiver.received().is_empty(), "it isn't even asked");
    fixture.docspace.set_password_policy(PasswordPolicy {
        min_length: 12,
        upper_case: false,
        digits: false,
        special: false,
    });
    assert_eq!(fixture.post("settings/webhook", with("secretKey", json!("lettersonly"))).await.status, 400);
    assert_eq!(fixture.post("settings/webhook", with("secretKey", json!("lettersonlyx"))).await.status, 200);

    // A key needs a global scope, and its user must be no guest.
    let scoped = fixture.with_key(&fixture.docspace.add_key(&["rooms:write", "files:write"], None));
    assert_eq!(scoped.get("settings/webhook").await.status, 403);
    let reader = fixture.with_key(&fixture.docspace.add_key(&["*:read"], None));
    assert_eq!(reader.get("settings/webhook").await.status, 200);
    assert_eq!(reader.post("settings/webhook", registration(&uri)).await.status, 403);
    let carla = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("carla")));
    assert_eq!(carla.post("settings/webhook", registration(&uri)).await.status, 403);
    let ben = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("ben")));
    assert_eq!(ben.get("settings/webhook").await.response(), &json!([]), "not the webhooks of others");
    let id = fixture.get("settings/webhook").await.response()[0]["configs"]["id"].clone();
    assert_eq!(ben.delete(&format!("settings/webhook/{id}"), json!({})).await.status, 403);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_portal_allows_them() {
    let heard = heard(&[]).await;
    heard.docspace.set_allow_private_webhooks(false);
    let asked = heard.receiver.received().len();
    let https = "https://10.0.0.7/hook".parse().unwrap();
    let plain = "http://bridge.example.com/hook".parse().unwrap();
    for uri in [heard.receiver.url(), https, plain] {
        assert_eq!(heard.post("settings/webhook", registration(&uri)).await.status, 400, "{uri}");
    }
    assert_eq!(heard.receiver.received().len(), asked);
    // One that has become private is disabled when something is to be sent.
    heard.room("Ticket", 2, &[]).await;
    assert!(heard.docspace.webhook_deliveries().is_empty());
    assert_eq!(heard.get("settings/webhook").await.response()[0]["configs"]["enabled"], false);
    let id = heard.get("settings/webhook").await.response()[0]["configs"]["id"].clone();
    let enable = json!({ "id": id, "enabled": true });
    assert_eq!(heard.put("settings/webhook/enable", enable).await.status, 400);
}
