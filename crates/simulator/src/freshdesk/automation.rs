//! Automation rules made by the API: when they fire, and what their webhooks send.
//!
//! * Rules for new tickets (type 1) are looked at from the top, and only the first that matches
//!   fires. Of the rules for updated tickets (type 4), each that matches fires. Hourly rules (type
//!   3) are kept, and never fire here.
//! * A rule for updated tickets has a performer: 1 agents, 2 the requester, 3 both. Who writes over
//!   the API is an agent. Agents can be named in `members`.
//! * The fields of a webhook action are not documented. Here they are those that other clients use;
//!   only `url` has to be there.

use serde_json::{Value, json};
use url::Url;

use super::account::{Account, CREATED, Happened, Ticket};
use super::rule;
use super::webhook::{Content, Triggered, Webhook};

/// What is changed by the account alone.
const OWN_FIELDS: [&str; 7] =
    ["id", "created_at", "updated_at", "outdated", "affected_tickets_count", "last_updated_by", "summary"];

/// The types that there are.
pub(super) const TYPES: [u64; 3] = [1, 3, 4];

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: u64,
    /// 1 new tickets, 3 hourly, 4 updated tickets.
    pub(super) kind: u64,
    /// As it was written, without what the account itself fills in.
    pub(super) content: Value,
    created: String,
    updated: String,
}

/// What is wrong with a rule: field and words.
type Wrong = (&'static str, &'static str);

impl Rule {
    /// Reads a rule, or a change of one.
    pub(super) fn read(
        id: u64,
        kind: u64,
        given: &Value,
        before: Option<&Self>,
        now: &str,
    ) -> Result<Self, Wrong> {
        let mut content = before.map_or_else(|| json!({ "active": false }), |rule| rule.content.clone());
        let (Some(content_of), Some(given)) = (content.as_object_mut(), given.as_object()) else {
            return Err(("name", "It should not be blank"));
        };
        for (name, value) in given.iter().filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str())) {
            content_of.insert(name.clone(), value.clone());
        }
        if content["name"].as_str().is_none_or(|name| name.trim().is_empty()) {
            return Err(("name", "It should not be blank"));
        }
        let actions = content["actions"].as_array().cloned().unwrap_or_default();
        if actions.is_empty() {
            return Err(("actions", "It should not be blank"));
        }
        let is_sent = |action: &&Value| action["field_name"] == "trigger_webhook";
        if actions.iter().filter(is_sent).any(|action| action["url"].as_str().is_none_or(str::is_empty)) {
            return Err(("actions", "The webhook has no url"));
        }
        if kind == 4 && content["events"].as_array().is_none_or(Vec::is_empty) {
            return Err(("events", "It should not be blank"));
        }
        if kind == 4 && !matches!(content["performer"]["type"].as_u64(), Some(1..=4)) {
            return Err(("performer", "It should be one of these values: 1,2,3,4"));
        }
        let created = before.map_or_else(|| now.to_owned(), |rule| rule.created.clone());
        Ok(Self { id, kind, content, created, updated: now.to_owned() })
    }

    pub(super) fn json(&self, position: usize) -> Value {
        let mut shown = self.content.clone();
        shown["id"] = json!(self.id);
        shown["position"] = json!(position);
        shown["outdated"] = json!(false);
        shown["affected_tickets_count"] = json!(0);
        shown["created_at"] = json!(self.created);
        shown["updated_at"] = json!(self.updated);
        shown
    }

    fn is_active(&self) -> bool {
        self.content["active"].as_bool().unwrap_or(false)
    }

    fn fires(&self, account: &Account, ticket: &Ticket, happened: &Happened) -> bool {
        let is_new = happened.triggered == CREATED;
        let is_its_kind = match self.kind {
            1 => is_new,
            4 => !is_new && self.is_performer(account, happened) && self.is_event(happened),
            _ => false,
        };
        self.is_active() && is_its_kind && self.conditions_hold(ticket)
    }

    fn is_performer(&self, account: &Account, happened: &Happened) -> bool {
        let performer = &self.content["performer"];
        let is_agent = account.people.agents.contains_key(&happened.by);
        let members = performer["members"].as_array().filter(|members| !members.is_empty());
        match performer["type"].as_u64() {
            Some(1) => is_agent && members.is_none_or(|all| all.iter().any(|id| *id == happened.by)),
            Some(2) => !is_agent,
            Some(3) => true,
            _ => false,
        }
    }

    /// Whether one of its events is what has happened. A rule hears only of one change.
    fn is_event(&self, happened: &Happened) -> bool {
        let told = happened.triggered.trim_start_matches('{');
        let (field, _) = told.split_once(':').unwrap_or((told, ""));
        let mut events = self.content["events"].as_array().into_iter().flatten();
        events.any(|event| {
            let name = event["field_name"].as_str().unwrap_or_default();
            name == field
                || match name {
                    "note_type" | "note_added" => field == "note_type",
                    "reply_sent" => field == "reply_sent",
                    "agent" => field == "responder_id",
                    "group" => field == "group_id",
                    "ticket_action" => field == "ticket_action",
                    _ => false,
                }
        })
    }

    /// Its sets of conditions, all of which have to hold, unless `operator` joins them by `or`.
    fn conditions_hold(&self, ticket: &Ticket) -> bool {
        let sets = self.content["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let holds = |set: &Value| {
            let properties = set["properties"].as_array().map(Vec::as_slice).unwrap_or_default();
            let one = |property: &Value| property_holds(property, ticket);
            if set["match_type"] == "any" { properties.iter().any(one) } else { properties.iter().all(one) }
        };
        let any = self.content["operator"].as_str().is_some_and(|text| text.contains(" or "));
        sets.is_empty() || if any { sets.iter().any(holds) } else { sets.iter().all(holds) }
    }
}

