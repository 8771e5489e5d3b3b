//! Tickets and what belongs to them as the REST API shows them, and its errors. Ids are numbers and
//! enumerations are in lower case here, unlike in events.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::Refusal;
use super::ticket::{Audit, Comment, Event, Ticket, Via, What};
use crate::http::Answer;

pub(super) fn ticket(ticket: &Ticket, api: &str) -> Value {
    let fields: Vec<Value> =
        ticket.fields.iter().map(|(id, value)| json!({ "id": id, "value": value })).collect();
    json!({
        "id": ticket.id,
        "url": format!("{api}/tickets/{}.json", ticket.id),
        "external_id": null,
        "via": via_of(ticket),
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "generated_timestamp": ticket.generated_at.as_second(),
        "type": null,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": ticket.description,
        "priority": ticket.priority,
        "status": ticket.state(),
        "custom_status_id": ticket.status.custom_id(),
        "requester_id": ticket.requester,
        "submitter_id": ticket.requester,
        "assignee_id": ticket.assignee,
        "group_id": ticket.group,
        "organization_id": null,
        "brand_id": ticket.brand,
        "ticket_form_id": 30_063_999_000_021_u64,
        "problem_id": null,
        "has_incidents": false,
        "is_public": true,
        "due_at": null,
        "tags": ticket.tags,
        "custom_fields": fields,
        "fields": fields,
        "followup_ids": ticket.follow_ups,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
    })
}

pub(super) fn comment(comment: &Comment, ticket: &Ticket) -> Value {
    let audit = ticket.audit(comment.audit);
    json!({
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author,
        "body": comment.body,
        "html_body": comment.html_body,
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": [],
        "audit_id": comment.audit,
        "via": via(audit.map_or(Via::Web, |audit| audit.via)),
        "created_at": comment.created_at,
        "metadata": audit.map(metadata),
    })
}

pub(super) fn audit(audit: &Audit, ticket: &Ticket) -> Value {
    let events: Vec<Value> =
        audit.events.iter().flat_map(|(id, event)| audit_events(*id, event, ticket)).collect();
    json!({
        "id": audit.id,
        "ticket_id": ticket.id,
        "author_id": audit.author,
        "created_at": audit.created_at,
        "metadata": metadata(audit),
        "via": via(audit.via),
        "events": events,
    })
}

/// A creation has an event for each property in the original; here, the subject stands for all.
/// Deletions and merges have none.
fn audit_events(id: u64, event: &Event, ticket: &Ticket) -> Vec<Value> {
    let change = |field: &str, before: &Value, after: &Value| {
        json!({
            "id": id,
            "type": "Change",
            "field_name": field,
            "previous_value": before,
            "value": after,
        })
    };
    match event {
        Event::Created => {
            let subject = &ticket.subject;
            vec![json!({ "id": id, "type": "Create", "field_name": "subject", "value": subject })]
        }
        Event::Commented(comment) => ticket
            .comment(*comment)
            .map(|comment| {
                json!({
                    "id": id,
                    "type": "Comment",
                    "audit_id": comment.audit,
                    "author_id": comment.author,
                    "body": comment.body,
                    "html_body": comment.html_body,
                    "plain_body": comment.body,
                    "public": comment.public,
                    "attachments": [],
                })
            })
            .into_iter()
            .collect(),
        Event::Changed(what, before, after) => vec![change(field_name(*what), before, after)],
        Event::FieldChanged(field, before, after) => vec![change(&field.to_string(), before, after)],
        Event::TagsChanged { before, after } => vec![change("tags", &json!(before), &json!(after))],
        Event::Merged | Event::Deleted | Event::Spam | Event::Restored | Event::Scrubbed => Vec::new(),
    }
}

fn field_name(what: What) -> &'static str {
    match what {
        What::Subject => "subject",
        What::Status => "status",
        What::Assignee => "assignee_id",
        What::Group => "group_id",
        What::Requester => "requester_id",
        What::Priority => "priority",
        What::Brand => "brand_id",
    }
}

fn metadata(audit: &Audit) -> Value {
    json!({ "system": {}, "custom": audit.custom_metadata })
}

/// How the ticket came in. A follow-up names the ticket that it continues.
fn via_of(ticket: &Ticket) -> Value {
    let mut shown = via(Via::Web);
    if let Some(source) = &ticket.follow_up_of {
        let from = json!({ "ticket_id": source.id, "subject": source.subject, "channel": "web" });
        shown["source"] = json!({ "from": from, "to": {}, "rel": "follow_up" });
    }
    shown
}

fn via(via: Via) -> Value {
    let channel = match via {
        Via::Web => "web",
        Via::Api => "api",
        Via::Email => "email",
    };
    json!({ "channel": channel, "source": { "from": {}, "to": {}, "rel": null } })
}

/// The fields of tickets: two of Zendesk's own, and the custom one.
pub(super) fn ticket_fields(room_field: Option<u64>, api: &str) -> Vec<Value> {
    let own = [(30_063_999_000_401, "subject", "Betreff"), (30_063_999_000_402, "status", "Status")];
    let custom = room_field.map(|id| (id, "text", "DocSpace room"));
    own.into_iter()
        .chain(custom)
        .map(|(id, kind, title)| {
            json!({
                "id": id,
                "url": format!("{api}/ticket_fields/{id}.json"),
                "type": kind,
                "title": title,
                "raw_title": title,
                "description": "",
                "raw_description": "",
                "active": true,
                "required": false,
                "removable": Some(id) == room_field,
                "visible_in_portal": false,
                "editable_in_portal": false,
                "regexp_for_validation": null,
                "tag": null,
                "created_at": Timestamp::UNIX_EPOCH,
                "updated_at": Timestamp::UNIX_EPOCH,
            })
        })
        .collect()
}

pub(super) fn refusal(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NotFound => not_found(),
        Refusal::Conflict => error(
            StatusCode::CONFLICT,
            "UpdateConflict",
            "Safe Update prevented the update due to outdated ticket data.",
        ),
        Refusal::Closed => invalid("status", "Status: closed prevents ticket update"),
        Refusal::Invalid { field, why } => invalid(field, why),
    }
}

/// A list of errors, as younger parts of the API have them.
pub(super) fn errors(errors: &[Value]) -> Answer {
    Answer::json(StatusCode::BAD_REQUEST, &json!({ "errors": errors }))
}

pub(super) fn not_found() -> Answer {
    error(StatusCode::NOT_FOUND, "RecordNotFound", "Not found")
}

pub(super) fn error(status: StatusCode, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "description": description }))
}

pub(super) fn invalid(field: &str, why: &str) -> Answer {
    let body = json!({
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": { field: [{ "description": why, "error": "InvalidValue" }] },
    });
    Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
}
