//! Whether a ticket and its room are in the end as they have to be, as the simulated systems have
//! them: where the room is, its title, folders and members, the link, and what the ticket was told.
//!
//! An active room follows its ticket in everything. An archived one can't be changed any more, so
//! it may lack what came shortly before; only if it was whole for a while when its ticket became
//! over, it has to be so still.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use simulator::docspace::{RoomView, WebhookDelivery};
use testbed::{Desk, FOLDERS, Note};

use crate::context::Context;
use crate::lives::{Life, Place, Upload};
use crate::people::{place, title, title_of, wrong_with_content};
use crate::receipts::Events;
use crate::tally::What;

/// What the ids of notes about files begin with.
const FILES: &str = "files-";
/// What the ids of all further notes begin with: nobody archives or deletes rooms in DocSpace.
const NOTES: [&str; 4] = [FILES, "merged-into-", "merged-from-", "follows-"];
/// Files within less than this are told together: the quiet period of the configuration, less a
/// second, since DocSpace tells times in whole seconds.
const TOGETHER: Duration = Duration::from_secs(1);
/// What the product must not think of what it did itself.
const MISTAKEN: [&str; 4] =
    ["somebody archived", "somebody took the room", "somebody removed", "somebody made"];

/// What the simulated systems hold in the end.
pub(crate) struct Ends<'a> {
    context: &'a Context,
    /// All lives, by their tags.
    lives: HashMap<String, Life>,
    /// What became of DocSpace's webhooks.
    sent: HashMap<(String, i64), Vec<Sent>>,
    /// Whose each uploaded file is.
    owners: BTreeMap<String, String>,
}

/// What became of one webhook.
#[derive(Debug, Clone, Copy)]
struct Sent {
    attempts: usize,
    delivered: bool,
}

impl<'a> Ends<'a> {
    /// As they are now, at the end.
    pub(crate) fn new(context: &'a Context) -> Self {
        let ends = Self::so_far(context);
        let lost = ends.sent.values().flatten().filter(|sent| sent.attempts == 0 && !sent.delivered);
        lost.for_each(|_| context.tally.count(What::WebhookLost));
        ends
    }

    /// As they are now.
    fn so_far(context: &'a Context) -> Self {
        let mut lives = HashMap::new();
        let mut owners = BTreeMap::new();
        for ticket in context.tickets.all() {
            let (tag, life) = (ticket.desk.tag(&ticket.id), ticket.life().clone());
            owners.extend(life.uploads.iter().map(|upload| (upload.title.clone(), tag.clone())));
            lives.insert(tag, life);
        }
        let mut sent: HashMap<(String, i64), Vec<Sent>> = HashMap::new();
        for WebhookDelivery { trigger, entry, attempts, delivered, .. } in
            context.systems.docspace.webhook_deliveries()
        {
            let of_one = sent.entry((trigger, entry)).or_default();
            of_one.push(Sent { attempts: attempts.len(), delivered });
        }
        Self { context, lives, sent, owners }
    }

    /// How many files tickets have to be told of and were not yet.
    pub(crate) fn untold(context: &'a Context) -> usize {
        let ends = Self::so_far(context);
        let of_one = |life: &Life| {
            if life.uploads.is_empty() || (life.ticket.desk == Desk::Jira && life.ticket.deleted) {
                return 0;
            }
            let notes = ends.notes_of(life);
            let is_untold = |upload: &&Upload| {
                let sent = ends.sent.get(&("file.uploaded".to_owned(), upload.file));
                let is_delivered = sent.and_then(|sent| sent.first()).is_some_and(|sent| sent.delivered);
                is_delivered
                    && !upload.excused
                    && !notes.iter().any(|note| note.text.contains(upload.title.as_str()))
            };
            life.uploads.iter().filter(is_untold).count()
        };
        ends.lives.values().map(of_one).sum()
    }

    /// What DocSpace has reported of a room.
    pub(crate) fn events_of(&self, room: i64) -> Events {
        let of_room = self.sent.iter().filter(|((_, entry), _)| *entry == room);
        of_room.map(|((trigger, _), sent)| (trigger.clone(), sent.len())).collect()
    }

