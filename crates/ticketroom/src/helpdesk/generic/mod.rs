//! A helpdesk of one's own: whatever can send JSON over HTTP.
//!
//! It can't be asked for its tickets, so what it sends *is* the ticket ([`payload`]). It proves
//! itself by a signature or by a secret that it sends along ([`verify`](Source::verify)). If it
//! wants to know about the room, it names an address, which is told by a POST that is signed the
//! same way:
//!
//! ```text
//! POST {callback_url}
//! Idempotency-Key: the same for the same ticket and the same link
//! X-Ticketroom-Timestamp: 1795766400
//! X-Ticketroom-Signature: sha256=hex(HMAC-SHA256(secret, timestamp + "." + body))
//!
//! {"helpdesk":"generic","ticketId":"T-1","roomId":"4711","roomUrl":"https://…"}
//! ```
//!
//! A further note for the people who work on the ticket is told in the same way, as plain text:
//!
//! ```text
//! Idempotency-Key: the same for the same ticket and the same note
//!
//! {"helpdesk":"generic","ticketId":"T-1","note":{"id":"archived-1","text":"The room …"}}
//! ```
//!
//! Both are said *at least once*: when an answer is lost, the same is said again with the same key.
//! Any 2xx ends it. A note that is refused (4xx, but for 401, 403 and 429) is not told again, so a
//! receiver need not know notes.

mod payload;
pub(crate) mod reasons;
mod setup;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use self::reasons::{CALLBACK, SECRET_MISSING, UNSIGNED};
use super::setup::hmac;
use super::{
    Absence, Helpdesk, InternalNote, LinkInTicket, NoteAdded, Observed, RoomLink, WebhookSetup, WrittenBack,
};
use crate::call::{CallName, Cause, Failure};
use crate::clock::{Clock, Timestamp};
use crate::config::{GenericConfig, Inbound};
use crate::finding::Finding;
use crate::http::Http;
use crate::source::salvage::whole_number;
use crate::source::verified::{Signature, real_secrets, shared_secret};
use crate::source::{Hint, NoTarget, RawDelivery, Source, SourceName, Unverified, Verified};
use crate::ticket::{HelpdeskName, Ticket, TicketId};

const SIGNATURE: &str = "x-ticketroom-signature";
/// Where senders that were made for GitHub's webhooks put the same thing.
const HUB_SIGNATURE: &str = "x-hub-signature-256";
const TIMESTAMP: &str = "x-ticketroom-timestamp";
const SECRET: &str = "x-ticketroom-secret";

const SIGNATURE_IS: &str = "signature (header X-Ticketroom-Signature or X-Hub-Signature-256)";
const TIMESTAMP_IS: &str = "timestamp (header X-Ticketroom-Timestamp)";
const SECRET_IS: &str = "secret (header X-Ticketroom-Secret or Authorization: Bearer)";
const ANY_PROOF: &str = "header X-Ticketroom-Signature, X-Hub-Signature-256, X-Ticketroom-Secret or \
                         Authorization: Bearer";

/// How long a signature with a timestamp is good.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a note's text.
const LONGEST_NOTE: usize = 64 << 10;
const CALL: CallName = CallName { system: &CALLBACK, call: "callback" };

/// A helpdesk that sends its tickets and may want to be told of their rooms.
pub(super) struct Generic {
    name: HelpdeskName,
    inbound: Inbound,
    callback: Option<Url>,
    http: Http,
    clock: Arc<dyn Clock>,
}

impl Generic {
    pub(super) fn new(name: HelpdeskName, config: &GenericConfig, http: Http, clock: Arc<dyn Clock>) -> Self {
        let inbound = match &config.inbound {
            Inbound::Secrets(secrets) => Inbound::Secrets(real_secrets(secrets)),
            Inbound::Unsigned => Inbound::Unsigned,
        };
        // What the callback answers with is not needed, however long it is.
        let http = http.reading_no_bodies();
        Self { name, inbound, callback: config.callback.clone(), http, clock }
    }

