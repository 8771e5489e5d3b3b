//! Checks each ticket and each acknowledged delivery in the simulated systems, and compares them
//! with the product's records.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use simulator::docspace::RoomView;

use crate::claims::{self, Truth};
use crate::context::{Context, Finding};
use crate::ends::{Ends, mistaken};
use crate::receipts::Events;
use crate::replica::Replica;
use crate::tickets::Ticket;

/// The end of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) tickets: usize,
    pub(crate) rooms: usize,
    /// Acknowledged tickets without a room or unknown to the product, and acknowledged deliveries
    /// that the product doesn't have any more.
    pub(crate) lost: usize,
    /// Second rooms of tickets, and rooms of no ticket.
    pub(crate) doubled: usize,
    /// Those of them that the product has archived.
    pub(crate) archived: usize,
    /// All other findings.
    pub(crate) wrong: usize,
    pub(crate) findings: Vec<Finding>,
}

impl Verdict {
    /// Whether nothing was lost, doubled or wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.lost + self.doubled + self.wrong == 0
    }
}

/// Checks everything. `replica` shows the product's records.
pub(crate) async fn reach(context: &Context, replica: &Replica) -> Verdict {
    let (tickets, rooms) = (context.tickets.all(), context.systems.docspace.rooms());
    // Earlier findings count as well.
    let findings = context.findings();
    let mut verdict = Verdict {
        tickets: tickets.len(),
        rooms: rooms.len(),
        wrong: findings.len(),
        findings,
        ..Verdict::default()
    };
    verdict.count_rooms_of_nobody(&tickets, &rooms);
    let ends = Ends::new(context);
    let mut rooms_of: HashMap<String, Vec<RoomView>> = HashMap::new();
    for room in rooms {
        if let Some(tag) = room.tags.first() {
            rooms_of.entry(tag.clone()).or_default().push(room);
        }
    }
    for ticket in tickets {
        let its_rooms = rooms_of.remove(&ticket.desk.tag(&ticket.id)).unwrap_or_default();
        let told = replica.ask(&format!("tickets/{}/{}", ticket.desk.name(), ticket.id)).await;
        let facts = Facts {
            address: its_rooms.first().map(|room| context.systems.member_address(room)).unwrap_or_default(),
            wrong: match its_rooms.as_slice() {
                [room] => ends.wrong_with(&ticket.life(), room),
                _ => Vec::new(),
            },
            raised: its_rooms.iter().flat_map(|room| ends.events_of(room.id)).collect(),
            rooms: its_rooms,
        };
        verdict.judge(&ticket, facts, told.as_ref());
    }
    verdict
}

/// What the simulated systems hold of one ticket.
#[derive(Debug, Default)]
struct Facts {
    rooms: Vec<RoomView>,
    /// The address of its room.
    address: String,
    /// What is wrong there.
    wrong: Vec<String>,
    /// What DocSpace has reported of its rooms.
    raised: Events,
}

impl Verdict {
    fn find(&mut self, ticket: &Ticket, text: String) {
        self.findings.push(Finding { ticket: Some((ticket.desk, ticket.id.clone())), text });
    }

    fn count_rooms_of_nobody(&mut self, tickets: &[Arc<Ticket>], rooms: &[RoomView]) {
        let tags: HashSet<String> = tickets.iter().map(|ticket| ticket.desk.tag(&ticket.id)).collect();
        for room in rooms {
            if !matches!(room.tags.as_slice(), [tag] if tags.contains(tag)) {
                self.doubled += 1;
                let text = format!("room {} “{}” has the tags {:?}", room.id, room.title, room.tags);
                self.findings.push(Finding { ticket: None, text });
            }
        }
    }

