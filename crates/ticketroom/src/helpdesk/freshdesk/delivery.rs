//! Freshdesk's deliveries: the secret that they carry, and which ticket they are about.
//!
//! A body is one of four: *simple* (`{"freshdesk_webhook":{…}}`, with the fields that were ticked), *advanced* (what
//! an administrator typed, with or without that wrapper), an app's event (`{"event":"onTicketCreate","data":{…}}`),
//! or a form. Placeholders are put into an advanced body as they are, so that a subject with a quotation mark breaks
//! it. Since the ticket is read afterwards, its number is all that is needed. It is looked for in the body, in the
//! address, and at last in what is left of a broken body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::super::salvage::{self, Json};
use super::super::{Consequence, Hint, NotUnderstood, RawDelivery, Unverified, Verified};
use crate::ticket::{HelpdeskName, TicketId, TicketKey};

const SECRET: &str = "x-ticketroom-secret";

const SECRET_IS: &str = "secret (header X-Ticketroom-Secret, or the password)";
const ANY_PROOF: &str =
    "header X-Ticketroom-Secret and no password: add one to the automation rule's webhook";

/// Checks the secret that a delivery carries: in a header of its own, or as the password (or, where the rule was
/// given an API key, the user) of basic authentication. A rule may have both, and one that fits is enough.
pub(super) fn verify(delivery: RawDelivery, secrets: &[SecretString]) -> Result<Verified, Unverified> {
    let mut given: Vec<Vec<u8>> = Vec::new();
    given.extend(delivery.headers.get(SECRET).map(|value| value.as_bytes().to_vec()));
    if let Some((user, password)) =
        delivery.headers.get("authorization").and_then(|value| basic(value.as_bytes()))
    {
        given.push(password);
        given.push(user);
    }
    if given.is_empty() {
        let has_some = delivery.headers.contains_key("authorization");
        return Err(if has_some { Unverified::Wrong(SECRET_IS) } else { Unverified::Missing(ANY_PROOF) });
    }
    Verified::by_one_of(delivery, secrets, SECRET_IS, &given)
}

/// The user and the password of basic authentication.
fn basic(header: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, pair) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let pair = STANDARD.decode(pair.trim_ascii()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (user, password) = pair.split_at_checked(colon)?;
    Some((user.to_vec(), password.get(1..)?.to_vec()))
}

/// Makes out which ticket a delivery is about. `own_id` is our own agent, once it is known.
pub(super) fn read(
    delivery: &Verified,
    helpdesk: &HelpdeskName,
    own_id: Option<u64>,
) -> Result<Hint, NotUnderstood> {
    let body = Json::lenient(delivery.body()).or_else(|| form(delivery));
    let whole = body.as_ref().unwrap_or(&Json::Null);
    let said = match whole.get("freshdesk_webhook") {
        wrapped @ Json::Object(_) => wrapped,
        _ => whole,
    };
    let data = whole.get("data");
    let number = ticket_of(said)
        .or_else(|| data.get("ticket").get("id").number())
        .or_else(|| data.get("conversation").get("ticket_id").number())
        .or_else(|| ticket_of_query(delivery.query()?))
        .or_else(|| match body {
            Some(_) => None,
            None => salvage::number_after("ticket_id", delivery.body()),
        })
        .or_else(|| last_number(said.get("ticket_url").text()?))
        .filter(|number| *number != 0)
        .ok_or_else(|| NotUnderstood(no_ticket_in(whole, said)))?;
    let key = TicketKey { helpdesk: helpdesk.clone(), id: TicketId::from(number) };
    let is_echo = is_echo(said, &key) || is_echo_of_app(whole, &key, own_id);
    Ok(Hint {
        event: event(said, whole),
        ticket: key.id,
        // Freshdesk gives its deliveries no ids. Each is a reason to look, which costs little.
        delivery_id: None,
        snapshot: None,
        consequence: if is_echo { Consequence::Echo } else { Consequence::Look },
    })
}

fn ticket_of(body: &Json) -> Option<u64> {
    body.any(&["ticket_id", "ticketId"]).number()
}

/// A form, as an object of texts.
fn form(delivery: &Verified) -> Option<Json> {
    let kind = delivery.header("content-type")?;
    if !kind.trim().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let fields = url::form_urlencoded::parse(delivery.body()).map(|(name, value)| {
        let inner = name.strip_prefix("freshdesk_webhook[").and_then(|name| name.strip_suffix(']'));
        (inner.unwrap_or(&name).to_owned(), Json::Text(value.into_owned()))
    });
    Some(Json::Object(fields.collect()))
}

fn ticket_of_query(query: &str) -> Option<u64> {
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    let (_, number) = parameters.find(|(name, _)| name == "ticket_id" || name == "ticketId")?;
    salvage::whole_number(number.trim())
}

/// The number at the end of a ticket's address.
fn last_number(address: &str) -> Option<u64> {
    let path = address.split(['?', '#']).next()?.trim_end_matches('/');
    let (before, number) = path.rsplit_once('/')?;
    if before.ends_with("tickets") { salvage::whole_number(number) } else { None }
}

/// What happened. `triggered_event` looks like JSON and is none: `{status:{from:2,to:4}}`.
fn event(said: &Json, whole: &Json) -> String {
    let triggered = said.any(&["triggered_event", "event", "kind"]).text().or(whole.get("event").text());
    let readable: Option<String> = triggered.map(|text| {
        let words = text.replace(['{', '}', '"'], " ").replace(':', " ").replace(',', " ");
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    salvage::event_name(readable.as_deref(), "webhook")
}

/// Whether a delivery only tells of the note that we wrote. Customers can't write private notes.
fn is_echo(said: &Json, key: &TicketKey) -> bool {
    let triggered = said.any(&["triggered_event", "event"]).text().unwrap_or_default();
    let triggered: String = triggered.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
    let latest = said.any(&["ticket_latest_private_comment", "latest_private_comment"]).text();
    triggered == "{note_type:private}" && latest.is_some_and(|text| text.contains(&key.marker()))
}

fn is_echo_of_app(whole: &Json, key: &TicketKey, own_id: Option<u64>) -> bool {
    let conversation = whole.get("data").get("conversation");
    if whole.get("event").text() != Some("onConversationCreate") {
        return false;
    }
    let is_private = *conversation.get("private") == Json::Bool(true);
    let by_us = own_id.is_some() && conversation.get("user_id").number() == own_id;
    let text = conversation.any(&["body_text", "body"]).text();
    is_private && (by_us || text.is_some_and(|text| text.contains(&key.marker())))
}

/// What to tell the person who set the rule up.
fn no_ticket_in(whole: &Json, said: &Json) -> String {
    let wrong = match whole {
        Json::Null => "the body is no JSON and names no ticket",
        _ if *said.any(&["ticket_id", "ticketId"]) != Json::Null => "`ticket_id` is no number",
        _ => "the body names no ticket",
    };
    format!(
        "{wrong}; let the automation rule call the address with ?ticket_id={{{{ticket.id}}}} at its end, or send JSON \
         that begins with {{\"ticket_id\":\"{{{{ticket.id}}}}\""
    )
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
