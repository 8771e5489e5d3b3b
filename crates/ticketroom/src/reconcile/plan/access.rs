//! Who has access to the room. It follows the ticket: a new assignee gets it, and a former one
//! loses it, if we granted it for that reason and no other entry of the template names them.
//! Whoever has access for several reasons has the highest of their roles. What people do with
//! members by hand is left as they made it.
//!
//! A call without an answer may take effect minutes later. What it asked for is looked for until
//! an hour after it, and is no person's doing.

use std::time::Duration;

use uuid::Uuid;

use super::Situation;
use crate::clock::{Timestamp, after};
use crate::docspace::share::Member;
use crate::ledger::{Entry, Granted, Late, LateAccess};
use crate::reconcile::effect::{Access, ChangeRoles, CreateRoom, Effect, NewRole, Perform, RevokeAccess};
use crate::reconcile::note::Note;
use crate::room::{Role, RoomId};
use crate::template::{Grant, Template};
use crate::ticket::Ticket;

/// When to look again for what should have been looked for, and could not be.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is to be done about access.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) note: Option<Note>,
    pub(super) effect: Option<Effect>,
}

/// Whom the template gives access now. What does not follow the ticket stays with whoever had it
/// first.
pub(super) fn wanted(s: &Situation<'_>, ticket: &Ticket, template: &Template) -> Vec<Grant> {
    let known = || {
        let access = &s.ledger.access;
        access.granted.iter().map(|granted| &granted.grant).chain(&access.removed_by_hand)
    };
    let mut wanted = template.grants(s.key, ticket);
    wanted.retain(|grant| {
        template.follow.follows(&grant.subject)
            || !known().any(|known| known.subject.is_of_the_same_kind(&grant.subject) && known != grant)
    });
    for first in known().filter(|known| !template.follow.follows(&known.subject)) {
        if !wanted.contains(first) {
            wanted.push(first.clone());
        }
    }
    wanted
}

/// Grants access to those who have none yet; then revokes it from those who had it before them, and
/// changes the roles of those who have other reasons for access than before.
pub(super) fn access(s: &Situation<'_>, room: RoomId, template: &Template, wanted: &[Grant]) -> Step {
    let (grants, lost) = (to_ask_for(s, wanted), lost(s, wanted));
    let has_begun = s.has_begun(Access::KIND);
    if !has_begun && (!grants.is_empty() || !lost.is_empty()) {
        let effect =
            Access { room, members: members(s), asked: asked(s, &grants), ours: ours(s), grants, lost };
        return Step { effect: Some(effect.into()), ..Step::default() };
    }
    // Who the new ones are in DocSpace is known once they have access. Whoever can't have it keeps
    // nobody in.
    if has_begun && s.ledger.access.state != Entry::Done {
        return Step::default();
    }
    let is_wanted = |grant: &Grant| wanted.contains(grant);
    let access = &s.ledger.access;
    let former = access.granted.iter().filter(|granted| !is_wanted(&granted.grant));
    let (revoked, mut forgotten): (Vec<&Granted>, Vec<&Granted>) = former.partition(|former| {
        let Granted { grant, id, by_hand, .. } = former;
        let is_named_otherwise =
            || access.granted.iter().any(|other| other.id == *id && is_wanted(&other.grant));
        let is_us = s.seen.own == Some(*id);
        template.remove_former
            && grant.subject.is_of_the_ticket()
            && !by_hand
            && !is_us
            && !is_named_otherwise()
    });
    // What the configuration named once is no concern of the ticket's.
    forgotten.retain(|former| former.grant.subject.is_of_the_ticket());
    let removed = access.removed_by_hand.iter().filter(|grant| !is_wanted(grant));
    let grants: Vec<Grant> = forgotten.iter().map(|former| &former.grant).chain(removed).cloned().collect();
    if !grants.is_empty() {
        return Step { note: Some(Note::FormerForgotten { grants }), ..Step::default() };
    }
    if !revoked.is_empty() && !s.has_begun(RevokeAccess::KIND) {
        let former = revoked.into_iter().cloned().collect();
        return Step { effect: Some(RevokeAccess { room, former }.into()), ..Step::default() };
    }
    let roles = if s.has_begun(ChangeRoles::KIND) { Vec::new() } else { new_roles(s, template, wanted) };
    let effect = (!roles.is_empty()).then(|| ChangeRoles { room, roles }.into());
    Step { effect, ..Step::default() }
}

