//! Grants people and groups access to the room, all in one call, and makes sure that they have it.
//!
//! DocSpace answers 200 also when it adds nobody: names that it doesn't know are ignored,
//! terminated users are skipped. So the names are looked up first, and whoever the answer does not
//! confirm is looked for among the members.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{Context, Perform, Recorded, Records};
use crate::call::{Cause, Failure, SideEffect};
use crate::clock::after;
use crate::docspace::share::Member;
use crate::docspace::{DocSpace, reasons};
use crate::ledger::{Entry, Granted, Late, LateAccess, Missing, MissingWhy};
use crate::room::{Role, RoomId};
use crate::store::{EffectKind, EffectTarget};
use crate::template::{Grant, Subject};

/// How long somebody whom DocSpace refused is not asked for again, unless a person says so.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(60 * 60);

/// Grants access to the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The room.
    pub room: RoomId,
    /// Who has no access yet, as far as we granted it.
    pub grants: Vec<Grant>,
    /// Who is to have none any more, and may have got it by an earlier call without an answer. They
    /// are looked for.
    pub lost: Vec<Grant>,
    /// Who was in the room when it was last looked at: a role that somebody has by hand stays as it
    /// is. `None`: they are looked for first.
    pub members: Option<Vec<Member>>,
    /// Whom an earlier call without an answer may have granted access.
    pub asked: Vec<Grant>,
    /// Who has access by our doing already, for another reason.
    pub ours: Vec<Uuid>,
}

/// Who has access now, and who has not.
#[derive(Debug, Default)]
pub(in crate::reconcile) struct Outcome {
    granted: Vec<Granted>,
    missing: Vec<Missing>,
}

