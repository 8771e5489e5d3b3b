//! Deliveries that come again. Their ids are in no signature, so whoever has captured one delivery
//! can send it under any.

use simulator::freshdesk::Content;
use simulator::jira;
use testbed::{Desk, WEBHOOK_SECRET, WebhookRequest, generic};

use crate::world::World;

/// The ways in which deliveries carry an id, or could.
#[derive(Debug, Clone, Copy)]
enum Sender {
    Zendesk,
    Jira,
    Generic,
    FreshdeskApp,
}

impl Sender {
    const ALL: [Self; 4] = [Self::Zendesk, Self::Jira, Self::Generic, Self::FreshdeskApp];

    fn endpoint(self) -> &'static str {
        match self {
            Self::Zendesk => "/webhooks/zendesk",
            Self::Jira => "/webhooks/jira",
            Self::Generic => "/webhooks/signed",
            Self::FreshdeskApp => "/webhooks/freshdesk",
        }
    }

    /// Makes a ticket. Returns its name in our API, the tag of its room, and the signed delivery
    /// about it.
    fn open(self, world: &World, subject: &str) -> (String, String, WebhookRequest) {
        let desk = match self {
            Self::Zendesk => Desk::Zendesk,
            Self::Jira => Desk::Jira,
            Self::FreshdeskApp => Desk::Freshdesk,
            Self::Generic => {
                let id = format!("t{:08x}", fastrand::u32(..));
                let body = generic(&id, subject).to_string().into_bytes();
                let signature = jira::hub_signature(WEBHOOK_SECRET, &body);
                let headers = vec![("x-hub-signature-256".to_owned(), signature)];
                return (
                    format!("signed/{id}"),
                    format!("signed:{id}"),
                    WebhookRequest { headers, query: "", body },
                );
            }
        };
        let id = desk.open(&world.systems, subject);
        let parcel = if let Self::FreshdeskApp = self {
            let body = world.systems.freshdesk.created_body(id.parse().unwrap(), Content::App).unwrap();
            desk.prove(body, "")
        } else {
            desk.created(&world.systems, &id, subject)
        };
        (format!("{}/{id}", desk.name()), desk.tag(&id), parcel)
    }

    /// The same delivery under another id.
    fn under(self, parcel: &WebhookRequest, id: &str) -> WebhookRequest {
        let name = match self {
            Self::Zendesk => "x-zendesk-webhook-invocation-id",
            Self::Jira => "x-atlassian-webhook-identifier",
            // Freshdesk has no ids; whoever sends them all the same achieves nothing.
            Self::Generic | Self::FreshdeskApp => "idempotency-key",
        };
        parcel.clone().with(name, id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_delivery_under_ids_yet_to_come_hides_no_ticket() {
    let world = World::new().await;
    for sender in Sender::ALL {
        let (_, _, captured) = sender.open(&world, "captured");
        for number in 0..10 {
            let replay = sender.under(&captured, &format!("to-come-{number}"));
            assert_eq!(world.deliver_to(sender.endpoint(), &replay).await, 200, "{sender:?}");
        }
        for number in 0..10 {
            let (ticket, tag, genuine) = sender.open(&world, &format!("genuine {number}"));
            let genuine = sender.under(&genuine, &format!("to-come-{number}"));
            // The sender tries twice; that makes one room all the same.
            for _ in 0..2 {
                assert_eq!(world.deliver_to(sender.endpoint(), &genuine).await, 200, "{sender:?}");
            }
            world.wait_for_state(&ticket, &["ready"]).await;
            assert_eq!(world.systems.rooms_of(&tag).len(), 1, "{sender:?}: {tag}");
        }
    }
}

/// A ticket that is known is looked at again, when another delivery about it carries an id that was
/// seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_change_under_an_id_that_was_seen_is_seen_too() {
    let world = World::new().await;
    let id = "t1";
    let send = async |subject: &str, delivery: &str| {
        let body = generic(id, subject).to_string().into_bytes();
        let signature = jira::hub_signature(WEBHOOK_SECRET, &body);
        let headers = vec![("x-hub-signature-256".to_owned(), signature)];
        let parcel = Sender::Generic.under(&WebhookRequest { headers, query: "", body }, delivery);
        assert_eq!(world.deliver_to("/webhooks/signed", &parcel).await, 200);
    };
    send("first", "one").await;
    world.wait_for_state("signed/t1", &["ready"]).await;
    send("second", "one").await;
    world.wait_for_state("signed/t1", &["ready"]).await;
    let ticket = world.ticket("signed/t1").await;
    assert_eq!(ticket["subject"], "second");
    let deliveries = |ticket: &serde_json::Value| {
        let timeline = ticket["timeline"].as_array().unwrap();
        timeline.iter().filter(|entry| entry["kind"] == "delivery").count()
    };
    assert_eq!(deliveries(&ticket), 2);
    send("second", "one").await;
    assert_eq!(deliveries(&world.ticket("signed/t1").await), 2, "a repeat is nothing new");
}