/// Whether a ticket has a property. Properties that are not simulated hold.
fn property_holds(property: &Value, ticket: &Ticket) -> bool {
    let actual = match property["field_name"].as_str() {
        Some("source") => 1,
        Some("status") => ticket.status,
        Some("priority") => ticket.priority,
        Some("group_id") => ticket.group.unwrap_or(0),
        Some("responder_id") => ticket.responder.unwrap_or(0),
        _ => return true,
    };
    let wanted: Vec<u64> = match &property["value"] {
        Value::Array(all) => all.iter().filter_map(number).collect(),
        one => number(one).into_iter().collect(),
    };
    let is_one = wanted.contains(&actual);
    match property["operator"].as_str() {
        Some("is_not" | "not_in") => !is_one,
        _ => is_one,
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// All requests that the account's rules make because of what has happened.
pub(super) fn triggered(account: &Account, ticket: &Ticket, happened: &Happened) -> Vec<Triggered> {
    let mut fired: Vec<&Rule> =
        account.rules.iter().filter(|rule| rule.fires(account, ticket, happened)).collect();
    if happened.triggered == CREATED {
        fired.truncate(1);
    }
    let actions = fired.iter().flat_map(|rule| rule.content["actions"].as_array()).flatten();
    let webhooks = actions.filter(|action| action["field_name"] == "trigger_webhook");
    webhooks.filter_map(|action| request(action, account, ticket, happened)).collect()
}

fn request(action: &Value, account: &Account, ticket: &Ticket, happened: &Happened) -> Option<Triggered> {
    let endpoint: Url = rule::filled(action["url"].as_str()?, account, ticket, happened).parse().ok()?;
    let body = match &action["content"] {
        Value::String(text) => rule::filled(text, account, ticket, happened),
        Value::Object(fields) => {
            let simple = fields.iter().map(|(name, value)| {
                let value = value
                    .as_str()
                    .map_or(value.clone(), |text| json!(rule::filled(text, account, ticket, happened)));
                (name.clone(), value)
            });
            json!({ "freshdesk_webhook": simple.collect::<serde_json::Map<_, _>>() }).to_string()
        }
        _ => String::new(),
    };
    let credentials = &action["auth_header"];
    let text = |name: &str| credentials[name].as_str().map(str::to_owned);
    let basic = match (text("username"), text("password"), text("api_key")) {
        (Some(user), password, _) => Some((user, password.unwrap_or_default())),
        (None, _, Some(key)) => Some((key, "X".to_owned())),
        (None, _, None) => None,
    };
    let webhook = Webhook { endpoint, header_secret: None, basic, content: Content::default() };
    Some(Triggered {
        webhook,
        extra_headers: custom_headers(&action["custom_headers"]),
        event: happened.triggered.clone(),
        body: body.into_bytes(),
    })
}

/// Custom headers, as an object, or as text with one header a line.
fn custom_headers(given: &Value) -> Vec<(String, String)> {
    match given {
        Value::Object(all) => {
            let all = all.iter();
            all.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned()))).collect()
        }
        Value::String(lines) => {
            let lines = lines.lines().filter_map(|line| line.split_once(':'));
            lines.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect()
        }
        _ => Vec::new(),
    }
}
