//! The helpdesks: tickets are opened at a steady rate, and some are changed soon afterwards. What is said of each is
//! repeated, late and out of order, as helpdesks send it, and again until it was acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use simulator::{freshdesk, jira, zendesk};
use testbed::{Desk, Systems};
use tokio::task::{JoinError, JoinSet};

use crate::Result;
use crate::book::Ticket;
use crate::stage::Stage;
use crate::tally::What;
use crate::word::{Happening, Word};

/// So many tickets are opened at most, however long a campaign is: all of them are counted at its end.
const MOST_TICKETS: f64 = 3000.0;
/// So many may be unacknowledged; no more are opened meanwhile.
const MOST_OPEN: usize = 150;
/// How late a delivery may come.
const LATEST: u64 = 1500;
/// How late one in eight may come: after what has happened to the ticket since.
const MUCH_LATER: u64 = 12_000;
/// From so many of the latest tickets comes every other one that is changed: what was said before is still on its way.
const RECENT: usize = 8;

/// Opens so many tickets a second until then. What is returned are the deliveries that are still to be acknowledged.
///
/// # Errors
/// When a played helpdesk can't tell what has happened in it.
pub(crate) async fn open_tickets(
    stage: Arc<Stage>,
    doors: Arc<[String]>,
    mut rng: Rng,
    rate: f64,
    until: Instant,
) -> Result<JoinSet<()>> {
    let length = until.saturating_duration_since(Instant::now()).as_secs_f64();
    let pause = Duration::from_secs_f64((1.0 / rate).max(length / MOST_TICKETS));
    let mut senders = Senders { stage: Arc::clone(&stage), doors, deliveries: JoinSet::new() };
    let mut desks: Vec<Desk> = Vec::new();
    let mut changes = 0;
    while Instant::now() < until {
        tokio::time::sleep(pause).await;
        while let Some(ended) = senders.deliveries.try_join_next() {
            note_end(&stage, ended);
        }
        let (opened, accepted) = stage.book.counts();
        if opened - accepted >= MOST_OPEN {
            continue;
        }
        if desks.is_empty() {
            desks.extend(Desk::ALL);
            rng.shuffle(&mut desks);
        }
        let Some(desk) = desks.pop() else { continue };
        let ticket = stage.book.open(desk, &stage.systems, rng.bool());
        senders.say(&ticket, Happening::Created, &mut rng)?;
        if rng.u32(..4) == 0 {
            let tickets = if rng.bool() { stage.book.latest(RECENT) } else { stage.book.all() };
            let Some(ticket) = rng.choice(tickets) else { continue };
            for _ in 0..rng.u32(1..=3) {
                changes += 1;
                let subject = format!("crash, changed {changes}");
                change(&stage.systems, ticket.desk, &ticket.id, &subject);
                ticket.rename(&subject);
                senders.say(&ticket, Happening::Changed(changes), &mut rng)?;
                // Each has a time of its own.
                tokio::time::sleep(Duration::from_millis(rng.u64(1..200))).await;
            }
        }
    }
    Ok(senders.deliveries)
}

/// A delivery that ends in any other way than by being acknowledged is wrong.
pub(crate) fn note_end(stage: &Stage, ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended {
        stage.find(format!("a helpdesk stopped sending: {error}"));
    }
}

/// Somebody changes the subject over there.
pub(crate) fn change(systems: &Systems, desk: Desk, id: &str, subject: &str) {
    let (number, subject) = (id.parse().unwrap_or_default(), subject.to_owned());
    match desk {
        Desk::Zendesk => systems.zendesk.change_ticket(number, zendesk::Change::Subject(subject)),
        Desk::Freshdesk => systems.freshdesk.change_ticket(number, freshdesk::Change::Subject(subject)),
        Desk::Jira => systems.jira.change_ticket(number, jira::Change::Summary(subject)),
        // What it sends is all that there is.
        Desk::Generic => true,
    };
}

/// Who sends what helpdesks say.
struct Senders {
    stage: Arc<Stage>,
    doors: Arc<[String]>,
    deliveries: JoinSet<()>,
}

impl Senders {
    /// Says what has just happened to a ticket, one to three times.
    fn say(&mut self, ticket: &Arc<Ticket>, happening: Happening, rng: &mut Rng) -> Result {
        let subject = ticket.subjects().pop().unwrap_or_default();
        let systems = &self.stage.systems;
        let word = Word::of(systems, ticket.desk, &ticket.id, &subject, happening, ticket.identified)?;
        let word = Arc::new(word);
        for _ in 0..rng.u32(1..=3) {
            let delivery = Delivery {
                stage: Arc::clone(&self.stage),
                doors: Arc::clone(&self.doors),
                ticket: Arc::clone(ticket),
                word: Arc::clone(&word),
                rng: rng.fork(),
            };
            self.deliveries.spawn(delivery.until_acknowledged());
        }
        Ok(())
    }
}

/// One request of a helpdesk's, sent again until it is acknowledged.
struct Delivery {
    stage: Arc<Stage>,
    doors: Arc<[String]>,
    ticket: Arc<Ticket>,
    word: Arc<Word>,
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
                Err(error) => return self.stage.find(format!("a helpdesk can't send: {error}")),
            }
            tokio::time::sleep(Duration::from_millis(self.rng.u64(100..LATEST))).await;
        }
    }

    async fn is_acknowledged(&mut self) -> Result<bool> {
        let Self { stage, doors, ticket, word, rng } = self;
        let door = rng.choice(doors.iter()).map_or("", String::as_str);
        let (parcel, label) = word.request(ticket.next_request())?;
        let request = parcel.request(&stage.client, &format!("{door}{}", ticket.desk.endpoint()));
        stage.tally.count(What::Sent);
        ticket.send(&label);
        // As impatient as helpdesks are, by and large.
        let patience = Duration::from_millis(rng.u64(2000..6000));
        match request.timeout(patience).send().await {
            Ok(answer) if answer.status() == 200 => {
                stage.tally.count(What::Acknowledged);
                ticket.accept(&label);
                return Ok(true);
            }
            Ok(answer) => {
                stage.tally.count(What::Refused);
                if !matches!(answer.status().as_u16(), 429 | 503) {
                    let (status, tag) = (answer.status(), ticket.desk.tag(&ticket.id));
                    stage.find(format!("{door} of {tag} was answered by {status}"));
                }
            }
            Err(_) => stage.tally.count(What::Unanswered),
        }
        Ok(false)
    }
}
