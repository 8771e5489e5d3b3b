//! Users and groups. The ones that exist at the start have fixed ids, so that tests can name them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Anna Agent, <anna.agent@example.com>: changes tickets unless another user is named.
pub const ANNA: u64 = 30_064_054_000_101;
/// Ben Engineer, <ben.engineer@example.com>, an agent.
pub const BEN: u64 = 30_064_054_000_102;
/// Rita Requester, <rita@customer.example>: the requester unless another one is named.
pub const RITA: u64 = 30_064_054_112_233;
/// Carla Customer, <carla.customer@example.com>: a requester who is a guest in DocSpace as well.
pub const CARLA: u64 = 30_064_054_112_235;
/// Mo Messenger, a requester without an e-mail address, as messaging channels make them.
pub const MO: u64 = 30_064_054_112_234;
/// The user as whom the API's credentials act.
pub const INTEGRATION: u64 = 30_064_054_000_999;
/// The group "Support".
pub const SUPPORT: u64 = 30_063_999_000_031;
/// The group "Sales".
pub const SALES: u64 = 30_063_999_000_032;
/// The brand that tickets belong to unless another one is named.
pub const MAIN_BRAND: u64 = 30_063_999_000_011;
/// The other brand.
pub const OTHER_BRAND: u64 = 30_063_999_000_012;

/// All brands.
pub(super) const BRANDS: [u64; 2] = [MAIN_BRAND, OTHER_BRAND];

pub(super) const INTEGRATION_EMAIL: &str = "docspace-rooms@example.com";

/// A user to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Display name.
    pub name: String,
    /// E-mail address, if one is known.
    #[serde(default)]
    pub email: Option<String>,
    /// What the user is.
    #[serde(default)]
    pub role: Role,
}

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A customer.
    #[default]
    EndUser,
    /// Works on tickets.
    Agent,
    /// An agent who may do everything.
    Admin,
}

/// The people of an account.
#[derive(Debug)]
pub(super) struct People {
    users: BTreeMap<u64, NewUser>,
    groups: BTreeMap<u64, String>,
}

impl Default for People {
    fn default() -> Self {
        let user = |id, name: &str, email: Option<&str>, role| {
            (id, NewUser { name: name.to_owned(), email: email.map(str::to_owned), role })
        };
        Self {
            users: BTreeMap::from([
                user(ANNA, "Anna Agent", Some("anna.agent@example.com"), Role::Agent),
                user(BEN, "Ben Engineer", Some("ben.engineer@example.com"), Role::Agent),
                user(RITA, "Rita Requester", Some("rita@customer.example"), Role::EndUser),
                user(CARLA, "Carla Customer", Some("carla.customer@example.com"), Role::EndUser),
                user(MO, "Mo Messenger", None, Role::EndUser),
                user(INTEGRATION, "DocSpace Rooms (integration)", Some(INTEGRATION_EMAIL), Role::Admin),
            ]),
            groups: BTreeMap::from([(SUPPORT, "Support".to_owned()), (SALES, "Sales".to_owned())]),
        }
    }
}

impl People {
    pub(super) fn add_user(&mut self, id: u64, user: NewUser) {
        self.users.insert(id, user);
    }

    /// What the integration is. Only an administrator may export tickets and set the account up.
    pub(super) fn set_integration_role(&mut self, role: Role) {
        if let Some(user) = self.users.get_mut(&INTEGRATION) {
            user.role = role;
        }
    }

    pub(super) fn integration_is_admin(&self) -> bool {
        self.users.get(&INTEGRATION).is_some_and(|user| user.role == Role::Admin)
    }

    pub(super) fn add_group(&mut self, id: u64, name: &str) {
        self.groups.insert(id, name.to_owned());
    }

    pub(super) fn all_users(&self, api: &str) -> Vec<Value> {
        self.users.keys().filter_map(|id| self.user_json(*id, api)).collect()
    }

    pub(super) fn all_groups(&self, api: &str) -> Vec<Value> {
        self.groups.keys().filter_map(|id| self.group_json(*id, api)).collect()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (u64, &str)> {
        self.groups.iter().map(|(id, name)| (*id, name.as_str()))
    }

    pub(super) fn has_user(&self, id: u64) -> bool {
        self.users.contains_key(&id)
    }

    pub(super) fn has_group(&self, id: u64) -> bool {
        self.groups.contains_key(&id)
    }

    pub(super) fn is_staff(&self, id: u64) -> bool {
        self.users.get(&id).is_some_and(|user| user.role != Role::EndUser)
    }

    pub(super) fn name(&self, id: u64) -> &str {
        self.users.get(&id).map_or("", |user| &user.name)
    }

    pub(super) fn email(&self, id: u64) -> Option<&str> {
        self.users.get(&id)?.email.as_deref()
    }

    /// The user as REST shows it.
    pub(super) fn user_json(&self, id: u64, api: &str) -> Option<Value> {
        let user = self.users.get(&id)?;
        Some(json!({
            "id": id,
            "url": format!("{api}/users/{id}.json"),
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "active": true,
            "suspended": false,
            "verified": user.email.is_some(),
            "locale": "de",
            "time_zone": "Berlin",
            "external_id": null,
            "organization_id": null,
            "created_at": Timestamp::UNIX_EPOCH,
            "updated_at": Timestamp::UNIX_EPOCH,
        }))
    }

    /// The group as REST shows it.
    pub(super) fn group_json(&self, id: u64, api: &str) -> Option<Value> {
        let name = self.groups.get(&id)?;
        Some(json!({
            "id": id,
            "url": format!("{api}/groups/{id}.json"),
            "name": name,
            "description": "",
            "default": id == SUPPORT,
            "deleted": false,
            "is_public": true,
            "created_at": Timestamp::UNIX_EPOCH,
            "updated_at": Timestamp::UNIX_EPOCH,
        }))
    }
}
