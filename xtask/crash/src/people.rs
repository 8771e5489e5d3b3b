//! What people do to tickets and rooms while the campaign runs: they change, assign, solve, close,
//! reopen, delete and merge tickets, ask for rooms to be archived and restored, upload files, and
//! give rooms titles.
//!
//! A ticket is ended or merged only once it has its link: what is closed can't be written to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use simulator::docspace::RoomView;
use testbed::{Act, Agent, FOLDERS};

use crate::context::Context;
use crate::lives::{Doing, Life, Place, Upload};
use crate::tally::What;
use crate::tickets::Ticket;

/// How often each of them happens, among all.
const USUAL: &[(Doing, usize)] = &[
    (Doing::Rename, 4),
    (Doing::Assign, 4),
    (Doing::Solve, 5),
    (Doing::Close, 1),
    (Doing::Reopen, 4),
    (Doing::Delete, 2),
    (Doing::BringBack, 2),
    (Doing::Merge, 2),
    (Doing::AskToArchive, 2),
    (Doing::AskToReopen, 2),
    (Doing::Upload, 5),
    (Doing::Retitle, 1),
];
/// Most happens to one of so many latest tickets, so that they live whole lives.
const RECENT: usize = 60;
/// So many tickets are looked at for one to which something can happen.
const LOOKS: usize = 12;

/// A change of a ticket, of which its helpdesk tells.
pub(crate) struct Change {
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) act: Act,
}

/// What follows from something that happens.
pub(crate) enum Next {
    /// These changes, one after the other.
    Changes(Vec<Change>),
    /// A person asks for the room to be there.
    Ask(Arc<Ticket>, Place),
    /// It is done.
    Nothing,
}

/// What people do.
pub(crate) struct People {
    context: Arc<Context>,
    bag: Vec<Doing>,
    renames: u64,
    files: u64,
}

impl People {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, bag: Vec::new(), renames: 0, files: 0 }
    }

    /// Chooses what happens next, and does what is done in DocSpace.
    pub(crate) fn next(&mut self, rng: &mut Rng) -> Next {
        self.see_words();
        // Drawn without replacement, so that nothing is left out for long.
        if self.bag.is_empty() {
            self.bag.extend(USUAL.iter().flat_map(|(doing, times)| std::iter::repeat_n(*doing, *times)));
            rng.shuffle(&mut self.bag);
        }
        let Some(doing) = self.bag.pop() else { return Next::Nothing };
        let tickets = &self.context.tickets;
        let mut tickets = if rng.u32(..4) > 0 { tickets.latest(RECENT) } else { tickets.all() };
        rng.shuffle(&mut tickets);
        let possible = tickets.iter().filter(|ticket| ticket.life().allows(doing)).take(LOOKS);
        let ready = |ticket: &&Arc<Ticket>| doing == Doing::Rename || ticket.has_link(&self.context.systems);
        let Some(ticket) = possible.into_iter().find(ready).cloned() else { return Next::Nothing };
        match doing {
            Doing::Rename => Next::Changes(self.renames(&ticket, rng)),
            Doing::Assign => Next::Changes(assignments(&ticket, rng)),
            Doing::Merge => self.merge(&ticket, &tickets),
            Doing::AskToArchive => Next::Ask(ticket, Place::Archive),
            Doing::AskToReopen => Next::Ask(ticket, Place::Active),
            Doing::Upload => self.upload(&ticket, rng),
            Doing::Retitle => self.retitle(&ticket),
            Doing::Solve | Doing::Close | Doing::Reopen | Doing::Delete | Doing::BringBack => {
                let act = ticket.life().act(doing, rng.bool());
                Next::Changes(
                    act.into_iter().map(|act| Change { ticket: Arc::clone(&ticket), act }).collect(),
                )
            }
        }
    }

    /// Looks which words were heard.
    fn see_words(&self) {
        for ticket in self.context.tickets.all() {
            if ticket.life().is_word_to_be_seen()
                && let Some(room) = ticket.room(&self.context.systems)
            {
                ticket.life().seen(place(&room));
            }
        }
    }

    fn renames(&mut self, ticket: &Arc<Ticket>, rng: &mut Rng) -> Vec<Change> {
        let change = |_| {
            self.renames += 1;
            let act = Act::Rename(format!("crash, changed {}", self.renames));
            Change { ticket: Arc::clone(ticket), act }
        };
        (0..rng.u32(1..=3)).map(change).collect()
    }

    fn merge(&self, ticket: &Arc<Ticket>, others: &[Arc<Ticket>]) -> Next {
        let survives = |other: &&Arc<Ticket>| {
            other.desk == ticket.desk
                && other.id != ticket.id
                && other.life().allows(Doing::Solve)
                && other.has_link(&self.context.systems)
        };
        let Some(other) = others.iter().find(survives) else { return Next::Nothing };
        let act = Act::MergeInto(other.id.clone());
        Next::Changes(vec![Change { ticket: Arc::clone(ticket), act }])
    }

    /// The assignee uploads some files into folders that are there.
    fn upload(&mut self, ticket: &Arc<Ticket>, rng: &mut Rng) -> Next {
        let docspace = &self.context.systems.docspace;
        let assignee = ticket.life().ticket.assignee.email().and_then(|email| docspace.user(email));
        let (Some(room), Some(user)) = (ticket.room(&self.context.systems), assignee) else {
            return Next::Nothing;
        };
        for _ in 0..rng.u32(1..=3) {
            let folder = rng.choice(room.folders.iter()).filter(|_| rng.bool()).map_or("", String::as_str);
            self.files += 1;
            let title = format!("upload{:05}", self.files);
            if rng.u32(..5) == 0 {
                docspace.lose_webhooks(1);
            }
            // Whoever is not in yet is refused.
            if let Ok(file) = docspace.by(user).upload_into(room.id, folder, &title) {
                self.context.tally.count(What::Uploaded);
                let (folder, at) = (folder.to_owned(), Instant::now());
                ticket.life().uploads.push(Upload { file, title, folder, at, excused: false });
            }
        }
        Next::Nothing
    }

    fn retitle(&self, ticket: &Arc<Ticket>) -> Next {
        let Some(room) = ticket.room(&self.context.systems) else { return Next::Nothing };
        let mut life = ticket.life();
        // A call for another title may be under way until the room has the last one.
        if place(&room) == Place::Active && room.title == title(&life) {
            let title = format!("By hand {}", ticket.id);
            self.context.systems.docspace.rename_room(room.id, &title);
            self.context.tally.count(What::Retitled);
            life.title_by_hand = Some(title);
        }
        Next::Nothing
    }
}

