//! The helpdesks: tickets are opened at a steady rate, and what is said of each is repeated, late and out of order, as
//! helpdesks send it, and again until it was acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use testbed::{Desk, Parcel, Systems};
use tokio::task::JoinSet;

use crate::book::Ticket;
use crate::stage::Stage;
use crate::tally::What;
use simulator::{freshdesk, jira, zendesk};

/// So many tickets are opened at most, however long a campaign is: all of them are counted at its end.
const MOST_TICKETS: f64 = 3000.0;
/// So many may be unacknowledged; no more are opened meanwhile.
const MOST_OPEN: usize = 150;
/// How late a delivery may come.
const LATEST: u64 = 1500;

/// Something that a helpdesk says.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// The ticket is there.
    Created,
    /// It has changed.
    Changed(u64),
}

/// Opens so many tickets a second until then. What is returned are the deliveries that are still to be acknowledged.
pub(crate) async fn open_tickets(
    stage: Arc<Stage>,
    doors: Arc<[String]>,
    mut rng: Rng,
    rate: f64,
    until: Instant,
) -> JoinSet<()> {
    let mut deliveries = JoinSet::new();
    let length = until.saturating_duration_since(Instant::now()).as_secs_f64();
    let pause = Duration::from_secs_f64((1.0 / rate).max(length / MOST_TICKETS));
    let mut desks: Vec<Desk> = Vec::new();
    let mut changes = 0;
    while Instant::now() < until {
        tokio::time::sleep(pause).await;
        while deliveries.try_join_next().is_some() {}
        let (opened, accepted) = stage.book.counts();
        if opened - accepted >= MOST_OPEN {
            continue;
        }
        if desks.is_empty() {
            desks.extend(Desk::ALL);
            rng.shuffle(&mut desks);
        }
        let Some(desk) = desks.pop() else { continue };
        let ticket = stage.book.open(desk, &stage.systems);
        for _ in 0..rng.u32(1..=3) {
            let delivery = Delivery::new(&stage, &doors, &ticket, Word::Created, &mut rng);
            deliveries.spawn(delivery.until_acknowledged());
        }
        if rng.u32(..4) == 0
            && let Some(ticket) = rng.choice(stage.book.all())
        {
            changes += 1;
            change(&stage.systems, &ticket, &format!("{} – again {changes}", ticket.subject));
            let delivery = Delivery::new(&stage, &doors, &ticket, Word::Changed(changes), &mut rng);
            deliveries.spawn(delivery.until_acknowledged());
        }
    }
    deliveries
}

/// One request of a helpdesk's, sent again until it is acknowledged.
struct Delivery {
    stage: Arc<Stage>,
    doors: Arc<[String]>,
    ticket: Arc<Ticket>,
    word: Word,
    rng: Rng,
}

impl Delivery {
    fn new(
        stage: &Arc<Stage>,
        doors: &Arc<[String]>,
        ticket: &Arc<Ticket>,
        word: Word,
        rng: &mut Rng,
    ) -> Self {
        Self {
            stage: Arc::clone(stage),
            doors: Arc::clone(doors),
            ticket: Arc::clone(ticket),
            word,
            rng: rng.fork(),
        }
    }

    async fn until_acknowledged(mut self) {
        tokio::time::sleep(Duration::from_millis(self.rng.u64(..LATEST))).await;
        while !self.is_acknowledged().await {
            tokio::time::sleep(Duration::from_millis(self.rng.u64(100..LATEST))).await;
        }
    }

    async fn is_acknowledged(&mut self) -> bool {
        let Self { stage, doors, ticket, word, rng } = self;
        let door = rng.choice(doors.iter()).map_or("", String::as_str);
        let parcel = parcel(&stage.systems, ticket, *word);
        let request = parcel.request(&stage.client, &format!("{door}{}", ticket.desk.door()));
        stage.tally.count(What::Sent);
        // As impatient as helpdesks are, by and large.
        let patience = Duration::from_millis(rng.u64(2000..6000));
        match request.timeout(patience).send().await {
            Ok(answer) if answer.status() == 200 => {
                stage.tally.count(What::Acknowledged);
                ticket.accept();
                true
            }
            Ok(answer) => {
                stage.tally.count(What::Refused);
                if !matches!(answer.status().as_u16(), 429 | 503) {
                    let status = answer.status();
                    stage.find(format!(
                        "{} of {} was answered by {status}",
                        door,
                        ticket.desk.tag(&ticket.id)
                    ));
                }
                false
            }
            Err(_) => {
                stage.tally.count(What::Unanswered);
                false
            }
        }
    }
}

/// What the helpdesk sends, signed now.
fn parcel(systems: &Systems, ticket: &Ticket, word: Word) -> Parcel {
    let Ticket { desk, id, subject, .. } = ticket;
    let number = id.parse().unwrap_or_default();
    let body = match (word, desk) {
        (Word::Created, _) => None,
        (Word::Changed(_), Desk::Zendesk) => systems.zendesk.event_body(number, "subject_changed"),
        (Word::Changed(_), Desk::Freshdesk) => {
            systems.freshdesk.created_body(number, freshdesk::Content::Simple)
        }
        (Word::Changed(_), Desk::Jira) => systems.jira.event_body(number, "jira:issue_updated"),
        (Word::Changed(change), Desk::Generic) => {
            return desk.created(systems, id, &format!("{subject} – again {change}"));
        }
    };
    match (body, word) {
        (Some(body), Word::Changed(change)) => desk.prove(body, &format!("changed-{id}-{change}")),
        _ => desk.created(systems, id, subject),
    }
}

/// Somebody changes the subject over there.
fn change(systems: &Systems, ticket: &Ticket, subject: &str) {
    let (number, subject) = (ticket.id.parse().unwrap_or_default(), subject.to_owned());
    match ticket.desk {
        Desk::Zendesk => systems.zendesk.change_ticket(number, zendesk::Change::Subject(subject)),
        Desk::Freshdesk => systems.freshdesk.change_ticket(number, freshdesk::Change::Subject(subject)),
        Desk::Jira => systems.jira.change_issue(number, jira::Change::Summary(subject)),
        // What it sends is all that there is.
        Desk::Generic => true,
    };
}
