//! The parts of Freshdesk's answers that we read. Everything may be missing or null.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A ticket.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TicketDto {
    pub(super) subject: Option<String>,
    pub(super) description_text: Option<String>,
    pub(super) status: Option<u64>,
    pub(super) priority: Option<u64>,
    pub(super) responder_id: Option<u64>,
    pub(super) group_id: Option<u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) custom_fields: BTreeMap<String, Value>,
    pub(super) requester: Option<RequesterDto>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) spam: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) deleted: bool,
    pub(super) updated_at: Option<String>,
}

/// Who asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RequesterDto {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
}

/// An agent. What a person has is inside.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AgentDto {
    pub(super) id: Option<u64>,
    /// 1 global, 2 the agent's groups, 3 only what is assigned to the agent.
    pub(super) ticket_scope: Option<u64>,
    pub(super) contact: Option<RequesterDto>,
}

/// A group.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupDto {
    pub(super) name: Option<String>,
}

/// A note or a reply.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConversationDto {
    pub(super) body: Option<String>,
    pub(super) body_text: Option<String>,
    pub(super) private: Option<bool>,
    pub(super) user_id: Option<u64>,
}

/// A ticket field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FieldDto {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// Null stands where there is nothing, also for lists and switches.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
