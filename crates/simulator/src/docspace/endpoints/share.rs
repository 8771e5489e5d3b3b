//! The members of a room. These calls may answer 200 and have done nothing.
//!
//! On the real server, removing a user also removes that user's shares of everything inside the
//! room; such shares are not simulated. Access by a group stays.

use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{Fields, is_address};
use super::call::Call;
use super::wire::{Failure, Outcome, Reply, page};
use crate::docspace::roles::{self, MANAGER, ROLES, Subject};
use crate::docspace::state::people::{NewUser, User, UserKind, UserStatus};
use crate::docspace::state::{Folder, Member, State};

/// `filterType` of the list of shares: bits for kinds of links, and values beyond them for people.
const USERS_AND_GROUPS: u32 = 0;
const INVITATION_LINKS: u32 = 1;
const EXTERNAL_LINKS: u32 = 2;
const ADDITIONAL_LINKS: u32 = 4;
const PRIMARY_LINKS: u32 = 8;
const USERS: u32 = 16;
const GROUPS: u32 = 32;

/// What an invitation leads to.
enum Invited {
    Somebody(Member),
    /// Ignored silently.
    Nobody,
}

/// Refuses a role that the room's type doesn't have for this subject. Only users who may create
/// rooms can be managers.
fn fits(room_type: i32, subject: Subject, access: i32, user: Option<&User>) -> Result<(), Failure> {
    let makes_rooms = |user: &User| matches!(user.kind, UserKind::DocSpaceAdmin | UserKind::RoomAdmin);
    if roles::knows(room_type, subject, access) && (access != MANAGER || user.is_some_and(makes_rooms)) {
        Ok(())
    } else {
        Err(Failure::InvalidOperation)
    }
}

