//! Webhooks: what is delivered, how it is signed, and what is tried again.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::Url;
use simulator::callback::{CallbackReceiver, Received};
use simulator::docspace::{Trigger, WebhookDelivery, WebhookPace, signed_headers};
use simulator::fault::{Fault, FaultKind};

use super::examples::shape_of;
use super::*;

pub(super) const SECRET: &str = "Secret123!";

/// A portal, and a receiver that its webhook goes to.
pub(super) struct Heard {
    fixture: Fixture,
    pub(super) receiver: CallbackReceiver,
}

impl std::ops::Deref for Heard {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

pub(super) async fn receiver() -> CallbackReceiver {
    CallbackReceiver::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap()
}

pub(super) async fn heard(triggers: &[Trigger]) -> Heard {
    let setup = Setup {
        webhook_pace: WebhookPace { pause: Duration::from_millis(1), ..WebhookPace::default() },
        ..Setup::default()
    };
    let heard = Heard { fixture: fixture_with(setup).await, receiver: receiver().await };
    heard.docspace.set_webhook(heard.receiver.url(), SECRET, triggers);
    heard
}

impl Heard {
    async fn received(&self) -> Vec<Received> {
        self.docspace.webhook_deliveries_settled().await;
        self.receiver.received()
    }

    /// The events since the last call, without regard to their order.
    async fn events(&self, known: &mut usize) -> Vec<String> {
        let all = self.received().await;
        let new = all[*known..].iter().map(|received| received.body["event"]["trigger"].as_str().unwrap());
        let mut new: Vec<String> = new.map(str::to_owned).collect();
        *known = all.len();
        new.sort();
        new
    }
}

pub(super) fn registration(uri: &Url) -> Value {
    json!({ "name": "helpdesk", "uri": uri, "secretKey": SECRET, "enabled": true, "ssl": true, "triggers": 16_777_216 })
}

#[tokio::test]
async fn a_delivery_is_like_the_example_and_signed_over_its_raw_body() {
    let heard = heard(&[Trigger::RoomArchived]).await;
    let id = heard.room("Ticket #4711: VPN outage", 2, &["hd-4711"]).await;
    heard.clock.advance(60);
    heard.archive(id).await;
    let received = heard.received().await;
    assert_eq!(received.len(), 1, "it is registered for one event only");
    let path =
        format!("{}/tests/examples/docspace/webhook-delivery-room-archived.json", env!("CARGO_MANIFEST_DIR"));
    let example: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (body, example) = (&received[0].body, &example["request"]["body"]);
    assert_eq!(shape_of(body), shape_of(example));
    let service = json!(heard.docspace.service_user());
    assert_eq!(
        body["event"],
        json!({
            "id": body["event"]["id"],
            "createOn": "2026-07-01T10:16:30Z",
            "createBy": service,
            "trigger": "room.archived",
            "triggerId": 16_777_216,
        })
    );
    assert_eq!(
        body["payload"],
        json!({
            "id": id,
            "parentId": 15,
            "folderIdDisplay": 15,
            "rootId": 15,
            "title": "Ticket #4711_ VPN outage",
            "createBy": service,
            "modifiedBy": service,
            "createOn": "2026-07-01T10:15:30Z",
            "modifiedOn": "2026-07-01T10:16:30Z",
            "rootFolderType": 20,
            "rootCreateBy": service,
            "fileEntryType": 1,
        })
    );
    assert_eq!(body["webhook"]["triggers"], json!(["room.archived"]));
    for (name, value) in signed_headers(SECRET, &received[0].raw) {
        assert_eq!(received[0].headers[&name], value);
    }
    let signature = &received[0].headers["x-docspace-signature-256"];
    let hex = signature.strip_prefix("sha256=").unwrap();
    assert!(hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)), "{hex}");
    let delivery = &heard.docspace.webhook_deliveries()[0];
    assert_eq!((delivery.entry, &delivery.attempts, delivery.delivered), (id, &vec![Some(204)], true));
    assert_eq!(delivery.bodies, [String::from_utf8(received[0].raw.to_vec()).unwrap()]);
}

