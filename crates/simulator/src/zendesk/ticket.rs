//! A ticket with its history. Each change is one audit. The REST API's audits and the webhooks show
//! its events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::view::{CommentView, TicketView};

/// The status of a ticket. Deleted is not one of them: a restored ticket has its old status again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    New,
    Open,
    Pending,
    Hold,
    Solved,
    Closed,
}

impl Status {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::New, Self::Open, Self::Pending, Self::Hold, Self::Solved, Self::Closed]
            .into_iter()
            .find(|status| status.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Hold => "hold",
            Self::Solved => "solved",
            Self::Closed => "closed",
        }
    }

    /// The name that people see and templates get. The account's language is German, so that code
    /// that relies on English names fails in tests.
    pub(super) fn display_name(self) -> &'static str {
        match self {
            Self::New => "Neu",
            Self::Open => "Offen",
            Self::Pending => "Wartend",
            Self::Hold => "Angehalten",
            Self::Solved => "Gelöst",
            Self::Closed => "Geschlossen",
        }
    }

    /// The custom status: there is one for each status, closed tickets keep that of the solved.
    pub(super) fn custom_id(self) -> u64 {
        let number = match self {
            Self::New => 1,
            Self::Open => 2,
            Self::Pending => 3,
            Self::Solved | Self::Closed => 4,
            Self::Hold => 5,
        };
        30_063_999_000_700 + number
    }
}

pub(super) const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];

#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: u64,
    pub(super) subject: String,
    pub(super) description: String,
    pub(super) status: Status,
    /// It was deleted, or marked as spam.
    pub(super) removed: Option<Removed>,
    pub(super) priority: Option<String>,
    pub(super) requester: u64,
    pub(super) assignee: Option<u64>,
    pub(super) group: Option<u64>,
    pub(super) brand: u64,
    /// The closed ticket that this one continues.
    pub(super) follow_up_of: Option<Source>,
    /// Tickets that continue this one.
    pub(super) follow_ups: Vec<u64>,
    pub(super) tags: BTreeSet<String>,
    /// All custom fields. A change of another one is ignored.
    pub(super) fields: BTreeMap<u64, Value>,
    pub(super) comments: Vec<Comment>,
    pub(super) audits: Vec<Audit>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// When anything of it last changed, be it by Zendesk itself, which `updated_at` does not tell.
    pub(super) generated_at: Timestamp,
}

/// A deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) at: Timestamp,
    pub(super) by: u64,
    /// It was deleted for good: what was written in it is lost, and it can't be restored.
    pub(super) scrubbed: bool,
}

/// The ticket that a follow-up was made from, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) id: u64,
    pub(super) subject: String,
}

#[derive(Debug)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) audit: u64,
    pub(super) author: u64,
    pub(super) public: bool,
    pub(super) body: String,
    pub(super) html_body: String,
    pub(super) created_at: Timestamp,
}

/// What one user changed at once.
#[derive(Debug)]
pub(super) struct Audit {
    pub(super) id: u64,
    pub(super) author: u64,
    pub(super) via: Via,
    pub(super) created_at: Timestamp,
    /// The client's own data, which only the API shows.
    pub(super) custom_metadata: Value,
    pub(super) events: Vec<(u64, Event)>,
}

/// The channel of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    Web,
    Api,
    Email,
}

/// A change of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Created,
    /// The comment of that id was written.
    Commented(u64),
    Changed(What, Value, Value),
    FieldChanged(u64, Value, Value),
    TagsChanged {
        before: BTreeSet<String>,
        after: BTreeSet<String>,
    },
    Merged,
    Deleted,
    Spam,
    Restored,
    /// Deleted for good.
    Scrubbed,
}

/// A property that has a `*_changed` event of the same form: previous and current value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Subject,
    Status,
    Assignee,
    Group,
    Requester,
    Priority,
    Brand,
}

impl Ticket {
    pub(super) fn audit(&self, id: u64) -> Option<&Audit> {
        self.audits.iter().find(|audit| audit.id == id)
    }

    pub(super) fn comment(&self, id: u64) -> Option<&Comment> {
        self.comments.iter().find(|comment| comment.id == id)
    }

    /// The status, or that it is deleted.
    pub(super) fn state(&self) -> &'static str {
        if self.removed.is_some() { "deleted" } else { self.status.name() }
    }

    pub(super) fn view(&self) -> TicketView {
        TicketView {
            id: self.id,
            subject: self.subject.clone(),
            description: self.description.clone(),
            status: self.state().to_owned(),
            priority: self.priority.clone(),
            requester: self.requester,
            assignee: self.assignee,
            group: self.group,
            brand: self.brand,
            follow_up_of: self.follow_up_of.as_ref().map(|source| source.id),
            follow_ups: self.follow_ups.clone(),
            comments: self.comments.iter().map(Comment::view).collect(),
            custom_fields: self.fields.clone(),
            tags: self.tags.iter().cloned().collect(),
            audits: self.audits.len(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl Comment {
    fn view(&self) -> CommentView {
        CommentView {
            id: self.id,
            author: self.author,
            public: self.public,
            body: self.body.clone(),
            html_body: self.html_body.clone(),
        }
    }
}

/// Tags as they are stored: in lower case, sorted, unique. A tag with spaces is several.
pub(super) fn tags<'a>(written: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    written.into_iter().flat_map(str::split_whitespace).map(str::to_lowercase).collect()
}

/// Times in tickets have whole seconds.
pub(super) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
