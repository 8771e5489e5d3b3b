//! Revokes access from people and groups that had it because of the ticket, which has others now. Whoever has another role
//! than the one that we gave got it by hand, and keeps it. Repeatable.
//!
//! Where an answer was lost, it is not known whether somebody has access. If the ticket has others by now, they are looked up and
//! looked for.
//!
//! DocSpace answers 200 also when it revokes nothing, so the members are read before and after.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Context, Perform, Recorded, Records, access};
use crate::call::Failure;
use crate::docspace::DocSpace;
use crate::docspace::share::Member;
use crate::ledger::Granted;
use crate::room::RoomId;
use crate::store::{EffectKind, EffectTarget};
use crate::template::Grant;

/// Revokes access to the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeAccess {
    /// The room.
    pub room: RoomId,
    /// From whom.
    pub former: Vec<Granted>,
    /// Who may have access by a call whose answer was lost.
    pub asked: Vec<Grant>,
    /// Who has access for another reason.
    pub kept: Vec<Uuid>,
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
    /// Who had access by a call whose answer was lost, and is among the others.
    asked: Vec<(String, Uuid)>,
}

impl Perform for RevokeAccess {
    const KIND: EffectKind = EffectKind::new("revoke_access");
    type Outcome = Revoked;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        // Whoever is still granted in the ledger is looked for among the members. Should they be wanted again before that, this
        // call may still take their access.
        let former = self.former.iter().map(|former| &former.grant);
        records.ledger.access.begin(former.chain(&self.asked), records.now);
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
        for Grant { subject, role } in &self.asked {
            // Who is not known there is not in the room.
            let Ok(id) = access::find(docspace, subject).await? else { continue };
            let is_ours = |member: &Member| !member.is_owner && member.access == role.number();
            if members.get(&id).is_some_and(is_ours) && !self.kept.contains(&id) && !from.contains(&id) {
                from.push(id);
                revoked.asked.push((subject.to_string(), id));
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
            let former = self.former.iter().filter(|former| ids.contains(&former.id));
            let asked = revoked.asked.iter().filter(|(_, id)| ids.contains(id));
            let named = former.map(|former| former.grant.subject.to_string());
            named.chain(asked.map(|(who, _)| who.clone())).collect::<Vec<_>>().join(", ")
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
        let access = &mut records.ledger.access;
        access.granted.retain(|granted| !self.former.contains(granted));
        access.settle(self.former.iter().map(|former| &former.grant).chain(&self.asked));
        if texts.is_empty() {
            return Recorded { event: None, is_progress: true, wait: None };
        }
        Recorded::done(records, "access_revoked", texts.join("; "))
    }

    fn take_back(&self, _: &Failure, _: &mut Records<'_>) {
        // Who is uncertain is looked for.
    }
}

async fn members(docspace: &DocSpace, room: RoomId) -> Result<HashMap<Uuid, Member>, Failure> {
    let members = docspace.members(room).await?;
    Ok(members.into_iter().filter(|m| m.access != 0 || m.is_owner).map(|m| (m.id, m)).collect())
}
