//! People and groups, and the calls that look them up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::state::{Call, State};
use super::wire::{Failure, Outcome, Reply, date, page, without_nulls};

/// What somebody may do in the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Sees every room, and makes rooms.
    DocSpaceAdmin,
    /// Makes rooms.
    RoomAdmin,
    /// Works in rooms.
    User,
    /// Is let into single rooms from outside.
    Guest,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Is.
    #[default]
    Active,
    /// Was; invitations pass them over silently.
    Terminated,
    /// Has been invited.
    Pending,
}

/// Somebody who is to exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// Their address, unique in the portal.
    pub email: String,
    /// First and last name.
    pub name: String,
    /// What they may do.
    pub kind: UserKind,
    /// Whether they are there.
    pub status: UserStatus,
}

impl NewUser {
    /// Somebody active.
    pub fn active(email: &str, name: &str, kind: UserKind) -> Self {
        Self { email: email.to_owned(), name: name.to_owned(), kind, status: UserStatus::Active }
    }
}

/// A group that is to exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroup {
    /// Its name, which need not be unique.
    pub name: String,
    /// The addresses of its members.
    pub members: Vec<String>,
}

impl NewGroup {
    fn of(name: &str, members: &[&str]) -> Self {
        Self { name: name.to_owned(), members: members.iter().map(|&email| email.to_owned()).collect() }
    }
}

pub(super) fn default_service_user() -> NewUser {
    NewUser::active("helpdesk@example.com", "Helpdesk Integration", UserKind::DocSpaceAdmin)
}

pub(super) fn default_users() -> Vec<NewUser> {
    vec![
        NewUser::active("anna.agent@example.com", "Anna Agent", UserKind::RoomAdmin),
        NewUser::active("ben.engineer@example.com", "Ben Engineer", UserKind::User),
        NewUser::active("carla.customer@example.com", "Carla Customer", UserKind::Guest),
        NewUser {
            status: UserStatus::Terminated,
            ..NewUser::active("terminated@example.com", "Tom Terminated", UserKind::User)
        },
    ]
}

pub(super) fn default_groups() -> Vec<NewGroup> {
    vec![
        NewGroup::of("Support", &["anna.agent@example.com", "ben.engineer@example.com"]),
        NewGroup::of("Support EMEA", &["anna.agent@example.com"]),
        NewGroup::of("Tier 2", &["ben.engineer@example.com"]),
    ]
}

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) kind: UserKind,
    pub(super) status: UserStatus,
    pub(super) since: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) members: Vec<Uuid>,
}

/// Everybody.
#[derive(Debug, Default)]
pub(super) struct People {
    pub(super) users: BTreeMap<Uuid, User>,
    pub(super) groups: BTreeMap<Uuid, Group>,
}

impl People {
    pub(super) fn add(&mut self, new: NewUser, since: Timestamp) -> Uuid {
        let id = Uuid::new_v4();
        let NewUser { email, name, kind, status } = new;
        self.users.insert(id, User { email, name, kind, status, since });
        id
    }

    pub(super) fn add_group(&mut self, name: &str, members: &[Uuid]) -> Uuid {
        let id = Uuid::new_v4();
        self.groups.insert(id, Group { name: name.to_owned(), members: members.to_vec() });
        id
    }

    pub(super) fn by_email(&self, email: &str) -> Option<Uuid> {
        let mut users = self.users.iter();
        users.find(|(_, user)| user.email.eq_ignore_ascii_case(email)).map(|(id, _)| *id)
    }

    pub(super) fn kind(&self, id: Uuid) -> Option<UserKind> {
        self.users.get(&id).map(|user| user.kind)
    }

    pub(super) fn is_in(&self, user: Uuid, group: Uuid) -> bool {
        self.groups.get(&group).is_some_and(|group| group.members.contains(&user))
    }

    /// Somebody as entries name them (EmployeeDto).
    pub(super) fn reference(&self, id: Uuid, origin: &str) -> Value {
        let user = self.users.get(&id);
        let picture = |size| format!("/static/images/default_user_photo_size_{size}-{size}.png");
        json!({
            "id": id,
            "displayName": user.map(|user| user.name.as_str()).unwrap_or_default(),
            "avatar": picture(48),
            "avatarOriginal": picture(200),
            "avatarMax": picture(200),
            "avatarMedium": picture(48),
            "avatarSmall": picture(32),
            "profileUrl": format!("{origin}/accounts/people/filter?search=user"),
            "hasAvatar": false,
            "isAnonim": false,
        })
    }

