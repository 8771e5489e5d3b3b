//! This ticket, this ledger, this time: these notes and effects.

mod access;
mod endings;
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
    has_more_unreported: bool,
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
            has_more_unreported: false,
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
            has_more_unreported: self.has_more_unreported,
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

#[test]
fn a_new_ticket_gets_a_room_and_one_that_has_a_room_already_gets_that() {
    let create = Case::default().plan();
    let expected = CreateRoom {
        template: "default".to_owned(),
        title: "T 7 x".to_owned(),
        room_type: RoomType::Custom,
        attempt: 1,
    };
    assert_eq!(create.effects, [expected.into()]);
    let adopt = Case { tagged: vec![found(3, false), found(4, true)], ..Case::default() }.notes();
    let expected = Note::Adopt { template: "default".to_owned(), room: room(3), tagged: true };
    assert_eq!(adopt, [expected], "the lowest number");
}

#[test]
fn tickets_that_are_over_get_no_room() {
    for (status, skipped) in
        [(Status::Closed, true), (Status::Deleted, true), (Status::Solved, false), (Status::Pending, false)]
    {
        let ticket = Ticket { status, ..Ticket::default() };
        let plan = Case { ticket, ..Case::default() }.plan();
        assert_eq!(
            matches!(plan.rest, Rest::Skipped { .. }) && plan.effects.is_empty(),
            skipped,
            "{status:?}"
        );
    }
}

#[test]
fn an_unanswered_create_is_looked_for_until_it_has_settled() {
    let waiting =
        |now, looks| match (Case { ledger: pending(0, looks), now: at(now), ..Case::default() }).rest() {
            Rest::Waiting { until, .. } => until.duration_since(at(now)).as_millis(),
            other => panic!("{other:?}"),
        };
    assert_eq!([waiting(1, 0), waiting(2, 1), waiting(9, 4), waiting(20, 9)], [500, 1000, 10_000, 10_000]);
    assert_eq!(waiting(44, 9), 1000, "not beyond the time when it has settled");

    let tagged = Case { ledger: pending(0, 0), tagged: vec![found(5, true)], now: at(1), ..Case::default() };
    assert!(matches!(tagged.notes()[..], [Note::Adopt { .. }]));
    let early = Case { ledger: pending(0, 0), untagged: vec![found(5, true)], now: at(1), ..Case::default() };
    assert!(matches!(early.rest(), Rest::Waiting { .. }), "every room is without tags for a moment");
    // Paused between the look and the thought: what was looked for too early says nothing, and is
    // looked for again.
    let stale = Case { ledger: pending(0, 9), looked: Some(at(44)), now: at(60), ..Case::default() }.rest();
    assert!(matches!(stale, Rest::Waiting { until, .. } if until == at(60)), "{stale:?}");
    let late = Case { ledger: pending(0, 9), untagged: vec![found(5, true)], now: at(45), ..Case::default() };
    let expected = Note::Adopt { template: "default".to_owned(), room: room(5), tagged: false };
    assert_eq!(late.notes(), [expected]);
    let gone = Case { ledger: pending(0, 9), now: at(45), ..Case::default() }.plan();
    assert!(matches!(gone.effects[..], [Effect::CreateRoom(CreateRoom { attempt: 2, .. })]), "{gone:?}");
}

#[test]
fn a_room_is_furnished_side_by_side() {
    let bare = Ledger { template: Some("default".to_owned()), room: made(), ..Ledger::default() };
    let kinds = Case { ledger: bare.clone(), begun: vec![CreateRoom::KIND], ..Case::default() }.kinds();
    assert_eq!(kinds, [Folders::KIND, Access::KIND, Link::KIND]);
    let member = Case { ledger: bare.clone(), link: LinkKind::Member, ..Case::default() }.plan();
    let url = "https://d/rooms/shared/1/filter?folder=1".to_owned();
    assert!(member.notes.contains(&Note::Link { url }), "{member:?}");
    let under_way = vec![Folders::KIND, Access::KIND, Link::KIND];
    let linked =
        Ledger { link: LinkEntry::Done { url: "https://d/s/1".to_owned(), internal: false }, ..bare };
    let kinds = Case { ledger: linked.clone(), begun: under_way.clone(), ..Case::default() }.kinds();
    assert_eq!(kinds, [WriteBack::KIND], "as soon as there is a link, whatever else goes on");
    let nowhere = Case { ledger: linked, begun: under_way, writes_back: false, ..Case::default() };
    assert_eq!(nowhere.kinds(), []);
}

