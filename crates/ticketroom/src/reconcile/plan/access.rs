//! Who has access to the room. It follows the ticket: a new assignee gets it, and a former one
//! loses it, if we granted it for that reason and no other entry of the template names them. What
//! people do with members by hand is left as they made it.

use uuid::Uuid;

use super::Situation;
use crate::docspace::share::Member;
use crate::ledger::{Entry, Granted};
use crate::reconcile::effect::{Access, CreateRoom, Effect, Perform, RevokeAccess};
use crate::reconcile::note::Note;
use crate::room::{Role, RoomId};
use crate::template::{Grant, Template};
use crate::ticket::Ticket;

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

/// Grants access to those who have none yet; then revokes it from those who had it before them.
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
    if revoked.is_empty() || s.has_begun(RevokeAccess::KIND) {
        return Step::default();
    }
    let former = revoked.into_iter().cloned().collect();
    Step { effect: Some(RevokeAccess { room, former }.into()), ..Step::default() }
}

/// Whom calls without an answer may have granted access, and who is to have none now.
fn lost(s: &Situation<'_>, wanted: &[Grant]) -> Vec<Grant> {
    let access = &s.ledger.access;
    let is_granted = |grant: &Grant| access.granted.iter().any(|granted| granted.grant == *grant);
    access.asked.iter().filter(|grant| !wanted.contains(grant) && !is_granted(grant)).cloned().collect()
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
    let in_vain = !s.asked && access.refused_until.is_some_and(|until| s.now < until);
    let refused = |grant: &Grant| {
        let mut missing = access.missing.iter().filter(|missing| missing.grant == *grant);
        in_vain && missing.any(|missing| missing.why.costs_a_write())
    };
    grants.retain(|grant| {
        let is_granted = access.granted.iter().any(|granted| granted.grant == *grant);
        !is_granted && !access.removed_by_hand.contains(grant) && !refused(grant)
    });
    grants
}

/// What people did with the members whom we granted access.
pub(super) fn by_hand(s: &Situation<'_>, members: &[Member], wanted: &[Grant]) -> Option<Note> {
    if s.has_begun(Access::KIND) || s.has_begun(RevokeAccess::KIND) {
        return None;
    }
    let member = |id: Uuid| members.iter().find(|member| member.id == id);
    // The owner has every role, and is not granted any.
    let granted = || s.ledger.access.granted.iter().filter(|granted| s.seen.own != Some(granted.id));
    let removed: Vec<&Granted> = granted().filter(|granted| member(granted.id).is_none()).collect();
    // Whose access was to be revoked has lost it, by whatever hand. Whoever is to have it again
    // gets it again.
    let revoking = &s.ledger.access.revoking;
    let is_by_hand = |granted: &&Granted| wanted.contains(&granted.grant) && !revoking.contains(&granted.id);
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
        (role != granted.role).then_some(Note::RoleByHand { id: granted.id, role })
    })
}
