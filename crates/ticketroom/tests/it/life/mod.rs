//! A ticket's life after its room was created, in every kind of helpdesk. What is right is counted
//! at the simulated systems: the room's title, members and place, the notes and links in the
//! ticket, and how often each of them was written.

mod archive;
mod by_hand;
mod faults;
mod follow;
mod late;
mod merges;
mod reports;
mod requests;

use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::docspace::RoomView;
use testbed::{Act, Desk, LifeTicket, TEMPLATE, wait_until, wait_until_every};

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The test template, and this in it as well.
fn template(more: &str) -> String {
    format!("{TEMPLATE}\n{more}\n")
}

/// The name of a ticket in the API.
fn key(ticket: &LifeTicket) -> String {
    format!("{}/{}", ticket.desk.name(), ticket.id)
}

/// How often the timeline of a ticket has something of this kind.
fn times(view: &Value, kind: &str) -> usize {
    view["timeline"].as_array().unwrap().iter().filter(|entry| entry["kind"] == kind).count()
}

/// The name and the role of everybody in a room.
fn members(room: &RoomView) -> Vec<(&str, i32)> {
    let mut members: Vec<_> =
        room.members.iter().map(|member| (member.name.as_str(), member.access)).collect();
    members.sort_unstable();
    members
}

/// Everything that was done to a ticket and its room, as its systems have it.
#[derive(Debug, PartialEq)]
struct Everything {
    rooms: Vec<RoomView>,
    notes: Vec<testbed::Note>,
    links: Vec<String>,
    docspace_writes: u64,
    helpdesk_writes: u64,
}

impl World {
    /// Opens a ticket, and waits until its room is ready.
    async fn begin(&self, desk: Desk, subject: &str) -> LifeTicket {
        let ticket = LifeTicket::open(desk, &self.systems, subject);
        self.create(&ticket).await;
        ticket
    }

    /// Delivers that a ticket was created, and waits until its room is ready.
    async fn create(&self, ticket: &LifeTicket) {
        let created = ticket.created(&self.systems);
        assert_eq!(self.deliver_to(&ticket.desk.endpoint(), &created).await, 200);
        self.wait_for_state(&key(ticket), &["ready"]).await;
    }

    /// A person does that to a ticket, and its helpdesk reports it.
    async fn act(&self, ticket: &mut LifeTicket, act: Act) {
        assert!(ticket.act(&self.systems, &act), "{:?}: {act:?}", ticket.desk);
        self.tell(ticket).await;
    }

    /// The helpdesk reports the last change of a ticket.
    async fn tell(&self, ticket: &LifeTicket) {
        if ticket.desk == Desk::Zendesk && !self.passed().is_zero() {
            // Its deliveries are signed with its own time, and would be refused as too old.
            self.retry(&key(ticket)).await;
            return;
        }
        let changed = ticket.changed(&self.systems, fastrand::u64(..));
        assert_eq!(self.deliver_to(&ticket.desk.endpoint(), &changed).await, 200);
    }

    /// The room of a ticket, wherever it is.
    fn room(&self, ticket: &LifeTicket) -> RoomView {
        let mut rooms = self.systems.rooms_of(&ticket.desk.tag(&ticket.id));
        assert_eq!(rooms.len(), 1, "{rooms:#?}");
        rooms.remove(0)
    }

    /// Waits until the room of a ticket is in the archive and the ticket rests.
    async fn is_archived(&self, ticket: &LifeTicket) -> Value {
        let view = self.wait_for_state(&key(ticket), &["archived"]).await;
        assert!(self.room(ticket).archived, "{view:#}");
        view
    }

    /// Waits until the room of a ticket is active and the ticket rests.
    async fn is_active(&self, ticket: &LifeTicket) -> Value {
        let view = self.wait_for_state(&key(ticket), &["ready"]).await;
        assert!(!self.room(ticket).archived, "{view:#}");
        view
    }

    /// Waits until the ticket rests and its room is as a room of a ticket that Anna works on.
    async fn is_right(&self, ticket: &LifeTicket) -> Value {
        let view = self.is_active(ticket).await;
        let wrong = self.systems.wrong_with_opened(ticket.desk, &ticket.id);
        assert_eq!(wrong, [""; 0], "{view:#}");
        view
    }

    /// Waits until the ticket has a further note whose id begins like this, and returns the texts
    /// of all of those.
    async fn noted(&self, ticket: &LifeTicket, id: &str) -> Vec<String> {
        wait_until(&format!("{} has the note {id}", key(ticket)), async || {
            !self.further_notes(ticket, id).is_empty()
        })
        .await;
        self.further_notes(ticket, id)
    }

    /// The texts of the further notes of a ticket whose ids begin like this.
    fn further_notes(&self, ticket: &LifeTicket, id: &str) -> Vec<String> {
        let notes = ticket.desk.further_notes(&self.systems, &ticket.id).into_iter();
        notes.filter(|(found, _)| found.starts_with(id)).map(|(_, text)| text).collect()
    }

    fn everything(&self, ticket: &LifeTicket) -> Everything {
        let (desk, systems) = (ticket.desk, &self.systems);
        let docspace = systems.docspace.counters();
        let counters = desk.counters(systems);
        Everything {
            rooms: systems.rooms_of(&desk.tag(&ticket.id)),
            notes: desk.notes_with(systems, &ticket.id),
            links: desk.links(systems, &ticket.id),
            docspace_writes: docspace.writes + docspace.deletes,
            helpdesk_writes: desk.writing_calls().iter().map(|call| counters.of(call)).sum(),
        }
    }

    /// All is done: another run, as a person may ask for it, changes nothing anywhere.
    async fn nothing_follows(&self, ticket: &LifeTicket) {
        self.wait_until_all_rest().await;
        let before = self.everything(ticket);
        let reads = self.systems.docspace.counters().of("get_room");
        self.retry(&key(ticket)).await;
        wait_until("it was looked at", async || self.systems.docspace.counters().of("get_room") > reads)
            .await;
        self.wait_until_all_rest().await;
        assert_eq!(self.everything(ticket), before);
    }

    /// Waits until a condition holds, while the service's clock goes twenty times as fast.
    async fn hurry_until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let pause = Duration::from_millis(200);
        wait_until_every(pause, what, async || {
            self.jump(20 * pause);
            condition().await
        })
        .await;
    }

    /// How often DocSpace was called by these names.
    fn calls<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let counters = self.systems.docspace.counters();
        names.map(|name| counters.of(name))
    }
}

/// Waits until so much time has gone by.
async fn elapsed(since: Instant, time: Duration) {
    wait_until("the time has gone by", async || since.elapsed() >= time).await;
}