    /// What is wrong with a ticket that has this one room.
    pub(crate) fn wrong_with(&self, life: &Life, room: &RoomView) -> Vec<String> {
        let mut wrong = Vec::new();
        if place(room) != life.belongs() {
            wrong.push(format!("the room belongs into {:?}, and is in {:?}", life.belongs(), place(room)));
        }
        match life.belongs() {
            // Where a deleted ticket is not shown any more, its room follows nothing, even if
            // somebody asked for it.
            Place::Active if life.ticket.deleted => wrong.extend(wrong_with_archived(life, room)),
            Place::Active => wrong.extend(wrong_with_active(life, room)),
            Place::Archive => {
                self.context.tally.count(What::Archived);
                if life.was_whole {
                    self.context.tally.count(What::ArchivedWhole);
                }
                wrong.extend(wrong_with_archived(life, room));
            }
        }
        // An issue that is deleted in Jira is gone with all that was written in it.
        if !(life.ticket.desk == Desk::Jira && life.ticket.deleted) {
            wrong.extend(self.wrong_with_link(life, room));
            wrong.extend(self.wrong_with_notes(life));
        }
        wrong
    }

    /// The ticket has its link once, and one note with it.
    fn wrong_with_link(&self, life: &Life, room: &RoomView) -> Vec<String> {
        let (systems, desk, id) = (&self.context.systems, life.ticket.desk, life.ticket.id.as_str());
        let mut wrong = Vec::new();
        let links = desk.links(systems, id);
        if links != [systems.member_address(room)] {
            wrong.push(format!("the links are {links:?}"));
        }
        let notes = self.notes_of(life);
        let (internal, public): (Vec<_>, Vec<_>) = notes.iter().partition(|note| note.internal);
        let of_link = internal.iter().filter(|note| note.is_link).count();
        if of_link != 1 || !public.is_empty() {
            wrong.push(format!(
                "{of_link} notes with the link for agents, {} that customers see",
                public.len()
            ));
        }
        wrong
    }

    /// All notes about the ticket, also those that merges have brought into others.
    fn notes_of(&self, life: &Life) -> Vec<Note> {
        let (systems, desk, id) = (&self.context.systems, life.ticket.desk, life.ticket.id.as_str());
        let mut notes = desk.notes_with(systems, id);
        for survivor in self.survivors(life) {
            notes.extend(desk.notes_brought(systems, id, &survivor.ticket.id));
        }
        notes
    }

    /// The tickets that it was merged into, one after the other.
    fn survivors(&self, life: &Life) -> Vec<&Life> {
        let mut survivors: Vec<&Life> = Vec::new();
        let mut into = life.merges.last();
        while let Some(next) = into.and_then(|id| self.lives.get(&life.ticket.desk.tag(id))) {
            if survivors.iter().any(|known| known.ticket.id == next.ticket.id)
                || next.ticket.id == life.ticket.id
            {
                break;
            }
            survivors.push(next);
            into = next.merges.last();
        }
        survivors
    }

    fn wrong_with_notes(&self, life: &Life) -> Vec<String> {
        let mut wrong = Vec::new();
        let notes = self.notes_of(life);
        let mut ids: Vec<&String> = notes.iter().flat_map(|note| &note.ids).collect();
        ids.sort_unstable();
        wrong.extend(
            ids.windows(2)
                .filter(|pair| pair.first() == pair.last())
                .map(|pair| format!("told twice: {pair:?}")),
        );
        let is_known = |id: &str| NOTES.iter().any(|begin| id.starts_with(begin));
        wrong.extend(ids.iter().filter(|id| !is_known(id)).map(|id| format!("a note {id}")));
        wrong.extend(self.wrong_with_merge(life, &ids));
        let of_files: Vec<&str> = notes
            .iter()
            .filter(|note| note.ids.iter().any(|id| id.starts_with(FILES)))
            .map(|note| note.text.as_str())
            .collect();
        wrong.extend(self.wrong_with_files(life, &of_files));
        wrong
    }