    /// Posts a body to the callback, with our signature.
    async fn tell(&self, callback: &Url, idempotency_key: Uuid, body: &Value) -> Result<(), Failure> {
        let body = body.to_string();
        let mut request = self
            .http
            .client()
            .post(callback.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", idempotency_key.to_string());
        if let Inbound::Secrets(secrets) = &self.inbound
            && let Some(secret) = secrets.first()
        {
            let timestamp = self.clock.now().as_second().to_string();
            let signature = signature(secret, &timestamp, body.as_bytes());
            request = request.header(TIMESTAMP, timestamp).header(SIGNATURE, signature);
        }
        let answer = self.http.send(CALL, TIMEOUT, request.body(body)).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        // What the callback says is nobody's format, so it is not repeated.
        Err(CALL.failed(answer.refusal(String::new)))
    }

    /// Whether the callback's address leads anywhere: any answer is good.
    async fn callback_finding(&self, callback: &Url) -> Finding {
        // OPTIONS changes nothing, whatever is there.
        let request = self.http.client().request(Method::OPTIONS, callback.clone());
        match self.http.send(CALL, TIMEOUT, request).await {
            Ok(answer) => {
                Finding::good(format!("the callback can be reached (it answered {})", answer.status.as_u16()))
            }
            Err(failure) => {
                let help = "is `callback_url` right, and reachable from here? Or leave it out, if nobody wants to be told";
                Finding::Bad(failure.code().with_help(failure.to_string(), help))
            }
        }
    }
}

impl fmt::Debug for Generic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generic").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Source for Generic {
    fn name(&self) -> SourceName {
        self.name.clone().into()
    }

    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified> {
        match &self.inbound {
            Inbound::Unsigned => Ok(()),
            Inbound::Secrets(secrets) => require_proof(headers, secrets),
        }
    }

    fn verify(&self, delivery: RawDelivery, now: Timestamp) -> Result<Verified, Unverified> {
        match &self.inbound {
            Inbound::Unsigned => Ok(Verified::unsigned(delivery)),
            Inbound::Secrets(secrets) => verify(delivery, secrets, now),
        }
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget> {
        payload::read(delivery, &self.name)
    }
}

#[async_trait::async_trait]
impl Helpdesk for Generic {
    fn helpdesk_name(&self) -> &HelpdeskName {
        &self.name
    }

    async fn observe(&self, _id: &TicketId, reported: Option<&Ticket>) -> Result<Observed, Failure> {
        Ok(match reported {
            Some(ticket) => {
                Observed::Present { ticket: Box::new(ticket.clone()), link: LinkInTicket::Unreadable }
            }
            None => Observed::Absent(Absence::NotShown),
        })
    }

    fn writes_back(&self) -> bool {
        self.callback.is_some()
    }

    /// Tells the callback, whatever it was told before: hearing it twice does it no harm, and the
    /// idempotency key says that it is the same.
    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
        let Some(callback) = &self.callback else {
            return Ok(WrittenBack { place: "nowhere: no callback is configured".to_owned(), warning: None });
        };
        let body = json!({
            "helpdesk": self.name,
            "ticketId": link.key.id,
            "roomId": link.room.to_string(),
            "roomUrl": link.url,
        });
        let idempotency_key = Uuid::new_v5(&link.key.uuid(), link.url.as_bytes());
        self.tell(callback, idempotency_key, &body).await?;
        Ok(WrittenBack { place: "callback".to_owned(), warning: None })
    }

    fn takes_notes(&self) -> bool {
        self.callback.is_some()
    }

    /// Tells the callback, as [`write_back`](Self::write_back) does. A program that knows links
    /// only may refuse what it does not know: that is the end of the note, and no reason to block
    /// the ticket.
    async fn add_note(&self, note: &InternalNote<'_>) -> Result<NoteAdded, Failure> {
        let Some(callback) = &self.callback else {
            return Ok(NoteAdded::NotPossible("no callback is configured".to_owned()));
        };
        let body = json!({
            "helpdesk": self.name,
            "ticketId": note.key.id,
            "note": { "id": note.id.as_str(), "text": note.text.plain(LONGEST_NOTE) },
        });
        // No note has an address for its id, so this is no link's key.
        let idempotency_key = Uuid::new_v5(&note.key.uuid(), note.id.as_str().as_bytes());
        match self.tell(callback, idempotency_key, &body).await {
            Ok(()) => Ok(NoteAdded::Written),
            Err(failure) => match failure.cause {
                Cause::PaymentRequired
                | Cause::NotFound
                | Cause::Conflict
                | Cause::Rejected { status: 400..=499, .. } => {
                    Ok(NoteAdded::NotPossible(format!("the callback does not take notes ({failure})")))
                }
                _ => Err(failure),
            },
        }
    }

