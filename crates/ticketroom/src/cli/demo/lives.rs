//! One ticket of each helpdesk lives its whole life: created, handed over, solved, archived,
//! reopened; another one is merged, and one deleted. What is right is said of the simulated
//! systems: after each part, and of all parts at the end.

use super::people::{Act, Agent};
use super::show::{Screen, Style, Watcher};
use super::stage::{Stage, TicketOnStage, wait_for};
use super::{PATIENCE, part};
use crate::cli::{Ended, Result};
use crate::clock::{Clock as _, SystemClock, Timestamp, until};
use crate::store::State;

/// The file that a person adds to a room, and the folder that it goes to.
const FILE: &str = "boot.log";
const FOLDER: &str = "Logs";
/// The role of an assignee in the demo's template: content creator.
const ASSIGNEE: i32 = 11;

/// What is opened in each helpdesk: the subject at first, and later on.
const LIVES: [(&str, &str, &str); 4] = [
    ("zendesk", "Laptop does not start", "Laptop of the sales team does not start"),
    ("freshdesk", "Order 2291 is missing", "Order 2291 and its return are missing"),
    ("jira", "Build server is slow", "Build server runs out of memory"),
    ("intranet", "Badge does not open the lab", "No badge opens the lab"),
];

/// A ticket, and what its room and its notes have to be like.
struct Life {
    ticket: TicketOnStage,
    status: &'static str,
    assignee: Agent,
    archived: bool,
    /// Each of these is in exactly one internal note of its.
    told: Vec<&'static str>,
}

/// All tickets that live.
pub(super) struct Lives(Vec<Life>);

impl Lives {
    /// The tickets.
    pub(super) fn tickets(&self) -> Vec<TicketOnStage> {
        self.0.iter().map(|life| life.ticket.clone()).collect()
    }

    /// What is wrong with them at the simulated systems; empty is right.
    pub(super) fn wrong(&self, stage: &Stage) -> Vec<String> {
        self.0.iter().flat_map(|life| life.wrong(stage)).collect()
    }
}

impl Life {
    fn wrong(&self, stage: &Stage) -> Vec<String> {
        let (key, tag) = (&self.ticket.key, self.ticket.key.tag());
        let mut rooms = stage.docspace.rooms();
        rooms.retain(|room| room.tags.contains(&tag));
        let [room] = rooms.as_slice() else { return vec![format!("{key}: {} rooms", rooms.len())] };
        let mut wrong = Vec::new();
        if room.archived != self.archived {
            let where_it_is = if room.archived { "in the archive" } else { "not in the archive" };
            wrong.push(format!("{key}: its room is {where_it_is}"));
        }
        if !room.title.ends_with(&format!(" – {}", self.ticket.subject)) {
            wrong.push(format!("{key}: its room is called “{}”", room.title));
        }
        let people: Vec<_> = room.members.iter().filter(|member| !member.is_group).collect();
        let is_assignee = people.iter().all(|member| {
            member.email.as_deref() == Some(self.assignee.email()) && member.access == ASSIGNEE
        });
        if people.len() != 1 || !is_assignee {
            let names: Vec<_> = people.iter().map(|member| member.name.as_str()).collect();
            wrong.push(format!(
                "{key}: its assignee is {}, and in the room are {names:?}",
                self.assignee.email()
            ));
        }
        let address = format!("/rooms/shared/{id}/filter?folder={id}", id = room.id);
        if !stage.link_in_ticket(&self.ticket).is_some_and(|link| link.ends_with(&address)) {
            wrong.push(format!("{key}: the room's link is not in the ticket"));
        }
        let notes = stage.notes_of(key);
        for told in &self.told {
            let times = notes.iter().filter(|note| note.contains(told)).count();
            if times != 1 {
                wrong.push(format!("{key}: {times} notes say “{told}”"));
            }
        }
        wrong
    }

    fn room(&self, stage: &Stage) -> Option<i64> {
        let tag = self.ticket.key.tag();
        stage.docspace.rooms().into_iter().find(|room| room.tags.contains(&tag)).map(|room| room.id)
    }
}

/// Plays the lives.
struct Play<'a> {
    stage: &'a Stage,
    screen: Screen,
    began: Timestamp,
}

