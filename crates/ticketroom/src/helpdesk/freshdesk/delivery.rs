//! Freshdesk's deliveries: the secret that they carry, and which ticket they are about.
//!
//! An automation rule signs nothing. It sends what its administrator configured: a header of our
//! own, or HTTP Basic with a user and a password or with an “API key” as the user. Of what it
//! carries, one has to be a secret of ours.
//!
//! The body is *simple* (fields that were ticked, inside `freshdesk_webhook`) or *advanced* (typed,
//! with or without that wrapper), as JSON or as a form. An app's events come as an envelope with
//! `data`. Placeholders are put into typed JSON without escaping, as far as is known, so that a
//! subject with a quote or a line break in it breaks the JSON. Such a delivery must not be lost.
//! Since the ticket is read afterwards, its number is all that is needed, and it is looked for in
//! ever more lenient ways; the address is among them, since a rule can put
//! `?ticket_id={{ticket.id}}` there, where no subject breaks it.
//!
//! There is no number of the delivery, either: each is taken for a new one, and a ticket is looked
//! at once too often.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::SecretString;
use url::form_urlencoded;

use super::super::mark::is_marked;
use crate::source::salvage::{self, Json};
use crate::source::verified::shared_secret;
use crate::source::{
    Consequence, Hint, NoTarget, NotUnderstood, RawDelivery, Target, Unverified, Verified, body,
};
use crate::ticket::{HelpdeskName, TicketId, TicketKey};

pub(super) const SECRET: &str = "x-ticketroom-secret";
const SECRET_IS: &str = "secret (header X-Ticketroom-Secret, or the password of HTTP Basic)";

/// What *simple* bodies are wrapped in, and some typed ones.
const WRAPPER: &str = "freshdesk_webhook";
/// The names that a ticket's number has.
const TICKET_ID: [&str; 2] = ["ticket_id", "ticketId"];

/// Checks that one of the things that a delivery carries is a secret of ours.
pub(super) fn verify(delivery: RawDelivery, secrets: &[SecretString]) -> Result<Verified, Unverified> {
    let given = proofs(&delivery.headers);
    if given.is_empty() {
        return Err(Unverified::Missing(SECRET_IS));
    }
    Verified::by_any_shared_secret(delivery, secrets, SECRET_IS, &given)
}

/// The proof is in the headers alone.
pub(super) fn require_proof(headers: &HeaderMap, secrets: &[SecretString]) -> Result<(), Unverified> {
    match proofs(headers) {
        given if given.is_empty() => Err(Unverified::Missing(SECRET_IS)),
        given => shared_secret(secrets, SECRET_IS, &given),
    }
}

/// Whatever may be a secret.
fn proofs(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let mut proofs: Vec<Vec<u8>> =
        headers.get_all(SECRET).iter().map(|given| given.as_bytes().trim_ascii().to_vec()).collect();
    for given in headers.get_all(AUTHORIZATION) {
        if let Some((scheme, credentials)) = given.as_bytes().split_at_checked(6)
            && scheme.eq_ignore_ascii_case(b"basic ")
        {
            // What can't be decoded is a proof, too: one that does not fit.
            let credentials = STANDARD.decode(credentials.trim_ascii()).unwrap_or_default();
            let mut parts = credentials.splitn(2, |byte| *byte == b':');
            let (user, password) = (parts.next(), parts.next());
            proofs.extend(user.into_iter().chain(password).map(<[u8]>::to_vec));
        }
    }
    proofs
}

/// Makes out which ticket a delivery is about. `own_id` is our own agent, once it is known.
pub(super) fn read(
    delivery: &Verified,
    helpdesk: &HelpdeskName,
    own_id: Option<u64>,
) -> Result<Hint, NoTarget> {
    let read = body::read(delivery)?;
    let reported = Told::of(read.json());
    if let Some(event) = app_event(read.json()).filter(|_| !reported.names_a_ticket()) {
        return read_app_event(event, read.json().get("data"), helpdesk, own_id);
    }
    let in_address = || ticket_of_query(delivery.query()?);
    // A number that is there twice, or in a body that somebody's words broke, may have been put
    // there by whoever wrote the subject.
    let first = if read.was_broken() || reported.is_repeated(&TICKET_ID) { in_address() } else { None };
    let ticket = first
        .or_else(|| reported.ticket())
        .or_else(in_address)
        .or_else(|| reported.ticket_of_url())
        .or_else(|| read.number_named(&TICKET_ID))
        .filter(|number| *number != 0)
        .ok_or_else(|| NotUnderstood(no_ticket_in(&read, &reported)))?;
    let event = reported.text(&["triggered_event", "event", "kind"]).map(plain);
    Ok(Hint {
        target: Target::Ticket(TicketKey { helpdesk: helpdesk.clone(), id: TicketId::from(ticket) }),
        event: salvage::event_name(event.as_deref(), "automation rule"),
        delivery_id: None,
        snapshot: None,
        // Even of our own note: a subject may hold whatever a rule's body holds, and a rule tells
        // of one change only, if there were more. A look that finds nothing to do ends it, and
        // costs one call.
        consequence: Consequence::Look,
    })
}

/// What the body of a rule tells, inside its wrapper and beside it.
struct Told<'a> {
    wrapped: &'a Json,
    whole: &'a Json,
}

impl<'a> Told<'a> {
    fn of(body: &'a Json) -> Self {
        Self { wrapped: body.get(WRAPPER), whole: body }
    }