#[tokio::test]
async fn everything_is_reported_our_own_doing_included() {
    let heard = heard(&[]).await;
    let mut known = 0;
    let (docspace, anna) = (&heard.docspace, heard.user("anna"));
    let id = heard.room("Ticket", 2, &["zendesk:1"]).await;
    docspace.add_member(id, anna, 9);
    assert_eq!(heard.events(&mut known).await, ["room.created"]);
    let room = format!("files/rooms/{id}");
    heard.put(&room, json!({ "title": "Ticket: VPN" })).await.response();
    heard.put(&room, json!({ "title": "Ticket: VPN" })).await.response();
    assert_eq!(heard.events(&mut known).await, ["room.updated"], "the same title once more is no change");
    heard.put(&format!("{room}/tags"), json!({ "names": ["vpn"] })).await.response();
    docspace.by(anna).rename_room(id, "By hand").unwrap();
    assert_eq!(heard.events(&mut known).await, ["room.updated", "room.updated"]);
    let share = json!({ "invitations": [{ "id": heard.user("ben"), "access": 11 }] });
    heard.put(&format!("{room}/share"), share).await.response();
    docspace.by(docspace.service_user()).set_member(id, anna, 11).unwrap();
    assert_eq!(heard.events(&mut known).await, [""; 0], "members raise no event");

    let logs = heard.folder(id, "Logs").await;
    let findings = docspace.by(anna).create_folder(id, "Findings").unwrap();
    assert_eq!(heard.events(&mut known).await, ["folder.created", "folder.created"]);
    let by = docspace.by(anna);
    let file = by.upload_into(logs, "Server/Old", "boot.log").unwrap();
    by.upload_into(logs, "Server/Old", "boot.log").unwrap();
    assert_eq!(heard.events(&mut known).await, ["file.uploaded", "file.uploaded"]);
    let created = by.create_file(findings, "notes.docx").unwrap();
    by.edit_file(created).unwrap();
    by.rename_file(created, "findings.docx").unwrap();
    assert_eq!(heard.events(&mut known).await, ["file.created", "file.updated", "file.updated"]);
    by.move_file(created, logs).unwrap();
    by.copy_file(created, findings).unwrap();
    by.trash_file(file).unwrap();
    by.restore_file(file).unwrap();
    by.delete_file(file).unwrap();
    assert_eq!(
        heard.events(&mut known).await,
        ["file.copied", "file.deleted", "file.moved", "file.restored", "file.trashed"]
    );
    by.rename_folder(findings, "Results").unwrap();
    by.trash_folder(findings).unwrap();
    by.restore_folder(findings).unwrap();
    by.move_folder(findings, logs).unwrap();
    assert_eq!(
        heard.events(&mut known).await,
        ["folder.moved", "folder.restored", "folder.trashed", "folder.updated"]
    );
    let copy = json!({ "folderIds": [logs], "destFolderId": id, "conflictResolveType": 2 });
    heard.put("files/fileops/copy", copy).await.response();
    eventually(|| docspace.room(id).unwrap().folders.contains(&"Logs (1)/Results".to_owned())).await;
    let copied = heard.events(&mut known).await;
    assert_eq!(copied.iter().filter(|name| *name == "folder.copied").count(), 4, "{copied:?}");
    heard.delete(&format!("files/folder/{logs}"), json!({ "immediately": true })).await.response();
    eventually(|| docspace.room(id).unwrap().folders.len() == 4).await;
    assert_eq!(heard.events(&mut known).await, ["folder.deleted"], "one for all that was in it");

    heard.archive(id).await;
    heard.put(&format!("{room}/archive"), json!({})).await.response();
    let service = docspace.by(docspace.service_user());
    service.unarchive_room(id).unwrap();
    service.unarchive_room(id).unwrap();
    assert_eq!(heard.events(&mut known).await, ["room.archived", "room.restored"]);
    service.copy_room(id).unwrap();
    let copied = heard.events(&mut known).await;
    assert_eq!(copied.iter().filter(|name| *name == "room.copied").count(), 1, "{copied:?}");
    service.delete_room(id).unwrap();
    assert_eq!(heard.events(&mut known).await, ["room.deleted"]);
    let received = heard.received().await;
    let by_anna = received.iter().filter(|received| received.body["event"]["createBy"] == json!(anna));
    assert_eq!(by_anna.count(), 16);
}