/// Who is to have another role than the one that we gave: the highest of those for which they have
/// access now.
fn new_roles(s: &Situation<'_>, template: &Template, wanted: &[Grant]) -> Vec<NewRole> {
    let access = &s.ledger.access;
    let is_owner = |id: Uuid| {
        let members = s.seen.details.iter().filter_map(|details| details.members.as_ref()).flatten();
        s.seen.own == Some(id) || members.into_iter().any(|member| member.id == id && member.is_owner)
    };
    // What the configuration named once stays.
    let holds =
        |granted: &&Granted| wanted.contains(&granted.grant) || !granted.grant.subject.is_of_the_ticket();
    let mut roles: Vec<NewRole> = Vec::new();
    for granted in access.granted.iter().filter(holds) {
        let id = granted.id;
        let all = || access.granted.iter().filter(|other| other.id == id);
        let is_done = roles.iter().any(|role| role.id == id);
        if is_done || is_owner(id) || all().any(|granted| granted.by_hand) {
            continue;
        }
        let Some(best) = all().filter(holds).min_by_key(|granted| granted.grant.role) else { continue };
        let (grant, from) = (&best.grant, best.role);
        let is_lower = from < grant.role;
        if grant.role == from || (is_lower && !template.remove_former) || is_refused(s, grant) {
            continue;
        }
        let late = LateAccess::Role { id, role: grant.role };
        let was_asked = access.late.iter().any(|asked| asked.what == late);
        roles.push(NewRole { grant: grant.clone(), id, from, was_asked });
    }
    roles
}

/// Whether DocSpace has refused this a short while ago.
fn is_refused(s: &Situation<'_>, grant: &Grant) -> bool {
    let access = &s.ledger.access;
    let in_vain = !s.asked && access.refused_until.is_some_and(|until| s.now < until);
    let mut missing = access.missing.iter().filter(|missing| missing.grant == *grant);
    in_vain && missing.any(|missing| missing.why.costs_a_write())
}

/// Whether what this call asked for is to be looked for: access that nobody is to have now, or what
/// became of somebody who has access.
fn is_looked_for(s: &Situation<'_>, late: &LateAccess, wanted: &[Grant]) -> bool {
    let granted = &s.ledger.access.granted;
    match late {
        LateAccess::Grant(grant) => {
            !wanted.contains(grant) && !granted.iter().any(|granted| granted.grant == *grant)
        }
        LateAccess::Role { id, .. } | LateAccess::Revoke(id) => {
            granted.iter().any(|granted| granted.id == *id)
        }
    }
}

/// When to look next for what calls without an answer asked for.
pub(super) fn next_look(s: &Situation<'_>, wanted: &[Grant]) -> Option<Timestamp> {
    let titles = s.ledger.title.late.iter().filter_map(|late| late.next_look(s.settle));
    let late = s.ledger.access.late.iter().filter(|late| is_looked_for(s, &late.what, wanted));
    let looks = titles.chain(late.filter_map(|late| late.next_look(s.settle)));
    looks.map(|look| if look <= s.now { after(s.now, LOOK_AGAIN) } else { look }).min()
}

/// Whom calls without an answer may have granted access, and who is to have none now.
fn lost(s: &Situation<'_>, wanted: &[Grant]) -> Vec<Grant> {
    let access = &s.ledger.access;
    let is_due = |late: &Late<LateAccess>| late.next_look(s.settle).is_some_and(|look| look <= s.now);
    let late = access.late.iter().filter(|late| is_due(late)).filter_map(|late| match &late.what {
        LateAccess::Grant(grant) => Some(grant),
        LateAccess::Role { .. } | LateAccess::Revoke(_) => None,
    });
    let mut lost: Vec<Grant> = Vec::new();
    for grant in access.asked.iter().chain(late) {
        if is_looked_for(s, &LateAccess::Grant(grant.clone()), wanted) && !lost.contains(grant) {
            lost.push(grant.clone());
        }
    }
    lost
}

