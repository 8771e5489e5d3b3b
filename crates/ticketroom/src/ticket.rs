//! What a ticket is, whichever helpdesk it comes from.
//!
//! Identifiers are parsed once, at the border, and can't be wrong afterwards. A [`Ticket`] is what
//! a helpdesk said the ticket is *now*; it is kept in the store as the last thing we saw.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::clock::Timestamp;

/// The name of DocSpace among systems that have names. No helpdesk has it.
pub const DOCSPACE: &str = "docspace";

/// The name of a configured helpdesk: its endpoint is `/webhooks/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HelpdeskName(String);

impl HelpdeskName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HelpdeskName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 40 || !text.chars().all(allowed) {
            return Err(InvalidId("a helpdesk's name has 1 to 40 of a-z, 0-9, - and _"));
        }
        if text == DOCSPACE {
            return Err(InvalidId("“docspace” is the name of DocSpace itself"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HelpdeskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a ticket in its helpdesk, as text: digits in Zendesk, `SUP-12` in Jira, anything
/// printable in a system of one's own. At most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TicketId(String);

impl TicketId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TicketId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidId("the ticket id is empty"));
        }
        if text.chars().count() > 200 {
            return Err(InvalidId("the ticket id is longer than 200 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidId("the ticket id has control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<u64> for TicketId {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Senders write ids as numbers or as strings; both are the same ticket.
impl<'de> Deserialize<'de> for TicketId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a ticket id: a string or a whole number")]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self::from(number)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for HelpdeskName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An identifier that can't be one, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

/// The key of everything: which helpdesk, which ticket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TicketKey {
    /// The helpdesk's name.
    pub helpdesk: HelpdeskName,
    /// The ticket's id there.
    pub id: TicketId,
}

impl TicketKey {
    /// The tag that marks the ticket's room in DocSpace, by which it is found again whatever
    /// happened to our store. DocSpace compares tags without regard to case.
    #[must_use]
    pub fn tag(&self) -> String {
        let tag = format!("{}:{}", self.helpdesk, self.id);
        // DocSpace allows 255 UTF-16 units; a tag that would be cut is told apart by a hash
        // instead. So are ids that others may resemble but for case.
        if tag.len() > 200 || !tag.chars().all(|c| c.is_ascii_graphic()) {
            format!("{}:{}", self.helpdesk, self.uuid())
        } else if tag.chars().any(|c| c.is_ascii_uppercase()) {
            format!("{tag}:{:.8}", self.uuid().simple().to_string())
        } else {
            tag
        }
    }

    /// The marker that identifies our note in a ticket.
    #[must_use]
    pub fn marker(&self) -> String {
        format!("[ticketroom:{}:{}]", self.helpdesk, self.id)
    }

    /// An id for things that the ticket has one of, for ever the same.
    #[must_use]
    pub fn uuid(&self) -> uuid::Uuid {
        let name = format!("ticketroom/{}/{}", self.helpdesk, self.id);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes())
    }
}

impl fmt::Display for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.helpdesk, self.id)
    }
}

/// A person as a helpdesk knows them. Either part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail address, by which the person is found in DocSpace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Where a ticket is in its life; helpdesks' own names are mapped to these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has looked at it.
    #[default]
    New,
    /// Waiting for the requester.
    Pending,
    /// Waiting for somebody else.
    Hold,
    /// Solved; may be opened again.
    Solved,
    /// Closed for good.
    Closed,
    /// Deleted, or marked as spam.
    Deleted,
    /// In work, or anything that we don't know: a room is wanted rather than not.
    #[serde(other)]
    Open,
}

impl Status {
    /// Whether nobody works on the ticket any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Solved | Self::Closed | Self::Deleted)
    }

    /// The status in the words of rules and templates (and of Zendesk's API).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Hold => "hold",
            Self::Solved => "solved",
            Self::Closed => "closed",
            Self::Deleted => "deleted",
        }
    }

    /// Reads a status in any case; an unknown one counts as open.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "new" => Self::New,
            "pending" | "waiting" => Self::Pending,
            "hold" | "on-hold" | "on hold" => Self::Hold,
            "solved" | "resolved" | "done" => Self::Solved,
            "closed" => Self::Closed,
            "deleted" | "scrubbed" | "spam" => Self::Deleted,
            _ => Self::Open,
        }
    }
}