#[tokio::test]
async fn a_payload_names_the_folder_and_not_the_room() {
    let heard = heard(&[Trigger::FileUploaded, Trigger::FileTrashed]).await;
    let (docspace, anna) = (&heard.docspace, heard.user("anna"));
    let id = heard.room("Ticket", 2, &[]).await;
    docspace.add_member(id, anna, 11);
    let file = docspace.by(anna).upload_into(id, "Logs/Server", "boot.log").unwrap();
    let server = docspace.webhook_deliveries()[0].clone();
    docspace.by(anna).trash_file(file).unwrap();
    let received = heard.received().await;
    let payloads: Vec<&Value> = received.iter().map(|received| &received.body["payload"]).collect();
    assert_eq!(payloads.len(), 2);
    for payload in payloads {
        let parent = payload["parentId"].as_i64().unwrap();
        assert_ne!(parent, id);
        let path = heard.get(&format!("files/folder/{parent}/path")).await;
        assert_eq!(path.each("title"), ["Rooms", "Ticket", "Logs", "Server"], "of a trashed file, too");
        let expected = (&json!(file), &json!(2), &json!(14), &json!(anna));
        let actual =
            (&payload["id"], &payload["fileEntryType"], &payload["rootFolderType"], &payload["createBy"]);
        assert_eq!(actual, expected);
    }
    assert_eq!((server.entry, server.created_by), (file, anna));
}

