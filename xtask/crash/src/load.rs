//! The helpdesks: tickets are opened at a steady rate, and people do something with them meanwhile
//! (`people`). Deliveries are repeated, late and out of order, as helpdesks send them, and are
//! retried until they are acknowledged. Some are dropped: then a later one about the same ticket
//! follows, as nothing looks for tickets that nobody tells of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::StatusCode;
use testbed::{ADMIN_TOKEN, Desk};
use tokio::task::{JoinError, JoinSet};

use crate::Result;
use crate::context::Context;
use crate::lives::Place;
use crate::message::{Happening, Message};
use crate::people::{self, Next, People};
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
/// How many times people do something for each ticket that is opened, at most.
const BUSY: u32 = 3;
/// One of so many deliveries about a change is dropped.
const DROPPED: u32 = 8;

/// The helpdesks with the deliveries that are under way.
pub(crate) struct Senders {
    context: Arc<Context>,
    addresses: Arc<[String]>,
    deliveries: JoinSet<()>,
    rng: Rng,
    changes: u64,
}

/// Opens so many tickets a second until then, and lets them live. Returns the deliveries that are
/// not acknowledged yet.
///
/// # Errors
/// When a simulated helpdesk has no body for an event.
pub(crate) async fn open_tickets(
    context: Arc<Context>,
    addresses: Arc<[String]>,
    mut rng: Rng,
    rate: f64,
    until: Instant,
) -> Result<Senders> {
    let length = until.saturating_duration_since(Instant::now()).as_secs_f64();
    let pause = Duration::from_secs_f64((1.0 / rate).max(length / MOST_TICKETS));
    let deliveries = JoinSet::new();
    let mut senders =
        Senders { context: Arc::clone(&context), addresses, deliveries, rng: rng.fork(), changes: 0 };
    let mut desks: Vec<Desk> = Vec::new();
    let mut people = People::new(Arc::clone(&context));
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
        senders.send(&ticket, Happening::Created)?;
        for _ in 0..rng.u32(1..=BUSY) {
            let changes = match people.next(&mut rng) {
                Next::Nothing => continue,
                Next::Ask(ticket, wants) => {
                    senders.ask(ticket, wants);
                    continue;
                }
                Next::Changes(changes) => changes,
            };
            for change in changes.into_iter().filter(|change| people::change(&context, change)) {
                senders.tell(&change.ticket)?;
                tokio::time::sleep(people::short_pause(&mut rng)).await;
            }
        }
    }
    Ok(senders)
}

/// A delivery must end by being acknowledged.
pub(crate) fn note_end(context: &Context, ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended {
        context.find(format!("a helpdesk stopped sending: {error}"));
    }
}

impl Senders {
    /// Sends a message about what has just happened to a ticket, one to three times.
    fn send(&mut self, ticket: &Arc<Ticket>, happening: Happening) -> Result {
        let mut life = ticket.life();
        let message = Message::of(&self.context.systems, &life.ticket, happening, ticket.identified)?;
        let message = Arc::new(message);
        life.owed = false;
        for _ in 0..self.rng.u32(1..=3) {
            life.outstanding += 1;
            let delivery = Delivery {
                context: Arc::clone(&self.context),
                addresses: Arc::clone(&self.addresses),
                ticket: Arc::clone(ticket),
                message: Arc::clone(&message),
                rng: self.rng.fork(),
            };
            self.deliveries.spawn(delivery.until_acknowledged());
        }
        Ok(())
    }

    /// Tells of a change, unless the delivery is dropped.
    fn tell(&mut self, ticket: &Arc<Ticket>) -> Result {
        if self.rng.u32(..DROPPED) == 0 {
            self.context.tally.count(What::Dropped);
            ticket.life().owed = true;
            return Ok(());
        }
        self.tell_surely(ticket)
    }

    /// Sends what there is to say about a ticket now.
    ///
    /// # Errors
    /// When its helpdesk has nothing to say.
    pub(crate) fn tell_surely(&mut self, ticket: &Arc<Ticket>) -> Result {
        self.changes += 1;
        self.send(ticket, Happening::Changed(self.changes))
    }

    /// A person asks for a ticket's room to be there.
    fn ask(&mut self, ticket: Arc<Ticket>, wants: Place) {
        let room = ticket.room(&self.context.systems);
        let mut life = ticket.life();
        let is_there = room.as_ref().is_none_or(|room| people::place(room) == wants);
        let is_whole = life.is_settled() && room.is_some_and(|room| people::is_whole(&room, &life));
        life.ask(wants, is_there, is_whole);
        life.outstanding += 1;
        drop(life);
        self.context.tally.count(match wants {
            Place::Archive => What::AskedToArchive,
            Place::Active => What::AskedToReopen,
        });
        let (context, addresses) = (Arc::clone(&self.context), Arc::clone(&self.addresses));
        self.deliveries.spawn(until_taken(context, addresses, ticket, wants, self.rng.fork()));
    }

    /// The deliveries that are not acknowledged yet.
    pub(crate) fn into_deliveries(self) -> JoinSet<()> {
        self.deliveries
    }
}

/// Sends a person's request until it is taken.
async fn until_taken(
    context: Arc<Context>,
    addresses: Arc<[String]>,
    ticket: Arc<Ticket>,
    wants: Place,
    mut rng: Rng,
) {
    let what = match wants {
        Place::Archive => "archive",
        Place::Active => "reopen",
    };
    let mut certain = true;
    loop {
        let address = rng.choice(addresses.iter()).map_or("", String::as_str);
        let url = format!("{address}/api/v1/tickets/{}/{}/{what}", ticket.desk.name(), ticket.id);
        let request = context.client.post(url).bearer_auth(ADMIN_TOKEN).timeout(Duration::from_secs(6));
        match request.send().await.map(|answer| answer.status()) {
            Ok(StatusCode::ACCEPTED) => break,
            Ok(StatusCode::SERVICE_UNAVAILABLE) => {}
            Ok(status) => {
                context.find(format!("{what} of {} was answered by {status}", ticket.desk.tag(&ticket.id)));
            }
            Err(error) => certain &= error.is_connect(),
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(100..LATEST))).await;
    }
    let mut life = ticket.life();
    life.outstanding -= 1;
    life.word_taken(certain);
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
                Ok(true) => {
                    self.ticket.life().outstanding -= 1;
                    return;
                }
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
