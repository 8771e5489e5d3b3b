//! Calls without an answer that take effect minutes later are recognised as ours.

use uuid::Uuid;

use super::*;
use crate::docspace::share::Member;
use crate::ledger::{Late, LateAccess};
use crate::reconcile::effect::{RenameRoom, RevokeAccess};

fn anna() -> Grant {
    grant(Subject::Assignee("anna@x".to_owned()), Role::Viewer)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn late<T>(what: T) -> Late<T> {
    Late { what, since: at(0), looked: at(0) }
}

/// Nobody is assigned, and the support group and these are in the room.
fn case(members: &[(u128, Role)], now: i64) -> Case {
    let mut ledger = complete();
    ledger.access.granted = vec![Granted { id: id(1), ..granted(support()) }];
    let member =
        |(n, role): (u128, Role)| Member { id: id(n), access: role.number(), is_owner: false, name: None };
    let members = [(1, Role::Editor)].iter().chain(members).copied().map(member).collect();
    let details = RoomDetails { title: "T 7 x".to_owned(), owner: None, files: 0, members: Some(members) };
    Case { ledger, room: Some(RoomNow::Active), details: Some(details), now: at(now), ..Case::default() }
}

fn next(case: Case) -> Option<i64> {
    match case.rest() {
        Rest::Ready { next, .. } => next.map(|next| next.duration_since(at(0)).as_secs()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whom_a_lost_call_may_let_in_later_is_looked_for_three_times() {
    let waiting = |looked, now| {
        let mut case = case(&[], now);
        case.ledger.access.late = vec![Late { looked: at(looked), ..late(LateAccess::Grant(anna())) }];
        case
    };
    assert_eq!(
        [next(waiting(0, 10)), next(waiting(45, 60)), next(waiting(361, 400))],
        [Some(45), Some(360), Some(3600)]
    );
    for (looked, now) in [(0, 45), (45, 360), (361, 3600)] {
        match &waiting(looked, now).plan().effects[..] {
            [Effect::Access(Access { grants, lost, .. })] => {
                assert_eq!((&grants[..], &lost[..]), (&[][..], &[anna()][..]), "{now}");
            }
            other => panic!("{other:?}"),
        }
    }
    let mut over = waiting(3600, 3700);
    over.ledger.begin_run(at(3700));
    assert_eq!((over.ledger.access.late.len(), next(over)), (0, None));
    let mut wanted = waiting(0, 50);
    wanted.ticket.assignee = Some(Person { name: None, email: Some("anna@x".to_owned()) });
    wanted.ledger.access.granted.push(Granted { id: id(2), ..granted(anna()) });
    wanted.details = case(&[(2, Role::Viewer)], 0).details;
    assert_eq!(next(wanted), None, "whoever is to be in the room is not looked for");
}

#[test]
fn what_a_crash_or_a_lost_answer_leaves_open_may_come_late() {
    let mut ledger = complete();
    ledger.access.asked = vec![anna()];
    ledger.access.state = Entry::Pending { since: at(0) };
    ledger.access.revoking = vec![id(3)];
    ledger.title.asked = Some("T 7 y".to_owned());
    ledger.title.state = Entry::Pending { since: at(0) };
    ledger.unfinished = true;
    ledger.begin_run(at(9));
    let at_nine = |what| Late { what, since: at(9), looked: at(9) };
    assert_eq!(ledger.access.late, [at_nine(LateAccess::Grant(anna())), at_nine(LateAccess::Revoke(id(3)))]);
    assert_eq!(ledger.title.late, [Late { what: "T 7 y".to_owned(), since: at(9), looked: at(9) }]);
}

#[test]
fn a_title_that_comes_late_is_ours_and_is_put_right() {
    let mut case = case(&[], 300);
    case.details.as_mut().unwrap().title = "T 7 y".to_owned();
    case.ledger.title.asked = Some("T 7 x".to_owned());
    case.ledger.title.state = Entry::Done;
    let by_hand = case.clone().notes();
    assert!(matches!(by_hand[..], [Note::TitleByHand { .. }]), "{by_hand:?}");
    case.ledger.title.late = vec![late("T 7 y".to_owned())];
    assert_eq!(apply_notes(&mut case), [Note::LateRename { title: "T 7 y".to_owned() }]);
    let again = RenameRoom { room: RoomId(1), title: "T 7 x".to_owned() };
    assert_eq!(case.plan().effects, [again.into()]);
}

#[test]
fn a_role_that_comes_late_is_no_persons() {
    let with = |what: Option<LateAccess>| {
        let mut case = case(&[(2, Role::Editor)], 300);
        let requester = grant(Subject::Requester("anna@x".to_owned()), Role::Viewer);
        case.template = Some(Template {
            access: vec![
                AccessRule { who: Who::Group("Support".to_owned()), role: Role::Editor },
                AccessRule { who: Who::Requester, role: Role::Viewer },
            ],
            ..template(LinkKind::External)
        });
        case.ticket.requester = Some(Person { name: None, email: Some("anna@x".to_owned()) });
        case.ledger.access.granted.push(Granted { id: id(2), ..granted(requester) });
        case.ledger.access.late = what.map(late).into_iter().collect();
        case.notes()
    };
    let note = Note::LateRole { id: id(2), role: Role::Editor };
    assert_eq!(with(None), [Note::RoleByHand { id: id(2), role: Role::Editor }]);
    assert_eq!(with(Some(LateAccess::Role { id: id(2), role: Role::Editor })), std::slice::from_ref(&note));
    let as_assignee = grant(Subject::Assignee("Anna@x".to_owned()), Role::Editor);
    assert_eq!(with(Some(LateAccess::Grant(as_assignee))), [note], "for another reason that she had");
}

#[test]
fn access_that_is_revoked_late_is_granted_again() {
    let mut case = case(&[], 300);
    case.ticket.assignee = Some(Person { name: None, email: Some("anna@x".to_owned()) });
    case.ledger.access.granted.push(Granted { id: id(2), ..granted(anna()) });
    case.ledger.access.late = vec![late(LateAccess::Revoke(id(2)))];
    assert_eq!(apply_notes(&mut case), [Note::FormerForgotten { grants: vec![anna()] }]);
    assert_eq!(case.ledger.access.late, [], "it has come");
    assert!(
        matches!(&case.plan().effects[..], [Effect::Access(Access { grants, .. })] if *grants == [anna()])
    );
}

#[test]
fn access_that_a_person_had_given_is_not_revoked_as_ours() {
    let mut case = case(&[(2, Role::Viewer)], 10);
    case.ledger.access.granted.push(Granted { id: id(2), by_hand: true, ..granted(anna()) });
    case.ledger.access.late = vec![late(LateAccess::Grant(anna()))];
    assert_eq!(apply_notes(&mut case), [Note::FormerForgotten { grants: vec![anna()] }]);
    assert_eq!(case.ledger.access.late, []);
    let plan = case.plan();
    assert!(!plan.effects.iter().any(|effect| matches!(effect, Effect::RevokeAccess(RevokeAccess { .. }))));
}
