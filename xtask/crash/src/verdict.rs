//! What became of every ticket, counted at the played systems, and compared with what the product says of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use simulator::docspace::RoomView;

use crate::book::Ticket;
use crate::replica::Replica;
use crate::stage::{Finding, Stage};

/// The end of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) tickets: usize,
    pub(crate) rooms: usize,
    /// Tickets that were acknowledged, and have no room or are unknown to the product.
    pub(crate) lost: usize,
    /// Rooms beyond the first one of a ticket, and rooms of no ticket.
    pub(crate) doubled: usize,
    /// Those of them that the product has put away.
    pub(crate) archived: usize,
    /// Anything else that isn't as it should be.
    pub(crate) wrong: usize,
    pub(crate) findings: Vec<Finding>,
}

impl Verdict {
    /// Whether nothing was lost, doubled or wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.lost + self.doubled + self.wrong == 0
    }
}

/// Counts everything. `replica` is asked what the product knows.
pub(crate) async fn reach(stage: &Stage, replica: &Replica) -> Verdict {
    let (tickets, rooms) = (stage.book.all(), stage.systems.docspace.rooms());
    // What was found on the way is wrong, too.
    let findings = stage.findings();
    let mut verdict = Verdict {
        tickets: tickets.len(),
        rooms: rooms.len(),
        wrong: findings.len(),
        findings,
        ..Verdict::default()
    };
    verdict.count_rooms_of_nobody(&tickets, &rooms);
    let pairs: Vec<_> = tickets.iter().map(|ticket| (ticket.desk, ticket.id.clone())).collect();
    let wrong_at_systems = stage.systems.wrong_with_each_opened(&pairs);
    let mut rooms_of: HashMap<String, Vec<RoomView>> = HashMap::new();
    for room in rooms {
        if let Some(tag) = room.tags.first() {
            rooms_of.entry(tag.clone()).or_default().push(room);
        }
    }
    for (ticket, wrong) in tickets.iter().zip(wrong_at_systems) {
        let its_rooms = rooms_of.remove(&ticket.desk.tag(&ticket.id)).unwrap_or_default();
        let told = replica.ask(&format!("tickets/{}/{}", ticket.desk.name(), ticket.id)).await;
        verdict.judge(stage, ticket, &its_rooms, wrong, told.as_ref());
    }
    verdict
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

    fn judge(
        &mut self,
        stage: &Stage,
        ticket: &Ticket,
        rooms: &[RoomView],
        mut wrong: Vec<String>,
        told: Option<&Value>,
    ) {
        let tag = ticket.desk.tag(&ticket.id);
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
        if rooms.len() > 1 {
            let archived = rooms.iter().filter(|room| room.archived).count();
            self.doubled += rooms.len() - 1;
            self.archived += archived;
            let ids: Vec<_> = rooms.iter().map(|room| (room.id, room.created, room.archived)).collect();
            self.find(ticket, format!("{tag}: DOUBLED (room, made at, archived): {ids:?}"));
            return;
        }
        if let (Some(told), [room]) = (told, rooms) {
            let address = stage.systems.member_address(room);
            let is_so = told["state"] == "ready"
                && told["room"]["id"] == room.id
                && told["room"]["url"] == address.as_str()
                && told["written_back"] == true;
            if !is_so {
                let mut told = told.clone();
                if let Some(told) = told.as_object_mut() {
                    told.remove("timeline");
                }
                wrong.push(format!("{tag}: has room {} at {address}, and the product says {told}", room.id));
            }
        }
        if !wrong.is_empty() {
            self.wrong += 1;
            self.find(ticket, wrong.join("; "));
        }
    }
}
