//! The parts of Zendesk's answers that we read. Everything that we can do without may be missing.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::super::listing::{Lenient, Number};
use super::super::rest::null_as_default;
use crate::source::salvage;

/// The answer to a request for a token.
#[derive(Deserialize)]
pub(super) struct TokenDto {
    #[serde(deserialize_with = "secret")]
    pub(super) access_token: SecretString,
    #[serde(default)]
    pub(super) expires_in: Option<u64>,
}

/// `GET users/me`.
#[derive(Debug, Deserialize)]
pub(super) struct MeAnswer {
    pub(super) user: MeDto,
}

/// Our own user. Without credentials, Zendesk answers with one that has no id.
#[derive(Debug, Deserialize)]
pub(super) struct MeDto {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) role: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) suspended: bool,
}

/// `GET tickets/{id}`, with the people and groups that it names.
#[derive(Debug, Deserialize)]
pub(super) struct TicketAnswer {
    pub(super) ticket: TicketDto,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) users: Vec<UserDto>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) groups: Vec<GroupDto>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) organizations: Vec<GroupDto>,
}

/// A ticket.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TicketDto {
    pub(super) subject: Option<String>,
    pub(super) description: Option<String>,
    /// One of the classic values, even where the account has statuses of its own: their category.
    pub(super) status: Option<String>,
    pub(super) priority: Option<String>,
    pub(super) requester_id: Option<u64>,
    pub(super) assignee_id: Option<u64>,
    pub(super) group_id: Option<u64>,
    pub(super) organization_id: Option<u64>,
    pub(super) brand_id: Option<u64>,
    pub(super) ticket_form_id: Option<u64>,
    /// `problem`, `incident`, `question` or `task`.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) via: ViaDto,
    pub(super) created_at: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) custom_fields: Vec<CustomFieldDto>,
    pub(super) updated_at: Option<String>,
}

impl TicketDto {
    /// What a custom field holds; nothing if the ticket has no such field.
    pub(super) fn custom_field(&self, id: u64) -> Option<&Value> {
        self.custom_fields.iter().find(|field| field.id == id).map(|field| &field.value)
    }
}

/// How a ticket came in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ViaDto {
    /// `web`, `email`, `api`, `voice` ...
    pub(super) channel: Value,
    /// Of a follow-up: what it continues. Of others, anything.
    pub(super) source: Value,
}

impl ViaDto {
    /// The ticket that this one is a follow-up of.
    pub(super) fn follow_up_of(&self) -> Option<u64> {
        if self.source.get("rel")?.as_str()? != "follow_up" {
            return None;
        }
        match self.source.get("from")?.get("ticket_id")? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => salvage::whole_number(text.trim()),
            _ => None,
        }
    }
}

/// A custom field of a ticket. What its value is depends on the field's type.
#[derive(Debug, Deserialize)]
pub(super) struct CustomFieldDto {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) value: Value,
}

/// A person.
#[derive(Debug, Deserialize)]
pub(super) struct UserDto {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Null for people who came by telephone or messenger.
    #[serde(default)]
    pub(super) email: Option<String>,
}

/// A group or an organization.
#[derive(Debug, Deserialize)]
pub(super) struct GroupDto {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// The answer to `PUT tickets/{id}`: the ticket as it became, and what was done to it.
#[derive(Debug, Deserialize)]
pub(super) struct UpdateAnswer {
    pub(super) ticket: TicketDto,
    #[serde(default)]
    pub(super) audit: Option<AuditDto>,
}

/// What one update did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuditDto {
    pub(super) author_id: Option<u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) events: Vec<AuditEventDto>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) metadata: MetadataDto,
}

/// One thing that an update did.
#[derive(Debug, Deserialize)]
pub(super) struct AuditEventDto {
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) public: Option<bool>,
}

/// A page of `GET tickets/{id}/comments`.
#[derive(Debug, Deserialize)]
pub(super) struct CommentsAnswer {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) comments: Vec<CommentDto>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) meta: PageDto,
}

/// Whether there is a further page, and how to ask for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PageDto {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) has_more: bool,
    pub(super) after_cursor: Option<String>,
}

/// A comment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CommentDto {
    pub(super) author_id: Option<u64>,
    pub(super) public: Option<bool>,
    pub(super) body: Option<String>,
    pub(super) html_body: Option<String>,
    pub(super) created_at: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) metadata: MetadataDto,
}

/// What whoever made an update wrote beside it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MetadataDto {
    /// Any integration may have put anything here.
    custom: Value,
}

impl MetadataDto {
    /// The key that we put there, if it was us.
    pub(super) fn key(&self) -> Option<&str> {
        self.custom.get("ticketroom")?.get("key")?.as_str()
    }
}

/// `GET deleted_tickets`.
#[derive(Debug, Deserialize)]
pub(super) struct DeletedAnswer {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) deleted_tickets: Vec<DeletedDto>,
}

/// A ticket that was deleted and can be restored.
#[derive(Debug, Deserialize)]
pub(super) struct DeletedDto {
    pub(super) id: u64,
}

/// `GET incremental/tickets/cursor`.
#[derive(Debug, Deserialize)]
pub(super) struct ExportAnswer {
    pub(super) tickets: Vec<Lenient<EntryDto>>,
    #[serde(default)]
    pub(super) after_cursor: Option<String>,
    pub(super) end_of_stream: bool,
}

/// `GET search/export`.
#[derive(Debug, Deserialize)]
pub(super) struct FoundAnswer {
    pub(super) results: Vec<Lenient<EntryDto>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) meta: PageDto,
}

/// `GET deleted_tickets`, by cursor.
#[derive(Debug, Deserialize)]
pub(super) struct DeletedPageAnswer {
    pub(super) deleted_tickets: Vec<Lenient<EntryDto>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) meta: PageDto,
}

/// A ticket in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EntryDto {
    pub(super) id: Lenient<Number>,
    pub(super) updated_at: Lenient<String>,
    pub(super) deleted_at: Lenient<String>,
    /// When the entry was made, in seconds: also changes of the system count, which leave the time
    /// of the update as it is.
    pub(super) generated_timestamp: Lenient<i64>,
}

/// `GET ticket_fields/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct FieldAnswer {
    pub(super) ticket_field: FieldDto,
}

/// A kind of field that tickets have.
#[derive(Debug, Deserialize)]
pub(super) struct FieldDto {
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) active: Option<bool>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}
