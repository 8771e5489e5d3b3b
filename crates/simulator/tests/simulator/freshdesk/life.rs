//! How tickets end, come back, and go into other tickets.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::freshdesk::{ANNA, CARLA, Change, Content, INTEGRATION, NewTicket, RITA, Setup, Webhook};

use super::{Fixture, fixture};

/// Connects the rules with a receiver.
async fn connect(fixture: &Fixture) -> CallbackReceiver {
    let receiver = CallbackReceiver::start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let (endpoint, content) = (receiver.url(), Content::Simple);
    fixture.freshdesk.set_webhook(Webhook { endpoint, header_secret: None, basic: None, content });
    receiver
}

/// What the rules have reported so far, in order.
async fn reported(fixture: &Fixture) -> Vec<String> {
    fixture.freshdesk.deliveries_settled().await;
    fixture.freshdesk.deliveries().into_iter().map(|delivery| delivery.event).collect()
}

#[tokio::test]
async fn times_of_the_status_are_kept() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let stats = async || fixture.get(&format!("tickets/{id}?include=stats")).await.body["stats"].clone();
    let new = stats().await;
    assert_eq!((&new["resolved_at"], &new["reopened_at"]), (&Value::Null, &Value::Null));
    fixture.clock.advance(60);
    fixture.freshdesk.change_ticket(id, Change::Status(4));
    fixture.clock.advance(60);
    fixture.freshdesk.change_ticket(id, Change::Status(5));
    let closed = stats().await;
    assert_eq!(
        (&closed["resolved_at"], &closed["closed_at"]),
        (&json!("2026-11-20T08:15:03Z"), &json!("2026-11-20T08:16:03Z"))
    );
    // By an agent, nothing is opened; by the customer, it is.
    fixture.freshdesk.change_ticket(id, Change::Reply("closed, wasn't it?".to_owned()));
    assert_eq!(fixture.freshdesk.ticket(id).unwrap().status, 5);
    fixture.freshdesk.change_ticket_by(RITA, id, Change::Reply("still broken".to_owned()));
    assert_eq!(fixture.freshdesk.ticket(id).unwrap().status, 2);
    let reopened = stats().await;
    assert_eq!(
        (&reopened["reopened_at"], &reopened["closed_at"]),
        (&json!("2026-11-20T08:16:03Z"), &Value::Null)
    );
    let conversations = fixture.get(&format!("tickets/{id}/conversations")).await.body;
    assert_eq!((&conversations[0]["incoming"], &conversations[1]["incoming"]), (&json!(false), &json!(true)));
    fixture.update(id, json!({ "status": 4 })).await;
    assert_eq!(stats().await["resolved_at"], "2026-11-20T08:16:03Z");
}

#[tokio::test]
async fn no_rule_reports_what_comes_back() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = connect(&fixture).await;
    let id = fixture.ticket();
    assert!(!fixture.freshdesk.change_ticket(id, Change::Purge), "it has to be in the trash first");
    for change in [Change::Delete, Change::Restore, Change::Spam(true), Change::Spam(false)] {
        assert!(fixture.freshdesk.change_ticket(id, change.clone()), "{change:?}");
        assert!(!fixture.freshdesk.change_ticket(id, change.clone()), "twice: {change:?}");
        let shown = fixture.get(&format!("tickets/{id}")).await;
        let expected = (change == Change::Delete, change == Change::Spam(true));
        assert_eq!(shown.status, 200, "it is shown wherever it is");
        assert_eq!((&shown.body["deleted"], &shown.body["spam"]), (&json!(expected.0), &json!(expected.1)));
    }
    let expected = ["{ticket_action:created}", "{ticket_action:deleted}", "{ticket_action:marked_spam}"];
    assert_eq!(reported(&fixture).await, expected);
    fixture.freshdesk.change_ticket(id, Change::Delete);
    assert!(fixture.freshdesk.change_ticket(id, Change::Purge));
    assert_eq!(fixture.get(&format!("tickets/{id}")).await.status, 404);
    assert!(!fixture.freshdesk.change_ticket(id, Change::Restore));
    assert_eq!(reported(&fixture).await.len(), 4);
    assert!(fixture.freshdesk.ticket(id).unwrap().purged);
}

