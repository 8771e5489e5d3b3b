//! What an active room needs: folders, access, link, and the link in the ticket.

use super::*;

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
fn a_template_that_is_gone_says_so() {
    let ledger = Ledger { template: Some("incident".to_owned()), ..complete() };
    let Rest::Blocked { reason, .. } = (Case { ledger, ..Case::default() }).rest() else {
        panic!("not blocked")
    };
    assert!(reason.is(&reasons::TEMPLATE_REMOVED) && reason.text.contains("“incident”"), "{reason}");
}