#[test]
fn folders_start_by_what_is_known_of_them() {
    let start = |folders, begun: &[EffectKind], adopted, now| {
        let room = RoomEntry::Made { room: room(1), tagged: true, adopted };
        let ledger = Ledger { room, folders, ..complete() };
        let plan = Case { ledger, begun: begun.to_vec(), now: at(now), ..Case::default() }.plan();
        match plan.effects[..] {
            [Effect::Folders(Folders { start, .. })] => start,
            _ => panic!("{plan:?}"),
        }
    };
    let create = [CreateRoom::KIND];
    assert_eq!(start(Entry::NotBegun, &create, false, 0), FoldersStart::Empty);
    assert_eq!(start(Entry::NotBegun, &[], false, 0), FoldersStart::Unknown);
    assert_eq!(start(Entry::NotBegun, &[], true, 0), FoldersStart::Unknown);
    let pending = Entry::Pending { since: at(0) };
    assert_eq!(start(pending, &[], false, 10), FoldersStart::Settling(at(45)));
    assert_eq!(start(pending, &[], false, 45), FoldersStart::Unknown);
}

#[test]
fn the_note_is_looked_for_whenever_it_may_be_there() {
    let note_in = |begun: &[EffectKind], noted, state, adopted, url: Option<&str>, link_in_ticket| {
        let write_back =
            WriteBackEntry { url: url.map(str::to_owned), noted, state, ..WriteBackEntry::default() };
        let room = RoomEntry::Made { room: room(1), tagged: true, adopted };
        let ledger = Ledger { room, write_back, ..complete() };
        Case { ledger, link_in_ticket, begun: begun.to_vec(), ..Case::default() }.plan()
    };
    let note = |noted, state, adopted, url: Option<&str>, link_in_ticket| {
        note_in(&[CreateRoom::KIND], noted, state, adopted, url, link_in_ticket)
    };
    let written = |plan: Plan| match &plan.effects[..] {
        [Effect::WriteBack(WriteBack { note, .. })] => *note,
        other => panic!("{other:?}"),
    };
    let pending = Entry::Pending { since: at(0) };
    let unreadable = || LinkInTicket::Unreadable;
    let is = |link: &str| LinkInTicket::Is(link.to_owned());
    let done = |link| note(true, Entry::Done, false, Some("https://d/s/1"), link);
    assert_eq!(written(note(false, Entry::NotBegun, false, None, unreadable())), NoteState::Missing);
    assert_eq!(written(note(false, Entry::NotBegun, false, None, LinkInTicket::Missing)), NoteState::Missing);
    let in_a_later_run = note_in(&[], false, Entry::NotBegun, false, None, unreadable());
    assert_eq!(written(in_a_later_run), NoteState::Uncertain, "the ledger may be a backup's");
    assert_eq!(written(note(false, pending, false, None, LinkInTicket::Missing)), NoteState::Settling);
    let settled = Entry::Pending { since: at(-45) };
    assert_eq!(written(note(false, settled, false, None, LinkInTicket::Missing)), NoteState::Uncertain);
    assert_eq!(
        written(note(true, Entry::Done, false, Some("https://d/s/old"), unreadable())),
        NoteState::Written
    );
    assert_eq!(written(done(is("https://elsewhere"))), NoteState::Written);
    assert_eq!(written(done(LinkInTicket::Missing)), NoteState::Written, "somebody removed it");
    let quiet = |noted, state| {
        let write_back = WriteBackEntry { noted, state, ..WriteBackEntry::default() };
        let ledger = Ledger { write_back, quiet: true, ..complete() };
        written(Case { ledger, begun: vec![CreateRoom::KIND], ..Case::default() }.plan())
    };
    assert_eq!(quiet(false, Entry::NotBegun), NoteState::Unwanted);
    assert_eq!(quiet(false, pending), NoteState::Unwanted, "filling the place again is harmless");
    assert_eq!(quiet(true, Entry::Done), NoteState::Written);
    let there = note(false, pending, false, None, is("https://d/s/1"));
    assert_eq!(there.notes, [Note::WrittenBack], "the place of the link is filled last");
    let nothing = |plan: Plan| plan.notes.is_empty() && plan.effects.is_empty();
    assert!(nothing(done(is("https://d/s/1"))));
    assert!(nothing(done(unreadable())), "a field may not be readable");
}

