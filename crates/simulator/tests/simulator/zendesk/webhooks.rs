//! Deliveries.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::callback::Received;
use simulator::fault::{Fault, FaultKind, Times, TooMany};
use simulator::zendesk::{
    ANNA, BEN, Change, INTEGRATION, Mode, NewTicket, RITA, RetryPace, SUPPORT, Setup, signed_headers,
};

use super::{FIELD, SECRET, fixture};

#[tokio::test]
async fn deliveries_are_signed_and_named_after_what_happened() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Events).await;
    let id = fixture.ticket();
    let target = fixture.ticket();
    for change in [
        Change::Assignee(Some(BEN)),
        Change::Group(Some(SUPPORT)),
        Change::Subject("Other".to_owned()),
        Change::Tags(vec!["unheard".to_owned()]),
        Change::Status("solved".to_owned()),
        Change::Delete,
        Change::Restore,
    ] {
        assert!(fixture.zendesk.change_ticket(id, change.clone()), "{change:?}");
        assert!(!fixture.zendesk.change_ticket(id, change.clone()), "twice: {change:?}");
    }
    fixture.zendesk.change_ticket_by(RITA, id, Change::PublicComment("Still broken".to_owned()));
    fixture.put(id, json!({ "comment": { "body": "note", "public": false } })).await;
    fixture.zendesk.change_ticket(id, Change::Merge(target));
    let events = fixture.events().await;
    let expected = [
        "created",
        "created",
        "status_changed",
        "agent_assignment_changed",
        "group_assignment_changed",
        "subject_changed",
        "status_changed",
        "soft_deleted",
        "undeleted",
        "comment_added",
        "status_changed",
        "comment_added",
        "comment_added",
        "status_changed",
        "merged",
        "comment_added",
    ];
    assert_eq!(events, expected);

    let received = receiver.received();
    assert_eq!(received.len(), expected.len());
    let known: BTreeSet<String> = fixture.zendesk.deliveries().into_iter().filter_map(|it| it.id).collect();
    for Received { headers, raw, .. } in &received {
        let at = headers["x-zendesk-webhook-signature-timestamp"].parse().unwrap();
        let invocation = &headers["x-zendesk-webhook-invocation-id"];
        for (name, value) in fixture.zendesk.signed_headers(SECRET, raw, invocation, at) {
            assert_eq!(headers[&name], value);
        }
        assert!(known.contains(invocation));
    }
    let own =
        received.iter().find(|it| it.body.pointer("/event/comment/body") == Some(&json!("note"))).unwrap();
    assert_eq!(own.body["detail"]["actor_id"], INTEGRATION.to_string());
    assert_eq!(own.body["event"]["comment"]["author"]["id"], INTEGRATION.to_string());
    let reopened = received.iter().find(|it| it.body["event"]["previous"] == "SOLVED").unwrap();
    assert_eq!(
        (&reopened.body["event"]["current"], &reopened.body["detail"]["via"]["channel"]),
        (&json!("OPEN"), &json!("email"))
    );
    let merged = fixture.zendesk.ticket(id).unwrap();
    assert_eq!(
        (merged.status.as_str(), merged.tags.contains(&"closed_by_merge".to_owned())),
        ("closed", true)
    );
}

#[tokio::test]
async fn own_tags_and_fields_are_heard_of_by_subscribers_alone() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Events).await;
    let id = fixture.ticket();
    fixture.zendesk.subscribe(&["custom_field_changed", "tags_changed"]);
    let written =
        json!({ "custom_fields": [{ "id": FIELD, "value": "u" }], "tags": ["room"], "subject": "x" });
    fixture.put(id, written).await;
    assert_eq!(fixture.events().await, ["created", "custom_field_changed", "tags_changed"]);
    let field = receiver.received().into_iter().find(|it| it.body["event"]["field"].is_object()).unwrap();
    assert_eq!(
        (&field.body["event"]["current"], &field.body["event"]["field"]["id"]),
        (&json!("u"), &json!(FIELD.to_string()))
    );
}

#[tokio::test]
async fn deliveries_are_tried_again_by_the_rules() {
    let busy = |retry_after_s| FaultKind::TooMany(TooMany::Daily { retry_after_s });
    let quick = RetryPace {
        pause: Duration::from_millis(1),
        retry_after_second: Duration::from_micros(100),
        ..RetryPace::default()
    };
    let rows = [
        (FaultKind::StatusBefore(409), 3, 4, true),
        (FaultKind::StatusBefore(409), 4, 4, false),
        (busy(59), 5, 6, true),
        (busy(59), 6, 6, false),
        (busy(60), 1, 1, false),
        (FaultKind::TooMany(TooMany::PerMinute), 1, 1, false),
        (FaultKind::StatusBefore(503), 1, 1, false),
        (FaultKind::StatusBefore(500), 1, 1, false),
        (FaultKind::StatusBefore(302), 1, 1, false),
        (FaultKind::Refuse, 1, 1, false),
        (FaultKind::AnswerLost, 1, 1, false),
    ];
    attempts(quick, &rows).await;
    let impatient = RetryPace { timeout: Duration::from_millis(200), ..quick };
    let hang = FaultKind::Hang(Duration::from_secs(60));
    attempts(impatient, &[(hang.clone(), 5, 6, true), (hang, 6, 6, false)]).await;
}

