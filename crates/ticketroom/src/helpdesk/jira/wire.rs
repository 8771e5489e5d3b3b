//! The parts of Jira's answers that we read. Everything may be missing or null.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// An issue.
#[derive(Debug, Deserialize)]
pub(super) struct IssueDto {
    #[serde(default)]
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, Value>,
}

/// A person: Cloud knows people by account id, Data Center by name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UserDto {
    account_id: Option<String>,
    name: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) email_address: Option<String>,
    pub(super) active: Option<bool>,
}

impl UserDto {
    /// By what the user is known.
    pub(super) fn id(&self) -> Option<&str> {
        self.account_id.as_deref().or(self.name.as_deref())
    }
}

/// A comment.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CommentDto {
    pub(super) author: Option<UserDto>,
    /// ADF or wiki text.
    pub(super) body: Value,
    /// Whether the customer sees it. Only service projects say.
    pub(super) jsd_public: Option<bool>,
    pub(super) properties: Vec<PropertyDto>,
}

impl CommentDto {
    /// What our property holds.
    pub(super) fn own_key(&self, property: &str) -> Option<&str> {
        self.properties.iter().find(|held| held.key == property)?.value.get("key")?.as_str()
    }
}

/// A property of a comment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PropertyDto {
    key: String,
    value: Value,
}

/// A page of comments.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CommentsDto {
    pub(super) comments: Vec<CommentDto>,
    pub(super) total: Option<usize>,
}

/// What `GET remotelink?globalId=` answers: the link itself, or a list with it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RemoteLinksDto {
    Many(Vec<RemoteLinkDto>),
    One(RemoteLinkDto),
}

/// A remote link.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RemoteLinkDto {
    pub(super) global_id: Option<String>,
    pub(super) object: Option<RemoteObjectDto>,
}

/// What a remote link leads to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemoteObjectDto {
    pub(super) url: Option<String>,
}
