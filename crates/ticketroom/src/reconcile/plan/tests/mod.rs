//! This ticket, this ledger, this time: these notes and effects.

mod access;
mod audits;
mod creation;
mod endings;
mod furnish;
mod late;
mod life;
mod notes;

use super::*;
use crate::helpdesk::{Absence, LinkInTicket, NoteState};
use crate::ledger::{
    AccessEntry, Creates, Entry, Granted, LifeEntry, LinkEntry, LocationEntry, Missing, MissingWhy, Refusal,
    WriteBackEntry,
};
use crate::reconcile::effect::{
    Access, ArchiveExtra, CreateRoom, Folders, FoldersStart, Link, Perform, WriteBack,
};
use crate::reconcile::observe::{RoomDetails, RoomNow};
use crate::reconcile::relations::Relations;
use crate::room::{LinkKind, Role, RoomId, RoomType};
use crate::store::UnreportedEvents;
use crate::template::{AccessRule, FolderTree, Follow, Grant, Subject, TitleTemplate, Who};
use crate::ticket::{Person, Status};

const SETTLE: Duration = Duration::from_secs(45);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn key() -> TicketKey {
    TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "7".parse().unwrap() }
}

fn template(link: LinkKind) -> Template {
    Template {
        name: "default".to_owned(),
        title: TitleTemplate::parse("T {{ ticket.id }} {{ ticket.subject }}").unwrap(),
        room_type: RoomType::Custom,
        folders: FolderTree::parse(["Logs", "Findings"]).unwrap(),
        access: vec![
            AccessRule { who: Who::Group("Support".to_owned()), role: Role::Editor },
            AccessRule { who: Who::Assignee, role: Role::Viewer },
        ],
        link,
        archive_after: None,
        follow: Follow::ALL,
        remove_former: true,
        notify: None,
    }
}

fn room(id: i64) -> Room {
    Room { id: RoomId(id), title: "T 7 x".to_owned() }
}

fn found(id: i64, empty: bool) -> FoundRoom {
    let files = u64::from(!empty);
    FoundRoom { room: room(id), archived: false, files, folders: 0, tags: vec![], created: None, owner: None }
}

fn grant(subject: Subject, role: Role) -> Grant {
    Grant { subject, role }
}

fn support() -> Grant {
    grant(Subject::Group("Support".to_owned()), Role::Editor)
}

fn granted(grant: Grant) -> Granted {
    let role = grant.role;
    Granted { grant, id: uuid::Uuid::nil(), role, by_hand: false }
}

fn made() -> RoomEntry {
    RoomEntry::Made { room: room(1), tagged: true, adopted: false }
}

/// A ledger of a ticket with everything done.
fn complete() -> Ledger {
    Ledger {
        template: Some("default".to_owned()),
        room: made(),
        folders: Entry::Done,
        access: AccessEntry {
            granted: vec![granted(support())],
            state: Entry::Done,
            ..AccessEntry::default()
        },
        link: LinkEntry::Done { url: "https://d/s/1".to_owned(), internal: false },
        write_back: WriteBackEntry {
            url: Some("https://d/s/1".to_owned()),
            noted: true,
            state: Entry::Done,
            ..WriteBackEntry::default()
        },
        ..Ledger::default()
    }
}

/// Everything that a plan depends on, ready to be changed by a test.
#[derive(Clone)]
struct Case {
    ticket: Ticket,
    absent: bool,
    link_in_ticket: LinkInTicket,
    absence: Absence,
    ledger: Ledger,
    tagged: Vec<FoundRoom>,
    tagged_by_others: Vec<FoundRoom>,
    untagged: Vec<FoundRoom>,
    room: Option<RoomNow>,
    details: Option<RoomDetails>,
    own: Option<uuid::Uuid>,
    relations: Relations,
    unreported: Option<UnreportedEvents>,
    more_unreported: Option<i64>,
    move_failed: bool,
    template: Option<Template>,
    takes_notes: bool,
    request: Option<PendingRequest>,
    begun: Vec<EffectKind>,
    noted: Vec<Note>,
    attempts: u32,
    asked: bool,
    writes_back: bool,
    link: LinkKind,
    looked: Option<Timestamp>,
    now: Timestamp,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            ticket: Ticket { subject: "x".to_owned(), ..Ticket::default() },
            absent: false,
            link_in_ticket: LinkInTicket::Unreadable,
            absence: Absence::NotShown,
            ledger: Ledger::default(),
            tagged: vec![],
            tagged_by_others: vec![],
            untagged: vec![],
            room: None,
            details: None,
            own: None,
            relations: Relations::default(),
            unreported: None,
            more_unreported: None,
            move_failed: false,
            template: None,
            takes_notes: true,
            request: None,
            begun: vec![],
            noted: vec![],
            attempts: 0,
            asked: false,
            writes_back: true,
            link: LinkKind::External,
            looked: None,
            now: at(0),
        }
    }
}

