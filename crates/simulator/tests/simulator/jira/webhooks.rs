//! Deliveries.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::callback::Received;
use simulator::fault::{Fault, FaultKind, Times, TooMany};
use simulator::jira::{
    ANNA, Change, Flow, INTEGRATION, Mode, NewAttachment, NewIssue, RITA, RetryPace, Setup, Webhook,
    signed_headers,
};

use super::{HEADER_SECRET, LOOPBACK, SECRET, document, fixture};

#[tokio::test]
async fn deliveries_are_signed_and_tell_what_happened() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    let id = fixture.issue();
    for change in [
        Change::Assignee(Some(ANNA.to_owned())),
        Change::Status("Resolved".to_owned()),
        Change::Labels(vec!["b".to_owned()]),
        Change::Move("HR".to_owned()),
        Change::PublicComment("Could you send the log?".to_owned()),
    ] {
        assert!(fixture.jira.change_ticket(id, change));
    }
    let note = json!({
        "body": document(&json!([{ "type": "text", "text": "note" }])),
        "properties": [{ "key": "sd.public.comment", "value": { "internal": true } }],
    });
    fixture.post(&format!("api/3/issue/{id}/comment"), note).await;
    fixture.put(&format!("api/3/issue/{id}/properties/p"), json!(1)).await;
    assert!(fixture.jira.change_ticket(id, Change::Delete));
    let updated = "jira:issue_updated";
    let expected = [
        "jira:issue_created",
        updated,
        updated,
        updated,
        updated,
        "comment_created",
        updated,
        "comment_created",
        updated,
        "jira:issue_deleted",
        "comment_deleted",
        "comment_deleted",
    ];
    assert_eq!(fixture.events().await, expected);

    let received = receiver.received();
    assert_eq!(received.len(), expected.len());
    let known: BTreeSet<String> = fixture.jira.deliveries().into_iter().filter_map(|it| it.id).collect();
    assert_eq!(known.len(), expected.len());
    for Received { headers, raw, body, .. } in &received {
        let identifier = &headers["x-atlassian-webhook-identifier"];
        let flow = if body["webhookEvent"] == "comment_deleted" { Flow::Secondary } else { Flow::Primary };
        for (name, value) in signed_headers(Some(SECRET), raw, identifier, flow, 0) {
            assert_eq!(headers[&name], value);
        }
        assert!(known.contains(identifier) && !headers.contains_key("x-atlassian-webhook-retry"));
        assert!(!String::from_utf8_lossy(raw).contains("@example.com"));
    }
    let kind = |kind: &str| received.iter().find(|it| it.body["issue_event_type_name"] == kind).unwrap();
    let moved = &kind("issue_moved").body;
    assert_eq!(
        (&moved["issue"]["key"], &moved["changelog"]["items"][1]["fromString"]),
        (&json!("HR-1"), &json!("SUP-42"))
    );
    let resolved = &kind("issue_generic").body["changelog"]["items"];
    assert_eq!((&resolved[0]["field"], &resolved[1]["to"]), (&json!("resolution"), &json!("10105")));
    let own =
        |it: &&Received| it.body["comment"]["body"] == "note" && it.body["webhookEvent"] == "comment_created";
    let own = &received.iter().find(own).unwrap().body;
    assert_eq!((&own["comment"]["jsdPublic"], own.get("user")), (&json!(false), None));
    assert_eq!(own["comment"]["author"]["accountId"], INTEGRATION);
}

#[tokio::test]
async fn cloud_tries_again_by_the_rules() {
    let quick = RetryPace { pause: Duration::from_millis(1), ..RetryPace::default() };
    let again = |kind: FaultKind| [(kind.clone(), 5, 6, true), (kind, 6, 6, false)];
    let rows: Vec<_> = [408, 409, 425, 500, 503]
        .into_iter()
        .map(FaultKind::StatusBefore)
        .chain([FaultKind::TooMany(TooMany::PerMinute), FaultKind::Refuse, FaultKind::AnswerLost])
        .flat_map(again)
        .chain([302, 400, 401, 404, 422].map(|status| (FaultKind::StatusBefore(status), 1, 1, false)))
        .collect();
    attempts(quick, &rows).await;
    let impatient = RetryPace { timeout: Duration::from_millis(200), ..quick };
    attempts(impatient, &again(FaultKind::Hang(Duration::from_secs(60)))).await;
}

/// For each row: the receiver has that fault that many times. How many attempts are made, and does
/// it end well?
async fn attempts(retry_pace: RetryPace, rows: &[(FaultKind, u32, usize, bool)]) {
    let fixture = fixture(Setup { retry_pace, ..Setup::default() }).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    for (kind, times, attempts, delivered) in rows {
        receiver.faults().clear();
        receiver.faults().add(Fault { times: Times::N(*times), ..Fault::always("callback", kind.clone()) });
        fixture.issue();
        fixture.jira.deliveries_settled().await;
        let delivery = fixture.jira.deliveries().pop().unwrap();
        let outcome = (delivery.attempts.len(), delivery.delivered, delivery.given_up);
        assert_eq!(outcome, (*attempts, *delivered, !delivered), "{kind:?} {times} times");
    }
    // The last one is told its number and has the identifier of the first.
    if let Some(retried) = receiver.received().pop().filter(|_| rows.len() > 2) {
        assert_eq!(retried.headers["x-atlassian-webhook-retry"], "5");
    }
    receiver.stop().await;
    fixture.issue();
    fixture.jira.deliveries_settled().await;
    let unreachable = fixture.jira.deliveries().pop().unwrap();
    assert_eq!((unreachable.attempts.len(), unreachable.attempts[0]), (6, None));
}

