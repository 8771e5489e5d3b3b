//! What all simulated helpdesks have in common beside their APIs: people create and change tickets,
//! by the handle or at the control endpoint, and webhooks report it.

use std::collections::BTreeSet;

use hyper::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::control::{done, refused, with_body};
use crate::handle::Server;
use crate::http::{Answer, Request};
use crate::loss::Loss;
use crate::outbox::{Delivery, Outbox};

/// A simulated helpdesk.
pub trait Helpdesk {
    /// Where it sends webhooks, and what.
    type Webhook: Clone + DeserializeOwned;
    /// A ticket to be created.
    type NewTicket: DeserializeOwned;
    /// What a person does to a ticket.
    type Change: DeserializeOwned;
    /// A ticket as it is.
    type Ticket: Serialize;

    /// Creates a ticket and returns its id.
    fn create(&self, ticket: Self::NewTicket) -> u64;

    /// Adds tickets that were created at these times, without a webhook, and returns their ids.
    fn import(&self, tickets: &mut dyn Iterator<Item = (Self::NewTicket, Timestamp)>) -> Vec<u64>;

    /// Changes a ticket, as the agent Anna. False if there is no such ticket, the change isn't
    /// possible, or the ticket is like that already.
    fn change(&self, id: u64, change: Self::Change) -> bool;

    /// The ticket as it is, even if it is deleted.
    fn ticket(&self, id: u64) -> Option<Self::Ticket>;

    /// All tickets by their ids, deleted ones included.
    fn tickets(&self) -> Vec<Self::Ticket>;

    /// All webhooks that it has sent.
    fn outbox(&self) -> &Outbox<Self::Webhook>;

    /// Sends webhooks there from now on.
    fn set_webhook(&self, webhook: Self::Webhook) {
        self.outbox().set_webhook(webhook);
    }
}

impl<H: Helpdesk> Server<H> {
    /// Creates a ticket, as its requester would, and returns its id.
    pub fn create_ticket(&self, ticket: H::NewTicket) -> u64 {
        self.system().create(ticket)
    }

    /// Adds tickets with the times of their creation, as an import does: no webhook and no rule
    /// reports them. Returns their ids. This is also the way to many tickets in a short time.
    pub fn import_tickets(&self, tickets: impl IntoIterator<Item = (H::NewTicket, Timestamp)>) -> Vec<u64> {
        self.system().import(&mut tickets.into_iter())
    }

    /// Changes a ticket, as the agent Anna. False if there is no such ticket, the change isn't
    /// possible, or the ticket is like that already.
    pub fn change_ticket(&self, id: u64, change: H::Change) -> bool {
        self.system().change(id, change)
    }

    /// The ticket as it is, even if it is deleted.
    pub fn ticket(&self, id: u64) -> Option<H::Ticket> {
        self.system().ticket(id)
    }

    /// All tickets by their ids, deleted ones included.
    pub fn tickets(&self) -> Vec<H::Ticket> {
        self.system().tickets()
    }

    /// From now on, what happens to tickets is delivered there.
    pub fn set_webhook(&self, webhook: H::Webhook) {
        self.system().set_webhook(webhook);
    }

    /// All deliveries so far, in the order in which they were sent off.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.system().outbox().deliveries()
    }

    /// From now on, the helpdesk loses deliveries like that, or none. Those that are under way are
    /// not concerned.
    pub fn lose_deliveries(&self, loss: impl Into<Option<Loss>>) {
        self.system().outbox().lose(loss.into());
    }

    /// The deliveries that the helpdesk has lost, in their order; [`deliveries`](Self::deliveries)
    /// has none of them.
    pub fn lost_deliveries(&self) -> Vec<Delivery> {
        self.system().outbox().lost()
    }

    /// The tickets of which some deliveries were lost and no delivery was accepted so far.
    pub fn unheard_tickets(&self) -> BTreeSet<u64> {
        let mut unheard: BTreeSet<u64> = self.lost_deliveries().iter().map(|lost| lost.ticket).collect();
        for heard in self.deliveries().iter().filter(|delivery| delivery.delivered) {
            unheard.remove(&heard.ticket);
        }
        unheard
    }

    /// Waits until no delivery is under way or waits for its next attempt.
    pub async fn deliveries_settled(&self) {
        self.system().outbox().settled().await;
    }
}

/// Everything that exists, for the control endpoint.
pub(crate) fn state(helpdesk: &impl Helpdesk) -> Value {
    let outbox = helpdesk.outbox();
    json!({
        "tickets": helpdesk.tickets(),
        "deliveries": outbox.deliveries(),
        "lost_deliveries": outbox.lost(),
    })
}

/// The calls of the control endpoint that all helpdesks have:
///
/// | call | meaning |
/// | --- | --- |
/// | `GET tickets` | all tickets |
/// | `POST tickets` | creates a ticket |
/// | `POST tickets/{id}` | changes it |
/// | `PUT webhook` | sends webhooks there from now on |
pub(crate) fn control<H: Helpdesk>(helpdesk: &H, request: &Request, path: &str) -> Option<Answer> {
    let ticket = path.strip_prefix("tickets/").and_then(|id| id.parse().ok());
    match (request.method.as_str(), path, ticket) {
        ("GET", "tickets", _) => Some(Answer::json(StatusCode::OK, &helpdesk.tickets())),
        ("POST", "tickets", _) => {
            let mut id = None;
            let answer = with_body(request, |new| id = Some(helpdesk.create(new)));
            Some(id.map_or(answer, |id| Answer::json(StatusCode::CREATED, &json!({ "id": id }))))
        }
        ("POST", _, Some(id)) => {
            let mut changed = true;
            let answer = with_body(request, |change| changed = helpdesk.change(id, change));
            let why =
                "there is no such ticket, the change isn't possible, or the ticket is like that already";
            Some(if changed { answer } else { refused(StatusCode::NOT_FOUND, why) })
        }
        ("PUT", "webhook", _) => Some(with_body(request, |webhook| helpdesk.set_webhook(webhook))),
        _ => None,
    }
}

/// The calls of the control endpoint by which a helpdesk loses deliveries:
///
/// | call | meaning |
/// | --- | --- |
/// | `PUT loss` | a [`Loss`] |
/// | `DELETE loss` | nothing is lost any more |
pub(crate) fn inject<H: Helpdesk>(helpdesk: &H, request: &Request, path: &str) -> Option<Answer> {
    match (request.method.as_str(), path) {
        ("PUT", "loss") => Some(with_body(request, |loss: Loss| helpdesk.outbox().lose(Some(loss)))),
        ("DELETE", "loss") => {
            helpdesk.outbox().lose(None);
            Some(done())
        }
        _ => None,
    }
}
