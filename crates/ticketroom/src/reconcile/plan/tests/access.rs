//! Who gets access, who loses it, and what people did by hand.

use uuid::Uuid;

use super::*;
use crate::docspace::share::Member;
use crate::reconcile::effect::RevokeAccess;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn assignee(email: &str) -> Grant {
    grant(Subject::Assignee(email.to_owned()), Role::Viewer)
}

fn has(grant: Grant, n: u128) -> Granted {
    let role = grant.role;
    Granted { grant, id: id(n), role, by_hand: false }
}

fn member(n: u128, role: Role) -> Member {
    Member { id: id(n), access: role.number(), is_owner: false, name: None }
}

/// The support group has access, and so has whoever `granted` names; the ticket is assigned to
/// `now`.
fn case(granted: Vec<Granted>, now: Option<&str>, members: Vec<Member>) -> Case {
    let person = |email: &str| Person { name: None, email: Some(email.to_owned()) };
    let mut all = vec![has(support(), 1)];
    all.extend(granted);
    let mut ledger = complete();
    ledger.access.granted = all;
    let mut present = vec![member(1, Role::Editor)];
    present.extend(members);
    let details = RoomDetails { title: "T 7 x".to_owned(), owner: None, files: 0, members: Some(present) };
    Case {
        ticket: Ticket { subject: "x".to_owned(), assignee: now.map(person), ..Ticket::default() },
        ledger,
        room: Some(RoomNow::Active),
        details: Some(details),
        ..Case::default()
    }
}

fn revoked(plan: &Plan) -> Vec<Uuid> {
    match &plan.effects[..] {
        [Effect::RevokeAccess(RevokeAccess { former, .. })] => {
            former.iter().map(|granted| granted.id).collect()
        }
        [] if plan.notes.is_empty() => vec![],
        _ => panic!("{plan:?}"),
    }
}

#[test]
fn access_follows_the_assignee() {
    let anna = || has(assignee("anna@x"), 2);
    let ben = || has(assignee("ben@x"), 3);
    let both = || vec![member(2, Role::Viewer), member(3, Role::Viewer)];
    let new = case(vec![anna()], Some("ben@x"), vec![member(2, Role::Viewer)]).plan();
    assert!(
        matches!(&new.effects[..], [Effect::Access(Access { grants, .. })] if *grants == [assignee("ben@x")])
    );
    assert_eq!(
        revoked(&case(vec![anna(), ben()], Some("ben@x"), both()).plan()),
        [id(2)],
        "after the new one is in"
    );
    assert_eq!(
        revoked(&case(vec![anna()], None, vec![member(2, Role::Viewer)]).plan()),
        [id(2)],
        "nobody is assigned"
    );
    let unknown = Case { begun: vec![Access::KIND], ..case(vec![anna()], Some("nobody@x"), vec![]) };
    assert_eq!(revoked(&unknown.plan()), [id(2)], "though DocSpace does not know the new one");
    let kept = Template { remove_former: false, ..template(LinkKind::External) };
    let forgets = Case { template: Some(kept), ..case(vec![anna(), ben()], Some("ben@x"), both()) }.notes();
    assert_eq!(forgets, [Note::FormerForgotten { grants: vec![assignee("anna@x")] }]);
}

#[test]
fn whoever_another_entry_names_keeps_access() {
    // Of two roles for one person, the first one counts.
    let twice = vec![Granted { role: Role::Editor, ..has(assignee("anna@x"), 1) }, has(assignee("ben@x"), 3)];
    let notes = case(twice, Some("ben@x"), vec![member(3, Role::Viewer)]).notes();
    assert_eq!(notes, [Note::FormerForgotten { grants: vec![assignee("anna@x")] }]);
}

#[test]
fn what_follow_leaves_out_stays_with_the_first() {
    let fixed =
        Template { follow: Follow { assignee: false, ..Follow::ALL }, ..template(LinkKind::External) };
    let anna = vec![has(assignee("anna@x"), 2)];
    let case = Case { template: Some(fixed), ..case(anna, Some("ben@x"), vec![member(2, Role::Viewer)]) };
    assert_eq!(case.kinds(), []);
}