    fn webhook_setup(&self) -> &dyn WebhookSetup {
        self
    }

    async fn check(&self, _clock: &dyn Clock) -> Vec<Finding> {
        let mut findings =
            vec![match &self.inbound {
                Inbound::Unsigned => Finding::Warning(UNSIGNED.reason(
                    "deliveries are not signed, so anybody who can reach the endpoint can create rooms",
                )),
                Inbound::Secrets(secrets) if secrets.is_empty() => Finding::Bad(
                    SECRET_MISSING.reason("no webhook secret, so every delivery will be refused"),
                ),
                Inbound::Secrets(_) => Finding::good("deliveries have to be signed".to_owned()),
            }];
        if let Some(callback) = &self.callback {
            findings.push(self.callback_finding(callback).await);
        }
        findings
    }
}

/// Checks that there is a signature, or that the secret in its place is right.
fn require_proof(headers: &HeaderMap, secrets: &[SecretString]) -> Result<(), Unverified> {
    if headers.contains_key(SIGNATURE) || headers.contains_key(HUB_SIGNATURE) {
        return Ok(());
    }
    match secret_in(headers) {
        Some(given) => shared_secret(secrets, SECRET_IS, &[given]),
        None => Err(Unverified::Missing(ANY_PROOF)),
    }
}

/// The secret that is sent along.
fn secret_in(headers: &HeaderMap) -> Option<Vec<u8>> {
    let bearer = || {
        let given = headers.get(reqwest::header::AUTHORIZATION)?.as_bytes();
        let (scheme, token) = given.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii().to_vec())
    };
    headers.get(SECRET).map(|given| given.as_bytes().to_vec()).or_else(bearer)
}

/// By a signature, if there is one, which then has to be right; else by a secret that is sent
/// along.
fn verify(delivery: RawDelivery, secrets: &[SecretString], now: Timestamp) -> Result<Verified, Unverified> {
    let headers = &delivery.headers;
    if let Some(given) = headers.get(SIGNATURE).or_else(|| headers.get(HUB_SIGNATURE)) {
        let digits = given.to_str().ok().and_then(|given| given.trim().strip_prefix("sha256="));
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        return match headers.get(TIMESTAMP).cloned() {
            Some(timestamp) => {
                let prefix = [timestamp.as_bytes(), b"."].concat();
                let signature = Signature { what: SIGNATURE_IS, bytes, prefix: &prefix };
                let verified = Verified::by_hmac(delivery, secrets, &signature)?;
                let signed_at =
                    timestamp.to_str().ok().and_then(time).ok_or(Unverified::Wrong(TIMESTAMP_IS))?;
                let age = now.duration_since(signed_at).unsigned_abs();
                if age > WINDOW { Err(Unverified::TooOld) } else { Ok(verified) }
            }
            // Nobody can take a timestamp away: what was signed with one begins with it, and such a
            // body needs one.
            None if begins_like_a_time(&delivery.body) => Err(Unverified::Missing(TIMESTAMP_IS)),
            None => {
                let signature = Signature { what: SIGNATURE_IS, bytes, prefix: b"" };
                Verified::by_hmac(delivery, secrets, &signature)
            }
        };
    }
    match secret_in(headers) {
        Some(given) => Verified::by_shared_secret(delivery, secrets, SECRET_IS, &given),
        None => Err(Unverified::Missing(ANY_PROOF)),
    }
}

/// Whether a body may be a timestamp, a dot, and the body that was signed with it. All that
/// [`time`] takes begins with a digit; what a helpdesk sends without a timestamp never does: `{`,
/// `"`, a form's name, gzip's or UTF-16's mark.
fn begins_like_a_time(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    body.first().is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(byte))
}

/// A time in seconds since 1970 or as RFC 3339.
fn time(text: &str) -> Option<Timestamp> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match whole_number(text) {
        Some(seconds) => Timestamp::from_second(seconds.try_into().ok()?).ok(),
        None => text.parse().ok(),
    }
}

/// The header that signs a body.
fn signature(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac(secret, &[timestamp.as_bytes(), b".", body])))
}

#[cfg(test)]
mod tests;