#[tokio::test]
async fn a_retry_changes_the_body_and_its_signature_and_keeps_the_event() {
    let heard = heard(&[Trigger::RoomCreated]).await;
    heard.room("First", 2, &[]).await;
    heard.docspace.webhook_deliveries_settled().await;
    heard.receiver.faults().add(Fault::once("callback", FaultKind::StatusAfter(503)));
    heard.receiver.faults().add(Fault::once("callback", FaultKind::AnswerLost));
    heard.clock.advance(5);
    heard.room("Second", 2, &[]).await;
    let received = heard.received().await;
    assert_eq!(received.len(), 4);
    let attempts = &received[1..];
    let ids: Vec<&Value> = attempts.iter().map(|attempt| &attempt.body["event"]["id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]) && *ids[0] != received[0].body["event"]["id"]);
    for (number, attempt) in attempts.iter().enumerate() {
        let webhook = &attempt.body["webhook"];
        let expected = [("retryCount", number > 0), ("retryOn", number > 0), ("lastFailureOn", number > 0)];
        for (name, is_there) in expected {
            assert_eq!(webhook.get(name).is_some(), is_there, "{name} of {number}: {webhook}");
        }
        if number > 0 {
            assert_eq!(webhook["retryCount"], number);
            assert_eq!(webhook["lastSuccessOn"], "2026-07-01T10:15:30Z");
            assert_eq!(webhook["lastFailureOn"], "2026-07-01T10:15:35Z");
        }
        assert_eq!(attempt.headers["x-docspace-signature-256"], signed_headers(SECRET, &attempt.raw)[1].1);
    }
    let why = attempts[1].body["webhook"]["lastFailureContent"].as_str().unwrap();
    assert!(why.contains("503"), "{why}");
    assert_ne!(attempts[1].raw, attempts[2].raw);
    let delivery = heard.docspace.webhook_deliveries().pop().unwrap();
    assert_eq!(delivery.attempts, [Some(503), None, Some(204)]);

    // By hand, it is another event.
    let event = delivery.event;
    let retried = heard.put(&format!("settings/webhook/{event}/retry"), json!({})).await;
    assert_eq!(retried.response()["trigger"], 4_194_304);
    let last = heard.received().await.pop().unwrap();
    assert_eq!(last.body["event"]["id"], retried.response()["id"]);
    assert_ne!(last.body["event"]["id"], json!(event));
    assert_eq!(last.body["payload"]["title"], "Second");
    let several = heard.put("settings/webhook/retry", json!({ "ids": [event, 999_999] })).await;
    assert_eq!(several.response().as_array().unwrap().len(), 1);
    assert_eq!(heard.put("settings/webhook/999999/retry", json!({})).await.status, 404);
    assert_eq!(heard.received().await.len(), 6);

    let log = heard.get(&format!("settings/webhooks/log?eventId={event}")).await;
    let logged = &log.response()[0];
    assert_eq!((&logged["status"], &logged["trigger"]), (&json!(204), &json!(4_194_304)));
    assert!(logged["requestPayload"].as_str().unwrap().contains("\"retryCount\":2"));
    let log = heard.get("settings/webhooks/log?count=1").await;
    assert_eq!((log.response().as_array().unwrap().len(), &log.body["total"]), (1, &json!(4)));
}

#[tokio::test]
async fn after_six_attempts_a_delivery_is_given_up() {
    let heard = heard(&[]).await;
    heard.receiver.faults().add(Fault::always("callback", FaultKind::StatusBefore(500)));
    heard.room("Ticket", 2, &[]).await;
    heard.docspace.webhook_deliveries_settled().await;
    let delivery = heard.docspace.webhook_deliveries().pop().unwrap();
    assert_eq!((delivery.attempts, delivery.given_up), (vec![Some(500); 6], true));
    let listed = heard.get("settings/webhook").await;
    assert_eq!(
        (&listed.response()[0]["status"], &listed.response()[0]["configs"]["enabled"]),
        (&json!(500), &json!(true))
    );

    // More than three days without a success disable the webhook.
    heard.clock.advance(3 * 24 * 3600 + 1);
    heard.room("Ticket", 2, &[]).await;
    heard.docspace.webhook_deliveries_settled().await;
    let delivery = heard.docspace.webhook_deliveries().pop().unwrap();
    assert_eq!(delivery.attempts, [Some(500)], "the first failure disables it");
    assert_eq!(heard.get("settings/webhook").await.response()[0]["configs"]["enabled"], false);
    heard.room("Ticket", 2, &[]).await;
    assert_eq!(heard.docspace.webhook_deliveries().len(), 2);
    heard.receiver.faults().clear();
    let id = heard.get("settings/webhook").await.response()[0]["configs"]["id"].clone();
    heard.put("settings/webhook/enable", json!({ "id": id, "enabled": true })).await.response();
    heard.room("Ticket", 2, &[]).await;
    heard.docspace.webhook_deliveries_settled().await;
    assert!(heard.docspace.webhook_deliveries().pop().unwrap().delivered);
}

#[tokio::test]
async fn a_lost_event_is_logged_and_never_sent() {
    let heard = heard(&[]).await;
    let room = heard.docspace.add_room("by hand", heard.docspace.portal_owner(), &[]);
    heard.received().await;
    let before = heard.docspace.webhook_deliveries().len();
    heard.docspace.lose_webhooks(1);
    heard.docspace.rename_room(room, "another title");
    heard.docspace.archive_room(room);
    let mut known = 0;
    let events = heard.events(&mut known).await;
    assert!(events.contains(&"room.archived".to_owned()) && !events.contains(&"room.updated".to_owned()));
    let logged = heard.docspace.webhook_deliveries().split_off(before);
    let became: Vec<_> =
        logged.iter().map(|sent| (sent.trigger.as_str(), sent.attempts.len(), sent.given_up)).collect();
    assert_eq!(became, [("room.updated", 0, true), ("room.archived", 1, false)]);
    assert_eq!(heard.docspace.room(room).unwrap().title, "another title");
}

#[tokio::test]
async fn gone_removes_the_webhook_and_a_redirect_is_a_failure() {
    let heard = heard(&[]).await;
    heard.receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(302)));
    heard.receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(410)));
    heard.room("Ticket", 2, &[]).await;
    assert!(heard.received().await.is_empty());
    let delivery = heard.docspace.webhook_deliveries().pop().unwrap();
    assert_eq!((delivery.attempts, delivery.given_up), (vec![Some(302), Some(410)], true));
    assert_eq!(heard.get("settings/webhook").await.response(), &json!([]));
    heard.room("Ticket", 2, &[]).await;
    assert_eq!(heard.docspace.webhook_deliveries().len(), 1);
}

