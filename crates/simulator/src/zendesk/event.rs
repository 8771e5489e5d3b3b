//! What webhooks carry. A webhook that is subscribed to events sends Zendesk's own envelope: there,
//! ids are strings and enumerations are in upper case, unlike in the REST API. A webhook of a
//! trigger sends a template in which placeholders were replaced by values as they are, so that a
//! quote in a subject breaks the JSON.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::account::Account;
use super::people::INTEGRATION;
use super::signature::ACCOUNT;
use super::ticket::{Audit, Comment, Event, Ticket, Via, What};

/// The events that a webhook is subscribed to unless it is told otherwise, without their common
/// prefix. They don't include changes of tags and custom fields, which the product's own updates
/// cause.
pub const SUGGESTED_SUBSCRIPTION: [&str; 14] = [
    "created",
    "status_changed",
    "agent_assignment_changed",
    "group_assignment_changed",
    "requester_changed",
    "subject_changed",
    "comment_added",
    "attachment_linked_to_comment",
    "merged",
    "soft_deleted",
    "undeleted",
    "permanently_deleted",
    "marked_as_spam",
    "brand_changed",
];

/// The body of the trigger: generated values first, text that people typed last.
const TEMPLATE: &str = r#"{"v":1,"kind":"{{kind}}","ticket_id":"{{ticket.id}}","ticket_url":"{{ticket.url}}","actor_id":"{{current_user.id}}",
 "requester_email":"{{ticket.requester.email}}","assignee_email":"{{ticket.assignee.email}}","status":"{{ticket.status}}",
 "tags":"{{ticket.tags}}","updated_at":"{{ticket.updated_at_with_timestamp}}","subject":"{{ticket.title}}"}"#;

/// The name of the event, without the prefix that all events of tickets have.
pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::Created => "created",
        Event::Commented(_) => "comment_added",
        Event::Changed(What::Subject, ..) => "subject_changed",
        Event::Changed(What::Status, ..) => "status_changed",
        Event::Changed(What::Assignee, ..) => "agent_assignment_changed",
        Event::Changed(What::Group, ..) => "group_assignment_changed",
        Event::Changed(What::Requester, ..) => "requester_changed",
        Event::Changed(What::Priority, ..) => "priority_changed",
        Event::Changed(What::Brand, ..) => "brand_changed",
        Event::FieldChanged(..) => "custom_field_changed",
        Event::TagsChanged { .. } => "tags_changed",
        Event::Merged => "merged",
        Event::Deleted => "soft_deleted",
        Event::Spam => "marked_as_spam",
        Event::Restored => "undeleted",
        Event::Scrubbed => "permanently_deleted",
    }
}

/// The events of an audit that webhooks report. The first comment belongs to the ticket's creation
/// and has none.
pub(super) fn announced(audit: &Audit) -> impl Iterator<Item = &Event> {
    let created = audit.events.iter().any(|(_, event)| *event == Event::Created);
    audit.events.iter().map(|(_, event)| event).filter(move |event| !created || **event == Event::Created)
}

/// The bodies for all events of an audit, with their names.
pub(super) fn bodies(
    account: &Account,
    ticket: &Ticket,
    audit: &Audit,
    now: Timestamp,
) -> Vec<(&'static str, Value)> {
    let sequence = ulid(now);
    announced(audit)
        .zip(1u32..)
        .map(|(event, position)| {
            let mut what = payload(account, ticket, event);
            // Not every type of event has its position in the sequence.
            if !matches!(event, Event::Changed(What::Subject, ..)) && !is_about_presence(event) {
                what["meta"] = json!({ "sequence": { "id": sequence, "position": position } });
            }
            (name(event), envelope(ticket, audit, name(event), &what, now))
        })
        .collect()
}

/// The body of the latest event of that name, with the ticket as it is; `None` if there was no such
/// event.
pub(super) fn latest(account: &Account, ticket: &Ticket, event: &str, now: Timestamp) -> Option<Value> {
    ticket.audits.iter().rev().find_map(|audit| {
        bodies(account, ticket, audit, now)
            .into_iter()
            .find_map(|(name, body)| (name == event).then_some(body))
    })
}

/// The body of the last event that a change by a person has raised, of those that webhooks usually
/// report.
pub(super) fn latest_by_person(account: &Account, ticket: &Ticket, now: Timestamp) -> Option<Value> {
    let by_people = ticket.audits.iter().rev().filter(|audit| audit.author != INTEGRATION);
    by_people.into_iter().find_map(|audit| {
        let usual = bodies(account, ticket, audit, now).into_iter();
        usual.rev().find_map(|(name, body)| SUGGESTED_SUBSCRIPTION.contains(&name).then_some(body))
    })
}

