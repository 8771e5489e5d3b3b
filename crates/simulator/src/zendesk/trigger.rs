//! Triggers made by the API: conditions on a ticket and its latest change, and what they notify.
//!
//! A trigger looks at a change once. What triggers change themselves, and whether that fires
//! others, is not simulated; nor are fields of conditions other than those of [`FIELDS`].

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::Account;
use super::event;
use super::ticket::{Audit, Event, Status, Ticket, What, tags};

/// The fields of conditions, and the operators that each has.
pub(super) const FIELDS: [(&str, &str, &[&str]); 9] = [
    ("update_type", "Ticket is", &["is"]),
    ("status", "Status", STATUS),
    ("priority", "Priority", CHANGES),
    ("assignee_id", "Assignee", CHANGES),
    ("group_id", "Group", CHANGES),
    ("requester_id", "Requester", CHANGES),
    ("brand_id", "Brand", CHANGES),
    ("current_tags", "Tags", &["includes", "not_includes"]),
    ("comment_is_public", "Comment is", &["is"]),
];

const CHANGES: &[&str] = &["is", "is_not", "changed", "value", "value_previous", "not_changed"];
const STATUS: &[&str] = &[
    "is",
    "is_not",
    "less_than",
    "greater_than",
    "changed",
    "value",
    "value_previous",
    "not_changed",
    "not_value",
    "not_value_previous",
];

/// A trigger.
#[derive(Debug)]
pub(super) struct Trigger {
    pub(super) id: u64,
    pub(super) title: String,
    pub(super) is_active: bool,
    pub(super) category: String,
    pub(super) description: Option<String>,
    pub(super) all: Vec<Condition>,
    pub(super) any: Vec<Condition>,
    pub(super) actions: Vec<(String, Value)>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// A condition.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) operator: String,
    pub(super) value: Value,
}

impl Trigger {
    /// The bodies, as they were typed, that it sends to a webhook.
    pub(super) fn bodies_for<'a>(&'a self, webhook: &'a str) -> impl Iterator<Item = &'a str> {
        self.actions
            .iter()
            .filter(move |(field, value)| field == "notification_webhook" && value[0] == webhook)
            .map(|(_, value)| value[1].as_str().unwrap_or_default())
    }

    /// Whether it fires at that change. None fires when a ticket is deleted or restored, or is
    /// closed by an automation.
    pub(super) fn fires(&self, ticket: &Ticket, audit: &Audit) -> bool {
        let Some(kind) = event::trigger(audit) else { return false };
        let kind = if kind == "ticket_created" { "Create" } else { "Change" };
        let holds = |condition: &Condition| condition.holds(kind, ticket, audit);
        self.is_active && self.all.iter().all(holds) && (self.any.is_empty() || self.any.iter().any(holds))
    }