/// What a custom field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Text, the chosen option, or anything else that can be said in a word.
    Text(String),
    /// Several options.
    List(Vec<String>),
}

/// A ticket as its helpdesk describes it at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ticket {
    /// The subject line; may be empty.
    pub subject: String,
    /// The first message as text.
    pub description: Option<String>,
    /// Who asked.
    pub requester: Option<Person>,
    /// Who works on it.
    pub assignee: Option<Person>,
    /// The name of the group it is assigned to.
    pub group: Option<String>,
    /// The organization or company that the requester belongs to.
    pub organization: Option<String>,
    /// The brand, product or portal that it came in by.
    pub brand: Option<String>,
    /// The type in lower case: incident, question, bug ...
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The form or request type that it was made with.
    pub form: Option<String>,
    /// The way it came in, in lower case: email, web, phone ...
    pub channel: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The priority in lower case.
    pub priority: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// Tags or labels.
    pub tags: Vec<String>,
    /// What people call it where that is not its id: `SUP-42` in Jira, whose ids nobody sees.
    pub key: Option<String>,
    /// The key of the project that it is in, where the helpdesk has projects.
    pub project: Option<String>,
    /// Custom fields that hold something, by the name that the helpdesk's API has for them.
    pub fields: BTreeMap<String, FieldValue>,
    /// The ticket of the same helpdesk into which this one was merged.
    pub merged_into: Option<TicketId>,
    /// The earlier ticket of the same helpdesk that this one continues or repeats: what it is a
    /// follow-up or a duplicate of.
    pub follow_up_of: Option<TicketId>,
    /// What the helpdesk wants to see again when we update the ticket, so that a change in between
    /// is noticed (Zendesk: `updated_at`).
    pub version: Option<String>,
}

impl Ticket {
    /// When it last changed, by its helpdesk's clock, where its version says so.
    #[must_use]
    pub fn changed(&self) -> Option<Timestamp> {
        self.version.as_deref()?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_as_numbers_and_as_strings() {
        let ids: Vec<TicketId> = serde_json::from_str(r#"[4711, "4711", " 4711 "]"#).unwrap();
        assert!(ids.iter().all(|id| id.as_str() == "4711"));
    }

    #[test]
    fn what_cannot_be_an_id_is_refused() {
        for bad in ["\"\"", "\"  \"", "\"a\\u0000b\"", "1.5", "-3", "null", "[]", "1e400"] {
            assert!(serde_json::from_str::<TicketId>(bad).is_err(), "{bad} was accepted");
        }
        assert!("x".repeat(201).parse::<TicketId>().is_err());
    }

    #[test]
    fn versions_that_are_times_tell_when_a_ticket_changed() {
        for (version, expected) in [
            ("2026-11-20T08:14:03Z", Some("2026-11-20T08:14:03Z")),
            ("2026-11-20T09:14:03.412+0100", Some("2026-11-20T08:14:03.412Z")),
            ("2026-11-20T09:14:03+01:00", Some("2026-11-20T08:14:03Z")),
            ("7", None),
            ("", None),
        ] {
            let ticket = Ticket { version: Some(version.to_owned()), ..Ticket::default() };
            let expected = expected.map(|time| time.parse().unwrap());
            assert_eq!(ticket.changed(), expected, "{version}");
        }
        assert_eq!(Ticket::default().changed(), None);
    }

    #[test]
    fn tags_stay_within_what_docspace_takes_and_apart() {
        let key = |id: &str| TicketKey { helpdesk: "zendesk".parse().unwrap(), id: id.parse().unwrap() };
        assert_eq!(key("40117").tag(), "zendesk:40117");
        assert_ne!(key("sup-1").tag().to_lowercase(), key("SUP-1").tag().to_lowercase());
        let (a, b) = (key(&"ä".repeat(200)), key(&"ö".repeat(200)));
        assert_ne!(a.tag(), b.tag());
        assert!(a.tag().len() <= 255);
    }
}
