//! The parts of Freshdesk's answers that we read. Everything that we can do without may be missing.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::rest::null_as_default;

/// `GET tickets/{id}`, and the answer to `PUT tickets/{id}`: the ticket, without anything around
/// it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TicketDto {
    pub(super) subject: Option<String>,
    /// The description without its HTML.
    pub(super) description_text: Option<String>,
    /// 2 open, 3 pending, 4 resolved, 5 closed; from 6 on the account's own.
    pub(super) status: Option<u64>,
    /// 1 low to 4 urgent.
    pub(super) priority: Option<u64>,
    /// Only there if it was asked for.
    pub(super) requester: Option<PersonDto>,
    pub(super) responder_id: Option<u64>,
    pub(super) group_id: Option<u64>,
    pub(super) company_id: Option<u64>,
    pub(super) product_id: Option<u64>,
    /// Any word of the account's own.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// How it came in, as a number.
    pub(super) source: Option<u64>,
    pub(super) created_at: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) tags: Vec<String>,
    /// What each value is depends on the field's type.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) custom_fields: Map<String, Value>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) spam: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) deleted: bool,
    pub(super) updated_at: Option<String>,
}

/// A person: a ticket's requester, or an agent's contact.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PersonDto {
    pub(super) name: Option<String>,
    /// Null for people who came by telephone or messenger.
    pub(super) email: Option<String>,
}

/// `GET agents/{id}` and `GET agents/me`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AgentDto {
    pub(super) id: Option<u64>,
    /// `support_agent`, `field_agent`, `collaborator`.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// 1 all tickets, 2 those of the agent's groups, 3 those that are assigned to the agent.
    pub(super) ticket_scope: Option<u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) contact: PersonDto,
}

/// `GET groups/{id}`, each of `GET groups`, and `GET companies/{id}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupDto {
    pub(super) name: Option<String>,
}

/// Each of `GET tickets/{id}/conversations`, and the answer to `POST tickets/{id}/notes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConversationDto {
    pub(super) user_id: Option<u64>,
    pub(super) private: Option<bool>,
    /// Whether it came in from outside.
    pub(super) incoming: Option<bool>,
    pub(super) created_at: Option<String>,
    /// HTML.
    pub(super) body: Option<String>,
    /// The same without its HTML, and so without the addresses of its links.
    pub(super) body_text: Option<String>,
}

/// Each of `GET ticket_fields`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FieldDto {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}