#[test]
fn a_link_that_something_else_changes_is_put_right_once_an_hour() {
    let repaired = |repaired_at, refused, now, asked| {
        let write_back = WriteBackEntry {
            url: Some("https://d/s/1".to_owned()),
            noted: true,
            state: Entry::Done,
            repaired_at,
            refused,
            ..WriteBackEntry::default()
        };
        let room = RoomEntry::Made { room: room(1), tagged: true, adopted: false };
        let ledger = Ledger { room, write_back, ..complete() };
        let link_in_ticket = LinkInTicket::Missing;
        let plan = Case { ledger, link_in_ticket, now: at(now), asked, ..Case::default() }.plan();
        !plan.effects.is_empty()
    };
    assert!(repaired(None, false, 10, false));
    assert!(!repaired(Some(at(0)), false, 10, false));
    assert!(repaired(Some(at(0)), false, 10, true), "a person asked");
    assert!(repaired(Some(at(0)), false, 3600, false));
    assert!(!repaired(None, true, 10, false), "it would be refused again");
    assert!(repaired(None, true, 10, true), "a person asked");
}

#[test]
fn tickets_that_are_over_are_not_written_to() {
    let steps = |status, noted: bool| {
        let url = noted.then(|| "https://d/s/1".to_owned());
        let write_back = WriteBackEntry { url, noted, ..WriteBackEntry::default() };
        let room = RoomEntry::Made { room: room(1), tagged: true, adopted: false };
        let life = LifeEntry { over_since: Some(at(0)), ..LifeEntry::default() };
        let location = LocationEntry { kept_active: status == Status::Deleted, ..LocationEntry::default() };
        let ledger = Ledger { room, write_back, life, location, ..complete() };
        let ticket = Ticket { status, ..Ticket::default() };
        Case { ledger, ticket, link_in_ticket: LinkInTicket::Missing, ..Case::default() }.plan().effects.len()
    };
    assert_eq!((steps(Status::Solved, true), steps(Status::Solved, false)), (1, 1));
    assert_eq!((steps(Status::Closed, true), steps(Status::Closed, false)), (0, 1));
    assert_eq!((steps(Status::Deleted, true), steps(Status::Deleted, false)), (0, 0));
}

#[test]
fn tickets_that_are_not_there_are_told_apart() {
    let rest = |absence, ledger, attempts| {
        Case { absent: true, absence, ledger, attempts, ..Case::default() }.plan().rest
    };
    let not_wanted = || Absence::NotWanted("it is in project HR".to_owned());
    assert!(matches!(rest(Absence::NotShown, Ledger::default(), 0), Rest::Waiting { .. }));
    assert!(matches!(rest(Absence::NotShown, Ledger::default(), 3), Rest::Blocked { .. }));
    for absence in [Absence::Deleted, not_wanted()] {
        assert!(matches!(rest(absence, Ledger::default(), 0), Rest::Skipped { .. }));
    }
    for absence in [Absence::NotShown, not_wanted()] {
        let rest = rest(absence, complete(), 0);
        assert!(
            matches!(&rest, Rest::Ready { remark: Some(remark), .. } if remark.is(&reasons::GONE)),
            "{rest:?}"
        );
    }
}

