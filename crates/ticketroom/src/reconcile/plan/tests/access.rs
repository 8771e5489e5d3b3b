//! Who gets access, who loses it, and what people did by hand.

use uuid::Uuid;

use super::*;
use crate::docspace::share::Member;
use crate::reconcile::effect::{ChangeRoles, NewRole, RevokeAccess};

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
    // Of two roles for one person, the higher one counts.
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

/// Rita opened the ticket and is a viewer for that; its assignee is an editor.
fn rita(granted: Vec<Granted>, assignee: Option<&str>, role: Role) -> Case {
    let mut case = case(granted, assignee, vec![member(2, role)]);
    case.ticket.requester = Some(Person { name: None, email: Some("rita@x".to_owned()) });
    case.template = Some(Template {
        access: vec![
            AccessRule { who: Who::Group("Support".to_owned()), role: Role::Editor },
            AccessRule { who: Who::Requester, role: Role::Viewer },
            AccessRule { who: Who::Assignee, role: Role::Editor },
        ],
        ..template(LinkKind::External)
    });
    case
}

#[test]
fn roles_follow_the_highest_reason_for_access() {
    let requester = || has(grant(Subject::Requester("rita@x".to_owned()), Role::Viewer), 2);
    let assigned = || grant(Subject::Assignee("rita@x".to_owned()), Role::Editor);
    let new_role = |case: Case| match &case.plan().effects[..] {
        [Effect::ChangeRoles(ChangeRoles { roles, .. })] => {
            let [NewRole { grant, id, from, was_asked: false }] = &roles[..] else { panic!("{roles:?}") };
            assert_eq!(*id, Uuid::from_u128(2));
            Some((*from, grant.role))
        }
        [] => None,
        other => panic!("{other:?}"),
    };
    // As the look at her finds her, she has the role of the first reason.
    let both = |role| vec![Granted { role, ..requester() }, Granted { role, ..has(assigned(), 2) }];
    assert_eq!(
        new_role(rita(both(Role::Viewer), Some("rita@x"), Role::Viewer)),
        Some((Role::Viewer, Role::Editor))
    );
    assert_eq!(new_role(rita(both(Role::Editor), Some("rita@x"), Role::Editor)), None);
    let mut former = rita(both(Role::Editor), None, Role::Editor);
    assert_eq!(apply_notes(&mut former), [Note::FormerForgotten { grants: vec![assigned()] }]);
    assert_eq!(new_role(former.clone()), Some((Role::Editor, Role::Viewer)), "she is the requester still");
    let stays = Template { remove_former: false, ..former.template.clone().unwrap() };
    assert_eq!(new_role(Case { template: Some(stays), ..former.clone() }), None);
    former.own = Some(id(2));
    assert_eq!(new_role(former), None, "we have every right");

    let mut by_hand = rita(both(Role::Viewer), Some("rita@x"), Role::Manager);
    assert_eq!(apply_notes(&mut by_hand), [Note::RoleByHand { id: id(2), role: Role::Manager }]);
    assert_eq!(new_role(by_hand), None, "a person's choice");

    let mut refused = rita(both(Role::Viewer), Some("rita@x"), Role::Viewer);
    refused.ledger.access.missing = vec![Missing { grant: assigned(), why: MissingWhy::Forbidden }];
    refused.ledger.access.refused_until = Some(at(3600));
    assert_eq!(new_role(refused.clone()), None, "not with every delivery");
    assert_eq!(new_role(Case { now: at(3600), ..refused }), Some((Role::Viewer, Role::Editor)));
}