#[tokio::test]
async fn a_merged_ticket_is_closed_and_its_notes_go_to_the_other() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = connect(&fixture).await;
    let (primary, secondary) = (fixture.ticket(), fixture.freshdesk.create_ticket(NewTicket::about("a <b>")));
    fixture.note(secondary, "<p>[ticketroom:freshdesk:8124]</p>").await;
    assert!(!fixture.freshdesk.change_ticket(secondary, Change::Merge(secondary)));
    assert!(!fixture.freshdesk.change_ticket(secondary, Change::Merge(99)));
    assert!(fixture.freshdesk.change_ticket(secondary, Change::Merge(primary)));

    let merged = fixture.freshdesk.ticket(secondary).unwrap();
    let [note] = merged.conversations.as_slice() else { panic!("{merged:#?}") };
    let words = format!("This ticket is closed and merged into ticket {primary}");
    assert_eq!(
        (merged.status, note.private, note.user_id, note.body_text.as_str()),
        (5, true, ANNA, words.as_str())
    );
    let kept = fixture.freshdesk.ticket(primary).unwrap();
    let [moved, from] = kept.conversations.as_slice() else { panic!("{kept:#?}") };
    assert_eq!((moved.user_id, moved.body_text.as_str()), (INTEGRATION, "[ticketroom:freshdesk:8124]"));
    assert!(
        from.private && from.body_text.starts_with(&format!("Merged from ticket {secondary}")),
        "{from:?}"
    );
    assert!(from.body.contains("a &lt;b&gt;"), "{from:?}");
    let shown = fixture.get(&format!("tickets/{secondary}")).await.body;
    assert_eq!((&shown["status"], &shown["deleted"]), (&json!(5), &json!(false)), "no field names the other");
    assert_eq!(
        reported(&fixture).await[2..],
        ["{note_type:private}", "{status:{from:2,to:5}}", "{note_type:private}"]
    );
    // Unlike in Zendesk, the closed one can be the primary of the other: a circle.
    assert!(fixture.freshdesk.change_ticket(primary, Change::Merge(secondary)));
}

#[tokio::test]
async fn tickets_are_merged_by_the_api() {
    let fixture = fixture(Setup::default()).await;
    let [primary, a, b, trashed] = [(); 4].map(|()| fixture.ticket());
    fixture.freshdesk.change_ticket(trashed, Change::Delete);
    let merge = async |body: Value| fixture.call(Method::PUT, "tickets/merge", Some(body)).await.status;
    assert_eq!(merge(json!({ "primary_id": primary, "ticket_ids": [a, b] })).await, 204);
    for id in [a, b] {
        let merged = fixture.freshdesk.ticket(id).unwrap();
        assert_eq!((merged.status, merged.conversations[0].user_id), (5, INTEGRATION));
    }
    assert_eq!(fixture.freshdesk.ticket(primary).unwrap().conversations.len(), 2);
    assert_eq!(merge(json!({ "primary_id": primary })).await, 400);
    assert_eq!(merge(json!({ "primary_id": primary, "ticket_ids": [trashed] })).await, 404);
    assert_eq!(merge(json!({ "primary_id": 99, "ticket_ids": [a] })).await, 404);
}

#[tokio::test]
async fn the_latest_report_is_that_of_a_person() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let latest = || {
        let body = fixture.freshdesk.latest_body(id, Content::Simple).unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["freshdesk_webhook"].clone()
    };
    assert_eq!(latest()["triggered_event"], "{ticket_action:created}");
    fixture.freshdesk.change_ticket(id, Change::Requester(CARLA));
    assert!(!fixture.freshdesk.change_ticket(id, Change::Requester(CARLA)));
    fixture.freshdesk.change_ticket(id, Change::Status(4));
    fixture.note(id, "ours").await;
    assert_eq!(latest()["triggered_event"], "{status:{from:2,to:4}}");
    assert_eq!(latest()["ticket_requester_email"], "carla.customer@example.com");
    fixture.freshdesk.change_ticket(id, Change::Delete);
    fixture.freshdesk.change_ticket(id, Change::Restore);
    assert_eq!(latest()["triggered_event"], "{ticket_action:update}");
}

#[tokio::test]
async fn the_control_endpoint_leads_a_ticket_through_its_life() {
    let fixture = fixture(Setup::default()).await;
    let (primary, id) = (fixture.ticket(), fixture.ticket());
    let url = fixture.freshdesk.url().join(&format!("_simulator/tickets/{id}")).unwrap();
    let change = async |change: Value| {
        fixture.http.post(url.clone()).json(&change).send().await.unwrap().status().as_u16()
    };
    for wanted in [
        json!({ "status": 4 }),
        json!("delete"),
        json!("restore"),
        json!({ "spam": true }),
        json!({ "spam": false }),
        json!({ "merge": primary }),
    ] {
        assert_eq!(change(wanted.clone()).await, 204, "{wanted}");
    }
    assert_eq!(change(json!({ "merge": 99 })).await, 404);
    assert_eq!(fixture.freshdesk.ticket(id).unwrap().status, 5);
}