#[test]
fn a_complete_ticket_rests_and_a_new_assignee_gets_in() {
    assert_eq!(
        Case { ledger: complete(), ..Case::default() }.rest(),
        Rest::Ready { next: None, remark: None }
    );
    let assignee = Some(Person { name: None, email: Some("b@example.com".to_owned()) });
    let ticket = Ticket { subject: "x".to_owned(), assignee, ..Ticket::default() };
    let plan = Case { ledger: complete(), ticket, ..Case::default() }.plan();
    let grants = vec![grant(Subject::Assignee("b@example.com".to_owned()), Role::Viewer)];
    let (lost, members, asked, ours) = (vec![], None, vec![], vec![uuid::Uuid::nil()]);
    assert_eq!(plan.effects, [Access { room: RoomId(1), grants, lost, members, asked, ours }.into()]);
}

#[test]
fn whoever_is_missing_blocks_only_while_the_template_wants_them() {
    let missing = |grant| Missing { grant, why: MissingWhy::Unknown };
    let rest = |grant: Grant, begun: &[EffectKind], attempts| {
        let mut ledger = complete();
        ledger.access.granted.retain(|granted| granted.grant != grant);
        ledger.access.missing = vec![missing(grant)];
        Case { ledger, begun: begun.to_vec(), attempts, ..Case::default() }.rest()
    };
    let Rest::Blocked { reason, again } = rest(support(), &[Access::KIND], 0) else { panic!("not blocked") };
    assert!(reason.is(&docspace_reasons::GROUP_UNKNOWN) && reason.text.contains("“Support”"), "{reason}");
    assert_eq!(again, Some(at(15 * 60)));
    let Rest::Blocked { again, .. } = rest(support(), &[Access::KIND], 9) else { panic!("not blocked") };
    assert_eq!(again, Some(at(16 * 15 * 60)));
    let former = grant(Subject::Group("Former".to_owned()), Role::Editor);
    assert_eq!(rest(former, &[], 0), Rest::Ready { next: None, remark: None });
}

#[test]
fn whoever_was_refused_is_not_asked_for_with_every_delivery() {
    let kinds = |why, now, asked| {
        let mut ledger = complete();
        ledger.access.granted.clear();
        ledger.access.missing = vec![Missing { grant: support(), why }];
        ledger.access.refused_until = Some(at(3600));
        Case { ledger, now: at(now), asked, ..Case::default() }.kinds()
    };
    assert_eq!(kinds(MissingWhy::Forbidden, 10, false), []);
    assert_eq!(kinds(MissingWhy::NotAdded, 10, false), []);
    assert_eq!(kinds(MissingWhy::Unknown, 10, false), [Access::KIND], "a look-up costs no write");
    assert_eq!(kinds(MissingWhy::Forbidden, 10, true), [Access::KIND], "a person asks");
    assert_eq!(kinds(MissingWhy::Forbidden, 3600, false), [Access::KIND]);
}

#[test]
fn what_people_did_to_the_room_is_respected() {
    let seen = |room, asked| Case { ledger: complete(), room: Some(room), asked, ..Case::default() };
    assert_eq!(
        seen(RoomNow::Deleted, false).notes(),
        [Note::Deleted { note: Some("zendesk/7/deleted-1".to_owned()) }]
    );
    assert!(matches!(seen(RoomNow::Archived, false).notes()[..], [Note::MovedByHand { is_over: false, .. }]));
    assert!(matches!(seen(RoomNow::Hidden, false).rest(), Rest::Blocked { again: Some(_), .. }));
    let deleted = Ledger { room: RoomEntry::Deleted { room: room(1) }, ..complete() };
    let case = |asked| Case { ledger: deleted.clone(), asked, ..Case::default() };
    assert!(matches!(case(false).rest(), Rest::Blocked { again: None, .. }), "a person has to ask");
    assert_eq!(case(true).notes(), [Note::BeginAgain]);
    let there = Case { tagged: vec![found(1, false)], ..case(true) };
    assert_eq!(there.notes(), [Note::Restored], "the portal was wrong about it");
}