#[tokio::test]
async fn ten_deliveries_are_under_way_at_once() {
    let heard = heard(&[]).await;
    heard.receiver.set_latency(Duration::from_millis(20));
    for number in 0..30 {
        heard.docspace.add_room(&format!("Ticket {number}"), heard.docspace.service_user(), &[]);
    }
    assert_eq!(heard.received().await.len(), 30);
    assert_eq!(heard.receiver.counters().peak_writes, 10);
    let all: Vec<WebhookDelivery> = heard.docspace.webhook_deliveries();
    assert!(all.iter().all(|delivery| delivery.delivered && delivery.attempts == [Some(204)]));
}

#[tokio::test]
async fn a_webhook_reports_what_its_owner_may_read() {
    let fixture = fixture().await;
    let receiver = receiver().await;
    let ben = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("ben")));
    let mut all = registration(&receiver.url());
    all["triggers"] = json!(0);
    ben.post("settings/webhook", all.clone()).await.response();
    let theirs = fixture.room("Not his", 2, &[]).await;
    fixture.docspace.add_member(theirs, fixture.user("ben"), 2);
    fixture.put(&format!("files/rooms/{theirs}"), json!({ "title": "His, too" })).await.response();
    let deliveries = fixture.docspace.webhook_deliveries();
    assert_eq!(deliveries.iter().map(|delivery| &delivery.trigger).collect::<Vec<_>>(), ["room.updated"]);

    // One for a single entry.
    all["targetId"] = json!(theirs.to_string());
    fixture.post("settings/webhook", all).await.response();
    fixture.folder(theirs, "Logs").await;
    fixture.archive(theirs).await;
    fixture.docspace.webhook_deliveries_settled().await;
    let targeted: Vec<Value> = receiver
        .received()
        .into_iter()
        .map(|it| it.body)
        .filter(|body| body["webhook"]["target"].is_object())
        .collect();
    assert_eq!(targeted.len(), 1);
    assert_eq!(targeted[0]["webhook"]["target"], json!({ "id": theirs, "type": "room" }));
    assert_eq!(targeted[0]["webhook"]["triggers"], json!(["*"]));
}

#[tokio::test]
async fn a_webhook_is_set_at_the_control_endpoint() {
    let fixture = fixture().await;
    let receiver = receiver().await;
    let webhook = json!({ "endpoint": receiver.url(), "secret": "s", "triggers": ["room_created"] });
    assert_eq!(fixture.control(Method::PUT, "webhook", Some(webhook)).await.status, 204);
    fixture.room("Ticket", 2, &[]).await;
    fixture.docspace.webhook_deliveries_settled().await;
    assert_eq!(receiver.received().len(), 1);
    let state = fixture.control(Method::GET, "state", None).await.body;
    assert_eq!(state["deliveries"][0]["trigger"], "room.created");
    assert_eq!(state["webhooks"][0]["enabled"], true);
    fixture.docspace.enable_fault_injection();
    let none = json!({ "allowed": false });
    assert_eq!(fixture.control(Method::PUT, "private_webhooks", Some(none)).await.status, 204);
    let policy = json!({ "min_length": 1, "upper_case": false, "digits": false, "special": false });
    assert_eq!(fixture.control(Method::PUT, "password_policy", Some(policy)).await.status, 204);
    fixture.room("Ticket", 2, &[]).await;
    assert_eq!(fixture.docspace.webhook_deliveries().len(), 1);
}
