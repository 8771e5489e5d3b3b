//! The search for a second room, after a create whose answer was lost.

use super::*;

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
fn an_audit_finds_a_second_room_by_the_first_title_after_a_rename() {
    let mut ledger = Ledger { audit_at: Some(at(10)), ..complete() };
    ledger.room =
        RoomEntry::Made { room: Room { title: "T 7 y".to_owned(), ..room(1) }, tagged: true, adopted: false };
    ledger.title.created_as = vec!["T 7 x".to_owned()];
    let ticket = Ticket { subject: "y".to_owned(), ..Ticket::default() };
    let audit =
        Case { ledger, ticket, untagged: vec![found(5, true)], now: at(10), ..Case::default() }.plan();
    assert!(
        matches!(&audit.effects[..], [Effect::ArchiveExtra(ArchiveExtra { rooms, .. })] if *rooms == [RoomId(5)]),
        "{audit:?}"
    );
}