#[tokio::test]
async fn after_half_an_hour_of_failures_nothing_is_tried_again() {
    let retry_pace = RetryPace { pause: Duration::from_millis(1), ..RetryPace::default() };
    let fixture = fixture(Setup { retry_pace, ..Setup::default() }).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    receiver
        .faults()
        .add(Fault { times: Times::N(7), ..Fault::always("callback", FaultKind::StatusBefore(503)) });
    let mut attempts = Vec::new();
    for minutes in [0, 30, 0, 0] {
        fixture.clock.advance(minutes * 60);
        fixture.issue();
        fixture.jira.deliveries_settled().await;
        attempts.push(fixture.jira.deliveries().pop().unwrap().attempts.len());
        if attempts.len() == 3 {
            receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(503)));
        }
    }
    // Given up, given up at once, accepted, and so patient again.
    assert_eq!(attempts, [6, 1, 1, 2]);
}

#[tokio::test]
async fn webhooks_can_be_for_some_projects_and_without_a_secret() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    let projects = vec!["sup".to_owned()];
    let secret = Some(String::new());
    fixture.jira.set_webhook(Webhook { secret, projects, ..Webhook::signed(receiver.url(), "") });
    fixture.jira.create_ticket(NewIssue { project: Some("HR".to_owned()), ..NewIssue::about("Payslip") });
    let id = fixture.issue();
    fixture.jira.change_ticket(id, Change::Move("HR".to_owned()));
    assert_eq!(fixture.events().await, ["jira:issue_created"]);
    assert!(!receiver.received()[0].headers.contains_key("x-hub-signature"));
    // What the integration may see is not asked for.
    fixture.jira.change_ticket(id, Change::Move("SUP".to_owned()));
    fixture.jira.hide_project("SUP");
    fixture.jira.change_ticket(id, Change::Delete);
    let rest = &fixture.events().await[1..];
    assert_eq!(rest, ["jira:issue_updated", "jira:issue_deleted"]);
}

#[tokio::test]
async fn stopping_ends_deliveries() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    receiver.faults().add(Fault::always("callback", FaultKind::Hang(Duration::from_secs(60))));
    fixture.issue();
    fixture.jira.stop().await;
    assert!(fixture.jira.deliveries()[0].given_up);
}

#[tokio::test]
async fn automation_sends_once_and_unsigned() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::AutomationJiraFormat).await;
    receiver.faults().add(Fault::once("callback", FaultKind::StatusBefore(503)));
    let id = fixture.issue();
    fixture.jira.deliveries_settled().await;
    assert!(fixture.jira.deliveries()[0].given_up);
    fixture.jira.change_ticket(id, Change::Status("Resolved".to_owned()));
    fixture.jira.change_ticket(id, Change::InternalComment("x".to_owned()));
    fixture.jira.change_ticket(id, Change::Delete);
    assert_eq!(fixture.events().await, ["created", "updated", "commented", "deleted"]);
    assert_eq!(fixture.jira.deliveries().iter().map(|it| it.attempts.len()).sum::<usize>(), 4);
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    for Received { headers, body, .. } in received {
        assert_eq!(headers["x-ticketroom-secret"], HEADER_SECRET);
        assert!(!headers.keys().any(|name| name.starts_with("x-atlassian") || name.starts_with("x-hub")));
        assert_eq!((&body["issue"]["id"], body.get("webhookEvent")), (&json!(10042), None));
    }
}

#[tokio::test]
async fn custom_data_breaks_if_the_summary_is_not_quoted() {
    let fixture = fixture(Setup::default()).await;
    let summary = "Export of \"Q3\" {{issue.key}}\nC:\\temp";
    let id = fixture.jira.create_ticket(NewIssue::about(summary));
    let body = fixture.jira.automation_body(id, Mode::AutomationCustomData).unwrap();
    let expected = json!({
        "v": 1,
        "kind": "created",
        "issue_id": "10042",
        "issue_key": "SUP-42",
        "summary": summary,
        "initiator": RITA,
        "updated": "2026-11-20 08:14",
    });
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    let broken = fixture.jira.automation_body(id, Mode::AutomationRawCustomData).unwrap();
    assert!(serde_json::from_slice::<Value>(&broken).is_err());
    let plain = fixture.jira.create_ticket(NewIssue::about("Plain"));
    let whole = fixture.jira.automation_body(plain, Mode::AutomationRawCustomData).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap()["summary"], "Plain");
    assert_eq!(fixture.jira.automation_body(plain, Mode::Admin), None);
}

