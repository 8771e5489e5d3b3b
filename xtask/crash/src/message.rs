//! A helpdesk's message about a ticket: created when something happens, and sent later, repeatedly,
//! and in another order.
//!
//! Its content is that of the moment, so an old one may arrive after a new one. Only the proof is
//! made when it is sent, and the event name of a request without an id (`receipts`), which
//! Freshdesk's rules and custom senders may choose.

use serde_json::{Value, json};
use simulator::{Clock, freshdesk};
use testbed::{Desk, LifeTicket, Systems, WebhookRequest};

use crate::Result;
use crate::receipts::Label;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The ticket was created.
    Created,
    /// Something else happened to it, which is numbered among all changes of all tickets.
    Changed(u64),
}

/// A message of a helpdesk.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    desk: Desk,
    body: Vec<u8>,
    /// The event in the timeline, without the number of the request.
    event: String,
    /// The id by which a repeat is recognised.
    id: Option<String>,
}

impl Message {
    /// The message about a ticket as it is now. `identified`: whether a custom sender gives its
    /// deliveries ids.
    ///
    /// # Errors
    /// When nothing of that kind has happened to it.
    pub(crate) fn of(
        systems: &Systems,
        life: &LifeTicket,
        happening: Happening,
        identified: bool,
    ) -> Result<Self> {
        let (desk, ticket) = (life.desk, life.id.as_str());
        let number = ticket.parse().unwrap_or_default();
        let is_new = happening == Happening::Created;
        let body = match (desk, is_new) {
            (Desk::Zendesk, true) => systems.zendesk.event_body(number, "created"),
            (Desk::Zendesk, false) => systems.zendesk.latest_event_body(number),
            (Desk::Jira, true) => systems.jira.event_body(number, "jira:issue_created"),
            (Desk::Jira, false) => systems.jira.latest_event_body(number),
            (Desk::Freshdesk, true) => systems.freshdesk.created_body(number, freshdesk::Content::Simple),
            (Desk::Freshdesk, false) => systems.freshdesk.latest_body(number, freshdesk::Content::Simple),
            (Desk::Generic, _) => Some(told(life).to_string().into_bytes()),
        };
        let body = body.ok_or_else(|| format!("{} can't tell of {happening:?}", desk.tag(ticket)))?;
        let event = event_of(desk, &body).unwrap_or(if is_new { "created" } else { "changed" }.to_owned());
        let has_id = match desk {
            Desk::Zendesk | Desk::Jira => true,
            Desk::Freshdesk => false,
            Desk::Generic => identified,
        };
        let id = has_id.then(|| match happening {
            Happening::Created => format!("created-{ticket}"),
            Happening::Changed(change) => format!("changed-{ticket}-{change}"),
        });
        Ok(Self { desk, body, event, id })
    }

    /// The request with that number among those of its ticket, and what identifies it in the
    /// timeline.
    ///
    /// # Errors
    /// When the body has no place for an event name.
    pub(crate) fn request(&self, number: u64) -> Result<(WebhookRequest, Label)> {
        let Self { desk, body, event, id } = self;
        let event = if id.is_some() { event.clone() } else { format!("{event}, request {number}") };
        let body = match desk {
            Desk::Zendesk | Desk::Jira => body.clone(),
            Desk::Freshdesk => with(body, "/freshdesk_webhook", "triggered_event", &event)?,
            Desk::Generic => with(body, "", "event", &event)?,
        };
        let mut parcel = desk.prove(body, id.as_deref().unwrap_or_default());
        if *desk == Desk::Generic {
            parcel = parcel.with("content-type", "application/json");
            if let Some(id) = id {
                parcel = parcel.with("idempotency-key", id);
            }
        }
        Ok((parcel, Label { event, id: id.clone() }))
    }
}

/// What the helpdesk calls the event, where that is in the body and the campaign does not choose
/// it.
fn event_of(desk: Desk, body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match desk {
        Desk::Zendesk => body["type"].as_str()?.strip_prefix("zen:event-type:").map(str::to_owned),
        Desk::Jira => body["webhookEvent"].as_str().map(str::to_owned),
        Desk::Freshdesk | Desk::Generic => None,
    }
}

/// A ticket as a custom sender reports it. It can't be observed, so an older state that arrives
/// later must be recognisable.
fn told(ticket: &LifeTicket) -> Value {
    let mut told = ticket.body();
    // Of one length, so that it can be compared as text.
    told["updatedAt"] = json!(format!("{:.6}", Clock::default().now()));
    told
}

/// The body with a value in the object at `pointer`.
fn with(body: &[u8], pointer: &str, name: &str, value: &str) -> Result<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(body)?;
    let object = body.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.ok_or("the body has no place for the name of a request")?.insert(name.to_owned(), json!(value));
    Ok(body.to_string().into_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is a test's failure report")]
mod tests {
    use testbed::Act;

    use super::*;

    async fn systems() -> Systems {
        Systems::try_start(simulator::docspace::Setup::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_word_keeps_what_was_so_when_it_happened() {
        let systems = systems().await;
        for desk in Desk::ALL {
            let mut ticket = LifeTicket::open(desk, &systems, "before");
            let message = Message::of(&systems, &ticket, Happening::Created, true).unwrap();
            assert!(ticket.act(&systems, &Act::Rename("afterwards".to_owned())));
            let changed = Message::of(&systems, &ticket, Happening::Changed(1), true).unwrap();
            let text = |message: &Message| String::from_utf8(message.request(1).unwrap().0.body).unwrap();
            assert!(!text(&message).contains("afterwards"), "{desk:?}");
            assert!(text(&changed).contains("afterwards"), "{desk:?}");
        }
    }

    #[tokio::test]
    async fn a_request_without_an_id_has_a_name_of_its_own() {
        let systems = systems().await;
        for (desk, identified, has_id) in [
            (Desk::Zendesk, false, true),
            (Desk::Jira, false, true),
            (Desk::Freshdesk, true, false),
            (Desk::Generic, true, true),
            (Desk::Generic, false, false),
        ] {
            let ticket = LifeTicket::open(desk, &systems, "new");
            let message = Message::of(&systems, &ticket, Happening::Created, identified).unwrap();
            let (first, second) = (message.request(1).unwrap(), message.request(2).unwrap());
            assert_eq!(first.1.id.is_some(), has_id, "{desk:?}");
            assert_eq!(first.1 == second.1, has_id, "{desk:?}");
            if !has_id {
                let body = String::from_utf8(first.0.body).unwrap();
                assert!(body.contains(&first.1.event), "{body}");
            }
        }
    }
}
