//! What automation rules send, and how often.

use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::fault::{Fault, FaultKind, Times};
use simulator::freshdesk::{ANNA, Change, Content, NewTicket, Setup, Webhook};

use super::{Fixture, fixture};

async fn receiver(fixture: &Fixture, content: Content) -> CallbackReceiver {
    let receiver = CallbackReceiver::start(([127, 0, 0, 1], 0).into()).await.unwrap();
    fixture.freshdesk.set_webhook(Webhook {
        endpoint: receiver.url().join("hooks").unwrap(),
        header_secret: Some("fd-test-0123456789abcdef".to_owned()),
        basic: Some(("ticketroom".to_owned(), "correct horse battery staple".to_owned())),
        content,
    });
    receiver
}

#[tokio::test]
async fn the_simple_form_has_labels_and_the_secrets_that_were_typed_in() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver(&fixture, Content::Simple).await;
    let id = fixture.freshdesk.create_ticket(NewTicket::about("Invoice <1> shows \"wrong\" VAT ☃"));
    fixture.freshdesk.deliveries_settled().await;
    let received = receiver.received();
    let told = &received[0];
    assert_eq!(told.headers["x-ticketroom-secret"], "fd-test-0123456789abcdef");
    assert_eq!(told.headers["authorization"], "Basic dGlja2V0cm9vbTpjb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl");
    let body = &told.body["freshdesk_webhook"];
    assert_eq!((&body["ticket_id"], &body["ticket_status"]), (&json!(id), &json!("Open")));
    assert_eq!(body["ticket_subject"], "Invoice <1> shows \"wrong\" VAT ☃");
    assert_eq!(body["triggered_event"], "{ticket_action:created}");
    // The keys of the example are all there.
    let example: Value =
        serde_json::from_str(include_str!("../../examples/freshdesk/freshdesk-simple-ticket-created.json"))
            .unwrap();
    for key in
        example["freshdesk_webhook"].as_object().unwrap().keys().filter(|key| *key != "ticket_public_url")
    {
        assert!(body.get(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn an_advanced_body_is_broken_by_a_subject() {
    let fixture = fixture(Setup::default()).await;
    let plain = fixture.freshdesk.create_ticket(NewTicket::about("plain"));
    let broken = fixture.freshdesk.create_ticket(NewTicket::about("a \"quote\"\nand C:\\temp"));
    let body = |id, content| String::from_utf8(fixture.freshdesk.created_body(id, content).unwrap()).unwrap();
    let read: Value = serde_json::from_str(&body(plain, Content::Advanced)).unwrap();
    assert_eq!((&read["ticket_id"], &read["kind"]), (&json!(plain.to_string()), &json!("ticket_created")));
    let wrapped: Value = serde_json::from_str(&body(plain, Content::AdvancedWrapped)).unwrap();
    assert_eq!(wrapped["freshdesk_webhook"], read);
    assert!(serde_json::from_str::<Value>(&body(broken, Content::Advanced)).is_err());
    let app: Value = serde_json::from_str(&body(broken, Content::App)).unwrap();
    assert_eq!((&app["event"], &app["data"]["ticket"]["id"]), (&json!("onTicketCreate"), &json!(broken)));
}

#[tokio::test]
async fn changes_and_our_own_notes_are_told() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = receiver(&fixture, Content::Simple).await;
    let id = fixture.ticket();
    for change in [Change::Status(4), Change::Responder(Some(ANNA)), Change::Reply("hello".to_owned())] {
        assert!(fixture.freshdesk.change_ticket(id, change));
    }
    assert!(!fixture.freshdesk.change_ticket(id, Change::Status(4)), "it is like that already");
    fixture.note(id, "ours").await;
    fixture.freshdesk.deliveries_settled().await;
    let events: Vec<String> =
        fixture.freshdesk.deliveries().into_iter().map(|delivery| delivery.event).collect();
    assert_eq!(
        events,
        [
            "{ticket_action:created}",
            "{status:{from:2,to:4}}",
            "{responder_id:{from:,to:103000000041}}",
            "{reply_sent:sent}",
            "{note_type:private}",
        ]
    );
}

#[tokio::test]
async fn it_is_tried_four_times_with_the_same_body() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver(&fixture, Content::Simple).await;
    let twice = Fault { times: Times::N(2), ..Fault::once("callback", FaultKind::StatusBefore(401)) };
    receiver.faults().add(twice);
    let id = fixture.ticket();
    fixture.freshdesk.change_ticket(id, Change::Subject("renamed".to_owned()));
    fixture.freshdesk.deliveries_settled().await;
    let deliveries = fixture.freshdesk.deliveries();
    assert!(deliveries.iter().all(|delivery| delivery.delivered), "{deliveries:?}");
    let attempts: usize = deliveries.iter().map(|delivery| delivery.attempts.len()).sum();
    assert_eq!(attempts, 4, "any answer but 2xx is tried again: {deliveries:?}");
    let subjects: Vec<_> = receiver
        .received()
        .into_iter()
        .map(|told| told.body["freshdesk_webhook"]["ticket_subject"].as_str().unwrap().to_owned())
        .collect();
    assert!(subjects.contains(&"Invoice shows wrong VAT".to_owned()), "old values are told: {subjects:?}");

    receiver.faults().add(Fault::always("callback", FaultKind::StatusBefore(503)));
    fixture.ticket();
    fixture.freshdesk.deliveries_settled().await;
    let last = fixture.freshdesk.deliveries().pop().unwrap();
    assert_eq!((last.attempts, last.given_up), (vec![Some(503); 4], true));
}
