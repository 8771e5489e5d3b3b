//! Zendesk's deliveries: their signature, and which ticket they are about.
//!
//! The signature is `base64(HMAC-SHA256(secret as text, timestamp header + raw body))`. The
//! timestamp is inside the signature, so an old delivery can't be made to look new.
//!
//! An event webhook sends an envelope whose `type` starts with `zen:event-type:`. Everything else
//! comes from a trigger, whose body an administrator typed; placeholders are put into it without
//! escaping, so that a subject with a quote or a line break in it breaks the JSON. Such a delivery
//! must not be lost. Since the ticket is read afterwards, its number is all that is needed, and it
//! is looked for in ever more lenient ways, in JSON, forms and XML.
//!
//! Only of a deletion can Zendesk not be asked later for certain. So an event that tells of one is
//! remembered as the last that was heard of the ticket, and so is one that tells that the ticket
//! came back. Each has the event's own time as its version: of two that overtake each other, the
//! later one counts, whichever comes last. Other events say nothing about it: their snapshots are
//! made while the ticket goes or comes back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use secrecy::SecretString;

use super::super::caps::capped;
use super::super::mark::is_marked;
use crate::clock::Timestamp;
use crate::source::salvage::{self, Json};
use crate::source::verified::Signature;
use crate::source::{
    Consequence, Hint, NoTarget, NotUnderstood, RawDelivery, Target, Unverified, Verified, body,
};
use crate::ticket::{HelpdeskName, Status, Ticket, TicketId, TicketKey};

pub(super) const SIGNATURE: &str = "x-zendesk-webhook-signature";
pub(super) const TIMESTAMP: &str = "x-zendesk-webhook-signature-timestamp";
const WEBHOOK: &str = "x-zendesk-webhook-id";
const INVOCATION: &str = "x-zendesk-webhook-invocation-id";

const SIGNATURE_IS: &str = "signature (header X-Zendesk-Webhook-Signature)";
const TIMESTAMP_IS: &str = "timestamp (header X-Zendesk-Webhook-Signature-Timestamp)";

/// The names that a ticket's number has in what administrators type.
const TICKET_ID: [&str; 2] = ["ticket_id", "ticketId"];

/// What the `type` of every event starts with.
pub(super) const EVENT: &str = "zen:event-type:";

/// Checks that there is a signature, and its time.
pub(super) fn require_proof(headers: &HeaderMap) -> Result<(), Unverified> {
    for (name, what) in [(SIGNATURE, SIGNATURE_IS), (TIMESTAMP, TIMESTAMP_IS)] {
        if !headers.contains_key(name) {
            return Err(Unverified::Missing(what));
        }
    }
    Ok(())
}

/// Checks a delivery's signature, and that it was made at most `window` from now, in the past or,
/// since clocks differ, in the future.
pub(super) fn verify(
    delivery: RawDelivery,
    secrets: &[SecretString],
    window: Duration,
    now: Timestamp,
) -> Result<Verified, Unverified> {
    let signature = delivery.headers.get(SIGNATURE).ok_or(Unverified::Missing(SIGNATURE_IS))?.clone();
    let timestamp = delivery.headers.get(TIMESTAMP).ok_or(Unverified::Missing(TIMESTAMP_IS))?.clone();
    let signature = Signature {
        what: SIGNATURE_IS,
        bytes: STANDARD.decode(signature.as_bytes()).ok(),
        // The exact characters were signed, whatever time they stand for.
        prefix: timestamp.as_bytes(),
    };
    let verified = Verified::by_hmac(delivery, secrets, &signature)?;
    let signed_at: Timestamp =
        timestamp.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Unverified::Wrong(TIMESTAMP_IS))?;
    if now.duration_since(signed_at).unsigned_abs() > window {
        return Err(Unverified::TooOld);
    }
    Ok(verified)
}

/// Makes out which ticket a delivery is about. `own_id` is our own user in Zendesk, once it is
/// known.
pub(super) fn read(
    delivery: &Verified,
    helpdesk: &HelpdeskName,
    own_id: Option<u64>,
) -> Result<Hint, NoTarget> {
    let read = body::read(delivery)?;
    let body = read.json();
    if let Some(event) = body.get("type").text().and_then(|kind| kind.strip_prefix(EVENT)) {
        return read_event(delivery, body, event, helpdesk, own_id);
    }
    let ticket = ticket_of_trigger(body)
        .or_else(|| read.number_named(&TICKET_ID))
        // Last, since the signature does not cover the address.
        .or_else(|| ticket_of_query(delivery.query()?))
        .filter(|number| *number != 0)
        .ok_or_else(|| NotUnderstood(no_ticket_in(&read)))?;
    Ok(Hint {
        target: Target::Ticket(TicketKey { helpdesk: helpdesk.clone(), id: TicketId::from(ticket) }),
        event: salvage::event_name(body.get("kind").text(), "trigger"),
        delivery_id: invocation(delivery),
        snapshot: None,
        consequence: Consequence::Look,
    })
}

