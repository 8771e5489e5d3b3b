//! Agents, contacts and groups. The ones that exist at the start have fixed ids, so that tests can
//! name them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Anna Agent, <anna.agent@example.com>: changes tickets unless another agent is named.
pub const ANNA: u64 = 103_000_000_041;
/// Ben Engineer, <ben.engineer@example.com>, an agent.
pub const BEN: u64 = 103_000_000_042;
/// Rita Requester, <rita@customer.example>: the requester unless another one is named.
pub const RITA: u64 = 103_000_000_777;
/// Carla Customer, <carla.customer@example.com>: a contact who is a guest in DocSpace as well.
pub const CARLA: u64 = 103_000_000_779;
/// Mo Messenger, a contact without an e-mail address, as chats make them.
pub const MO: u64 = 103_000_000_778;
/// The agent whose API key the integration has.
pub const INTEGRATION: u64 = 103_000_000_099;
/// The group "Support".
pub const SUPPORT: u64 = 103_000_000_031;
/// The group "Sales".
pub const SALES: u64 = 103_000_000_032;

/// An agent to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Display name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// When the account's people, groups and fields were made; nothing here changes them.
const MADE: &str = "2026-01-05T09:00:00Z";

/// Adds the times of creation and change, which everything in an account has.
pub(super) fn dated(mut shown: Value) -> Value {
    shown["created_at"] = MADE.into();
    shown["updated_at"] = MADE.into();
    shown
}

/// The people of an account.
#[derive(Debug)]
pub(super) struct People {
    pub(super) agents: BTreeMap<u64, NewAgent>,
    pub(super) contacts: BTreeMap<u64, (String, Option<String>)>,
    pub(super) groups: BTreeMap<u64, String>,
    /// Whether the integration's agent may look at agents and groups.
    pub(super) readable: bool,
    /// What the integration's agent may see: 1 everything, 2 its groups, 3 its tickets.
    pub(super) own_scope: u64,
    /// The integration's agent is an administrator.
    pub(super) own_is_administrator: bool,
}

impl Default for People {
    fn default() -> Self {
        let agent = |name: &str, email: &str| NewAgent { name: name.to_owned(), email: email.to_owned() };
        Self {
            agents: BTreeMap::from([
                (ANNA, agent("Anna Agent", "anna.agent@example.com")),
                (BEN, agent("Ben Engineer", "ben.engineer@example.com")),
                (INTEGRATION, agent("DocSpace Rooms", "docspace-rooms@example.com")),
            ]),
            contacts: BTreeMap::from([
                (RITA, ("Rita Requester".to_owned(), Some("rita@customer.example".to_owned()))),
                (CARLA, ("Carla Customer".to_owned(), Some("carla.customer@example.com".to_owned()))),
                (MO, ("Mo Messenger".to_owned(), None)),
            ]),
            groups: BTreeMap::from([(SUPPORT, "Support".to_owned()), (SALES, "Sales".to_owned())]),
            readable: true,
            own_scope: 1,
            own_is_administrator: true,
        }
    }
}

impl People {
    pub(super) fn agent_json(&self, id: u64) -> Option<Value> {
        let agent = self.agents.get(&id)?;
        let scope = if id == INTEGRATION { self.own_scope } else { 1 };
        Some(dated(json!({
            "id": id,
            "available": false,
            "occasional": false,
            "ticket_scope": scope,
            "group_ids": [SUPPORT],
            "type": "support_agent",
            "contact": dated(json!({ "active": true, "name": agent.name, "email": agent.email, "language": "en" })),
        })))
    }

    /// A contact, as calls for contacts show it. Agents are not contacts.
    pub(super) fn contact_json(&self, id: u64) -> Option<Value> {
        let (name, email) = self.contacts.get(&id)?;
        Some(dated(
            json!({ "id": id, "name": name, "email": email, "phone": null, "mobile": null, "active": true,
            "other_emails": [], "company_id": null }),
        ))
    }

    /// Who asked, as tickets include it; may be an agent.
    pub(super) fn requester_json(&self, id: u64) -> Value {
        let (name, email) = self.name_and_email(id);
        json!({ "id": id, "name": name, "email": email, "mobile": null, "phone": null })
    }

    pub(super) fn group_json(&self, id: u64) -> Option<Value> {
        let name = self.groups.get(&id)?;
        Some(dated(json!({ "id": id, "name": name, "description": null, "agent_ids": [ANNA, BEN] })))
    }

    pub(super) fn name_and_email(&self, id: u64) -> (String, Option<String>) {
        if let Some(agent) = self.agents.get(&id) {
            return (agent.name.clone(), Some(agent.email.clone()));
        }
        self.contacts.get(&id).cloned().unwrap_or_default()
    }
}
