//! What is wrong, counted where the rooms and the tickets are.

use std::collections::HashMap;

use simulator::docspace::RoomView;
use simulator::zendesk::TicketView;

use crate::systems::{FOLDERS, GROUP, ROOM_FIELD, Systems};

/// The number of DocSpace's role "editor".
const EDITOR: i32 = 10;

/// What is wrong with these tickets, one line each: lost, doubled or half done. Empty is right.
pub(crate) fn wrong(systems: &Systems, tickets: &[u64]) -> Vec<String> {
    let rooms = systems.docspace.rooms();
    let mut rooms_of: HashMap<&str, Vec<&RoomView>> = HashMap::new();
    for room in &rooms {
        for tag in &room.tags {
            rooms_of.entry(tag).or_default().push(room);
        }
    }
    let mut wrong = Vec::new();
    if rooms.len() != tickets.len() {
        wrong.push(format!("there are {} rooms for {} tickets", rooms.len(), tickets.len()));
    }
    for id in tickets {
        let its_rooms = rooms_of.get(format!("zendesk:{id}").as_str()).map(Vec::as_slice).unwrap_or_default();
        let problem = match (its_rooms, systems.zendesk.ticket(*id)) {
            ([room], Some(ticket)) => wrong_with(room, &ticket),
            (rooms, _) => Some(format!("has {} rooms", rooms.len())),
        };
        wrong.extend(problem.map(|problem| format!("ticket {id} {problem}")));
    }
    wrong
}

fn wrong_with(room: &RoomView, ticket: &TicketView) -> Option<String> {
    if room.archived || room.folders != FOLDERS {
        return Some(format!("has a room with the folders {:?}", room.folders));
    }
    let groups: Vec<_> = room.members.iter().filter(|member| member.name == GROUP).collect();
    if groups.len() != 1 || groups.iter().any(|group| group.access != EDITOR) {
        return Some(format!("has a room with the members {:?}", room.members));
    }
    let link = ticket.custom_fields.get(&ROOM_FIELD).and_then(|link| link.as_str()).unwrap_or_default();
    if !link.contains(&format!("/rooms/shared/{}/", room.id)) {
        return Some(format!("has the link “{link}”"));
    }
    let notes: Vec<_> =
        ticket.comments.iter().filter(|note| note.html_body.contains("[ticketroom:")).collect();
    if notes.len() != 1 || notes.iter().any(|note| note.public) {
        return Some(format!("has {} notes, or a public one", notes.len()));
    }
    None
}
