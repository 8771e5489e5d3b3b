//! Jira's deliveries: how they prove where they come from, and which issue they are about.
//!
//! A webhook signs its body: `X-Hub-Signature: sha256=hex(HMAC-SHA256(secret, body))`. An
//! automation rule can't sign and sends a secret in a header. The form of a body tells who sent it:
//!
//! | body | sender |
//! | --- | --- |
//! | has `webhookEvent` | webhook |
//! | has `issue` | automation, "Issue data (Jira format)" |
//! | has `key` and `fields` | automation, "Issue data (Automation format)" |
//! | anything else | automation, "Custom data": an administrator typed it, and it may be broken |
//!
//! Ids are numbers or text. Of a deletion no search ever tells, so a delivery that tells of one is
//! remembered as the last that was heard of the issue.

use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use super::super::caps::capped;
use super::notes::is_marked;
use crate::clock::Timestamp;
use crate::source::salvage::{self, Json};
use crate::source::verified::{Signature, shared_secret};
use crate::source::{
    Consequence, Hint, NoTarget, NotUnderstood, RawDelivery, Target, Unverified, Verified, body,
};
use crate::ticket::{HelpdeskName, Status, Ticket, TicketId, TicketKey};

pub(super) const SIGNATURE: &str = "x-hub-signature";
pub(super) const SECRET: &str = "x-ticketroom-secret";
const IDENTIFIER: &str = "x-atlassian-webhook-identifier";

const SIGNATURE_IS: &str = "signature (header X-Hub-Signature)";
const SECRET_IS: &str = "secret (header X-Ticketroom-Secret)";
const ANY_PROOF: &str = "header X-Hub-Signature (give the webhook in Jira a secret) or X-Ticketroom-Secret (of an \
                         automation rule)";
const TIMESTAMP_IS: &str = "timestamp in the body";

/// Checks that there is a signature, or that the secret in its place is right.
pub(super) fn require_proof(headers: &HeaderMap, secrets: &[SecretString]) -> Result<(), Unverified> {
    match (headers.get(SIGNATURE), headers.get(SECRET)) {
        (Some(_), _) => Ok(()),
        (None, Some(given)) => shared_secret(secrets, SECRET_IS, &[given]),
        (None, None) => Err(Unverified::Missing(ANY_PROOF)),
    }
}

/// Checks a delivery's signature, or the secret that it brings along.
pub(super) fn verify(
    delivery: RawDelivery,
    secrets: &[SecretString],
    window: Option<Duration>,
    now: Timestamp,
) -> Result<Verified, Unverified> {
    if let Some(given) = delivery.headers.get(SIGNATURE) {
        // Other methods may come; none that we don't know is let through.
        let digits = given.to_str().ok().and_then(|given| given.trim().strip_prefix("sha256="));
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        let signature = Signature { what: SIGNATURE_IS, bytes, prefix: b"" };
        let verified = Verified::by_hmac(delivery, secrets, &signature)?;
        return match window {
            Some(window) => in_time(verified, window, now),
            None => Ok(verified),
        };
    }
    match delivery.headers.get(SECRET).cloned() {
        Some(given) => Verified::by_shared_secret(delivery, secrets, SECRET_IS, given.as_bytes()),
        None => Err(Unverified::Missing(ANY_PROOF)),
    }
}

/// The only time that is signed is the one in the body.
fn in_time(verified: Verified, window: Duration, now: Timestamp) -> Result<Verified, Unverified> {
    let signed_at = body::read(&verified)
        .ok()
        .and_then(|body| body.json().get("timestamp").number())
        .and_then(|millis| Timestamp::from_millisecond(millis.try_into().ok()?).ok())
        .ok_or(Unverified::Wrong(TIMESTAMP_IS))?;
    if now.duration_since(signed_at).unsigned_abs() > window { Err(Unverified::TooOld) } else { Ok(verified) }
}