    /// Checks one ticket: its rooms, what is wrong with it in the simulated systems, and the
    /// product's records.
    fn judge(&mut self, ticket: &Ticket, facts: Facts, told: Option<&Value>) {
        let Facts { rooms, address, wrong, raised } = facts;
        let rooms = rooms.as_slice();
        let tag = ticket.desk.tag(&ticket.id);
        let mut wrong: Vec<_> = wrong.into_iter().map(|finding| format!("{tag}: {finding}")).collect();
        let is_accepted = ticket.accepted().is_some();
        if !is_accepted {
            wrong.push(format!("{tag}: never acknowledged"));
        }
        if is_accepted && (rooms.is_empty() || told.is_none()) {
            self.lost += 1;
            let known = if told.is_some() { "known" } else { "unknown" };
            self.find(ticket, format!("{tag}: LOST: {} rooms, {known} to the product", rooms.len()));
            return;
        }
        if let Some(told) = told {
            let timeline = told["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
            let difference = ticket.compare(timeline, &raised);
            wrong.extend(mistaken(timeline).into_iter().map(|finding| format!("{tag}: {finding}")));
            self.lost += difference.lost;
            wrong.extend(difference.findings.into_iter().map(|finding| format!("{tag}: {finding}")));
        }
        if rooms.len() > 1 {
            let archived = rooms.iter().filter(|room| room.archived).count();
            self.doubled += rooms.len() - 1;
            self.archived += archived;
            let ids: Vec<_> = rooms.iter().map(|room| (room.id, room.created, room.archived)).collect();
            self.find(ticket, format!("{tag}: DOUBLED (room, made at, archived): {ids:?}"));
            return;
        }
        if let (Some(told), [room]) = (told, rooms) {
            let life = ticket.life();
            let claims = claims::wrong_with(told, &Truth { life: &life, room, address: &address });
            wrong.extend(claims.into_iter().map(|claim| format!("{tag}: {claim}")));
        }
        if !wrong.is_empty() {
            self.wrong += 1;
            self.find(ticket, wrong.join("; "));
        }
    }
}

#[cfg(test)]
mod tests {
    use testbed::{Act, Desk};

    use super::*;
    use crate::claims::tests::{room, told};
    use crate::receipts::Label;

    const ADDRESS: &str = "http://portal/rooms/shared/7/filter?folder=7";

    /// A ticket that was made and changed, of which one delivery was acknowledged.
    fn ticket(acknowledged: &[(&str, &str)]) -> Ticket {
        let ticket = Ticket::new(Desk::Zendesk, "4".to_owned(), "new", true);
        ticket.life().has_done(&Act::Rename("newer".to_owned()), false);
        for (event, id) in acknowledged {
            let label = Label { event: (*event).to_owned(), id: Some((*id).to_owned()) };
            ticket.send(&label);
            ticket.accept(&label);
        }
        ticket
    }

    fn judged(ticket: &Ticket, rooms: &[RoomView], told: Option<&Value>) -> [usize; 4] {
        let mut verdict = Verdict::default();
        let facts = Facts { rooms: rooms.to_vec(), address: ADDRESS.to_owned(), ..Facts::default() };
        verdict.judge(ticket, facts, told);
        let found = verdict.lost + verdict.doubled + verdict.wrong > 0;
        assert_eq!((verdict.findings.is_empty(), verdict.is_good()), (!found, !found));
        [verdict.lost, verdict.doubled, verdict.archived, verdict.wrong]
    }

    #[test]
    fn what_is_lost_doubled_or_wrong_is_counted() {
        let (one, created) = (room("zendesk:4", 7), [("ticket.created", "created-4")]);
        let accepted = ticket(&created);
        assert_eq!(judged(&accepted, std::slice::from_ref(&one), Some(&told())), [0, 0, 0, 0]);
        assert_eq!(judged(&accepted, &[], Some(&told())), [1, 0, 0, 0], "no room");
        assert_eq!(judged(&accepted, std::slice::from_ref(&one), None), [1, 0, 0, 0], "unknown");
        let archived = RoomView { archived: true, ..room("zendesk:4", 8) };
        assert_eq!(judged(&accepted, &[one.clone(), archived], Some(&told())), [0, 1, 1, 0]);
        assert_eq!(judged(&ticket(&[]), &[one], Some(&told())), [0, 0, 0, 1], "never acknowledged");
    }

    #[test]
    fn a_lost_delivery_is_noticed_though_another_one_of_its_ticket_made_the_room() {
        let accepted = ticket(&[
            ("ticket.created", "created-4"),
            ("ticket.created", "created-4"),
            ("ticket.subject_changed", "changed-4-1"),
        ]);
        assert_eq!(judged(&accepted, &[room("zendesk:4", 7)], Some(&told())), [1, 0, 0, 1]);
    }
}