/// For each row: the receiver has that fault that many times. How many attempts are made, and does
/// it end well?
async fn attempts(retry_pace: RetryPace, rows: &[(FaultKind, u32, usize, bool)]) {
    let fixture = fixture(Setup { retry_pace, ..Setup::default() }).await;
    let receiver = fixture.receiver(Mode::Events).await;
    for (kind, times, attempts, delivered) in rows {
        receiver.faults().clear();
        receiver.faults().add(Fault { times: Times::N(*times), ..Fault::always("callback", kind.clone()) });
        fixture.ticket();
        fixture.zendesk.deliveries_settled().await;
        let delivery = fixture.zendesk.deliveries().pop().unwrap();
        let outcome = (delivery.attempts.len(), delivery.delivered, delivery.given_up);
        assert_eq!(outcome, (*attempts, *delivered, !delivered), "{kind:?} {times} times");
    }
    receiver.stop().await;
    fixture.ticket();
    fixture.zendesk.deliveries_settled().await;
    let unreachable = fixture.zendesk.deliveries().pop().unwrap();
    assert_eq!((unreachable.attempts.len(), unreachable.attempts[0]), (1, None));
}

#[tokio::test]
async fn stopping_ends_deliveries() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Events).await;
    receiver.faults().add(Fault::always("callback", FaultKind::Hang(Duration::from_secs(60))));
    fixture.ticket();
    fixture.zendesk.stop().await;
    assert!(fixture.zendesk.deliveries()[0].given_up);
}

#[tokio::test]
async fn triggers_send_a_template_that_breaks() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Trigger).await;
    let id = fixture
        .zendesk
        .create_ticket(NewTicket { tags: vec!["b a".to_owned()], ..NewTicket::about("Plain") });
    fixture.zendesk.change_ticket(id, Change::Status("solved".to_owned()));
    fixture.zendesk.change_ticket(id, Change::Delete);
    assert_eq!(fixture.events().await, ["ticket_created", "ticket_updated"]);
    let of = |kind: &str| receiver.received().into_iter().find(|it| it.body["kind"] == kind).unwrap().body;
    assert_eq!(of("ticket_created")["tags"], "a b");
    assert_eq!(
        (&of("ticket_updated")["status"], &of("ticket_updated")["ticket_id"]),
        (&json!("Gelöst"), &json!(id.to_string()))
    );
    assert_eq!(keys("", &of("ticket_created")), keys("", &example("zendesk-trigger-ticket-created.json")));

    let broken = fixture.zendesk.create_ticket(NewTicket::about("Export of \"Q3\"\nC:\\temp"));
    let body = fixture.zendesk.trigger_body(broken).unwrap();
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    assert_eq!(fixture.zendesk.trigger_body(1), None);
}

#[test]
fn signatures_are_those_of_the_examples() {
    let deliveries = example("deliveries.json");
    for delivery in deliveries["deliveries"].as_array().unwrap() {
        let file = delivery["file"].as_str().unwrap();
        let expected = &delivery["headers"];
        let text = |name: &str| expected[name].as_str().unwrap();
        let at = text("x-zendesk-webhook-signature-timestamp").parse().unwrap();
        let invocation = text("x-zendesk-webhook-invocation-id");
        let headers = signed_headers(delivery["secret"].as_str().unwrap(), &bytes(file), invocation, at);
        let headers: serde_json::Map<_, _> =
            headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        for (name, value) in headers.iter().filter(|(name, _)| *name != "x-zendesk-webhook-id") {
            assert_eq!(*value, expected[name], "{name} of {file}");
        }
        assert_eq!(headers.len(), expected.as_object().unwrap().len());
    }
    let at = "2021-03-25T05:09:27Z".parse().unwrap();
    let vector = signed_headers(SECRET, br#"{"event":"ticket.updated","id":123}"#, "1", at);
    assert!(vector.iter().any(|(_, value)| value == "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="));
}

#[tokio::test]
async fn events_have_the_keys_of_the_examples() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    for (event, change, file) in [
        ("created", None, "event-ticket-created"),
        ("comment_added", Some(Change::PublicComment("x".to_owned())), "event-comment-added"),
        ("comment_added", Some(Change::PrivateComment("x".to_owned())), "event-comment-added-own-note"),
        ("agent_assignment_changed", Some(Change::Assignee(Some(ANNA))), "event-agent-assignment-changed"),
        ("subject_changed", Some(Change::Subject("y".to_owned())), "event-subject-changed"),
        ("status_changed", Some(Change::Status("solved".to_owned())), "event-status-changed"),
        ("status_changed", Some(Change::Status("open".to_owned())), "event-status-changed-reopened"),
        ("soft_deleted", Some(Change::Delete), "event-soft-deleted"),
    ] {
        if let Some(change) = change {
            assert!(fixture.zendesk.change_ticket(id, change));
        }
        let body: Value = serde_json::from_slice(&fixture.zendesk.event_body(id, event).unwrap()).unwrap();
        let example = example(&format!("zendesk-{file}.json"));
        assert_eq!(keys("", &body), keys("", &example), "{file}");
        assert_eq!(body["type"], example["type"]);
    }
    assert_eq!(fixture.zendesk.event_body(id, "merged"), None);
    let body: Value =
        serde_json::from_slice(&fixture.zendesk.event_body(id, "soft_deleted").unwrap()).unwrap();
    assert_eq!(
        (&body["detail"]["status"], &body["time"]),
        (&json!("DELETED"), &json!("2026-11-20T08:14:03.412000000Z"))
    );
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/examples/zendesk/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn example(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}

/// The paths of all keys. What is below an array or null doesn't count.
fn keys(path: &str, value: &Value) -> BTreeSet<String> {
    let members = value.as_object().into_iter().flatten();
    members
        .flat_map(|(name, value)| {
            let path = format!("{path}/{name}");
            let mut below = keys(&path, value);
            below.insert(path);
            below
        })
        .collect()
}
