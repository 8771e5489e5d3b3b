//! The account: its tickets and their changes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::automation::Rule;
use super::html::{sanitised, to_text};
use super::people::{People, RITA};
use super::view::{ConversationView, NewTicket, TicketView};
use crate::html::escaped;

/// What rules report of a new ticket, and of a change that they have no name for.
pub(super) const CREATED: &str = "{ticket_action:created}";
pub(super) const UPDATED: &str = "{ticket_action:update}";
/// Codes of statuses.
pub(super) const OPEN: u64 = 2;
pub(super) const RESOLVED: u64 = 4;
pub(super) const CLOSED: u64 = 5;
/// Longer texts don't fit into a single-line field.
const LONGEST_TEXT: usize = 255;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) people: People,
    pub(super) room_field: Option<String>,
    /// The field that has to be filled before a ticket may be changed, if there is one.
    pub(super) required_field: Option<String>,
    /// Further fields, which were added by the API.
    more_fields: Vec<String>,
    /// Automation rules made by the API, in their order.
    pub(super) rules: Vec<Rule>,
    pub(super) restricted: BTreeSet<u64>,
    pub(super) tickets: BTreeMap<u64, Ticket>,
    last_id: u64,
    last_long_id: u64,
}

#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: u64,
    pub(super) subject: String,
    pub(super) description: String,
    pub(super) status: u64,
    pub(super) priority: u64,
    pub(super) requester: u64,
    pub(super) responder: Option<u64>,
    pub(super) group: Option<u64>,
    pub(super) tags: BTreeSet<String>,
    pub(super) fields: BTreeMap<String, Value>,
    pub(super) spam: bool,
    pub(super) deleted: bool,
    pub(super) archived: bool,
    pub(super) purged: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) stats: Stats,
    pub(super) conversations: Vec<Conversation>,
    /// What a person did to it last, as automation rules report it.
    pub(super) latest: String,
}

/// When the status last changed, and to what.
#[derive(Debug, Default)]
pub(super) struct Stats {
    status_updated: Option<Timestamp>,
    resolved: Option<Timestamp>,
    closed: Option<Timestamp>,
    reopened: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) id: u64,
    pub(super) body: String,
    pub(super) private: bool,
    pub(super) user: u64,
    pub(super) at: Timestamp,
    /// Whether it is a note (else a reply).
    pub(super) is_note: bool,
    /// A customer wrote it.
    pub(super) incoming: bool,
}

/// What happened to a ticket, as automation rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Happened {
    pub(super) ticket: u64,
    /// As placeholders show it: `{status:{from:2,to:4}}`.
    pub(super) triggered: String,
    /// Who did it.
    pub(super) by: u64,
}

/// What is wrong with an update: field, message and code.
pub(super) type Invalid = (String, &'static str, &'static str);

impl Account {
    pub(super) fn new(room_field: Option<String>) -> Self {
        Self {
            people: People::default(),
            room_field,
            required_field: None,
            more_fields: Vec::new(),
            rules: Vec::new(),
            restricted: BTreeSet::new(),
            tickets: BTreeMap::new(),
            last_id: 8122,
            last_long_id: 103_000_009_000,
        }
    }

    pub(super) fn long_id(&mut self) -> u64 {
        self.last_long_id += 1;
        self.last_long_id
    }

    /// Whether tickets have a custom field of that name.
    pub(super) fn has_field(&self, name: &str) -> bool {
        let mut fields = self.room_field.iter().chain(&self.required_field).chain(&self.more_fields);
        fields.any(|field| field == name)
    }

    /// Adds a custom field to all tickets. If there is no field for the room's address, it is that.
    pub(super) fn add_field(&mut self, name: &str) {
        match &self.room_field {
            None => self.room_field = Some(name.to_owned()),
            Some(_) => self.more_fields.push(name.to_owned()),
        }
        for ticket in self.tickets.values_mut() {
            ticket.fields.insert(name.to_owned(), Value::Null);
        }
    }

    pub(super) fn more_fields(&self) -> &[String] {
        &self.more_fields
    }

    pub(super) fn create(&mut self, new: NewTicket, now: Timestamp) -> Happened {
        let id = new.id.filter(|id| !self.tickets.contains_key(id)).unwrap_or(self.last_id + 1);
        self.last_id = self.last_id.max(id);
        let fields = self.room_field.iter().chain(&self.required_field).chain(&self.more_fields);
        let ticket = Ticket {
            id,
            subject: new.subject,
            description: format!("<div>{}</div>", escaped(&new.description)),
            status: OPEN,
            priority: new.priority,
            requester: new.requester.unwrap_or(RITA),
            responder: new.responder,
            group: new.group,
            tags: new.tags.into_iter().collect(),
            fields: fields.map(|field| (field.clone(), Value::Null)).collect(),
            spam: false,
            deleted: false,
            archived: false,
            purged: false,
            created: now,
            updated: now,
            stats: Stats::default(),
            conversations: Vec::new(),
            latest: CREATED.to_owned(),
        };
        let by = ticket.requester;
        self.tickets.insert(id, ticket);
        Happened { ticket: id, triggered: CREATED.to_owned(), by }
    }

    /// Adds a note by the API.
    pub(super) fn note(
        &mut self,
        by: u64,
        id: u64,
        html: &str,
        private: bool,
        now: Timestamp,
    ) -> Option<u64> {
        let long_id = self.long_id();
        let ticket = self.tickets.get_mut(&id)?;
        let body = sanitised(html);
        ticket.conversations.push(Conversation {
            id: long_id,
            body,
            private,
            user: by,
            at: now,
            is_note: true,
            incoming: false,
        });
        ticket.updated = now;
        Some(long_id)
    }