    /// Both tickets of a merge say so, if both could be written to ever since.
    fn wrong_with_merge(&self, life: &Life, ids: &[&String]) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(into) = life.ticket.merged_into.as_ref() else { return wrong };
        let desk = life.ticket.desk;
        let Some(other) = self.lives.get(&desk.tag(into)) else { return wrong };
        if life.was_deleted() || other.was_deleted() || other.belongs() != Place::Active || other.was_asked()
        {
            return wrong;
        }
        self.context.tally.count(What::MergeChecked);
        let expected = format!("merged-into-{into}");
        // What is closed in Zendesk can't be written to.
        if desk != Desk::Zendesk && !ids.iter().any(|id| **id == expected) {
            wrong.push(format!("it has no note {expected}"));
        }
        let expected = format!("merged-from-{}", life.ticket.id);
        let there = desk.further_notes(&self.context.systems, into);
        if !there.iter().any(|(id, _)| *id == expected) {
            wrong.push(format!("ticket {into} has no note {expected}"));
        }
        wrong
    }

    /// Each file is told once, and those of one folder within a quiet period together. DocSpace is
    /// asked for the room of each folder, and while it can't tell, only that folder's files wait.
    fn wrong_with_files(&self, life: &Life, notes: &[&str]) -> Vec<String> {
        let (mut wrong, mut periods) = (Vec::new(), 0);
        let tag = life.ticket.desk.tag(&life.ticket.id);
        let (mut last, mut folders) = (None, BTreeSet::new());
        for Upload { file, title, folder, at, excused } in &life.uploads {
            let sent = self.sent.get(&("file.uploaded".to_owned(), *file)).and_then(|sent| sent.first());
            let times: usize = notes.iter().map(|note| note.matches(title.as_str()).count()).sum();
            let is_delivered = sent.is_some_and(|sent| sent.delivered);
            match times {
                0 if is_delivered && !excused => wrong.push(format!("the file {title} was not told")),
                0 => {}
                1 => self.context.tally.count(What::Told),
                _ => wrong.push(format!("the file {title} was told {times} times")),
            }
            // One that was delivered late has a note of its own.
            let is_late = sent.is_none_or(|sent| sent.attempts != 1);
            let begins = last.is_none_or(|last| at.duration_since(last) >= TOGETHER);
            if begins {
                folders.clear();
            }
            periods += usize::from(is_late || folders.insert(folder));
            last = Some(*at);
        }
        if notes.len() > periods {
            wrong.push(format!("{} notes about the files of {periods} periods", notes.len()));
        }
        let foreign = self.owners.iter().filter(|(title, owner)| {
            **owner != tag && notes.iter().any(|note| note.contains(title.as_str()))
        });
        wrong.extend(foreign.map(|(title, owner)| format!("it was told of {title}, which is {owner}'s")));
        wrong
    }
}

fn wrong_with_active(life: &Life, room: &RoomView) -> Vec<String> {
    let mut wrong = wrong_with_content(room, life.ticket.assignee);
    if room.title != title(life) {
        wrong.push(format!("the room's title is {:?}, not {:?}", room.title, title(life)));
    }
    wrong
}

fn wrong_with_archived(life: &Life, room: &RoomView) -> Vec<String> {
    if life.was_whole {
        return wrong_with_active(life, room);
    }
    let mut wrong = Vec::new();
    let known: BTreeSet<&str> =
        life.assignees.iter().filter_map(|agent| agent.name()).chain(["Support"]).collect();
    let strangers = room.members.iter().filter(|member| !known.contains(member.name.as_str()));
    wrong.extend(strangers.map(|member| format!("{} is in the room", member.name)));
    let mut folders = room.folders.clone();
    folders.dedup();
    if folders.len() != room.folders.len() || !folders.iter().all(|folder| FOLDERS.contains(&folder.as_str()))
    {
        wrong.push(format!("folders {:?}", room.folders));
    }
    let of_subject = |subject: &String| room.title == title_of(&life.ticket.id, subject);
    let is_right = match &life.title_by_hand {
        Some(title) => room.title == *title,
        None => life.subjects.iter().any(of_subject),
    };
    if !is_right {
        wrong.push(format!("the room's title is {:?}", room.title));
    }
    wrong
}