/// Makes out which issue a delivery is about. `own_id` is our own user in Jira, once it is known.
pub(super) fn read(
    delivery: &Verified,
    helpdesk: &HelpdeskName,
    own_id: Option<&str>,
) -> Result<Hint, NoTarget> {
    let delivery_id = || delivery.header(IDENTIFIER).and_then(salvage::short_id).map(str::to_owned);
    let body = body::read(delivery)?;
    let said = body.json();
    let webhook = said.get("webhookEvent").text();
    let issue = match (webhook, said.get("issue")) {
        (_, issue @ Json::Object(_)) => issue,
        (None, _) if matches!(said.get("fields"), Json::Object(_)) => said,
        _ => &Json::Null,
    };
    let id = issue
        .get("id")
        .number()
        .or_else(|| issue_of_comment(said.get("comment").get("self").text()?))
        .or_else(|| if webhook.is_some() { None } else { custom_id(said) })
        .or_else(|| body.number_named(&["issue_id", "issueId"]))
        // Last, since no signature covers the address.
        .or_else(|| id_in_query(delivery.query()?))
        .filter(|id| *id != 0)
        .ok_or_else(|| match webhook {
            // Attachments, worklogs, users, projects ...: Jira sends what it was told to send.
            Some(event) if !is_about_issues(event) => NoTarget::AboutSomethingElse {
                event: salvage::event_name(Some(event), "webhook"),
                delivery_id: delivery_id(),
            },
            _ => NotUnderstood(no_issue_in(&body, webhook)).into(),
        })?;
    let key = TicketKey { helpdesk: helpdesk.clone(), id: TicketId::from(id) };
    let is_echo = webhook.is_some_and(|event| is_echo(event, said, &key, own_id));
    let event = webhook.or_else(|| said.get("kind").text());
    let is_deletion = matches!(event, Some("jira:issue_deleted" | "deleted" | "issue_deleted"));
    Ok(Hint {
        target: Target::Ticket(key),
        event: salvage::event_name(event, "automation"),
        delivery_id: delivery_id(),
        snapshot: is_deletion.then(|| capped(deleted(issue))),
        consequence: if is_echo { Consequence::Echo } else { Consequence::Look },
    })
}

/// Whether an event should name an issue.
fn is_about_issues(event: &str) -> bool {
    event.starts_with("jira:issue_") || event.starts_with("comment_")
}

/// What is left of an issue that was deleted.
fn deleted(issue: &Json) -> Ticket {
    let fields = issue.get("fields");
    Ticket {
        subject: fields.get("summary").text().unwrap_or_default().to_owned(),
        key: issue.get("key").text().map(str::to_owned),
        project: fields.get("project").get("key").text().map(str::to_owned),
        status: Status::Deleted,
        ..Ticket::default()
    }
}

/// Whether an event only tells of the comment that we wrote ourselves. Remote links raise no
/// events.
fn is_echo(event: &str, body: &Json, key: &TicketKey, own_id: Option<&str>) -> bool {
    let comment = body.get("comment");
    let is_about_the_comment = match event {
        "comment_created" => true,
        "jira:issue_updated" => {
            body.get("issue_event_type_name").text() == Some("issue_commented")
                && matches!(body.get("changelog").get("items"), Json::Null)
        }
        _ => false,
    };
    if !is_about_the_comment {
        return false;
    }
    let is_ours = |user: &Json| {
        let id = user.any(&["accountId", "name"]).text();
        own_id.is_some() && id == own_id
    };
    // A customer can write our marker, too, but not into an internal comment.
    let internal = *comment.get("jsdPublic") == Json::Bool(false);
    let marked = comment.get("body").text().is_some_and(|text| is_marked(text, key));
    is_ours(comment.get("author")) || (internal && marked)
}

/// Events about comments may leave the issue out; the comment's address has it.
fn issue_of_comment(address: &str) -> Option<u64> {
    let (_, rest) = address.split_once("/issue/")?;
    salvage::whole_number(rest.split('/').next()?)
}

fn custom_id(body: &Json) -> Option<u64> {
    body.any(&["issue_id", "issueId", "ticket_id", "ticketId"]).number()
}

fn id_in_query(query: &str) -> Option<u64> {
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    let (_, id) = parameters.find(|(name, _)| name == "issue_id" || name == "issueId")?;
    salvage::whole_number(id.trim())
}

/// What to tell the person who set the sender up.
fn no_issue_in(body: &body::Body, webhook: Option<&str>) -> String {
    if webhook.is_some() {
        return "the event names no issue: neither `issue.id` nor `comment.self` has a number".to_owned();
    }
    let (id, key) = (body.json().any(&["issue_id", "issueId"]), body.json().any(&["issue_key", "issueKey"]));
    let wrong = match body.unreadable() {
        Some(why) => why,
        None if id.text().is_some_and(body::has_placeholder) => {
            "`issue_id` is a placeholder that was not filled in"
        }
        None if *id != Json::Null => "`issue_id` is no number",
        None if *key != Json::Null => "the body has an issue's key but not its id",
        None => "the body names no issue",
    };
    format!("{wrong}. Let the automation rule send JSON that begins with {{\"issue_id\":\"{{{{issue.id}}}}\"")
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