#[test]
fn an_audit_archives_what_is_empty_and_tells_of_what_is_not() {
    let audit = |tagged: Vec<FoundRoom>, now| {
        let ledger = Ledger { audit_at: Some(at(10)), ..complete() };
        Case { ledger, tagged, now: at(now), ..Case::default() }.plan()
    };
    assert_eq!(audit(vec![], 9).rest, Rest::Ready { next: Some(at(10)), remark: None });
    assert_eq!(audit(vec![found(1, false)], 10).notes, [Note::EndAudit { used: vec![], next: None }]);
    let two = audit(vec![found(1, false), found(2, true), found(3, false)], 10);
    let archive = ArchiveExtra {
        rooms: vec![RoomId(2)],
        used: vec![RoomId(3)],
        tree: template(LinkKind::External).folders,
        granted: vec![uuid::Uuid::nil()],
        next: at(610),
    };
    assert_eq!(two.effects, [archive.into()], "whether it is in the archive is looked at later");
    let used = audit(vec![found(1, false), found(3, false)], 10);
    assert_eq!(used.notes, [Note::EndAudit { used: vec![RoomId(3)], next: None }]);
    let ledger = Ledger { audit_at: Some(at(10)), ..complete() };
    let unseen = Case { ledger, looked: Some(at(9)), now: at(11), ..Case::default() }.rest();
    assert_eq!(unseen, Rest::Ready { next: Some(at(10)), remark: None }, "another run has to look");
}

#[test]
fn audits_go_on_until_no_room_can_land_any_more() {
    let creates = Creates { first: at(0), last: at(100) };
    let mut audits = Vec::new();
    let mut looked = at(100);
    while let Some(next) = creates.next_audit(looked, SETTLE) {
        audits.push(next.duration_since(at(100)).as_secs());
        looked = next;
    }
    assert_eq!(audits, [45, 360, 3600], "45 s, 6 minutes, 1 hour");
    let ledger = Ledger { audit_at: Some(at(145)), creates: Some(creates), ..complete() };
    let audit = Case { ledger, now: at(145), ..Case::default() }.plan();
    assert_eq!(audit.notes, [Note::EndAudit { used: vec![], next: Some(at(460)) }]);
}

#[test]
fn an_audit_finds_a_second_room_without_its_tag_by_its_title() {
    let ledger = Ledger { audit_at: Some(at(10)), ..complete() };
    let other = FoundRoom { room: Room { title: "another".to_owned(), ..room(6) }, ..found(6, true) };
    let untagged = vec![found(1, true), found(5, true), other];
    let audit = Case { ledger, untagged, now: at(10), ..Case::default() }.plan();
    assert!(
        matches!(&audit.effects[..], [Effect::ArchiveExtra(ArchiveExtra { rooms, .. })] if *rooms == [RoomId(5)]),
        "{audit:?}"
    );
}

#[test]
fn a_create_settles_from_the_first_look_after_it_was_given_up() {
    let kinds = |room| Case { ledger: with_room(room), now: at(50), ..Case::default() }.kinds();
    assert_eq!(kinds(pending_room(Some(0), 1, 3)), [CreateRoom::KIND]);
    assert_eq!(kinds(pending_room(Some(30), 1, 3)), [], "DocSpace could not be asked before");
    assert_eq!(kinds(pending_room(None, 1, 3)), [], "no look has succeeded yet");
    assert_eq!(kinds(pending_room(Some(0), 2, 3)), [], "a further call is given more time");

    let mut room = pending_room(None, 1, 0);
    room.give_up(at(20));
    room.note_look(at(10));
    assert_eq!(room.settled_at(SETTLE), None, "a look from before the call was given up");
    room.note_look(at(21));
    room.note_look(at(30));
    assert_eq!(room.settled_at(SETTLE), Some(at(66)));
    let mut cut_off = Ledger { room: room.clone(), unfinished: true, ..Ledger::default() };
    cut_off.begin_run(at(50));
    assert_eq!(cut_off.room.settled_at(SETTLE), None, "a process that died may have sent it last thing");
    let mut settled = Ledger { room: room.clone(), ..Ledger::default() };
    settled.begin_run(at(50));
    assert_eq!(settled.room, room);
}