#[test]
fn signatures_are_those_of_the_examples() {
    let deliveries = example("deliveries.json");
    let mut signed = 0;
    for delivery in deliveries["deliveries"].as_array().unwrap() {
        let expected = delivery["headers"].as_object().unwrap();
        let text = |name: &str| expected.get(name).map(|value| value.as_str().unwrap());
        let Some(identifier) = text("x-atlassian-webhook-identifier") else { continue };
        let file = delivery["file"].as_str().unwrap();
        let flow = if text("x-atlassian-webhook-flow") == Some("Secondary") {
            Flow::Secondary
        } else {
            Flow::Primary
        };
        let retry = text("x-atlassian-webhook-retry").map_or(0, |number| number.parse().unwrap());
        let headers = signed_headers(delivery["secret"].as_str(), &bytes(file), identifier, flow, retry);
        let headers: serde_json::Map<_, _> =
            headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        assert_eq!(&headers, expected, "{file}");
        signed += 1;
    }
    assert_eq!(signed, 8);
}

#[tokio::test]
async fn events_have_the_keys_of_the_examples() {
    let fixture = fixture(Setup::default()).await;
    let example_issue = || NewIssue {
        attachments: vec![NewAttachment { filename: "export.log".to_owned(), content: "x".to_owned() }],
        description: Some("x".to_owned()),
        labels: vec!["export".to_owned()],
        ..NewIssue::about("Export of \"Q3 report\" fails")
    };
    let id = fixture.jira.create_ticket(example_issue());
    let comment = || "x".to_owned();
    for (event, change, file) in [
        ("jira:issue_created", None, "issue-created"),
        ("comment_created", Some(Change::InternalComment(comment())), "comment-created-own-internal"),
        ("jira:issue_updated", Some(Change::Assignee(Some(ANNA.to_owned()))), "issue-updated-assignee"),
        ("comment_created", Some(Change::PublicComment(comment())), "comment-created-public"),
        ("jira:issue_updated", Some(Change::Status("Resolved".to_owned())), "issue-updated-resolved"),
        ("jira:issue_updated", Some(Change::Status("10100".to_owned())), "issue-updated-reopened"),
        ("jira:issue_deleted", Some(Change::Delete), "issue-deleted"),
        ("comment_deleted", None, "comment-deleted-secondary"),
    ] {
        if let Some(change) = change {
            assert!(fixture.jira.change_ticket(id, change));
        }
        let body: Value = serde_json::from_slice(&fixture.jira.event_body(id, event).unwrap()).unwrap();
        let example = example(&format!("jira-{file}.json"));
        assert_eq!(shape("", &body), shape("", &example), "{file}");
        assert_eq!(body["issue_event_type_name"], example["issue_event_type_name"]);
    }
    assert_eq!(fixture.jira.event_body(id, "comment_updated"), None);

    let fresh = fixture.jira.create_ticket(example_issue());
    for (mode, file) in [
        (Mode::AutomationJiraFormat, "issue-data-jira-format"),
        (Mode::AutomationFormat, "issue-data-automation-format"),
        (Mode::AutomationCustomData, "custom-data"),
    ] {
        let body: Value =
            serde_json::from_slice(&fixture.jira.automation_body(fresh, mode).unwrap()).unwrap();
        assert_eq!(shape("", &body), shape("", &example(&format!("jira-automation-{file}.json"))), "{file}");
    }
}

#[tokio::test]
async fn by_hand_as_over_the_wire() {
    let fixture = fixture(Setup::default()).await;
    let receiver = simulator::callback::CallbackReceiver::start(LOOPBACK).await.unwrap();
    fixture.jira.set_webhook(Webhook::signed(receiver.url(), SECRET));
    let id = fixture.issue();
    fixture.jira.deliveries_settled().await;
    let received = receiver.received().pop().unwrap();
    assert_eq!(fixture.jira.event_body(id, "jira:issue_created").unwrap(), received.raw);
    let issue = &received.body["issue"];
    assert_eq!(
        (&issue["self"], &issue["id"]),
        (&json!("https://example.atlassian.net/rest/api/2/10042"), &json!("10042"))
    );
    assert_eq!(
        (&issue["fields"]["created"], &received.body["timestamp"]),
        (&json!("2026-11-20T09:14:03.412+0100"), &json!(1_795_162_443_412_i64))
    );
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/examples/jira/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn example(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}

/// The paths of all keys with the types of the values; of a list, its first member stands for all.
fn shape(path: &str, value: &Value) -> BTreeSet<String> {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let mut shape = BTreeSet::from([format!("{path}: {kind}")]);
    match value {
        Value::Array(items) => {
            shape.extend(items.first().into_iter().flat_map(|item| self::shape(&format!("{path}[]"), item)));
        }
        Value::Object(members) => {
            shape.extend(
                members.iter().flat_map(|(name, value)| self::shape(&format!("{path}/{name}"), value)),
            );
        }
        _ => {}
    }
    shape
}
