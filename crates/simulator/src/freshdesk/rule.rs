//! The bodies of the webhooks that automation rules send.
//!
//! Placeholders of an advanced body are filled in as they are, without escaping, so that a
//! quotation mark, a backslash or a line break in a subject breaks the JSON. `triggered_event`
//! looks like JSON but isn't.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, CREATED, Happened, Ticket};
use super::html::to_text;
use super::webhook::Content;

/// The body for what happened.
pub(super) fn body(
    content: Content,
    account: &Account,
    ticket: &Ticket,
    happened: &Happened,
    now: Timestamp,
) -> Vec<u8> {
    match content {
        Content::Simple => simple(account, ticket, happened).to_string().into_bytes(),
        Content::Advanced => advanced(account, ticket, happened).into_bytes(),
        Content::AdvancedWrapped => {
            format!("{{\"freshdesk_webhook\":{}}}", advanced(account, ticket, happened)).into_bytes()
        }
        Content::App => app(account, ticket, happened, now).to_string().into_bytes(),
    }
}

fn is_creation(happened: &Happened) -> bool {
    happened.triggered == CREATED
}

/// Values are labels, ids are numbers.
fn simple(account: &Account, ticket: &Ticket, happened: &Happened) -> Value {
    let (requester, email) = account.people.name_and_email(ticket.requester);
    let (agent, agent_email) =
        ticket.responder.map(|id| account.people.name_and_email(id)).unwrap_or_default();
    let latest = |private: bool| {
        let mut notes = ticket.conversations.iter().rev().filter(|note| note.private == private);
        notes.next().map(|note| {
            let (author, _) = account.people.name_and_email(note.user);
            format!("{author} : {}", note.body)
        })
    };
    json!({ "freshdesk_webhook": {
        "ticket_id": ticket.id,
        "ticket_subject": ticket.subject,
        "ticket_description": ticket.description,
        "ticket_url": url(ticket),
        "ticket_status": status(ticket.status),
        "ticket_priority": priority(ticket.priority),
        "ticket_source": "Email",
        "ticket_tags": ticket.tags.iter().cloned().collect::<Vec<_>>().join(","),
        "ticket_requester_name": requester,
        "ticket_requester_email": email.unwrap_or_default(),
        "ticket_group_name": ticket.group.and_then(|id| account.people.groups.get(&id)).cloned().unwrap_or_default(),
        "ticket_agent_name": agent,
        "ticket_agent_email": agent_email.unwrap_or_default(),
        "ticket_latest_public_comment": latest(false).unwrap_or_default(),
        "ticket_latest_private_comment": latest(true).unwrap_or_default(),
        "triggered_event": happened.triggered,
    } })
}

/// The recommended template.
const TEMPLATE: &str = "{\"v\":1,\"kind\":\"{{kind}}\",\"ticket_id\":\"{{ticket.id}}\",\"ticket_url\":\"{{ticket.url}}\",\"status\":\"{{ticket.status}}\",\n \
     \"priority\":\"{{ticket.priority}}\",\"type\":\"{{ticket.ticket_type}}\",\"agent_email\":\"{{ticket.agent.email}}\",\n \
     \"requester_email\":\"{{ticket.requester.email}}\",\"event\":\"{{triggered_event}}\",\"subject\":\"{{ticket.subject}}\"}";

/// The recommended template, filled in.
fn advanced(account: &Account, ticket: &Ticket, happened: &Happened) -> String {
    let kind = if is_creation(happened) { "ticket_created" } else { "ticket_updated" };
    filled(&TEMPLATE.replace("{{kind}}", kind), account, ticket, happened)
}

/// A text with the values in place of its placeholders, as they are.
pub(super) fn filled(text: &str, account: &Account, ticket: &Ticket, happened: &Happened) -> String {
    let (requester_name, requester) = account.people.name_and_email(ticket.requester);
    let (agent_name, agent) =
        ticket.responder.map(|id| account.people.name_and_email(id)).unwrap_or_default();
    let (id, url, status) = (ticket.id.to_string(), url(ticket), status(ticket.status));
    let tags = ticket.tags.iter().cloned().collect::<Vec<_>>().join(",");
    let group = ticket.group.and_then(|id| account.people.groups.get(&id)).cloned().unwrap_or_default();
    let values = [
        ("{{ticket.id}}", id.as_str()),
        ("{{ticket.url}}", &url),
        ("{{ticket.status}}", &status),
        ("{{ticket.priority}}", priority(ticket.priority)),
        ("{{ticket.ticket_type}}", "Incident"),
        ("{{ticket.source}}", "Email"),
        ("{{ticket.tags}}", &tags),
        ("{{ticket.group.name}}", &group),
        ("{{ticket.agent.name}}", &agent_name),
        ("{{ticket.agent.email}}", agent.as_deref().unwrap_or_default()),
        ("{{ticket.requester.name}}", &requester_name),
        ("{{ticket.requester.email}}", requester.as_deref().unwrap_or_default()),
        ("{{ticket.contact.email}}", requester.as_deref().unwrap_or_default()),
        ("{{triggered_event}}", &happened.triggered),
        ("{{ticket.description}}", &ticket.description),
        // The last, so that typed text is never taken for a placeholder.
        ("{{ticket.subject}}", &ticket.subject),
    ];
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// An app's serverless event, as an app forwards it.
fn app(account: &Account, ticket: &Ticket, happened: &Happened, now: Timestamp) -> Value {
    let is_note =
        happened.triggered.starts_with("{note_type") || happened.triggered.starts_with("{reply_sent");
    let event = match happened.triggered.as_str() {
        _ if is_creation(happened) => "onTicketCreate",
        _ if is_note => "onConversationCreate",
        "{ticket_action:deleted}" => "onTicketDelete",
        _ => "onTicketUpdate",
    };
    let (name, email) = account.people.name_and_email(happened.by);
    let mut data = json!({
        "actor": { "id": happened.by, "name": name, "email": email },
        "requester": account.people.requester_json(ticket.requester),
    });
    match ticket.conversations.last().filter(|_| is_note) {
        Some(note) => data["conversation"] = note.json(ticket.id),
        None => {
            data["ticket"] = ticket.json();
            data["ticket"]["status_name"] = json!(status(ticket.status));
            data["ticket"]["description_text"] = json!(to_text(&ticket.description));
        }
    }
    json!({
        "account_id": "99001", "domain": "example.freshdesk.com", "event": event, "region": "EUC",
        "timestamp": now.as_second(), "version": "1.0.0", "data": data,
    })
}

fn url(ticket: &Ticket) -> String {
    format!("https://example.freshdesk.com/a/tickets/{}", ticket.id)
}

fn status(code: u64) -> String {
    match code {
        2 => "Open".to_owned(),
        3 => "Pending".to_owned(),
        4 => "Resolved".to_owned(),
        5 => "Closed".to_owned(),
        other => format!("Status {other}"),
    }
}

fn priority(code: u64) -> &'static str {
    match code {
        1 => "Low",
        3 => "High",
        4 => "Urgent",
        _ => "Medium",
    }
}
