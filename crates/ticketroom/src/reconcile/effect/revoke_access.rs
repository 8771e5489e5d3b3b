//! Revokes access from people and groups that had it because of the ticket, which has others now.
//! Whoever has another role than the one that we gave got it by hand, and keeps it. Repeatable.
//!
//! DocSpace answers 200 also when it revokes nothing, so the members are read before and after.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::docspace::DocSpace;
use crate::docspace::share::Member;
use crate::ledger::{Granted, Late, LateAccess};
use crate::room::RoomId;
use crate::store::{EffectKind, EffectTarget};

/// Revokes access to the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeAccess {
    /// The room.
    pub room: RoomId,
    /// From whom.
    pub former: Vec<Granted>,
}

/// What became of those who had access.
#[derive(Debug, Default)]
pub(in crate::reconcile) struct Revoked {
    /// They have none any more.
    gone: Vec<Uuid>,
    /// They keep the role that a person gave them.
    kept: Vec<Uuid>,
    /// DocSpace said that they have none, and they have.
    left: Vec<Uuid>,
}

impl Perform for RevokeAccess {
    const KIND: EffectKind = EffectKind::new("revoke_access");
    type Outcome = Revoked;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        // Without it, whoever gets access again after a lost answer would seem to have been removed
        // by a person.
        let revoking = &mut records.ledger.access.revoking;
        let new = self.ids().filter(|id| !revoking.contains(id)).collect::<Vec<_>>();
        revoking.extend(new);
    }

    async fn run(&self, context: Context<'_>) -> Result<Revoked, Failure> {
        let (docspace, mut revoked) = (context.docspace, Revoked::default());
        let members = members(docspace, self.room).await?;
        let mut from = Vec::new();
        for Granted { id, role, .. } in &self.former {
            match members.get(id) {
                None => revoked.gone.push(*id),
                Some(member) if member.is_owner || member.access != role.number() => revoked.kept.push(*id),
                Some(_) => from.push(*id),
            }
        }
        if !from.is_empty() {
            docspace.revoke_access(self.room, &from).await?;
            let members = self::members(docspace, self.room).await?;
            let (left, gone): (Vec<_>, Vec<_>) = from.into_iter().partition(|id| members.contains_key(id));
            revoked.gone.extend(gone);
            revoked.left.extend(left);
        }
        Ok(revoked)
    }

    fn record(&self, revoked: Revoked, records: &mut Records<'_>) -> Recorded {
        let named = |ids: &[Uuid]| {
            let named = self.former.iter().filter(|former| ids.contains(&former.id));
            named.map(|former| former.grant.subject.to_string()).collect::<Vec<_>>().join(", ")
        };
        let mut texts = Vec::new();
        for (ids, what) in [
            (&revoked.gone, "revoked access of"),
            (&revoked.kept, "a person gave another role to, and it stays:"),
            (&revoked.left, "DocSpace did not revoke access of"),
        ] {
            if !ids.is_empty() {
                texts.push(format!("{what} {}", named(ids)));
            }
        }
        // Nobody is asked for twice: what DocSpace doesn't do now, it won't do later.
        records.ledger.access.granted.retain(|granted| !self.former.contains(granted));
        records.ledger.access.revoking.retain(|id| !self.ids().any(|former| former == *id));
        Recorded::done(records, "access_revoked", texts.join("; "))
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        // A call before this one may have revoked it. The next look at the members tells.
        if failure.side_effect() == SideEffect::Unknown {
            for id in self.ids() {
                Late::note(&mut records.ledger.access.late, LateAccess::Revoke(id), records.now);
            }
        }
    }
}

impl RevokeAccess {
    fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.former.iter().map(|former| former.id)
    }
}

async fn members(docspace: &DocSpace, room: RoomId) -> Result<HashMap<Uuid, Member>, Failure> {
    let members = docspace.members(room).await?;
    Ok(members.into_iter().filter(|m| m.access != 0 || m.is_owner).map(|m| (m.id, m)).collect())
}