impl State {
    /// Gives roles, one invitation after the other: those before one that is refused stay. Reads
    /// `invitations` and nothing else, so a body with another key succeeds and adds nobody.
    pub(crate) fn share_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let fields = Fields::of(call.request)?;
        let folder = self.managed_room(call.caller, id, Failure::NotFound)?;
        let (owner, room_type) = (folder.owner, folder.room().map_or(0, |room| room.room_type));
        let Some(invitations) = fields.objects("Invitations")? else {
            return Ok(Reply::One(json!({ "error": 0 })));
        };
        self.validate(call, &invitations)?;
        let mut members = Vec::new();
        for invitation in &invitations {
            // An unknown role counts as none, which removes the role.
            let access = invitation.member("Access", &ROLES)?.map_or(0, |role| role.unwrap_or(0));
            let by_id = invitation.uuid("Id")?;
            let invited = match by_id {
                Some(subject) => self.invited(call, subject, access, room_type)?,
                None => self.invited_by_email(invitation.text("Email")?, access, room_type)?,
            };
            let Invited::Somebody(member) = invited else { continue };
            if member.id == owner {
                continue;
            }
            self.set_member(id, &member);
            // Those invited by e-mail are not in the answer.
            if access != 0 && by_id.is_some() {
                members.push(self.share_dto(&member, &call.origin));
            }
        }
        Ok(Reply::One(json!({ "members": members, "error": 0 })))
    }

    /// Errors that fail the whole call before any access is granted: an invalid address, and a
    /// guest whom a room admin may not see.
    fn validate(&self, call: &Call<'_>, invitations: &[Fields]) -> Result<(), Failure> {
        for invitation in invitations {
            let by_id = invitation.uuid("Id")?;
            let email = invitation.text("Email")?.filter(|email| !email.is_empty());
            if by_id.is_none() && email.is_some_and(|email| !is_address(email)) {
                return Err(Failure::Invalid("Email"));
            }
            let invited = by_id.or_else(|| self.people.by_email(email?));
            if invited.is_some_and(|id| self.is_hidden_from(call.caller, id)) {
                return Err(Failure::Security);
            }
        }
        Ok(())
    }

    fn invited(&self, call: &Call<'_>, id: Uuid, access: i32, room_type: i32) -> Result<Invited, Failure> {
        let is_group = self.people.groups.contains_key(&id);
        let subject = if is_group { Subject::Group } else { Subject::User };
        let user = self.people.users.get(&id);
        if user.is_some_and(|user| user.status == UserStatus::Terminated) {
            return Ok(Invited::Nobody);
        }
        if !is_group && user.is_none() && self.people.kind(call.caller) != Some(UserKind::DocSpaceAdmin) {
            return Ok(Invited::Nobody);
        }
        fits(room_type, subject, access, user)?;
        // An unknown id becomes a member without a name.
        Ok(Invited::Somebody(Member { id, is_group, access }))
    }

    /// Invites an address; if no user has it, a guest is created.
    fn invited_by_email(
        &mut self,
        email: Option<&str>,
        access: i32,
        room_type: i32,
    ) -> Result<Invited, Failure> {
        let Some(email) = email.filter(|email| !email.is_empty()) else { return Ok(Invited::Nobody) };
        let known = self.people.by_email(email);
        let user = known.and_then(|id| self.people.users.get(&id));
        if user.is_some_and(|user| user.status == UserStatus::Terminated) {
            return Ok(Invited::Nobody);
        }
        fits(room_type, Subject::User, access, user)?;
        if known.is_none() && access == 0 {
            return Ok(Invited::Nobody);
        }
        let now = self.now();
        let id = known.unwrap_or_else(|| {
            let guest =
                NewUser { status: UserStatus::Pending, ..NewUser::active(email, email, UserKind::Guest) };
            self.people.add(guest, now)
        });
        Ok(Invited::Somebody(Member { id, is_group: false, access }))
    }

    /// The owner first, then the others in the order in which they were added.
    pub(crate) fn get_share(&self, call: &Call<'_>, id: i64) -> Outcome {
        let folder = self.room(id).ok_or(Failure::NotFound)?;
        if !self.standing(call.caller, id).reads() {
            return Err(Failure::Security);
        }
        let filter = match call.request.query("filterType").unwrap_or("0") {
            "" => USERS_AND_GROUPS,
            text => text.parse().map_err(|_| Failure::Invalid("FilterType"))?,
        };
        let part = call.request.query("filterValue").unwrap_or_default().to_lowercase();
        let shares = self.shares(folder, filter, &part, &call.origin);
        let total = shares.len();
        Ok(Reply::Many(page(call.request, 100, shares)?, Some(total)))
    }

    fn shares(&self, folder: &Folder, filter: u32, part: &str, origin: &str) -> Vec<Value> {
        let Some(room) = folder.room() else { return Vec::new() };
        if filter == USERS_AND_GROUPS || filter & (USERS | GROUPS) != 0 {
            let (users, groups) = (filter & GROUPS == 0, filter & USERS == 0);
            let owner = users.then_some(Member { id: folder.owner, is_group: false, access: 1 });
            let others = room.members.iter().filter(|m| if m.is_group { groups } else { users }).cloned();
            let all = owner.into_iter().chain(others).filter(|member| self.is_called(member.id, part));
            return all
                .map(|member| {
                    let mut dto = self.share_dto(&member, origin);
                    if let Some(dto) = dto.as_object_mut().filter(|_| member.id == folder.owner) {
                        dto.insert("isOwner".to_owned(), json!(true));
                        dto.insert("canEditAccess".to_owned(), json!(false));
                    }
                    dto
                })
                .collect();
        }
        let links = room.links.iter().filter(|link| {
            let is_external = link.is_external();
            let kind = match (is_external, link.primary) {
                (false, _) => INVITATION_LINKS,
                (true, true) => EXTERNAL_LINKS | PRIMARY_LINKS,
                (true, false) => EXTERNAL_LINKS | ADDITIONAL_LINKS,
            };
            filter & kind != 0
        });
        links.map(|link| self.link_dto(link, origin)).collect()
    }

    fn is_called(&self, id: Uuid, part: &str) -> bool {
        let user = self.people.users.get(&id).map(|user| &user.name);
        let group = self.people.groups.get(&id).map(|group| &group.name);
        part.is_empty() || user.or(group).is_some_and(|name| name.to_lowercase().contains(part))
    }
}
