//! An issue with its history, which webhooks report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::view::{CommentView, IssueView, RemoteLinkView};

/// The status of an issue. Deleted is not one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    WaitingForSupport,
    WaitingForCustomer,
    InProgress,
    Resolved,
    Closed,
}

/// What a status means, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    New,
    Indeterminate,
    Done,
}

impl Status {
    const ALL: [Self; 6] = [
        Self::Open,
        Self::WaitingForSupport,
        Self::WaitingForCustomer,
        Self::InProgress,
        Self::Resolved,
        Self::Closed,
    ];

    /// The status of that name or id.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(name) || status.id().to_string() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::WaitingForSupport => "Waiting for support",
            Self::WaitingForCustomer => "Waiting for customer",
            Self::InProgress => "In progress",
            Self::Resolved => "Resolved",
            Self::Closed => "Closed",
        }
    }

    pub(super) fn id(self) -> u64 {
        match self {
            Self::Open => 1,
            Self::WaitingForSupport => 10_100,
            Self::WaitingForCustomer => 10_101,
            Self::InProgress => 3,
            Self::Resolved => 10_105,
            Self::Closed => 6,
        }
    }

    pub(super) fn category(self) -> Category {
        match self {
            Self::Open => Category::New,
            Self::WaitingForSupport | Self::WaitingForCustomer | Self::InProgress => Category::Indeterminate,
            Self::Resolved | Self::Closed => Category::Done,
        }
    }
}

impl Category {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Indeterminate => "indeterminate",
            Self::Done => "done",
        }
    }
}

/// How an issue was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolution {
    Done,
    Duplicate,
}

impl Resolution {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Duplicate => "Duplicate",
        }
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Done => "10000",
            Self::Duplicate => "10002",
        }
    }
}

/// Priorities, the most urgent first; their ids are their places, from 1.
pub(super) const PRIORITIES: [&str; 5] = ["Highest", "High", "Medium", "Low", "Lowest"];

#[derive(Debug)]
pub(super) struct Issue {
    pub(super) id: u64,
    pub(super) key: String,
    /// Keys that it had before it was moved; they still work.
    pub(super) former_keys: Vec<String>,
    pub(super) project: String,
    pub(super) summary: String,
    /// Wiki text.
    pub(super) description: Option<String>,
    pub(super) status: Status,
    pub(super) deleted: bool,
    pub(super) priority: &'static str,
    /// How it was resolved, and when.
    pub(super) resolved: Option<(Resolution, Timestamp)>,
    pub(super) reporter: Option<String>,
    pub(super) creator: String,
    pub(super) assignee: Option<String>,
    pub(super) labels: BTreeSet<String>,
    /// The custom field "DocSpace room".
    pub(super) room: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) comments: Vec<Comment>,
    pub(super) links: Vec<RemoteLink>,
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) history: Vec<Happening>,
    /// How often the customer was notified of a comment.
    pub(super) notified: u32,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) id: u64,
    pub(super) filename: String,
    pub(super) mime_type: String,
    pub(super) content: String,
    pub(super) author: String,
    pub(super) created: Timestamp,
}

#[derive(Debug)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) adf: Value,
    pub(super) wiki: String,
    pub(super) internal: bool,
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) created: Timestamp,
}

/// A link to something outside of Jira. What the last write left out is null.
#[derive(Debug)]
pub(super) struct RemoteLink {
    pub(super) id: u64,
    pub(super) global_id: Option<String>,
    pub(super) application: Value,
    pub(super) relationship: Value,
    pub(super) object: Value,
}

/// An entry of the history, which webhooks report.
#[derive(Debug)]
pub(super) struct Happening {
    pub(super) id: u64,
    pub(super) by: String,
    pub(super) at: Timestamp,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Created(Vec<Item>),
    Updated(&'static str, Vec<Item>),
    /// The comment of that id was written.
    Commented(u64),
    /// The issue and all its comments were deleted.
    Deleted,
}

/// One line of a changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) field: &'static str,
    pub(super) field_id: &'static str,
    pub(super) from: Side,
    pub(super) to: Side,
}

/// The value before or after a change: as Jira stores it, and as people see it.
pub(super) type Side = (Option<String>, Option<String>);

/// A value that has no id.
pub(super) fn plain(text: &str) -> Side {
    (None, Some(text.to_owned()))
}

impl Issue {
    pub(super) fn comment(&self, id: u64) -> Option<&Comment> {
        self.comments.iter().find(|comment| comment.id == id)
    }

    /// Whether the issue has or had this key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
            || self.former_keys.iter().any(|former| former.eq_ignore_ascii_case(key))
    }

    /// As it is, without its links to other issues.
    pub(super) fn view(&self) -> IssueView {
        IssueView {
            id: self.id,
            key: self.key.clone(),
            project: self.project.clone(),
            summary: self.summary.clone(),
            description: self.description.clone(),
            status: self.status.name().to_owned(),
            resolution: self.resolved.map(|(resolution, _)| resolution.name().to_owned()),
            duplicates: Vec::new(),
            duplicated_by: Vec::new(),
            priority: self.priority.to_owned(),
            labels: self.labels.iter().cloned().collect(),
            reporter: self.reporter.clone(),
            assignee: self.assignee.clone(),
            deleted: self.deleted,
            room_field: self.room.clone(),
            comments: self.comments.iter().map(Comment::view).collect(),
            remote_links: self.links.iter().map(RemoteLink::view).collect(),
            properties: self.properties.clone(),
            customers_notified: self.notified,
            created_at: self.created,
            updated_at: self.updated,
        }
    }
}

impl Comment {
    fn view(&self) -> CommentView {
        CommentView {
            id: self.id,
            author: self.author.clone(),
            body_text: self.wiki.clone(),
            internal: self.internal,
            properties: self.properties.clone(),
        }
    }

    /// The properties as the REST API lists them.
    pub(super) fn properties_json(&self) -> Value {
        self.properties.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
    }
}

impl RemoteLink {
    fn view(&self) -> RemoteLinkView {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        RemoteLinkView {
            id: self.id,
            global_id: self.global_id.clone(),
            url: text("/url").unwrap_or_default(),
            title: text("/title").unwrap_or_default(),
            summary: text("/summary"),
            relationship: self.relationship.as_str().map(str::to_owned),
            application: self.application["name"].as_str().map(str::to_owned),
            icon: text("/icon/url16x16"),
            resolved: self.object.pointer("/status/resolved").and_then(Value::as_bool),
        }
    }
}
