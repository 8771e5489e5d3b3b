//! Gives people and groups another role, since they have a higher reason for access than before, or
//! have it no more. Whoever has another role than the one that we gave got it by hand, and keeps
//! it. Repeatable.

use uuid::Uuid;

use super::access::{REFUSED_FOR, share};
use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::clock::after;
use crate::ledger::{Late, LateAccess, Missing, MissingWhy};
use crate::room::{Role, RoomId};
use crate::store::{EffectKind, EffectTarget};
use crate::template::Grant;

/// Gives people and groups another role in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRoles {
    /// The room.
    pub room: RoomId,
    /// Whose.
    pub roles: Vec<NewRole>,
}

/// Another role for somebody who has access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRole {
    /// The highest reason for which they have access.
    pub grant: Grant,
    /// Who.
    pub id: Uuid,
    /// The role that we gave them.
    pub from: Role,
    /// Whether an earlier call without an answer asked for the same.
    pub was_asked: bool,
}

/// What became of them.
#[derive(Debug, Default)]
pub(in crate::reconcile) struct Outcome {
    /// They have the new role.
    changed: Vec<Uuid>,
    /// They have another role, by a person.
    kept: Vec<(Uuid, Role)>,
    /// DocSpace does not allow it.
    refused: Vec<(Uuid, MissingWhy)>,
}

impl NewRole {
    fn late(&self) -> LateAccess {
        LateAccess::Role { id: self.id, role: self.grant.role }
    }
}

impl Perform for ChangeRoles {
    const KIND: EffectKind = EffectKind::new("change_roles");
    type Outcome = Outcome;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        // Without it, a role that comes about after a lost answer would seem to be a person's.
        for role in &self.roles {
            Late::note(&mut records.ledger.access.late, role.late(), records.now);
        }
    }

    async fn run(&self, context: Context<'_>) -> Result<Outcome, Failure> {
        let members = context.docspace.members(self.room).await?;
        let (mut outcome, mut shares) = (Outcome::default(), Vec::new());
        for NewRole { grant, id, from, .. } in &self.roles {
            // Whoever is not there any more was removed, which the next look tells.
            let Some(member) = members.iter().find(|member| member.id == *id) else { continue };
            match Role::from_number(member.access) {
                // The owner has every right.
                _ if member.is_owner => outcome.changed.push(*id),
                Some(role) if role == grant.role => outcome.changed.push(*id),
                Some(role) if role == *from => shares.push((*id, grant.role)),
                Some(role) => outcome.kept.push((*id, role)),
                None => {}
            }
        }
        let (members, forbidden) = share(context, self.room, &shares).await?;
        for (id, role) in shares {
            let has_it = members.get(&id).is_some_and(|member| member.access == role.number());
            match has_it {
                true => outcome.changed.push(id),
                false if forbidden.contains(&id) => outcome.refused.push((id, MissingWhy::Forbidden)),
                false => outcome.refused.push((id, MissingWhy::NotAdded)),
            }
        }
        Ok(outcome)
    }

    fn record(&self, outcome: Outcome, records: &mut Records<'_>) -> Recorded {
        let access = &mut records.ledger.access;
        let mut texts = Vec::new();
        for role in &self.roles {
            if !role.was_asked {
                access.late.retain(|late| late.what != role.late());
            }
            access.missing.retain(|missing| missing.grant != role.grant);
            let NewRole { grant, id, .. } = role;
            let kept = outcome.kept.iter().find(|(kept, _)| kept == id).map(|(_, role)| *role);
            let new = if outcome.changed.contains(id) { Some(grant.role) } else { kept };
            for granted in access.granted.iter_mut().filter(|granted| granted.id == *id) {
                granted.role = new.unwrap_or(granted.role);
                granted.by_hand |= kept.is_some();
            }
            let name = grant.role.as_str();
            if let Some((_, why)) = outcome.refused.iter().find(|(refused, _)| refused == id) {
                access.missing.push(Missing { grant: grant.clone(), why: *why });
                access.refused_until = Some(after(records.now, REFUSED_FOR));
                texts.push(format!("DocSpace did not make {} {name}", grant.subject));
            } else if let Some(kept) = kept {
                texts.push(format!("somebody made {} {}, which stays", grant.subject, kept.as_str()));
            } else if new.is_some() {
                texts.push(format!("made {} {name}", grant.subject));
            }
        }
        if texts.is_empty() {
            return Recorded { event: None, is_progress: false, wait: None };
        }
        Recorded::done(records, "access_changed", texts.join("; "))
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        let late = &mut records.ledger.access.late;
        for role in &self.roles {
            match failure.side_effect() {
                SideEffect::Unknown => Late::note(late, role.late(), records.now),
                SideEffect::None if role.was_asked => {}
                SideEffect::None => late.retain(|late| late.what != role.late()),
            }
        }
    }
}