    /// Updates a ticket as the API does: all or nothing.
    pub(super) fn update(
        &mut self,
        by: u64,
        id: u64,
        update: &Value,
        now: Timestamp,
    ) -> Result<Vec<Happened>, Vec<Invalid>> {
        let mut invalid = Vec::new();
        let known = |field: &String| self.has_field(field);
        let fields = update["custom_fields"].as_object().cloned().unwrap_or_default();
        for (field, value) in &fields {
            if !known(field) {
                invalid.push((field.clone(), "Unexpected/invalid field in request", "invalid_field"));
            } else if value.as_str().is_some_and(|text| text.chars().count() > LONGEST_TEXT) {
                invalid.push((field.clone(), "It should be a maximum of 255 characters", "invalid_value"));
            } else if !value.is_null() && !value.is_string() {
                invalid.push((field.clone(), "Value set is of a wrong type", "datatype_mismatch"));
            }
        }
        let Some(ticket) = self.tickets.get_mut(&id) else { return Ok(Vec::new()) };
        if let Some(required) = &self.required_field
            && ticket.fields.get(required).is_none_or(Value::is_null)
            && fields.get(required).is_none_or(Value::is_null)
        {
            invalid.push((
                required.clone(),
                "It should not be blank as this is a mandatory field",
                "missing_field",
            ));
        }
        if !invalid.is_empty() {
            return Err(invalid);
        }
        ticket.fields.extend(fields);
        if let Some(tags) = update["tags"].as_array() {
            ticket.tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        }
        ticket.updated = now;
        let mut happened = vec![UPDATED.to_owned()];
        let status = update["status"].as_u64().and_then(|status| ticket.set_status(status, now));
        let priority = update["priority"]
            .as_u64()
            .and_then(|priority| replaced("priority", &mut ticket.priority, priority));
        // A rule reports only one change.
        happened.extend(status.or(priority));
        let triggered = happened.pop().unwrap_or_default();
        Ok(vec![Happened { ticket: id, triggered, by }])
    }
}

pub(super) fn replaced(what: &str, old: &mut u64, new: u64) -> Option<String> {
    let before = std::mem::replace(old, new);
    (before != new).then(|| format!("{{{what}:{{from:{before},to:{new}}}}}"))
}

pub(super) fn replaced_id(what: &str, old: &mut Option<u64>, new: Option<u64>) -> Option<String> {
    let before = std::mem::replace(old, new);
    let text = |id: Option<u64>| id.map(|id| id.to_string()).unwrap_or_default();
    (before != new).then(|| format!("{{{what}:{{from:{},to:{}}}}}", text(before), text(new)))
}

/// Whether a ticket of that status is resolved or closed.
pub(super) fn is_done(status: u64) -> bool {
    matches!(status, RESOLVED | CLOSED)
}

/// Times have whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Ticket {
    /// Sets the status, and reports it as rules do. `None` if it is so already.
    pub(super) fn set_status(&mut self, status: u64, now: Timestamp) -> Option<String> {
        let was_done = is_done(self.status);
        let triggered = replaced("status", &mut self.status, status)?;
        self.stats.status_updated = Some(now);
        match status {
            RESOLVED => self.stats.resolved = Some(now),
            CLOSED => {
                self.stats.closed = Some(now);
                self.stats.resolved.get_or_insert(now);
            }
            _ if was_done => {
                self.stats = Stats { reopened: Some(now), status_updated: Some(now), ..Stats::default() };
            }
            _ => {}
        }
        Some(triggered)
    }

    /// As calls include it.
    pub(super) fn stats_json(&self) -> Value {
        let told = |at: Option<Timestamp>| at.map(time);
        json!({
            "resolved_at": told(self.stats.resolved), "closed_at": told(self.stats.closed),
            "reopened_at": told(self.stats.reopened),
            "status_updated_at": time(self.stats.status_updated.unwrap_or(self.created)),
        })
    }

    pub(super) fn view(&self) -> TicketView {
        TicketView {
            id: self.id,
            subject: self.subject.clone(),
            status: self.status,
            priority: self.priority,
            responder: self.responder,
            group: self.group,
            tags: self.tags.iter().cloned().collect(),
            custom_fields: self.fields.clone(),
            deleted: self.deleted,
            spam: self.spam,
            archived: self.archived,
            purged: self.purged,
            conversations: self.conversations.iter().map(Conversation::view).collect(),
        }
    }

    /// As calls show it, without what `include` adds.
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id, "subject": self.subject, "description": self.description,
            "description_text": to_text(&self.description), "status": self.status, "priority": self.priority,
            "source": 1, "type": "Incident", "requester_id": self.requester, "responder_id": self.responder,
            "group_id": self.group, "product_id": null, "company_id": null, "email_config_id": null,
            "to_emails": null, "cc_emails": [], "fwd_emails": [], "reply_cc_emails": [],
            "tags": self.tags, "custom_fields": self.fields, "attachments": [], "spam": self.spam,
            "deleted": self.deleted, "is_escalated": false, "fr_escalated": false,
            "due_by": time(self.created), "fr_due_by": time(self.created),
            "created_at": time(self.created), "updated_at": time(self.updated),
        })
    }
}

impl Conversation {
    fn view(&self) -> ConversationView {
        ConversationView {
            id: self.id,
            body: self.body.clone(),
            body_text: to_text(&self.body),
            private: self.private,
            user_id: self.user,
        }
    }

    pub(super) fn json(&self, ticket: u64) -> Value {
        json!({
            "id": self.id, "body": self.body, "body_text": to_text(&self.body), "private": self.private,
            "incoming": self.incoming, "user_id": self.user, "ticket_id": ticket, "to_emails": [], "support_email": null,
            "source": if self.is_note { 2 } else { 0 }, "attachments": [],
            "created_at": time(self.at), "updated_at": time(self.at),
        })
    }
}
