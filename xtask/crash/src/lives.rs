//! What people have done to a ticket and its room so far, what they may do next, and where the room
//! belongs.
//!
//! A room follows its ticket's status, unless a person asked for something else. Such a word counts
//! until the ticket changes after the product has heard it; before that, nobody can tell whether a
//! change came first. So nothing happens to a ticket between a word and the move that shows that it
//! was heard, and a word that moves nothing is a ticket's last event.

use std::time::{Duration, Instant};

use testbed::{Act, Agent, Desk, LifeTicket};

/// Effects of earlier changes are over after so long, unless a disturbance lasts.
const SETTLED: Duration = Duration::from_secs(8);

/// Where a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Active,
    Archive,
}

/// What people do to a ticket or its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doing {
    Rename,
    Assign,
    Solve,
    Close,
    Reopen,
    Delete,
    /// Bring it back after it was deleted or marked as spam.
    BringBack,
    Merge,
    AskToArchive,
    AskToReopen,
    Upload,
    /// Give the room another title in DocSpace.
    Retitle,
}

/// What a person asked for.
#[derive(Debug, Clone, Copy)]
struct Word {
    wants: Place,
    /// The product has taken it.
    taken: bool,
    /// A request without an answer may be carried out at any time, and a word that moves nothing
    /// can't be seen to be heard.
    is_last: bool,
    /// The room was moved, so it was heard.
    heard: bool,
}

/// A file that somebody uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) file: i64,
    pub(crate) title: String,
    /// The path of its folder in the room.
    pub(crate) folder: String,
    pub(crate) at: Instant,
    /// Soon afterwards, the ticket took no notes any more.
    pub(crate) excused: bool,
}

/// A ticket's life.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// As it is now.
    pub(crate) ticket: LifeTicket,
    /// All subjects that it had; the last one is the current one.
    pub(crate) subjects: Vec<String>,
    /// Everybody whom it was assigned to.
    pub(crate) assignees: Vec<Agent>,
    /// The title that a person gave the room.
    pub(crate) title_by_hand: Option<String>,
    pub(crate) uploads: Vec<Upload>,
    /// When it became over, everything was in the room as it should be, and had been for a while;
    /// none of it changed since.
    pub(crate) was_whole: bool,
    /// A delivery about it was dropped, and none has followed.
    pub(crate) owed: bool,
    /// How many requests about it are not answered by a success.
    pub(crate) outstanding: usize,
    word: Option<Word>,
    /// How it comes back.
    brought_back_by: Option<Act>,
    /// What it was merged into.
    pub(crate) merges: Vec<String>,
    changed: Instant,
}

impl Life {
    /// Of a new ticket.
    pub(crate) fn new(desk: Desk, id: String, subject: &str) -> Self {
        let ticket = LifeTicket::new(desk, id, subject);
        Self {
            subjects: vec![subject.to_owned()],
            assignees: vec![ticket.assignee],
            title_by_hand: None,
            uploads: Vec::new(),
            was_whole: false,
            owed: false,
            outstanding: 0,
            word: None,
            brought_back_by: None,
            merges: Vec::new(),
            changed: Instant::now(),
            ticket,
        }
    }

    /// Whether people work on the ticket.
    fn is_open(&self) -> bool {
        !self.ticket.deleted && self.ticket.status == "open" && self.ticket.merged_into.is_none()
    }

    /// Where the room belongs.
    pub(crate) fn belongs(&self) -> Place {
        match self.word {
            Some(word) => word.wants,
            None if self.is_open() => Place::Active,
            None => Place::Archive,
        }
    }

    /// Whether a person's word says where the room belongs.
    pub(crate) fn was_asked(&self) -> bool {
        self.word.is_some()
    }

    /// Whether it was ever deleted or marked as spam.
    pub(crate) fn was_deleted(&self) -> bool {
        self.brought_back_by.is_some()
    }

    /// Whether all that happened to it was told and answered.
    fn is_told(&self) -> bool {
        self.outstanding == 0 && !self.owed
    }