#[test]
fn people_added_removed_or_changed_by_hand_stay_so() {
    let anna = || has(assignee("anna@x"), 2);
    let removed = case(vec![anna()], Some("anna@x"), vec![]).notes();
    assert_eq!(removed, [Note::RemovedByHand { grants: vec![assignee("anna@x")] }]);
    let mut gone = case(vec![], Some("anna@x"), vec![]);
    gone.ledger.access.removed_by_hand = vec![assignee("anna@x")];
    assert_eq!(gone.kinds(), [], "not added again");
    let mut reassigned = case(vec![], Some("ben@x"), vec![]);
    reassigned.ledger.access.removed_by_hand = vec![assignee("anna@x")];
    let plan = reassigned.plan();
    assert!(matches!(&plan.effects[..], [Effect::Access(_)]), "{plan:?}");
    let promoted = case(vec![anna()], Some("anna@x"), vec![member(2, Role::Editor)]).notes();
    assert_eq!(promoted, [Note::RoleByHand { id: id(2), role: Role::Editor }]);
    let by_hand = Granted { role: Role::Editor, by_hand: true, ..anna() };
    let former = case(vec![by_hand], None, vec![member(2, Role::Editor)]).notes();
    assert_eq!(former, [Note::FormerForgotten { grants: vec![assignee("anna@x")] }], "and keeps the role");
    let lost = case(vec![anna()], None, vec![]).notes();
    assert_eq!(lost, [Note::FormerForgotten { grants: vec![assignee("anna@x")] }], "revoked already");
}

#[test]
fn whoever_can_t_be_let_in_keeps_no_former_one_in() {
    let mut unknown = case(vec![has(assignee("anna@x"), 2)], Some("ben@x"), vec![member(2, Role::Viewer)]);
    unknown.ledger.access.missing = vec![Missing { grant: assignee("ben@x"), why: MissingWhy::Unknown }];
    unknown.begun = vec![Access::KIND];
    assert_eq!(revoked(&unknown.plan()), [id(2)], "the new assignee has no account");
    let mut failed = case(vec![has(assignee("anna@x"), 2)], Some("ben@x"), vec![member(2, Role::Viewer)]);
    failed.ledger.access.state = Entry::Pending { since: at(0) };
    failed.begun = vec![Access::KIND];
    assert!(revoked(&failed.plan()).is_empty(), "who the new one is can't be told yet");
}

#[test]
fn whose_access_we_revoked_without_an_answer_was_not_removed_by_a_person() {
    let mut again = case(vec![has(assignee("anna@x"), 2)], Some("anna@x"), vec![]);
    again.ledger.access.revoking = vec![id(2)];
    assert_eq!(again.notes(), [Note::FormerForgotten { grants: vec![assignee("anna@x")] }]);
    let forgotten = case(vec![], Some("anna@x"), vec![]).plan();
    assert!(matches!(&forgotten.effects[..], [Effect::Access(_)]), "and is granted it again: {forgotten:?}");
}

#[test]
fn whom_a_call_without_an_answer_let_in_is_looked_for_when_the_ticket_has_another_one() {
    let mut lost = case(vec![], Some("ben@x"), vec![member(2, Role::Viewer)]);
    lost.ledger.access.state = Entry::Pending { since: at(0) };
    lost.ledger.access.asked = vec![assignee("anna@x")];
    match &lost.plan().effects[..] {
        [Effect::Access(access)] => {
            assert_eq!(
                (&access.grants[..], &access.lost[..]),
                (&[assignee("ben@x")][..], &[assignee("anna@x")][..])
            );
        }
        effects => panic!("{effects:?}"),
    }
    let mut nobody = case(vec![], None, vec![member(2, Role::Viewer)]);
    nobody.ledger.access.asked = vec![assignee("anna@x")];
    assert_eq!(nobody.kinds(), [Access::KIND], "also if nobody is assigned");
}