    pub(super) fn json(&self, api: &str, position: usize) -> Value {
        let actions = self.actions.iter().map(|(field, value)| json!({ "field": field, "value": value }));
        json!({
            "id": self.id,
            "url": format!("{api}/triggers/{}.json", self.id),
            "title": self.title,
            "raw_title": self.title,
            "active": self.is_active,
            "default": false,
            "category_id": self.category,
            "description": self.description,
            "position": position,
            "conditions": { "all": shown(&self.all), "any": shown(&self.any) },
            "actions": actions.collect::<Vec<_>>(),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }
}

fn shown(conditions: &[Condition]) -> Vec<Value> {
    let shown = conditions.iter().map(|condition| {
        json!({ "field": condition.field, "operator": condition.operator, "value": condition.value })
    });
    shown.collect()
}

impl Condition {
    /// Reads a condition; `None` if there is no such field, or it has no such operator.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let (field, operator) = (value["field"].as_str()?, value["operator"].as_str()?);
        let (_, _, operators) = FIELDS.iter().find(|(name, ..)| *name == field)?;
        let known = operators.contains(&operator);
        known.then(|| Self {
            field: field.to_owned(),
            operator: operator.to_owned(),
            value: value["value"].clone(),
        })
    }

    fn holds(&self, kind: &str, ticket: &Ticket, audit: &Audit) -> bool {
        let wanted = text(&self.value);
        let (what, current) = match self.field.as_str() {
            "update_type" => return wanted == kind,
            "current_tags" => {
                let asked = tags([wanted.as_str()]);
                let includes = !asked.is_disjoint(&ticket.tags);
                return includes == (self.operator == "includes");
            }
            "comment_is_public" => return wanted == comment_kind(ticket, audit),
            "status" => (What::Status, ticket.status.name().to_owned()),
            "priority" => (What::Priority, ticket.priority.clone().unwrap_or_default()),
            "assignee_id" => (What::Assignee, ticket.assignee.map(|id| id.to_string()).unwrap_or_default()),
            "group_id" => (What::Group, ticket.group.map(|id| id.to_string()).unwrap_or_default()),
            "requester_id" => (What::Requester, ticket.requester.to_string()),
            "brand_id" => (What::Brand, ticket.brand.to_string()),
            _ => return false,
        };
        let change = audit.events.iter().find_map(|(_, event)| match event {
            Event::Changed(changed, before, after) if *changed == what => Some((text(before), text(after))),
            _ => None,
        });
        let order = |name: &str| Status::from_name(name).map(|status| status as u8);
        match self.operator.as_str() {
            "is" => current == wanted,
            "is_not" => current != wanted,
            "less_than" => order(&current) < order(&wanted),
            "greater_than" => order(&current) > order(&wanted),
            "changed" => change.is_some(),
            "not_changed" => change.is_none(),
            "value" => change.is_some_and(|(_, after)| after == wanted),
            "not_value" => change.is_none_or(|(_, after)| after != wanted),
            "value_previous" => change.is_some_and(|(before, _)| before == wanted),
            "not_value_previous" => change.is_none_or(|(before, _)| before != wanted),
            _ => false,
        }
    }
}

/// What a change wrote, as conditions name it.
fn comment_kind(ticket: &Ticket, audit: &Audit) -> &'static str {
    let written = audit.events.iter().find_map(|(_, event)| match event {
        Event::Commented(id) => ticket.comment(*id),
        _ => None,
    });
    match written {
        None => "not_relevant",
        Some(comment) if comment.public => "true",
        Some(_) => "false",
    }
}

/// A number or a text, as text.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

/// What an account's triggers can ask for.
pub(super) fn definitions(account: &Account) -> Value {
    let conditions: Vec<Value> = FIELDS
        .iter()
        .map(|(subject, title, operators)| {
            let operators: Vec<Value> = operators
                .iter()
                .map(|name| json!({ "value": name, "title": name, "terminal": false }))
                .collect();
            json!({
                "subject": subject, "title": title, "group": "ticket", "nullable": true, "repeatable": false,
                "type": "list", "operators": operators, "values": values(account, subject),
            })
        })
        .collect();
    json!({ "definitions": {
        "conditions_all": conditions,
        "conditions_any": conditions,
        "actions": [
            { "subject": "notification_webhook", "title": "Notify active webhook", "group": "notification",
              "type": "list", "nullable": false, "repeatable": true },
        ],
    } })
}

fn values(account: &Account, subject: &str) -> Vec<Value> {
    let named = |names: &[&str]| names.iter().map(|name| json!({ "value": name, "title": name })).collect();
    match subject {
        "update_type" => named(&["Create", "Change"]),
        "status" => named(&["new", "open", "pending", "hold", "solved", "closed"]),
        "priority" => named(&super::ticket::PRIORITIES),
        "group_id" => account
            .people
            .groups()
            .map(|(id, name)| json!({ "value": id.to_string(), "title": name }))
            .collect(),
        _ => Vec::new(),
    }
}
