//! What all helpdesks have: deliveries that are lost, a clock that is off, and imports.

use std::net::Ipv4Addr;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;
use simulator::Loss;
use simulator::callback::CallbackReceiver;
use simulator::freshdesk::{Change, Content, NewTicket, Setup, Webhook};

use super::{Fixture, fixture};
use crate::fixture::Reply;

async fn receiver(fixture: &Fixture) -> CallbackReceiver {
    let receiver = CallbackReceiver::start((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let endpoint = receiver.url().join("hook").unwrap();
    let webhook = Webhook { endpoint, header_secret: None, basic: None, content: Content::Simple };
    fixture.freshdesk.set_webhook(webhook);
    receiver
}

#[tokio::test]
async fn a_share_of_deliveries_is_lost_and_counted() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver(&fixture).await;
    fixture.freshdesk.lose_deliveries(Loss::share(0.3, 4));
    let tickets: Vec<u64> = (0..100).map(|_| fixture.ticket()).collect();
    fixture.freshdesk.deliveries_settled().await;
    let lost: Vec<u64> = fixture.freshdesk.lost_deliveries().iter().map(|lost| lost.ticket).collect();
    assert!((15..45).contains(&lost.len()), "{}", lost.len());
    assert_eq!(lost.len() + receiver.received().len(), tickets.len());
    assert!(fixture.freshdesk.unheard_tickets().iter().eq(&lost));
    fixture.freshdesk.lose_deliveries(None);
    fixture.freshdesk.change_ticket(lost[0], Change::Priority(4));
    fixture.freshdesk.deliveries_settled().await;
    assert!(!fixture.freshdesk.unheard_tickets().contains(&lost[0]), "a later delivery told of it");
    assert_eq!(fixture.freshdesk.lost_deliveries().len(), lost.len());
}

#[tokio::test]
async fn everything_is_lost_for_an_hour() {
    let fixture = fixture(Setup::default()).await;
    let receiver = receiver(&fixture).await;
    let end = fixture.freshdesk.now().checked_add(SignedDuration::from_hours(1)).unwrap();
    fixture.freshdesk.lose_deliveries(Loss::until(end));
    let lost = fixture.ticket();
    fixture.clock.advance(3600);
    let heard = fixture.ticket();
    fixture.freshdesk.deliveries_settled().await;
    assert_eq!(receiver.received()[0].body["freshdesk_webhook"]["ticket_id"], heard);
    assert!(fixture.freshdesk.unheard_tickets().iter().eq([&lost]));
}

#[tokio::test]
async fn a_clock_that_is_off_shows_in_tickets_and_answers() {
    let fixture = fixture(Setup::default()).await;
    fixture.freshdesk.set_clock_off(SignedDuration::from_mins(10));
    let id = fixture.ticket();
    let shown = fixture.get(&format!("tickets/{id}")).await;
    assert_eq!(shown.body["updated_at"], "2026-11-20T08:24:03Z");
    assert_eq!(shown.header("date"), "Fri, 20 Nov 2026 08:24:03 GMT");
    let control = fixture.freshdesk.url().join("_simulator/clock").unwrap();
    let set = async |seconds: i32| {
        Reply::to(fixture.http.request(Method::PUT, control.clone()).json(&json!(seconds))).await.status
    };
    assert_eq!(set(-60).await, 404, "fault injection is not enabled");
    fixture.freshdesk.enable_fault_injection();
    assert_eq!(set(-60).await, 204);
    assert_eq!(fixture.freshdesk.now().to_string(), "2026-11-20T08:13:03.412Z");
    let loss = fixture.freshdesk.url().join("_simulator/loss").unwrap();
    let put = Reply::to(fixture.http.put(loss.clone()).json(&json!({ "rate": 1.0 }))).await;
    assert_eq!((put.status, Reply::to(fixture.http.delete(loss)).await.status), (204, 204));
}

#[tokio::test]
async fn a_hundred_thousand_tickets_are_soon_there() {
    let fixture = fixture(Setup::default()).await;
    let now = fixture.freshdesk.now();
    let ids = fixture.freshdesk.import_tickets((0..100_000).map(|_| (NewTicket::about("x"), now)));
    assert_eq!((ids.len(), fixture.freshdesk.tickets().len()), (100_000, 100_000));
    assert_eq!(fixture.get(&format!("tickets/{}", ids[99_999])).await.status, 200);
}