/// What the product takes for the doing of people.
pub(crate) fn mistaken(timeline: &[serde_json::Value]) -> Vec<String> {
    let texts = timeline.iter().filter_map(|entry| entry["text"].as_str());
    let mistaken = texts.filter(|text| MISTAKEN.iter().any(|begin| text.starts_with(begin)));
    mistaken.map(|text| format!("the product says: {text}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::claims::tests::room;

    fn life() -> Life {
        Life::new(Desk::Zendesk, "4".to_owned(), "new")
    }

    #[test]
    fn an_active_room_follows_its_ticket_in_everything() {
        let (mut life, good) = (life(), room("zendesk:4", 7));
        assert_eq!(wrong_with_active(&life, &good), [""; 0]);
        life.ticket.assignee = testbed::Agent::Ben;
        assert_eq!(wrong_with_active(&life, &good).len(), 1, "the former assignee");
        life.ticket.assignee = testbed::Agent::Nobody;
        assert_eq!(wrong_with_active(&life, &good).len(), 1);
        life = self::life();
        life.ticket.subject = "newer".to_owned();
        assert_eq!(wrong_with_active(&life, &good).len(), 1, "the title");
        life.title_by_hand = Some(good.title.clone());
        assert_eq!(wrong_with_active(&life, &good), [""; 0]);
        let less = RoomView { folders: Vec::new(), ..good };
        assert_eq!(wrong_with_active(&life, &less).len(), 1);
    }

    #[test]
    fn an_archived_room_may_lack_what_came_late_unless_it_was_whole() {
        let (mut life, mut room) = (life(), room("zendesk:4", 7));
        life.subjects.push("newer".to_owned());
        life.ticket.subject = "newer".to_owned();
        room.folders.pop();
        room.members.pop();
        assert_eq!(wrong_with_archived(&life, &room), [""; 0]);
        life.was_whole = true;
        assert_eq!(wrong_with_archived(&life, &room).len(), 3);
        life.was_whole = false;
        "elsewhere".clone_into(&mut room.title);
        room.folders.push("Logs".to_owned());
        room.folders.push("Logs".to_owned());
        room.members.iter_mut().for_each(|member| "Ben Engineer".clone_into(&mut member.name));
        assert_eq!(wrong_with_archived(&life, &room).len(), 3);
    }

    #[tokio::test]
    #[allow(clippy::unwrap_used, reason = "a panic is a test's failure report")]
    async fn each_file_is_told_once_and_together_with_others() {
        let systems = testbed::Systems::try_start(simulator::docspace::Setup::default()).await.unwrap();
        let context = Context::new(systems, reqwest::Client::new());
        let now = Instant::now();
        let upload = |file: i64, at: Duration, excused| Upload {
            folder: "Logs".to_owned(),
            file,
            title: format!("upload{file}"),
            at: now + at,
            excused,
        };
        let mut life = life();
        life.uploads = vec![
            upload(1, Duration::ZERO, false),
            upload(2, Duration::from_millis(500), false),
            upload(3, Duration::from_secs(5), true),
        ];
        let mut ends = Ends::new(&context);
        for file in 1..=3 {
            let sent = vec![Sent { attempts: 1, delivered: true }];
            ends.sent.insert(("file.uploaded".to_owned(), file), sent);
        }
        ends.owners.insert("upload9".to_owned(), "zendesk:5".to_owned());
        let found = |notes: &[&str]| ends.wrong_with_files(&life, notes).len();
        assert_eq!(found(&["upload1, upload2"]), 0);
        assert_eq!(found(&["upload1, upload2", "upload3"]), 0);
        assert_eq!(found(&["upload1"]), 1, "one was not told");
        assert_eq!(found(&["upload1, upload2", "upload2"]), 1, "one was told twice");
        assert_eq!(found(&["upload1", "upload2", "upload3"]), 1, "one period, two notes");
        assert_eq!(found(&["upload1, upload2, upload9"]), 1, "one of another ticket");
    }

    #[test]
    fn what_the_product_did_itself_is_nobody_elses_doing() {
        let told = |text: &str| mistaken(&[json!({ "kind": "access_removed", "text": text })]).len();
        assert_eq!(told("somebody removed assignee anna from the room, who is not added again"), 1);
        assert_eq!(told("somebody renamed the room “x” in DocSpace; it keeps this title"), 0);
    }
}