impl Perform for Access {
    const KIND: EffectKind = EffectKind::new("access");
    type Outcome = Outcome;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        let access = &mut records.ledger.access;
        access.state = Entry::Pending { since: records.now };
        let new: Vec<Grant> =
            self.grants.iter().filter(|grant| !access.asked.contains(grant)).cloned().collect();
        access.asked.extend(new);
    }

    async fn run(&self, context: Context<'_>) -> Result<Outcome, Failure> {
        let docspace = context.docspace;
        let (found, lost, own, members) = futures_util::try_join!(
            find_all(docspace, &self.grants),
            find_all(docspace, &self.lost),
            docspace.own_id_if_told(),
            self.members(docspace)
        )?;
        let mut outcome = Outcome::default();
        let mut wanted: Vec<(Grant, Uuid)> = Vec::new();
        for (grant, found) in self.grants.iter().zip(found) {
            match found {
                Ok(id) => wanted.push((grant.clone(), id)),
                Err(why) => outcome.missing.push(Missing { grant: grant.clone(), why }),
            }
        }
        for (grant, id) in self.lost.iter().zip(lost) {
            let is_in =
                |id: &Uuid| members.iter().any(|member| member.id == *id && has_role_of(member, grant));
            if let Some(id) = id.ok().filter(is_in) {
                outcome.granted.push(Granted { grant: grant.clone(), id, role: grant.role, by_hand: false });
            }
        }
        wanted.retain(|(grant, id)| match self.role_already(&members, *id, grant) {
            Some(role) => {
                let by_hand = !self.ours.contains(id);
                outcome.granted.push(Granted { grant: grant.clone(), id: *id, role, by_hand });
                false
            }
            None => true,
        });
        // The owner has every right already; of two roles for one person the higher one counts.
        let mut shares: Vec<(Uuid, Role)> = Vec::new();
        for (grant, id) in wanted.iter().filter(|(_, id)| Some(*id) != own) {
            match shares.iter_mut().find(|(shared, _)| shared == id) {
                Some((_, role)) => *role = grant.role.min(*role),
                None => shares.push((*id, grant.role)),
            }
        }
        let (members, forbidden) = share(context, self.room, &shares).await?;
        for (grant, id) in wanted {
            let role = match shares.iter().find(|(shared, _)| *shared == id) {
                None => Some(grant.role),
                Some((_, role)) => members.get(&id).map(|_| *role),
            };
            match role {
                Some(role) => outcome.granted.push(Granted { grant, id, role, by_hand: false }),
                None => {
                    let why =
                        if forbidden.contains(&id) { MissingWhy::Forbidden } else { MissingWhy::NotAdded };
                    outcome.missing.push(Missing { grant, why });
                }
            }
        }
        Ok(outcome)
    }

    fn record(&self, outcome: Outcome, records: &mut Records<'_>) -> Recorded {
        // Those who are to have none any more are told of when it is revoked.
        let wanted = outcome.granted.iter().filter(|granted| self.grants.contains(&granted.grant));
        let (by_hand, granted): (Vec<_>, Vec<_>) = wanted.partition(|granted| granted.by_hand);
        let named = |granted: Vec<&Granted>| {
            granted.into_iter().map(|granted| granted.grant.subject.to_string()).collect::<Vec<_>>()
        };
        let (by_hand, granted) = (named(by_hand), named(granted));
        let missing: Vec<String> =
            outcome.missing.iter().map(|missing| reasons::missing(missing).to_string()).collect();
        let refused = outcome.missing.iter().any(|missing| missing.why.costs_a_write());
        let access = &mut records.ledger.access;
        access.state = Entry::Done;
        access.asked.retain(|grant| !self.grants.contains(grant) && !self.lost.contains(grant));
        access.late.retain_mut(|late| {
            let LateAccess::Grant(grant) = &late.what else { return true };
            if self.lost.contains(grant) {
                late.looked = records.now;
            }
            // What a person had given is no doing of ours.
            !outcome.granted.iter().any(|granted| granted.by_hand && granted.grant == *grant)
        });
        access.granted.extend(outcome.granted);
        let known = std::mem::take(&mut access.missing);
        let is_known = outcome.missing.iter().all(|missing| known.contains(missing));
        access.missing = known;
        // Those who were refused a short while ago were not asked for now.
        access.missing.retain(|missing| missing.why.costs_a_write() && !self.grants.contains(&missing.grant));
        if refused || access.missing.is_empty() {
            access.refused_until = refused.then(|| after(records.now, REFUSED_FOR));
        }
        access.missing.extend(outcome.missing);
        let mut texts = Vec::new();
        if !granted.is_empty() {
            texts.push(format!("granted access to {}", granted.join(", ")));
        }
        if !by_hand.is_empty() {
            texts.push(format!(
                "a person had given access to {} already, which stays as it is",
                by_hand.join(", ")
            ));
        }
        let kind = if missing.is_empty() { "access_given" } else { "access_missing" };
        let is_progress = !texts.is_empty();
        texts.extend(missing);
        // That somebody has no access is told once.
        if texts.is_empty() || (!is_progress && is_known) {
            return Recorded { event: None, is_progress: texts.is_empty(), wait: None };
        }
        Recorded { is_progress, ..Recorded::done(records, kind, texts.join("; ")) }
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        if failure.side_effect() == SideEffect::Unknown {
            for grant in &self.grants {
                Late::note(&mut records.ledger.access.late, LateAccess::Grant(grant.clone()), records.now);
            }
        }
        match failure.side_effect() {
            // An earlier call may have granted it all the same.
            SideEffect::None if self.asked.is_empty() => {
                records.ledger.access.state = Entry::NotBegun;
                records.ledger.access.asked.clear();
            }
            // Granting again changes nothing.
            SideEffect::None | SideEffect::Unknown => {}
        }
    }
}

impl Access {
    /// Who is in the room.
    async fn members(&self, docspace: &DocSpace) -> Result<Vec<Member>, Failure> {
        if let Some(members) = &self.members {
            return Ok(members.clone());
        }
        match docspace.members(self.room).await {
            Ok(members) => Ok(members.into_iter().filter(|m| m.access != 0 || m.is_owner).collect()),
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
            // Whether access can be granted shows when it is.
            Err(_) => Ok(Vec::new()),
        }
    }

    /// The role that somebody has already, by a person or by our doing. What an earlier call
    /// without an answer may have granted does not count.
    fn role_already(&self, members: &[Member], id: Uuid, wanted: &Grant) -> Option<Role> {
        let member = members.iter().find(|member| member.id == id)?;
        let mut asked = self.asked.iter().filter(|asked| asked.subject == wanted.subject);
        let is_lost = asked.any(|asked| has_role_of(member, asked));
        Role::from_number(member.access).filter(|_| !member.is_owner && !is_lost)
    }
}