    fn any(&self, names: &[&str]) -> &'a Json {
        match self.wrapped.any(names) {
            Json::Null => self.whole.any(names),
            found => found,
        }
    }

    fn text(&self, names: &[&str]) -> Option<&'a str> {
        self.any(names).text()
    }

    /// Whether there is a number of the ticket, right or wrong.
    fn names_a_ticket(&self) -> bool {
        *self.any(&TICKET_ID) != Json::Null
    }

    fn ticket(&self) -> Option<u64> {
        let nested = || {
            [self.wrapped, self.whole]
                .into_iter()
                .find_map(|reported| reported.get("ticket").get("id").number())
        };
        self.any(&TICKET_ID).number().or_else(nested).filter(|number| *number != 0)
    }

    /// The number at the end of the ticket's address, if its number alone is not told at all.
    fn ticket_of_url(&self) -> Option<u64> {
        if self.names_a_ticket() {
            return None;
        }
        let address = self.text(&["ticket_url"])?.split(['?', '#']).next()?.trim().trim_end_matches('/');
        let (before, number) = address.rsplit_once('/')?;
        // `…/a/tickets/8123`, or `…/helpdesk/tickets/8123` in old accounts.
        if before.ends_with("/tickets") { salvage::whole_number(number) } else { None }
    }

    /// Whether a name, or another for the same thing, is there more than once.
    fn is_repeated(&self, names: &[&str]) -> bool {
        let count = |reported: &Json, names: &[&str]| match reported {
            Json::Object(fields) => fields.iter().filter(|(name, _)| names.contains(&name.as_str())).count(),
            _ => 0,
        };
        count(self.whole, &[WRAPPER]) > 1 || count(self.wrapped, names) + count(self.whole, names) > 1
    }
}

/// The name of an app's event, as the platform has them: `onTicketCreate`.
fn app_event(body: &Json) -> Option<&str> {
    let event = body.get("event").text()?;
    event.strip_prefix("on")?.starts_with(|c: char| c.is_ascii_uppercase()).then_some(event)
}

fn read_app_event(
    event: &str,
    data: &Json,
    helpdesk: &HelpdeskName,
    own_id: Option<u64>,
) -> Result<Hint, NoTarget> {
    let (ticket, conversation) = (data.get("ticket"), data.get("conversation"));
    let number = conversation.get("ticket_id").number().or_else(|| ticket.get("id").number());
    let Some(number) = number.filter(|number| *number != 0) else {
        if !["onTicket", "onConversation"].iter().any(|about| event.starts_with(about)) {
            // Contacts, companies, agents ...: an app that forwards everything makes no mistake.
            let event = salvage::event_name(Some(event), "app event");
            return Err(NoTarget::AboutSomethingElse { event, delivery_id: None });
        }
        return Err(NotUnderstood(
            "the app's event names no ticket: neither `data.ticket.id` nor `data.conversation.ticket_id` has a number"
                .to_owned(),
        )
        .into());
    };
    let key = TicketKey { helpdesk: helpdesk.clone(), id: TicketId::from(number) };
    let is_private = *conversation.get("private") == Json::Bool(true);
    let by_us = own_id.is_some() && conversation.get("user_id").number() == own_id;
    let has_a_marker = || {
        ["body", "body_text"]
            .iter()
            .any(|name| conversation.get(name).text().is_some_and(|text| is_marked(text, &key)))
    };
    let is_echo = event == "onConversationCreate" && is_private && (by_us || has_a_marker());
    Ok(Hint {
        event: salvage::event_name(Some(event), "app event"),
        target: Target::Ticket(key),
        delivery_id: None,
        snapshot: None,
        consequence: if is_echo { Consequence::Echo } else { Consequence::Look },
    })
}

fn ticket_of_query(query: &str) -> Option<u64> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (_, number) = parameters.find(|(name, _)| TICKET_ID.contains(&name.as_ref()))?;
    salvage::whole_number(number.trim()).filter(|number| *number != 0)
}

/// What a rule calls an event, which looks like JSON but has no quotes, without its braces:
/// `{status:{from:2,to:4}}` is `status 2 to 4`, `{ticket_action:created}` is
/// `ticket_action:created`.
fn plain(event: &str) -> String {
    let event = event.trim();
    let inner = event.strip_prefix('{').and_then(|event| event.strip_suffix('}')).unwrap_or(event);
    let change = || {
        let (name, change) = inner.split_once(":{from:")?;
        let (from, to) = change.strip_suffix('}')?.split_once(",to:")?;
        let value = |value: &str| if value.is_empty() { "nothing".to_owned() } else { value.to_owned() };
        Some(format!("{name} {} to {}", value(from), value(to)))
    };
    change().unwrap_or_else(|| inner.to_owned())
}

/// What to tell the person who set up a rule whose body names no ticket.
fn no_ticket_in(body: &body::Body, reported: &Told<'_>) -> String {
    let wrong = match body.unreadable() {
        Some(why) => why,
        None if reported.text(&TICKET_ID).is_some_and(body::has_placeholder) => {
            "`ticket_id` is a placeholder that was not filled in"
        }
        None if reported.names_a_ticket() => "`ticket_id` is no ticket's number",
        None if body.is_form() => "the form has no field `ticket_id`",
        None => "the body names no ticket",
    };
    format!(
        "{wrong}. Let the rule's webhook send JSON that begins with {{\"ticket_id\":\"{{{{ticket.id}}}}\", or end its \
         URL with ?ticket_id={{{{ticket.id}}}}"
    )
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