/// Writes the notes of a plan into the ledger, until there are no more.
fn apply_notes(case: &mut Case) -> Vec<Note> {
    let mut noted = Vec::new();
    loop {
        let notes = case.clone().plan().notes;
        assert!(noted.len() < 20, "there is no end: {noted:?}");
        if notes.is_empty() {
            return noted;
        }
        for note in notes {
            let mut seen = case.seen();
            let _ = note.apply(&mut case.ledger, &mut seen, case.now);
            Observation { room: case.room, details: case.details, unreported: case.unreported, .. } = seen;
            case.noted.push(note.clone());
            noted.push(note);
        }
    }
}

impl Case {
    fn seen(&self) -> Observation {
        let ticket = if self.absent {
            Observed::Absent(self.absence.clone())
        } else {
            Observed::Present { ticket: Box::new(self.ticket.clone()), link: self.link_in_ticket.clone() }
        };
        Observation {
            ticket,
            tagged: self.tagged.clone(),
            tagged_by_others: self.tagged_by_others.clone(),
            looked: self.looked.or(Some(self.now)),
            untagged: self.untagged.clone(),
            room: self.room,
            details: self.details.clone(),
            own: self.own,
            relations: self.relations.clone(),
            unreported: self.unreported.clone(),
            more_unreported: self.more_unreported,
            move_failed: self.move_failed,
        }
    }

    fn plan(self) -> Plan {
        let seen = self.seen();
        let template = self.template.unwrap_or_else(|| template(self.link));
        let rules = Rules::new(vec![], std::sync::Arc::new(template), vec![]);
        let begun: Vec<_> = self.begun.into_iter().map(|kind| EffectId { kind, target: None }).collect();
        plan(&Situation {
            key: &key(),
            seen: &seen,
            ledger: &self.ledger,
            rules: &rules,
            portal: &Url::parse("https://d/").unwrap(),
            writes_back: self.writes_back,
            takes_notes: self.takes_notes,
            asked: self.asked,
            request: self.request,
            attempts: self.attempts,
            begun: &begun,
            noted: &self.noted,
            now: self.now,
            settle: SETTLE,
        })
    }

    fn kinds(self) -> Vec<EffectKind> {
        let plan = self.plan();
        assert_eq!(plan.notes, [], "nothing is to be noted");
        plan.effects.iter().map(|effect| effect.id().kind).collect()
    }

    fn notes(self) -> Vec<Note> {
        let plan = self.plan();
        assert_eq!(plan.effects, [], "nothing is to be run");
        plan.notes
    }

    fn rest(self) -> Rest {
        let plan = self.plan();
        assert_eq!((plan.notes, plan.effects), (vec![], vec![]), "nothing is to be done");
        plan.rest
    }
}

/// A create without an answer, looked for since `first_look`.
fn pending_room(first_look: Option<i64>, attempt: u32, looks: u32) -> RoomEntry {
    RoomEntry::Pending {
        title: "T 7 x".to_owned(),
        since: at(0),
        attempt,
        looks,
        gave_up: None,
        first_look: first_look.map(at),
        refusal: None,
    }
}

fn with_room(room: RoomEntry) -> Ledger {
    Ledger { template: Some("default".to_owned()), room, ..Ledger::default() }
}

fn pending(first_look: i64, looks: u32) -> Ledger {
    with_room(pending_room(Some(first_look), 1, looks))
}