fn has_role_of(member: &Member, grant: &Grant) -> bool {
    !member.is_owner && member.access == grant.role.number()
}

async fn find_all(docspace: &DocSpace, grants: &[Grant]) -> Result<Vec<Result<Uuid, MissingWhy>>, Failure> {
    try_join_all(grants.iter().map(|grant| find(docspace, &grant.subject))).await
}

/// Who that is in DocSpace, or why that can't be told. One subject that can't be looked up is no
/// reason to keep the others waiting.
async fn find(docspace: &DocSpace, subject: &Subject) -> Result<Result<Uuid, MissingWhy>, Failure> {
    let found = match subject {
        Subject::Group(name) | Subject::TicketGroup(name) => docspace.group_named(name).await,
        Subject::User(email) | Subject::Assignee(email) | Subject::Requester(email) => {
            if !is_address(email) {
                return Ok(Err(MissingWhy::NotAnAddress));
            }
            docspace.user_with_email(email).await
        }
    };
    match found {
        Ok(id) => Ok(id.ok_or(MissingWhy::Unknown)),
        // That our key is not accepted concerns everybody.
        Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
        Err(Failure { cause: Cause::Rejected { .. }, .. }) => Ok(Err(MissingWhy::NotAnAddress)),
        Err(Failure { cause: Cause::Forbidden, .. }) => Ok(Err(MissingWhy::Hidden)),
        Err(failure) => Err(failure),
    }
}

/// What the server's own validation takes for an address: one `@`, neither first nor last. At most
/// 255 characters.
fn is_address(email: &str) -> bool {
    let mut at = email.match_indices('@').map(|(position, _)| position);
    let only = at.next().filter(|_| at.next().is_none());
    only.is_some_and(|position| position > 0 && position + 1 < email.len())
        && email.encode_utf16().count() <= 255
        && !email.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// Returns who is in the room with a role, and for whom DocSpace refused theirs.
pub(super) async fn share(
    context: Context<'_>,
    room: RoomId,
    shares: &[(Uuid, Role)],
) -> Result<(HashMap<Uuid, Member>, Vec<Uuid>), Failure> {
    let docspace = context.docspace;
    let mut forbidden = Vec::new();
    let mut confirmed: Vec<Member> = Vec::new();
    if shares.is_empty() {
        return Ok((HashMap::new(), forbidden));
    }
    match docspace.share_room(room, shares).await {
        Ok(members) => confirmed = members,
        // One subject or role that can't be refuses the whole call: find out which one it is.
        Err(failure) if is_refusal(&failure) && shares.len() > 1 => {
            for share in shares {
                match docspace.share_room(room, std::slice::from_ref(share)).await {
                    Ok(members) => confirmed.extend(members),
                    Err(failure) if is_refusal(&failure) => forbidden.push(share.0),
                    Err(failure) => return Err(failure),
                }
            }
        }
        Err(failure) if is_refusal(&failure) => forbidden.extend(shares.iter().map(|(id, _)| *id)),
        Err(failure) => return Err(failure),
    }
    let by_id = |members: Vec<Member>| -> HashMap<Uuid, Member> {
        members
            .into_iter()
            .filter(|member| member.access != 0 || member.is_owner)
            .map(|member| (member.id, member))
            .collect()
    };
    let mut members = by_id(confirmed);
    if shares.iter().any(|(id, _)| !members.contains_key(id)) {
        members.extend(by_id(docspace.members(room).await?));
    }
    // A refusal does not prove that nothing happened. Who is in with the role that was asked for
    // was let in all the same; who is in with another one was refused this one.
    let has_role = |id: &Uuid| {
        let asked = shares.iter().find(|(shared, _)| shared == id).map(|(_, role)| role.number());
        members.get(id).is_some_and(|member| member.is_owner || Some(member.access) == asked)
    };
    forbidden.retain(|id| !has_role(id));
    members.retain(|id, _| !forbidden.contains(id));
    Ok((members, forbidden))
}

/// Whether DocSpace refuses somebody of those in the call. The room itself may be out of reach,
/// too; that shows when it is looked at.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::Forbidden | Cause::Rejected { status: 400, .. })
}
