//! What a generic helpdesk sends: one JSON object, the whole ticket every time.
//!
//! | field | is |
//! | --- | --- |
//! | `ticketId` (or `ticket_id`, `id`) | text or a whole number; required |
//! | `subject` | text; required, but may be empty or null |
//! | `description` | text |
//! | `requester`, `assignee` | `{"name", "email"}`, or an e-mail address |
//! | `requesterEmail`, `assigneeEmail` | an e-mail address, where there is no object |
//! | `group` | text |
//! | `priority` | text; upper case is made lower |
//! | `status` | text: `new`, `open`, `pending`, `hold`, `solved`, `closed`, `deleted`, `spam`; anything else is open |
//! | `mergedInto` | the id of the ticket into which this one was merged, as text or a whole number |
//! | `followUpOf` | the id of the earlier ticket that this one continues or repeats |
//! | `tags` | an array of texts, or one text with commas or spaces between them |
//! | `ticketKey` | what people call the ticket, if that is not its id |
//! | `project`, `organization`, `brand`, `form` | text |
//! | `type`, `channel` | text; upper case is made lower |
//! | `createdAt` | a time such as `2026-11-20T08:14:03Z`; any other text counts as missing |
//! | `fields` | an object of texts, numbers, switches and arrays of texts, for rules and titles |
//! | `event` | text, for the timeline |
//! | `updatedAt` | text; kept as the ticket's version |
//! | `deliveryId` | text by which a repeat is known, if no header says it |
//!
//! Of a ticket, no more is kept than [`caps`](super::super::caps) allow: of `fields`, the first
//! 500.
//!
//! Names may be written with underscores, too. Numbers are taken where text is meant; an optional
//! field of any other type counts as missing; unknown fields are ignored. A repeat is better known
//! by the header `Idempotency-Key` or `X-Ticketroom-Delivery`.

use std::collections::BTreeMap;

use super::super::caps::{MOST_FIELDS, capped};
use super::super::fields;
use crate::source::salvage::{self, Json};
use crate::source::{Consequence, Hint, NoTarget, NotUnderstood, Target, Verified, body};
use crate::ticket::{FieldValue, HelpdeskName, Person, Status, Ticket, TicketId, TicketKey};

/// Understands a delivery.
pub(super) fn read(delivery: &Verified, helpdesk: &HelpdeskName) -> Result<Hint, NoTarget> {
    let read = body::read(delivery)?;
    let body = read.json();
    if !matches!(body, Json::Object(_)) {
        let why =
            read.unreadable().unwrap_or("the body is JSON, but no object: send one object for each ticket");
        return Err(NotUnderstood(why.to_owned()).into());
    }
    let in_header =
        ["idempotency-key", "x-ticketroom-delivery"].iter().find_map(|name| delivery.header(name));
    let in_body = body.any(&["deliveryId", "delivery_id"]).as_text();
    let delivery_id = in_header.or(in_body.as_deref()).and_then(salvage::short_id).map(str::to_owned);
    let has_subject =
        matches!(body, Json::Object(fields) if fields.iter().any(|(name, _)| name == "subject"));
    let given = body.any(&["ticketId", "ticket_id", "id"]);
    // What has a subject is meant as a ticket, and its type is the ticket's.
    let kind = if has_subject { &Json::Null } else { body.get("type") };
    let event = [body.get("event"), kind].into_iter().find_map(Json::text);
    if *given == Json::Null
        && let Some(event) = event.filter(|event| is_about_something_else(event))
    {
        let event = salvage::event_name(Some(event), "event");
        return Err(NoTarget::AboutSomethingElse { event, delivery_id });
    }
    let not = |why: &str| NotUnderstood(why.to_owned());
    let ticket = match given {
        Json::Null if read.is_form() => {
            return Err(
                NotUnderstood("the form has neither the field `ticketId` nor `payload`".to_owned()).into()
            );
        }
        // In the middle of what was broken, an id is a guess.
        Json::Text(text) if read.was_broken() && text.contains('"') => {
            return Err(not("`ticketId` is unclear: quotation marks in the body are not escaped").into());
        }
        given => ticket_id(given)?,
    };
    let subject = match body.get("subject") {
        Json::Null if !has_subject => {
            return Err(not("`subject` is missing; it may be empty, but has to be there").into());
        }
        Json::Null => String::new(),
        subject => subject.as_text().ok_or_else(|| not("`subject` has to be text"))?,
    };
    let another = |names: &[&str]| other_ticket(body.any(names), &ticket);
    let (merged_into, follow_up_of) =
        (another(&["mergedInto", "merged_into"]), another(&["followUpOf", "follow_up_of"]));
    Ok(Hint {
        target: Target::Ticket(TicketKey { helpdesk: helpdesk.clone(), id: ticket }),
        event: salvage::event_name(body.get("event").text(), "ticket"),
        delivery_id,
        snapshot: Some(capped(Ticket {
            subject,
            description: body.get("description").as_text(),
            requester: person(body.get("requester"), body.any(&["requesterEmail", "requester_email"])),
            assignee: person(body.get("assignee"), body.any(&["assigneeEmail", "assignee_email"])),
            group: filled(body.get("group")),
            organization: filled(body.any(&["organization", "organisation", "company"])),
            brand: filled(body.get("brand")),
            kind: filled(body.any(&["type", "ticketType", "ticket_type"])).map(|kind| kind.to_lowercase()),
            form: filled(body.get("form")),
            channel: filled(body.get("channel")).map(|channel| channel.to_lowercase()),
            created: fields::time(filled(body.any(&["createdAt", "created_at"])).as_deref()),
            priority: filled(body.get("priority")).map(|priority| priority.to_lowercase()),
            status: filled(body.get("status")).map_or(Status::default(), |status| Status::from_name(&status)),
            tags: tags(body.get("tags")),
            key: filled(body.any(&["ticketKey", "ticket_key"])),
            project: filled(body.get("project")),
            fields: custom_fields(body.get("fields")),
            merged_into,
            follow_up_of,
            version: filled(body.any(&["updatedAt", "updated_at"])),
        })),
        consequence: Consequence::Look,
    })
}

