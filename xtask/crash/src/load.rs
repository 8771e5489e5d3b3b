//! The helpdesks: tickets are opened at a steady rate, and some are changed soon afterwards. Deliveries are repeated, late and
//! out of order, as helpdesks send them, and are retried until they are acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use simulator::{freshdesk, jira, zendesk};
use testbed::{Desk, Systems};
use tokio::task::{JoinError, JoinSet};

use crate::Result;
use crate::context::Context;
use crate::message::{Happening, Message};
use crate::tally::What;
use crate::tickets::Ticket;

/// The most tickets of a campaign, however long it is: all of them are checked at its end.
const MOST_TICKETS: f64 = 3000.0;
/// With so many unacknowledged tickets, no more are opened.
const MOST_OPEN: usize = 150;
/// How late a delivery may come.
const LATEST: u64 = 1500;
/// How late one in eight may come: after later changes of the ticket.
const MUCH_LATER: u64 = 12_000;
/// Every other change is of one of so many latest tickets, whose earlier deliveries are still under way.
const RECENT: usize = 8;

/// Opens so many tickets a second until then. Returns the deliveries that are not acknowledged yet.
///
/// # Errors
/// When a simulated helpdesk has no body for an event.
pub(crate) async fn open_tickets(
    context: Arc<Context>,
    addresses: Arc<[String]>,
    mut rng: Rng,
    rate: f64,
    until: Instant,
) -> Result<JoinSet<()>> {
    let length = until.saturating_duration_since(Instant::now()).as_secs_f64();
    let pause = Duration::from_secs_f64((1.0 / rate).max(length / MOST_TICKETS));
    let mut senders = Senders { context: Arc::clone(&context), addresses, deliveries: JoinSet::new() };
    let mut desks: Vec<Desk> = Vec::new();
    let mut changes = 0;
    while Instant::now() < until {
        tokio::time::sleep(pause).await;
        while let Some(ended) = senders.deliveries.try_join_next() {
            note_end(&context, ended);
        }
        let (opened, accepted) = context.tickets.counts();
        if opened - accepted >= MOST_OPEN {
            continue;
        }
        if desks.is_empty() {
            desks.extend(Desk::ALL);
            rng.shuffle(&mut desks);
        }
        let Some(desk) = desks.pop() else { continue };
        let ticket = context.tickets.open(desk, &context.systems, rng.bool());
        senders.send(&ticket, Happening::Created, &mut rng)?;
        if rng.u32(..4) == 0 {
            let tickets = if rng.bool() { context.tickets.latest(RECENT) } else { context.tickets.all() };
            let Some(ticket) = rng.choice(tickets) else { continue };
            for _ in 0..rng.u32(1..=3) {
                changes += 1;
                let subject = format!("crash, changed {changes}");
                change(&context.systems, ticket.desk, &ticket.id, &subject);
                ticket.rename(&subject);
                senders.send(&ticket, Happening::Changed(changes), &mut rng)?;
                // Each has a time of its own.
                tokio::time::sleep(Duration::from_millis(rng.u64(1..200))).await;
            }
        }
    }
    Ok(senders.deliveries)
}

/// A delivery must end by being acknowledged.
pub(crate) fn note_end(context: &Context, ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended {
        context.find(format!("a helpdesk stopped sending: {error}"));
    }
}

/// A person changes the subject in the helpdesk.
pub(crate) fn change(systems: &Systems, desk: Desk, id: &str, subject: &str) {
    let (number, subject) = (id.parse().unwrap_or_default(), subject.to_owned());
    match desk {
        Desk::Zendesk => systems.zendesk.change_ticket(number, zendesk::Change::Subject(subject)),
        Desk::Freshdesk => systems.freshdesk.change_ticket(number, freshdesk::Change::Subject(subject)),
        Desk::Jira => systems.jira.change_ticket(number, jira::Change::Summary(subject)),
        // It has no tickets.
        Desk::Generic => true,
    };
}

/// Sends the helpdesks' messages.
struct Senders {
    context: Arc<Context>,
    addresses: Arc<[String]>,
    deliveries: JoinSet<()>,
}

impl Senders {
    /// Sends a message about what has just happened to a ticket, one to three times.
    fn send(&mut self, ticket: &Arc<Ticket>, happening: Happening, rng: &mut Rng) -> Result {
        let subject = ticket.subjects().pop().unwrap_or_default();
        let systems = &self.context.systems;
        let message = Message::of(systems, ticket.desk, &ticket.id, &subject, happening, ticket.identified)?;
        let message = Arc::new(message);
        for _ in 0..rng.u32(1..=3) {
            let delivery = Delivery {
                context: Arc::clone(&self.context),
                addresses: Arc::clone(&self.addresses),
                ticket: Arc::clone(ticket),
                message: Arc::clone(&message),
                rng: rng.fork(),
            };
            self.deliveries.spawn(delivery.until_acknowledged());
        }
        Ok(())
    }
}

/// One request of a helpdesk, sent again until it is acknowledged.
struct Delivery {
    context: Arc<Context>,
    addresses: Arc<[String]>,
    ticket: Arc<Ticket>,
    message: Arc<Message>,
    rng: Rng,
}

impl Delivery {
    async fn until_acknowledged(mut self) {
        let latest = if self.rng.u32(..8) == 0 { MUCH_LATER } else { LATEST };
        tokio::time::sleep(Duration::from_millis(self.rng.u64(..latest))).await;
        loop {
            match self.is_acknowledged().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => return self.context.find(format!("a helpdesk can't send: {error}")),
            }
            tokio::time::sleep(Duration::from_millis(self.rng.u64(100..LATEST))).await;
        }
    }

    async fn is_acknowledged(&mut self) -> Result<bool> {
        let Self { context, addresses, ticket, message, rng } = self;
        let address = rng.choice(addresses.iter()).map_or("", String::as_str);
        let (parcel, label) = message.request(ticket.next_request())?;
        let request = parcel.request(&context.client, &format!("{address}{}", ticket.desk.endpoint()));
        context.tally.count(What::Sent);
        ticket.send(&label);
        // About the timeouts of helpdesks.
        let patience = Duration::from_millis(rng.u64(2000..6000));
        match request.timeout(patience).send().await {
            Ok(answer) if answer.status() == 200 => {
                context.tally.count(What::Acknowledged);
                ticket.accept(&label);
                return Ok(true);
            }
            Ok(answer) => {
                context.tally.count(What::Refused);
                if !matches!(answer.status().as_u16(), 429 | 503) {
                    let (status, tag) = (answer.status(), ticket.desk.tag(&ticket.id));
                    context.find(format!("{address} of {tag} was answered by {status}"));
                }
            }
            Err(_) => context.tally.count(What::Unanswered),
        }
        Ok(false)
    }
}