fn read_event(
    delivery: &Verified,
    body: &Json,
    event: &str,
    helpdesk: &HelpdeskName,
    own_id: Option<u64>,
) -> Result<Hint, NoTarget> {
    let delivery_id = || {
        invocation(delivery).or_else(|| {
            let id = salvage::short_id(body.get("id").text()?)?;
            Some(format!("event:{id}"))
        })
    };
    if !event.starts_with("ticket.") {
        // Users, organizations, messaging ...: a refusal would count as an error of ours, and many
        // of them open the webhook's circuit breaker, which then holds back tickets, too.
        return Err(NoTarget::AboutSomethingElse {
            event: salvage::event_name(Some(event), "event"),
            delivery_id: delivery_id(),
        });
    }
    let named = || body.get("subject").text()?.strip_prefix("zen:ticket:").and_then(salvage::whole_number);
    let ticket =
        body.get("detail").get("id").number().or_else(named).filter(|number| *number != 0).ok_or_else(
            || {
                NotUnderstood(
                    "the event names no ticket: neither `detail.id` nor `subject` has a number".to_owned(),
                )
            },
        )?;
    let ticket = TicketId::from(ticket);
    let key = TicketKey { helpdesk: helpdesk.clone(), id: ticket };
    let consequence = if is_echo(event, body, &key, own_id) { Consequence::Echo } else { Consequence::Look };
    Ok(Hint {
        target: Target::Ticket(key),
        event: salvage::event_name(Some(event), "ticket"),
        delivery_id: delivery_id(),
        snapshot: presence(event, body).map(capped),
        consequence,
    })
}

/// What an event tells of whether its ticket was deleted.
fn presence(event: &str, body: &Json) -> Option<Ticket> {
    let detail = body.get("detail");
    let status = match event {
        "ticket.soft_deleted" | "ticket.permanently_deleted" | "ticket.marked_as_spam" => Status::Deleted,
        "ticket.undeleted" => match detail.get("status").text().map(Status::from_name) {
            None | Some(Status::Deleted) => Status::Open,
            Some(status) => status,
        },
        _ => return None,
    };
    let time: Option<Timestamp> = body.get("time").text().and_then(|time| time.parse().ok());
    Some(Ticket {
        subject: detail.get("subject").text().unwrap_or_default().to_owned(),
        status,
        // Versions are compared as text, so each has as many digits.
        version: time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()),
        ..Ticket::default()
    })
}

/// Whether an event only tells of what we wrote into the ticket ourselves.
///
/// Only the events that a write-back causes count: everything else that is done in the
/// integration's name (by an administrator who uses its account, say) is a change like any other.
fn is_echo(event: &str, body: &Json, key: &TicketKey, own_id: Option<u64>) -> bool {
    let is_ours = |user: &Json| own_id.is_some() && user.number() == own_id;
    let by_us = is_ours(body.get("detail").get("actor_id"));
    match event {
        "ticket.comment_added" => {
            let comment = body.get("event").get("comment");
            let author = comment.get("author");
            // A customer can write our marker, too, but not into an internal note.
            let internal = *comment.get("is_public") == Json::Bool(false);
            let by_staff = *author.get("is_staff") == Json::Bool(true);
            let marked = comment.get("body").text().is_some_and(|text| is_marked(text, key));
            by_us || is_ours(author.get("id")) || (internal && by_staff && marked)
        }
        "ticket.custom_field_changed" | "ticket.tags_changed" => by_us,
        _ => false,
    }
}

/// Zendesk's number of the delivery, the same over all its attempts, within its webhook.
fn invocation(delivery: &Verified) -> Option<String> {
    let invocation = salvage::short_id(delivery.header(INVOCATION)?)?;
    Some(match delivery.header(WEBHOOK).and_then(salvage::short_id) {
        Some(webhook) => format!("{webhook}:{invocation}"),
        None => invocation.to_owned(),
    })
}

fn ticket_of_trigger(body: &Json) -> Option<u64> {
    body.any(&TICKET_ID).number().or_else(|| body.get("ticket").get("id").number())
}

fn ticket_of_query(query: &str) -> Option<u64> {
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    let (_, number) = parameters.find(|(name, _)| TICKET_ID.contains(&name.as_ref()))?;
    salvage::whole_number(number.trim())
}

/// What to tell the person who set up a trigger whose body names no ticket.
fn no_ticket_in(body: &body::Body) -> String {
    let named = body.json().any(&TICKET_ID);
    let wrong = match body.unreadable() {
        Some(why) => why,
        None if named.text().is_some_and(body::has_placeholder) => {
            "`ticket_id` is a placeholder that was not filled in"
        }
        None if *named != Json::Null => "`ticket_id` is no number",
        None if body.is_form() => "the form has no field `ticket_id`",
        None => "the body names no ticket",
    };
    format!("{wrong}. Make the trigger send JSON that begins with {{\"ticket_id\":\"{{{{ticket.id}}}}\"")
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
