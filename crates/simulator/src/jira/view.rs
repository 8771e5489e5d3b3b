//! Issues to be created, changes to be made to them, and issues as they are, for tests and the
//! control endpoint.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An issue to be created. People are named by their account ids at Data Center, too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewIssue {
    /// Its id; the next free one by default, or if it is taken.
    pub id: Option<u64>,
    /// The key of its project; `SUP` without, or if there is no such project.
    pub project: Option<String>,
    /// The title.
    #[serde(alias = "subject")]
    pub summary: String,
    /// Wiki text.
    pub description: Option<String>,
    /// The reporter; [`RITA`](super::RITA) by default.
    pub reporter: Option<String>,
    /// The assignee.
    pub assignee: Option<String>,
    /// `Highest`, `High`, `Medium`, `Low` or `Lowest`; `Medium` without.
    pub priority: Option<String>,
    /// `Open`, `Waiting for support`, `Waiting for customer`, `In progress`, `Resolved` or
    /// `Closed`; `Waiting for support` without.
    pub status: Option<String>,
    /// Labels, in any order.
    pub labels: Vec<String>,
    /// Files.
    pub attachments: Vec<NewAttachment>,
    /// The issue that it is linked to as a duplicate; none if there is no such issue.
    pub duplicates: Option<u64>,
}

impl NewIssue {
    /// An issue of Rita's with that summary.
    pub fn about(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }
}

/// A file to be attached to a new issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAttachment {
    /// Its name.
    pub filename: String,
    /// What is in it.
    pub content: String,
}

/// What a person does to an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Sets the status, by name as in [`NewIssue::status`] or by id. The first of the category
    /// `done` sets the resolution as well, leaving that category clears it.
    Status(String),
    /// Assigns it to an agent, or to nobody.
    Assignee(Option<String>),
    /// Makes somebody else the reporter; nobody, as when an account is deleted.
    Reporter(Option<String>),
    /// Sets the priority.
    Priority(String),
    /// Replaces all labels.
    Labels(Vec<String>),
    /// Changes the title.
    Summary(String),
    /// Moves it to the project of that key: it keeps its id and gets a new key.
    Move(String),
    /// Replies; the customer is told.
    PublicComment(String),
    /// Writes an internal note.
    InternalComment(String),
    /// Links it to that issue as its duplicate. Webhooks don't report it.
    Duplicates(u64),
    /// Merges it into that issue, as Service Management does: it is resolved as a duplicate, and
    /// linked to it.
    Merge(u64),
    /// Deletes it for good, and its comments and links with it. It never comes back.
    Delete,
}

/// An issue as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueView {
    /// Its number, which never changes.
    pub id: u64,
    /// Its key, which changes when it is moved.
    pub key: String,
    /// The key of its project.
    pub project: String,
    /// The title.
    pub summary: String,
    /// Wiki text.
    pub description: Option<String>,
    /// The name of the status.
    pub status: String,
    /// The name of the resolution.
    pub resolution: Option<String>,
    /// The issues that it is a duplicate of, by its links.
    pub duplicates: Vec<u64>,
    /// The issues that are duplicates of it, by its links.
    pub duplicated_by: Vec<u64>,
    /// The name of the priority.
    pub priority: String,
    /// Labels in alphabetical order.
    pub labels: Vec<String>,
    /// Account id of the reporter.
    pub reporter: Option<String>,
    /// Account id of the assignee.
    pub assignee: Option<String>,
    /// It was deleted.
    pub deleted: bool,
    /// The custom field [`ROOM_FIELD`](super::ROOM_FIELD).
    pub room_field: Option<String>,
    /// Everything written in it, oldest first.
    pub comments: Vec<CommentView>,
    /// Its links to other systems, oldest first.
    pub remote_links: Vec<RemoteLinkView>,
    /// What integrations keep with it.
    pub properties: BTreeMap<String, Value>,
    /// How often the customer was notified of a comment.
    pub customers_notified: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A comment as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentView {
    /// Its number.
    pub id: u64,
    /// Account id of who wrote it.
    pub author: String,
    /// As wiki text, so that the targets of links are in it.
    pub body_text: String,
    /// Only agents see it.
    pub internal: bool,
    /// What the integration keeps with it.
    pub properties: BTreeMap<String, Value>,
}

/// A remote link as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteLinkView {
    /// Its number.
    pub id: u64,
    /// What it is found by.
    pub global_id: Option<String>,
    /// Where it leads.
    pub url: String,
    /// Its words.
    pub title: String,
    /// The words below.
    pub summary: Option<String>,
    /// What it is to the issue.
    pub relationship: Option<String>,
    /// The name of the other system.
    pub application: Option<String>,
    /// The address of its icon.
    pub icon: Option<String>,
    /// It is struck through.
    pub resolved: Option<bool>,
}
