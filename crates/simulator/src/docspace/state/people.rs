//! People and groups.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a user may do in the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Sees all rooms, and creates rooms.
    DocSpaceAdmin,
    /// Creates rooms.
    RoomAdmin,
    /// Works in rooms.
    User,
    /// Has access to single rooms from outside.
    Guest,
}

/// The state of a user's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// In use.
    #[default]
    Active,
    /// Disabled; invitations ignore it silently.
    Terminated,
    /// Invited.
    Pending,
}

/// A user to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// The e-mail address, unique in the portal.
    pub email: String,
    /// First and last name.
    pub name: String,
    /// What the user may do.
    pub kind: UserKind,
    /// The state of the account.
    pub status: UserStatus,
}

impl NewUser {
    /// An active user.
    pub fn active(email: &str, name: &str, kind: UserKind) -> Self {
        Self { email: email.to_owned(), name: name.to_owned(), kind, status: UserStatus::Active }
    }
}

/// A group to be created.
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

pub(crate) fn default_service_user() -> NewUser {
    NewUser::active("helpdesk@example.com", "Helpdesk Integration", UserKind::DocSpaceAdmin)
}

/// Who has made the portal. A real one always has such a person.
pub(crate) fn portal_owner() -> NewUser {
    NewUser::active("olga.owner@example.com", "Olga Owner", UserKind::DocSpaceAdmin)
}

pub(crate) fn default_users() -> Vec<NewUser> {
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

pub(crate) fn default_groups() -> Vec<NewGroup> {
    vec![
        NewGroup::of("Support", &["anna.agent@example.com", "ben.engineer@example.com"]),
        NewGroup::of("Support EMEA", &["anna.agent@example.com"]),
        NewGroup::of("Tier 2", &["ben.engineer@example.com"]),
    ]
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) kind: UserKind,
    pub(crate) status: UserStatus,
    pub(crate) since: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) members: Vec<Uuid>,
}

/// All users and groups.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) users: BTreeMap<Uuid, User>,
    pub(crate) groups: BTreeMap<Uuid, Group>,
}

impl People {
    pub(crate) fn add(&mut self, new: NewUser, since: Timestamp) -> Uuid {
        let id = Uuid::new_v4();
        let NewUser { email, name, kind, status } = new;
        self.users.insert(id, User { email, name, kind, status, since });
        id
    }

    pub(crate) fn add_group(&mut self, name: &str, members: &[Uuid]) -> Uuid {
        let id = Uuid::new_v4();
        self.groups.insert(id, Group { name: name.to_owned(), members: members.to_vec() });
        id
    }

    pub(crate) fn by_email(&self, email: &str) -> Option<Uuid> {
        let mut users = self.users.iter();
        users.find(|(_, user)| user.email.eq_ignore_ascii_case(email)).map(|(id, _)| *id)
    }

    pub(crate) fn kind(&self, id: Uuid) -> Option<UserKind> {
        self.users.get(&id).map(|user| user.kind)
    }

    /// The name of a user or group; empty if the portal knows neither.
    pub(crate) fn name_of(&self, id: Uuid) -> String {
        let user = self.users.get(&id).map(|user| &user.name);
        user.or(self.groups.get(&id).map(|group| &group.name)).cloned().unwrap_or_default()
    }

    pub(crate) fn is_in(&self, user: Uuid, group: Uuid) -> bool {
        self.groups.get(&group).is_some_and(|group| group.members.contains(&user))
    }
}