/// The ticket goes to others, and perhaps back, faster than anybody can follow.
fn assignments(ticket: &Arc<Ticket>, rng: &mut Rng) -> Vec<Change> {
    let mut agent = ticket.life().ticket.assignee;
    let mut change = |rng: &mut Rng| {
        let mut others = vec![Agent::Anna, Agent::Ben, Agent::Nobody];
        others.retain(|other| *other != agent);
        agent = rng.choice(others).unwrap_or(Agent::Anna);
        Change { ticket: Arc::clone(ticket), act: Act::Assign(agent) }
    };
    let times = rng.choice([1, 1, 2, 5]).unwrap_or(1);
    (0..times).map(|_| change(rng)).collect()
}

/// Where a room is.
pub(crate) fn place(room: &RoomView) -> Place {
    if room.archived { Place::Archive } else { Place::Active }
}

/// The title that a room has.
pub(crate) fn title(life: &Life) -> String {
    life.title_by_hand.clone().unwrap_or_else(|| title_of(&life.ticket.id, &life.ticket.subject))
}

/// The title that follows from a subject.
pub(crate) fn title_of(id: &str, subject: &str) -> String {
    format!("Ticket #{id} – {subject}")
}

/// Whether the room holds everything that the template says, and nobody else.
pub(crate) fn is_whole(room: &RoomView, life: &Life) -> bool {
    room.title == title(life) && wrong_with_content(room, life.ticket.assignee).is_empty()
}

/// What of an active room's folders and members is not as the template says.
pub(crate) fn wrong_with_content(room: &RoomView, assignee: Agent) -> Vec<String> {
    let mut wrong = Vec::new();
    if room.folders != FOLDERS {
        wrong.push(format!("folders {:?}", room.folders));
    }
    let mut expected: Vec<(&str, i32)> = vec![("Support", 10)];
    expected.extend(assignee.name().map(|name| (name, 11)));
    let mut members: Vec<(&str, i32)> =
        room.members.iter().map(|member| (member.name.as_str(), member.access)).collect();
    members.sort_unstable();
    expected.sort_unstable();
    if members != expected {
        wrong.push(format!("the members are {members:?}, not {expected:?}"));
    }
    wrong
}

/// Does a change in the helpdesk. `false` if it isn't possible.
pub(crate) fn change(context: &Context, change: &Change) -> bool {
    let Change { ticket, act } = change;
    let room = ticket.room(&context.systems);
    let mut life = ticket.life();
    let was_whole = life.is_settled() && room.is_some_and(|room| is_whole(&room, &life));
    if !life.ticket.act(&context.systems, act) {
        return false;
    }
    life.has_done(act, was_whole);
    let what = match act {
        Act::Assign(_) => What::Reassigned,
        Act::Solve | Act::Close => What::Solved,
        Act::Reopen => What::Reopened,
        Act::Delete | Act::Spam => What::Deleted,
        Act::Restore | Act::NotSpam => What::BroughtBack,
        Act::MergeInto(_) => What::Merged,
        _ => What::Renamed,
    };
    context.tally.count(what);
    true
}

/// The pause between two changes of one ticket.
pub(crate) fn short_pause(rng: &mut Rng) -> Duration {
    // Each has a time of its own.
    Duration::from_millis(rng.u64(1..200))
}