/// Whether an event without a ticket is one that has none: `user.created`.
fn is_about_something_else(event: &str) -> bool {
    let event = event.trim().to_ascii_lowercase();
    !event.is_empty() && !["ticket", "issue", "case", "incident"].iter().any(|about| event.starts_with(about))
}

fn custom_fields(given: &Json) -> BTreeMap<String, FieldValue> {
    let Json::Object(fields) = given else { return BTreeMap::new() };
    let value = |given: &Json| match given {
        Json::Bool(bool) => Some(FieldValue::Bool(*bool)),
        Json::Number(number) => i64::try_from(*number).ok().map(FieldValue::Number),
        Json::OtherNumber(text) => {
            Some(text.parse().map_or_else(|_| FieldValue::Text(text.clone()), FieldValue::Number))
        }
        Json::List(items) => Some(FieldValue::List(items.iter().filter_map(filled).collect())),
        _ => filled(given).map(FieldValue::Text),
    };
    let held = fields.iter().filter_map(|(name, given)| Some((name.clone(), value(given)?)));
    held.take(MOST_FIELDS).collect()
}

fn ticket_id(given: &Json) -> Result<TicketId, NotUnderstood> {
    match given {
        Json::Number(number) => Ok(TicketId::from(*number)),
        Json::Text(text) if body::has_placeholder(text) => {
            Err(NotUnderstood("`ticketId` is a placeholder that was not filled in".to_owned()))
        }
        // Too many digits for a number of ours, but an id all the same.
        Json::OtherNumber(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|why| NotUnderstood(format!("`ticketId`: {why}")))
        }
        Json::Text(text) => text.parse().map_err(|why| NotUnderstood(format!("`ticketId`: {why}"))),
        Json::Null => Err(NotUnderstood("`ticketId` is missing".to_owned())),
        _ => Err(NotUnderstood("`ticketId` has to be text or a whole number".to_owned())),
    }
}

/// The id of another ticket. What can't be one counts as missing.
fn other_ticket(given: &Json, own: &TicketId) -> Option<TicketId> {
    ticket_id(given).ok().filter(|id| id != own)
}

/// Text that says something.
fn filled(value: &Json) -> Option<String> {
    value.as_text().filter(|text| !text.trim().is_empty()).map(|text| text.trim().to_owned())
}

fn person(person: &Json, email: &Json) -> Option<Person> {
    let email = || filled(email);
    let person = match person {
        Json::Object(_) => {
            Person { name: filled(person.get("name")), email: filled(person.get("email")).or_else(email) }
        }
        Json::Text(text) if text.contains('@') => Person { name: None, email: filled(person) },
        _ => Person { name: filled(person), email: email() },
    };
    // Nobody is no person.
    (person != Person::default()).then_some(person)
}

fn tags(tags: &Json) -> Vec<String> {
    match tags {
        Json::List(tags) => tags.iter().filter_map(filled).collect(),
        Json::Text(tags) => {
            let tags = tags.split(|c: char| c == ',' || c.is_whitespace());
            tags.filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