#[test]
fn a_refused_create_blocks_only_after_the_room_was_looked_for() {
    let refused = |confirmed| {
        let mut room = pending_room(Some(0), 1, 9);
        if let RoomEntry::Pending { refusal, .. } = &mut room {
            *refusal = Some(Refusal {
                reason: docspace_reasons::CREATE_FORBIDDEN.reason("DocSpace forbids it (403)"),
                confirmed,
            });
        }
        Case { ledger: with_room(room), ..Case::default() }
    };
    let early = Case { now: at(5), ..refused(false) }.rest();
    assert!(
        matches!(&early, Rest::Waiting { reason, .. } if reason.is(&docspace_reasons::ROOM_UNSETTLED) && reason.text.contains("403")),
        "{early:?}"
    );
    let found = Case { untagged: vec![found(5, true)], now: at(45), ..refused(false) };
    assert!(matches!(found.notes()[..], [Note::Adopt { .. }]), "it was created before it was refused");
    assert_eq!(Case { now: at(45), ..refused(false) }.notes(), [Note::NotCreated]);
    let noted = Case { now: at(45), noted: vec![Note::NotCreated], ..refused(true) }.rest();
    assert!(matches!(&noted, Rest::Blocked { again: Some(_), .. }), "{noted:?}");
    assert_eq!(Case { now: at(990), ..refused(true) }.kinds(), [CreateRoom::KIND], "the next run asks again");
    assert_eq!(Case { now: at(45), asked: true, ..refused(false) }.kinds(), [CreateRoom::KIND]);
}

#[test]
fn a_tagged_room_of_another_owner_is_neither_taken_nor_doubled() {
    let others = || Case { tagged_by_others: vec![found(5, true)], ..Case::default() };
    let Rest::Blocked { reason, again: Some(_) } = others().rest() else { panic!("not blocked") };
    assert!(reason.is(&docspace_reasons::ROOM_OF_ANOTHER_OWNER), "{reason}");
    assert!(reason.text.contains("room 5") && reason.text.contains("zendesk:7"), "{reason}");
    let address = "https://d/rooms/shared/5/filter?folder=5".to_owned();
    let shown = Case { link_in_ticket: LinkInTicket::Is(address), ..others() };
    assert!(matches!(shown.notes()[..], [Note::Adopt { .. }]), "the ticket itself says that it is its room");
    let pending = Case { ledger: pending(0, 9), now: at(45), ..others() };
    assert!(matches!(pending.rest(), Rest::Blocked { .. }));
}

#[test]
fn a_ticket_that_is_not_there_is_asked_for_again_and_then_given_up() {
    let absent = |attempts, ledger| Case { absent: true, attempts, ledger, ..Case::default() }.rest();
    assert!(matches!(absent(0, Ledger::default()), Rest::Waiting { .. }));
    assert!(matches!(absent(3, Ledger::default()), Rest::Blocked { again: None, .. }));
    assert!(matches!(absent(9, pending(0, 1)), Rest::Waiting { .. }), "its room may still come");
    assert!(matches!(absent(9, complete()), Rest::Ready { remark: Some(_), .. }));
}

#[test]
fn a_template_that_is_gone_says_so() {
    let ledger = Ledger { template: Some("incident".to_owned()), ..complete() };
    let Rest::Blocked { reason, .. } = (Case { ledger, ..Case::default() }).rest() else {
        panic!("not blocked")
    };
    assert!(reason.is(&reasons::TEMPLATE_REMOVED) && reason.text.contains("“incident”"), "{reason}");
}