    /// Whether it is told, and has not changed for a while.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_told() && self.changed.elapsed() > SETTLED
    }

    /// Whether that may happen to it now, as far as its own life goes.
    pub(crate) fn allows(&self, doing: Doing) -> bool {
        let is_free = self.word.is_none();
        let is_in_use = self.is_open() && is_free;
        match doing {
            // A new subject ends a word, and a ticket that has one is never again as it was.
            Doing::Rename => !self.ticket.deleted && self.word.is_none_or(|word| word.heard && !word.is_last),
            Doing::Assign | Doing::Solve | Doing::Close => is_in_use,
            Doing::Merge => is_in_use && self.merges.is_empty(),
            Doing::Reopen => is_free && !self.ticket.deleted && !self.is_open(),
            Doing::Delete => is_free && !self.ticket.deleted,
            Doing::BringBack => is_free && self.ticket.deleted,
            Doing::AskToArchive | Doing::AskToReopen => is_free && self.is_told(),
            Doing::Upload => is_in_use,
            Doing::Retitle => is_in_use && self.title_by_hand.is_none() && self.is_settled(),
        }
    }

    /// What that is in the helpdesk; `None` if it is something else, or is told apart by its
    /// details.
    pub(crate) fn act(&self, doing: Doing, is_odd: bool) -> Option<Act> {
        Some(match doing {
            Doing::Solve => Act::Solve,
            Doing::Close => Act::Close,
            Doing::Reopen => Act::Reopen,
            Doing::Delete if is_odd && self.ticket.desk.supports(&Act::Spam) => Act::Spam,
            Doing::Delete => Act::Delete,
            Doing::BringBack => self.brought_back_by.clone()?,
            _ => return None,
        })
    }

    /// A person has done that in the helpdesk, when the room was `whole` or not.
    pub(crate) fn has_done(&mut self, act: &Act, whole: bool) {
        let takes_no_notes = match act {
            Act::Delete | Act::Spam => true,
            Act::Close | Act::MergeInto(_) => self.ticket.desk == Desk::Zendesk,
            _ => false,
        };
        if takes_no_notes {
            self.uploads.iter_mut().for_each(|upload| upload.excused = true);
        }
        match act {
            Act::Rename(subject) => {
                self.subjects.push(subject.clone());
                self.was_whole = false;
                self.word = None;
            }
            Act::Assign(agent) => self.assignees.push(*agent),
            Act::Delete => self.brought_back_by = Some(Act::Restore),
            Act::Spam => self.brought_back_by = Some(Act::NotSpam),
            Act::MergeInto(into) => self.merges.push(into.clone()),
            _ => {}
        }
        if self.is_open() {
            self.was_whole = false;
        } else if matches!(act, Act::Solve | Act::Close | Act::MergeInto(_) | Act::Delete | Act::Spam) {
            self.was_whole |= whole;
        }
        self.changed = Instant::now();
    }

    /// A person asks for the room to be there. It is there already if `is_there`; it was `whole` or
    /// not.
    pub(crate) fn ask(&mut self, wants: Place, is_there: bool, whole: bool) {
        // Where it moves nothing, nobody sees it.
        let is_last = is_there || self.belongs() == wants;
        self.was_whole = whole || (self.was_whole && wants == Place::Archive);
        self.word = Some(Word { wants, taken: false, is_last, heard: false });
        self.changed = Instant::now();
    }

    /// The product has taken the word; `certain` if every request for it was answered.
    pub(crate) fn word_taken(&mut self, certain: bool) {
        if let Some(word) = &mut self.word {
            word.taken = true;
            word.is_last |= !certain;
        }
    }

    /// Whether a look at the room would show that a word was heard.
    pub(crate) fn is_word_to_be_seen(&self) -> bool {
        self.word.is_some_and(|word| word.taken && !word.heard && !word.is_last)
    }

    /// The room was seen there.
    pub(crate) fn seen(&mut self, place: Place) {
        if let Some(word) = &mut self.word {
            word.heard |= word.taken && !word.is_last && word.wants == place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life() -> Life {
        Life::new(Desk::Zendesk, "4".to_owned(), "new")
    }

    fn done(life: &mut Life, act: &Act, status: &'static str, deleted: bool) {
        (life.ticket.status, life.ticket.deleted) = (status, deleted);
        life.has_done(act, true);
    }

    #[test]
    fn a_room_follows_its_ticket() {
        let mut life = life();
        assert_eq!((life.belongs(), life.allows(Doing::Reopen)), (Place::Active, false));
        done(&mut life, &Act::Solve, "solved", false);
        assert_eq!(
            (life.belongs(), life.was_whole, life.allows(Doing::Solve)),
            (Place::Archive, true, false)
        );
        done(&mut life, &Act::Reopen, "open", false);
        assert_eq!((life.belongs(), life.was_whole), (Place::Active, false));
        done(&mut life, &Act::Spam, "open", true);
        assert_eq!((life.belongs(), life.act(Doing::BringBack, false)), (Place::Archive, Some(Act::NotSpam)));
        done(&mut life, &Act::NotSpam, "open", false);
        assert_eq!(life.belongs(), Place::Active);
    }

    #[test]
    fn a_word_counts_until_the_ticket_changes_after_it_was_heard() {
        let mut life = life();
        life.ask(Place::Archive, false, true);
        assert_eq!(life.belongs(), Place::Archive);
        life.seen(Place::Archive);
        assert!(!life.allows(Doing::Rename), "it was not taken yet");
        life.word_taken(true);
        assert!(life.is_word_to_be_seen() && !life.allows(Doing::Solve));
        life.seen(Place::Active);
        assert!(!life.allows(Doing::Rename), "the room has not moved");
        life.seen(Place::Archive);
        assert!(life.allows(Doing::Rename));
        life.has_done(&Act::Rename("newer".to_owned()), true);
        assert_eq!((life.belongs(), life.was_whole), (Place::Active, false));
    }

    #[test]
    fn a_word_that_nobody_can_see_to_be_heard_is_the_last_event() {
        for (is_there, certain) in [(true, true), (false, false)] {
            let mut life = life();
            life.ask(Place::Archive, is_there, true);
            life.word_taken(certain);
            life.seen(Place::Archive);
            assert!(!life.allows(Doing::Rename) && !life.is_word_to_be_seen());
        }
        let mut life = life();
        life.ask(Place::Active, false, true);
        life.word_taken(true);
        life.seen(Place::Active);
        assert!(!life.allows(Doing::Rename), "it belongs there in any case");
    }

    #[test]
    fn files_of_a_ticket_that_takes_no_notes_are_not_missed() {
        for (act, excused) in [(Act::Solve, false), (Act::Close, true), (Act::Delete, true)] {
            let mut life = life();
            let (title, at) = ("file".to_owned(), Instant::now());
            life.uploads.push(Upload { file: 1, title, folder: String::new(), at, excused: false });
            life.has_done(&act, false);
            assert_eq!(life.uploads.iter().map(|upload| upload.excused).collect::<Vec<_>>(), [excused]);
        }
    }
}