/// Leads tickets through their lives, and shows what comes of it.
pub(super) async fn play(stage: &Stage, screen: Screen, watcher: &mut Watcher) -> Result<Lives> {
    let play = Play { stage, screen, began: watcher.began };
    let mut lives = Lives(Vec::new());

    screen.begin(
        "5. A ticket's life begins\nOne ticket in each helpdesk. From now on, its room goes with it.",
    )?;
    part(watcher, async {
        for (helpdesk, subject, _) in LIVES {
            let life = play.opened(helpdesk, subject).await?;
            play.say(&life, "Somebody opens it, and Anna is to work on it.")?;
            lives.0.push(life);
        }
        play.come_true(&lives).await
    })
    .await?;
    screen.say(Style::Good, "Each has its room, with Anna in it.")?;

    screen.begin(
        "6. Somebody else takes over\nThe room's title follows the subject, and access follows the assignee.",
    )?;
    part(watcher, async {
        for (life, (_, _, subject)) in lives.0.iter_mut().zip(LIVES) {
            play.say(life, "The subject is put right, and Ben takes over.")?;
            (life.ticket.subject, life.assignee) = (subject.to_owned(), Agent::Ben);
            play.act(life, &[Act::Rename(subject), Act::Assign(Agent::Ben)]).await?;
        }
        play.come_true(&lives).await
    })
    .await?;
    screen.say(Style::Good, "Each room has the new title. Ben has access, and Anna has none any more.")?;

    screen.begin(
        "7. A file in the room\nDocSpace's webhook tells of it. Once it is quiet there, the ticket gets a note.",
    )?;
    part(watcher, async {
        for life in &mut lives.0 {
            play.say(life, "Ben adds a file to the room, and changes it.")?;
            let room = life.room(stage).unwrap_or_default();
            stage.upload(Agent::Ben, room, FOLDER, FILE)?;
            stage.upload(Agent::Ben, room, FOLDER, FILE)?;
            life.told.push(FILE);
        }
        play.come_true(&lives).await
    })
    .await?;
    screen.say(Style::Good, "Each ticket has one internal note: who did what, with a link.")?;

    screen.begin("8. Solved\nAfter archive_after, days in earnest, the room goes into the archive.")?;
    part(watcher, async {
        for life in &mut lives.0 {
            play.say(life, "Ben solves it. The room stays open for a while.")?;
            (life.status, life.archived) = ("solved", true);
            play.act(life, &[Act::Solve]).await?;
        }
        play.come_true(&lives).await
    })
    .await?;
    screen.say(Style::Good, "Each room is in the archive, with its files, people and link.")?;

    screen.begin("9. Reopened\nThe same room comes back.")?;
    part(watcher, async {
        for life in &mut lives.0 {
            play.say(life, "It is opened again, and so is its room.")?;
            (life.status, life.archived) = ("open", false);
            play.act(life, &[Act::Reopen]).await?;
        }
        play.come_true(&lives).await
    })
    .await?;
    screen.say(Style::Good, "Each ticket has its room again, and the link is in the ticket.")?;

    merged_and_deleted(&play, watcher, &mut lives).await?;
    Ok(lives)
}

async fn merged_and_deleted(play: &Play<'_>, watcher: &mut Watcher, lives: &mut Lives) -> Result {
    play.screen.begin(
        "10. Merged and deleted\nSuch a ticket's room is archived at once. No room is ever deleted.",
    )?;
    part(watcher, async {
        for (helpdesk, subject) in [("freshdesk", "Where is order 2291"), ("zendesk", "Test, please ignore")]
        {
            let life = play.opened(helpdesk, subject).await?;
            play.say(&life, "Somebody opens it, and Anna is to work on it.")?;
            lives.0.push(life);
        }
        if !play.come_true(lives).await? {
            return Ok(false);
        }
        let [_, survivor, .., merged, deleted] = lives.0.as_mut_slice() else { return Ok(false) };
        let other = &survivor.ticket.key;
        play.say(merged, &format!("Anna merges it into {other}. Both are told."))?;
        play.act(merged, &[Act::MergeInto(other.clone())]).await?;
        (merged.archived, merged.told) = (true, vec!["This ticket was merged into ticket"]);
        survivor.told.push("was merged into this ticket");
        play.say(deleted, "Anna deletes it. The room is archived, not lost.")?;
        play.act(deleted, &[Act::Delete]).await?;
        deleted.archived = true;
        play.come_true(lives).await
    })
    .await?;
    play.screen.say(Style::Good, "Both rooms are in the archive. The other rooms stay as they are.")
}

impl Play<'_> {
    async fn opened(&self, helpdesk: &str, subject: &'static str) -> Result<Life> {
        let ticket = self.stage.open_for_anna(helpdesk, subject)?;
        let life = Life { ticket, status: "open", assignee: Agent::Anna, archived: false, told: Vec::new() };
        self.tell(&life).await?;
        Ok(life)
    }

    /// Somebody does that to a ticket that is said to be like that afterwards.
    async fn act(&self, life: &Life, acts: &[Act]) -> Result {
        for act in acts {
            self.stage.act(&life.ticket.key, act)?;
        }
        self.tell(life).await
    }

    async fn tell(&self, life: &Life) -> Result {
        if life.ticket.key.helpdesk.as_str() != "intranet" {
            return Ok(());
        }
        self.stage.tell(&life.ticket, life.status, life.assignee).await
    }

    /// Says what happens to a ticket now.
    fn say(&self, life: &Life, text: &str) -> Result {
        let now = until(self.began, SystemClock.now());
        self.screen.happened(now, &life.ticket.key.to_string(), Style::Bold, text)
    }

    /// Waits until the tickets are as they are said to be, and the service is done with them.
    /// `false` if that takes too long, and then it says what is wrong.
    async fn come_true(&self, lives: &Lives) -> Result<bool> {
        let store = self.stage.store().await?;
        let is_true = async || {
            for life in &lives.0 {
                let rests = if life.archived { State::Archived } else { State::Ready };
                let record = store.ticket(&life.ticket.key).await.ok().flatten();
                if record.is_none_or(|record| record.state != rests) {
                    return false;
                }
            }
            lives.wrong(self.stage).is_empty()
        };
        if wait_for(is_true, PATIENCE).await {
            return Ok(true);
        }
        let wrong = lives.wrong(self.stage).join("\n");
        if wrong.is_empty() { Ok(false) } else { Err(Ended::Failed(wrong)) }
    }
}
