//! A helpdesk's message about a ticket: created when something happens, and sent later, repeatedly, and in another order.
//!
//! Its content is that of the moment, so an old one may arrive after a new one. Only the proof is made when it is sent, and
//! the event name of a request without an id (`receipts`), which Freshdesk's rules and custom senders may choose.

use serde_json::{Value, json};
use simulator::{Clock, freshdesk};
use testbed::{Desk, Systems, WebhookRequest, generic};

use crate::Result;
use crate::receipts::Label;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The ticket was created.
    Created,
    /// Its subject was changed; all changes of all tickets are numbered.
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
    /// The message about a ticket as it is now. `identified`: whether a custom sender gives its deliveries ids.
    ///
    /// # Errors
    /// When nothing of that kind has happened to it.
    pub(crate) fn of(
        systems: &Systems,
        desk: Desk,
        ticket: &str,
        subject: &str,
        happening: Happening,
        identified: bool,
    ) -> Result<Self> {
        let number = ticket.parse().unwrap_or_default();
        let is_new = happening == Happening::Created;
        let either = |created: &'static str, changed: &'static str| if is_new { created } else { changed };
        let (event, body) = match desk {
            Desk::Zendesk => {
                let name = either("created", "subject_changed");
                (format!("ticket.{name}"), systems.zendesk.event_body(number, name))
            }
            Desk::Jira => {
                let event = either("jira:issue_created", "jira:issue_updated");
                (event.to_owned(), systems.jira.event_body(number, event))
            }
            Desk::Freshdesk => {
                let body = systems.freshdesk.created_body(number, freshdesk::Content::Simple);
                (either("created", "changed").to_owned(), body)
            }
            Desk::Generic => {
                let body = told(ticket, subject).to_string().into_bytes();
                (either("created", "changed").to_owned(), Some(body))
            }
        };
        let body = body.ok_or_else(|| format!("{} can't tell of {happening:?}", desk.tag(ticket)))?;
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

    /// The request with that number among those of its ticket, and what identifies it in the timeline.
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

/// A ticket as a custom sender reports it. It can't be observed, so an older state that arrives later must be recognisable.
fn told(ticket: &str, subject: &str) -> Value {
    let mut told = generic(ticket, subject);
    told["assignee"] = json!("anna.agent@example.com");
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
    use testbed::Desk;

    use super::*;

    async fn systems() -> Systems {
        Systems::try_start(simulator::docspace::Setup::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_word_keeps_what_was_so_when_it_happened() {
        let systems = systems().await;
        for desk in Desk::ALL {
            let id = desk.open(&systems, "before");
            let message = Message::of(&systems, desk, &id, "before", Happening::Created, true).unwrap();
            crate::load::change(&systems, desk, &id, "afterwards");
            let changed =
                Message::of(&systems, desk, &id, "afterwards", Happening::Changed(1), true).unwrap();
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
            let id = desk.open(&systems, "new");
            let message = Message::of(&systems, desk, &id, "new", Happening::Created, identified).unwrap();
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