/// Whether the ticket was deleted or came back.
fn is_about_presence(event: &Event) -> bool {
    matches!(event, Event::Deleted | Event::Spam | Event::Restored | Event::Scrubbed)
}

/// The one event here that is not about tickets.
pub(super) const USER_CREATED: &str = "user.created";

/// The body for a user that was made.
pub(super) fn user_created(user: u64, now: Timestamp) -> Value {
    json!({
        "type": format!("zen:event-type:{USER_CREATED}"),
        "account_id": ACCOUNT,
        "id": Uuid::new_v4(),
        "time": format!("{now:.9}"),
        "zendesk_event_version": "2022-06-20",
        "subject": format!("zen:user:{user}"),
        "detail": { "id": user.to_string(), "role": "END_USER", "created_at": now, "updated_at": now },
        "event": {},
    })
}

fn envelope(ticket: &Ticket, audit: &Audit, name: &str, event: &Value, now: Timestamp) -> Value {
    json!({
        "type": format!("zen:event-type:ticket.{name}"),
        "account_id": ACCOUNT,
        "id": Uuid::new_v4(),
        "time": format!("{now:.9}"),
        "zendesk_event_version": "2022-11-06",
        "subject": format!("zen:ticket:{}", ticket.id),
        "detail": detail(ticket, audit),
        "event": event,
    })
}

fn detail(ticket: &Ticket, audit: &Audit) -> Value {
    let scrubbed = ticket.removed.is_some_and(|removed| removed.scrubbed);
    let state = if scrubbed { "scrubbed" } else { ticket.state() };
    json!({
        "actor_id": audit.author.to_string(),
        "assignee_id": ticket.assignee.map(|id| id.to_string()),
        "brand_id": ticket.brand.to_string(),
        "created_at": ticket.created_at,
        "custom_status": ticket.status.custom_id().to_string(),
        "description": ticket.description,
        "external_id": null,
        "form_id": "30063999000021",
        "group_id": ticket.group.map(|id| id.to_string()),
        "id": ticket.id.to_string(),
        "is_public": true,
        "organization_id": null,
        "priority": ticket.priority.as_ref().map(|name| name.to_uppercase()),
        "requester_id": ticket.requester.to_string(),
        "status": state.to_uppercase(),
        "subject": ticket.subject,
        "submitter_id": ticket.requester.to_string(),
        "tags": ticket.tags,
        "type": null,
        "updated_at": ticket.updated_at,
        "via": { "channel": channel(audit.via) },
    })
}

/// Channels have other names in events than in the REST API.
fn channel(via: Via) -> &'static str {
    match via {
        Via::Web | Via::Api => "web_service",
        Via::Email => "email",
    }
}

fn payload(account: &Account, ticket: &Ticket, event: &Event) -> Value {
    match event {
        Event::Created | Event::Merged | Event::Deleted | Event::Spam | Event::Restored | Event::Scrubbed => {
            json!({})
        }
        Event::Commented(id) => {
            json!({ "comment": ticket.comment(*id).map(|comment| commented(account, comment)) })
        }
        Event::Changed(what, before, after) => {
            json!({ "current": in_events(*what, after), "previous": in_events(*what, before) })
        }
        Event::FieldChanged(field, before, after) => json!({
            "current": after,
            "previous": before,
            "field": { "id": field.to_string(), "raw_title": "DocSpace room", "title": "DocSpace room",
                       "type": "TEXT", "is_active": true },
        }),
        Event::TagsChanged { before, after } => json!({
            "tags_added": after.difference(before).collect::<BTreeSet<_>>(),
            "tags_removed": before.difference(after).collect::<BTreeSet<_>>(),
        }),
    }
}

fn commented(account: &Account, comment: &Comment) -> Value {
    json!({
        "id": comment.id.to_string(),
        "body": comment.body,
        "is_public": comment.public,
        "author": {
            "id": comment.author.to_string(),
            "is_staff": account.people.is_staff(comment.author),
            "name": account.people.name(comment.author),
        },
    })
}

fn in_events(what: What, value: &Value) -> Value {
    match value {
        Value::Number(id) => Value::from(id.to_string()),
        Value::String(name) if what != What::Subject => Value::from(name.to_uppercase()),
        other => other.clone(),
    }
}