    /// Somebody in full (EmployeeFullDto). A member whom the portal doesn't know has only a number.
    pub(super) fn full(&self, id: Uuid, origin: &str) -> Value {
        let mut full = self.reference(id, origin);
        let (Some(user), Some(members)) = (self.users.get(&id), full.as_object_mut()) else { return full };
        let (first, last) = user.name.split_once(' ').unwrap_or((&user.name, ""));
        let groups: Vec<Value> = self
            .groups
            .iter()
            .filter(|(_, group)| group.members.contains(&id))
            .map(|(id, group)| json!({ "id": id, "name": group.name, "isSystem": false }))
            .collect();
        let status = match user.status {
            UserStatus::Active => 1,
            UserStatus::Terminated => 2,
            UserStatus::Pending => 4,
        };
        let more = json!({
            "firstName": first,
            "lastName": last,
            "userName": user.email.split('@').next(),
            "email": user.email,
            "status": status,
            "activationStatus": if user.status == UserStatus::Pending { 2 } else { 1 },
            "department": "",
            "groups": groups,
            "isAdmin": user.kind == UserKind::DocSpaceAdmin,
            "isRoomAdmin": user.kind == UserKind::RoomAdmin,
            "isLDAP": false,
            "isOwner": false,
            "isVisitor": user.kind == UserKind::Guest,
            "isCollaborator": user.kind == UserKind::User,
            "mobilePhoneActivationStatus": 0,
            "isSSO": false,
            "registrationDate": date(user.since),
        });
        if let Value::Object(more) = more {
            members.extend(more);
        }
        full
    }
}

impl State {
    /// Looking others up is for those who run rooms.
    fn demand_admin(&self, caller: Uuid) -> Result<(), Failure> {
        match self.people.kind(caller) {
            Some(UserKind::DocSpaceAdmin | UserKind::RoomAdmin) => Ok(()),
            _ => Err(Failure::Security),
        }
    }

    /// A room admin may not look at guests.
    pub(super) fn is_hidden_from(&self, caller: Uuid, id: Uuid) -> bool {
        self.people.kind(caller) == Some(UserKind::RoomAdmin) && self.people.kind(id) == Some(UserKind::Guest)
    }

    pub(super) fn self_user(&self, call: &Call<'_>) -> Outcome {
        Ok(Reply::One(self.people.full(call.caller, &call.origin)))
    }

    pub(super) fn user_by_email(&self, call: &Call<'_>) -> Outcome {
        self.demand_admin(call.caller)?;
        let email = call.request.query("email").unwrap_or_default();
        if !is_address(email) {
            return Err(Failure::Invalid("Email"));
        }
        let id = self.people.by_email(email).ok_or(Failure::NotFound)?;
        if self.is_hidden_from(call.caller, id) {
            return Err(Failure::Security);
        }
        Ok(Reply::One(self.people.full(id, &call.origin)))
    }

    /// Finds by any part of the name: `Support` also finds `Support EMEA`.
    pub(super) fn find_groups(&self, call: &Call<'_>) -> Outcome {
        self.demand_admin(call.caller)?;
        let part = call.request.query("filterValue").unwrap_or_default().to_lowercase();
        let user: Option<Uuid> = match call.request.query("userId") {
            Some(text) => Some(text.parse().map_err(|_| Failure::Invalid("UserId"))?),
            None => None,
        };
        let found: Vec<Value> = self
            .people
            .groups
            .iter()
            .filter(|(_, group)| group.name.to_lowercase().contains(&part))
            .filter(|(_, group)| user.is_none_or(|user| group.members.contains(&user)))
            .map(|(id, group)| group_dto(*id, group))
            .collect();
        let total = found.len();
        Ok(Reply::Many(page(call.request, 100, found)?, Some(total)))
    }

    pub(super) fn get_group(&self, call: &Call<'_>, id: &str) -> Outcome {
        self.demand_admin(call.caller)?;
        let id: Uuid = id.parse().map_err(|_| Failure::Invalid("Id"))?;
        let group = self.people.groups.get(&id).ok_or(Failure::NotFound)?;
        let members = call.request.query("includeMembers") != Some("false");
        let members = members.then(|| {
            group.members.iter().map(|member| self.people.full(*member, &call.origin)).collect::<Vec<_>>()
        });
        let mut dto = group_dto(id, group);
        if let Some(dto) = dto.as_object_mut() {
            dto.insert("members".to_owned(), json!(members));
        }
        Ok(Reply::One(without_nulls(dto)))
    }
}

/// What the server's validation takes for an e-mail address.
pub(super) fn is_address(email: &str) -> bool {
    let (at, length) = (email.find('@'), email.encode_utf16().count());
    at.is_some_and(|at| at > 0 && at + 1 < email.len() && email.rfind('@') == Some(at)) && length <= 255
}

fn group_dto(id: Uuid, group: &Group) -> Value {
    json!({
        "name": group.name,
        "category": Uuid::nil(),
        "id": id,
        "isLDAP": false,
        "isSystem": false,
        "membersCount": group.members.len(),
    })
}