/// Whom calls without an answer may have granted access.
fn asked(s: &Situation<'_>, grants: &[Grant]) -> Vec<Grant> {
    let access = &s.ledger.access;
    // An earlier version did not write down whom it asked for.
    let is_unknown = access.asked.is_empty() && access.state.pending_since().is_some();
    if is_unknown { grants.to_vec() } else { access.asked.clone() }
}

/// Who has access by our doing, for whatever reason.
fn ours(s: &Situation<'_>) -> Vec<Uuid> {
    s.ledger.access.granted.iter().filter(|granted| !granted.by_hand).map(|granted| granted.id).collect()
}

/// Who was in the room at the last look; `None` if there was none since it is open to changes.
fn members(s: &Situation<'_>) -> Option<Vec<Member>> {
    if s.has_begun(CreateRoom::KIND) {
        return Some(Vec::new());
    }
    s.seen.details.as_ref().and_then(|details| details.members.clone())
}

/// Whoever is not in yet, but for those whom DocSpace has refused a short while ago.
fn to_ask_for(s: &Situation<'_>, wanted: &[Grant]) -> Vec<Grant> {
    let (access, mut grants) = (&s.ledger.access, wanted.to_vec());
    grants.retain(|grant| {
        let is_granted = access.granted.iter().any(|granted| granted.grant == *grant);
        !is_granted && !access.removed_by_hand.contains(grant) && !is_refused(s, grant)
    });
    grants
}

/// What people did with the members whom we granted access.
pub(super) fn by_hand(s: &Situation<'_>, members: &[Member], wanted: &[Grant]) -> Option<Note> {
    if [Access::KIND, RevokeAccess::KIND, ChangeRoles::KIND].into_iter().any(|kind| s.has_begun(kind)) {
        return None;
    }
    let member = |id: Uuid| members.iter().find(|member| member.id == id);
    // The owner has every role, and is not granted any.
    let granted = || s.ledger.access.granted.iter().filter(|granted| s.seen.own != Some(granted.id));
    let removed: Vec<&Granted> = granted().filter(|granted| member(granted.id).is_none()).collect();
    // Whose access was to be revoked has lost it, by whatever hand. Whoever is to have it again
    // gets it again.
    let access = &s.ledger.access;
    let is_late = |what: LateAccess| access.late.iter().any(|late| late.what == what);
    let was_revoked = |id: Uuid| access.revoking.contains(&id) || is_late(LateAccess::Revoke(id));
    let is_by_hand = |granted: &&Granted| wanted.contains(&granted.grant) && !was_revoked(granted.id);
    let (removed, former): (Vec<_>, Vec<_>) = removed.into_iter().partition(is_by_hand);
    let grants = |of: Vec<&Granted>| of.into_iter().map(|granted| granted.grant.clone()).collect::<Vec<_>>();
    if !former.is_empty() {
        return Some(Note::FormerForgotten { grants: grants(former) });
    }
    if !removed.is_empty() {
        return Some(Note::RemovedByHand { grants: grants(removed) });
    }
    granted().find_map(|granted| {
        let member = member(granted.id).filter(|member| !member.is_owner)?;
        let role = Role::from_number(member.access)?;
        let id = granted.id;
        // A call without an answer may have asked for this role, for another reason that they had.
        let asked_for = |late: &LateAccess| match late {
            LateAccess::Role { id: asked, role: to } => *asked == id && *to == role,
            LateAccess::Grant(grant) => {
                let names_them =
                    |other: &Granted| other.id == id && other.grant.subject.is_named_like(&grant.subject);
                grant.role == role && access.granted.iter().any(names_them)
            }
            LateAccess::Revoke(_) => false,
        };
        let is_ours = !granted.by_hand && access.late.iter().any(|late| asked_for(&late.what));
        let note = if is_ours { Note::LateRole { id, role } } else { Note::RoleByHand { id, role } };
        (role != granted.role).then_some(note)
    })
}