/// Which of the two triggers fires for this audit: the one for new or the one for updated tickets.
/// None fires when a ticket is deleted or restored, or is closed by an automation.
pub(super) fn trigger(audit: &Audit) -> Option<&'static str> {
    let has = |wanted: fn(&Event) -> bool| audit.events.iter().any(|(_, event)| wanted(event));
    let silent = has(is_about_presence);
    let closed = has(|event| matches!(event, Event::Changed(What::Status, _, after) if after == "closed"));
    let merged = has(|event| *event == Event::Merged);
    if has(|event| *event == Event::Created) {
        Some("ticket_created")
    } else if silent || (closed && !merged) {
        None
    } else {
        Some("ticket_updated")
    }
}

/// The body that a trigger of that kind sends, as it is recommended.
pub(super) fn trigger_body(account: &Account, ticket: &Ticket, actor: u64, kind: &str) -> Vec<u8> {
    filled(&TEMPLATE.replace("{{kind}}", kind), account, ticket, actor)
}

/// A template with the values in place of its placeholders, as they are.
pub(super) fn filled(template: &str, account: &Account, ticket: &Ticket, actor: u64) -> Vec<u8> {
    let email = |id| account.people.email(id).unwrap_or_default();
    let tags: Vec<&str> = ticket.tags.iter().map(String::as_str).collect();
    let (id, actor) = (ticket.id.to_string(), actor.to_string());
    // Without a scheme, as in many accounts.
    let url = format!("example.zendesk.com/agent/tickets/{id}");
    let (tags, updated_at) = (tags.join(" "), ticket.updated_at.to_string());
    let values = [
        ("{{ticket.id}}", id.as_str()),
        ("{{ticket.url}}", &url),
        ("{{current_user.id}}", &actor),
        ("{{ticket.requester.email}}", email(ticket.requester)),
        ("{{ticket.assignee.email}}", ticket.assignee.map(email).unwrap_or_default()),
        ("{{ticket.status}}", ticket.status.display_name()),
        ("{{ticket.tags}}", &tags),
        ("{{ticket.updated_at_with_timestamp}}", &updated_at),
        // The last, so that typed text is never taken for a placeholder.
        ("{{ticket.title}}", &ticket.subject),
    ];
    let body = values.iter().fold(template.to_owned(), |body, (name, value)| body.replace(name, value));
    body.into_bytes()
}

/// What webhooks can be subscribed to, without the prefix that all events of tickets have. Not all
/// of them happen here.
const TYPES: [&str; 35] = [
    "agent_assignment_changed",
    "attachment_linked_to_comment",
    "attachment_redacted_from_comment",
    "brand_changed",
    "comment_added",
    "comment_made_private",
    "comment_redacted",
    "created",
    "custom_field_changed",
    "custom_status_changed",
    "description_changed",
    "email_ccs_changed",
    "external_id_changed",
    "followers_changed",
    "form_changed",
    "group_assignment_changed",
    "marked_as_spam",
    "merged",
    "next_sla_breach_changed",
    "ola_policy_changed",
    "organization_changed",
    "permanently_deleted",
    "priority_changed",
    "problem_link_changed",
    "requester_changed",
    "schedule_changed",
    "sla_policy_changed",
    "soft_deleted",
    "status_changed",
    "subject_changed",
    "submitter_changed",
    "tags_changed",
    "task_due_at_changed",
    "type_changed",
    "undeleted",
];

/// Whether that is the whole name of an event. Those that are not about tickets are not checked.
pub(super) fn is_type(name: &str) -> bool {
    match name.strip_prefix("zen:event-type:") {
        Some(event) => {
            event.strip_prefix("ticket.").map_or(event.contains('.'), |event| TYPES.contains(&event))
        }
        None => false,
    }
}

/// What a test of a webhook sends: an event of a ticket that doesn't exist.
pub(super) fn sample(now: Timestamp) -> String {
    let sample = json!({
        "type": "zen:event-type:ticket.created",
        "account_id": ACCOUNT,
        "id": Uuid::new_v4(),
        "time": format!("{now:.9}"),
        "zendesk_event_version": "2022-11-06",
        "subject": "zen:ticket:1",
        "detail": { "id": "1", "status": "OPEN", "subject": "Sample", "created_at": now, "updated_at": now },
        "event": {},
    });
    sample.to_string()
}

/// 26 characters that sort by time, like those in the sequences of events.
pub(super) fn ulid(now: Timestamp) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let millis = u128::try_from(now.as_millisecond()).unwrap_or(0);
    let bits = (millis << 80) | (u128::from_be_bytes(*Uuid::new_v4().as_bytes()) & ((1 << 80) - 1));
    (0..26)
        .rev()
        .map(|place| ALPHABET[usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0)] as char)
        .collect()
}
