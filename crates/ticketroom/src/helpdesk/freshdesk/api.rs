//! The calls to Freshdesk that we make, and what it objects to.
//!
//! The API key is the user of HTTP Basic; the password can be anything. A refusal with status 400
//! has a list of fields with a code for each:
//!
//! ```text
//! {"description":"Validation failed","errors":[{"field":"cf_room","message":"…","code":"invalid_field"}]}
//! ```

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::super::pace::{Pace, Style};
use super::super::rest::{Rest, parsed};
use super::reasons::FRESHDESK;
use super::wire::{AgentDto, ConversationDto, FieldDto, GroupDto, TicketDto};
use crate::call::{CallName, Cause, Failure};
use crate::http::{Answer, Http};
use crate::source::salvage::Json;

/// The most that a page of a list can hold.
pub(super) const PAGE: usize = 100;

/// All limits are for the whole account, whoever calls, and per minute. When it is refilled is not
/// said.
pub(super) static LIMITS: Style = Style {
    limit: &["x-ratelimit-total"],
    remaining: &["x-ratelimit-remaining"],
    reset: &[],
    // All of the account's apps live on it, so half of it is theirs.
    spread_below: 2,
    unsaid: Duration::from_secs(60),
    is_about_one_ticket: |_| false,
};

/// The API of one account.
pub(super) struct Api {
    rest: Rest,
    own_id: OnceLock<u64>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// What became of a request to set a field.
#[derive(Debug)]
pub(super) enum Update {
    /// The ticket as it is now.
    Done(Box<TicketDto>),
    /// Nothing was changed, because of these fields; there is at least one.
    Refused(Vec<Objection>),
}

/// One field that Freshdesk objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    /// The field's API name.
    pub(super) field: String,
    /// Why, in a word: `invalid_field`, `missing_field`; empty if it is not said.
    pub(super) code: String,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, code } = self;
        if code.is_empty() { f.write_str(field) } else { write!(f, "{field} ({code})") }
    }
}

impl Api {
    pub(super) fn new(http: Http, url: &Url, api_key: &SecretString, pace: Arc<Pace>) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("{}:X", api_key.expose_secret())));
        let rest = Rest::new(&FRESHDESK, http, url, &authorization, pace, |body| list(&objections(body)));
        Self { rest, own_id: OnceLock::new() }
    }

    /// The host that is called, for messages.
    pub(super) fn host(&self) -> &str {
        self.rest.host()
    }

    /// The name of a call.
    pub(super) fn name(&self, call: &'static str) -> CallName {
        self.rest.name(call)
    }

    /// A failure without a call.
    pub(super) fn failed(&self, call: &'static str, cause: Cause) -> Failure {
        self.rest.name(call).failed(cause)
    }

    /// Our own agent, if it has been learnt.
    pub(super) fn known_own_id(&self) -> Option<u64> {
        self.own_id.get().copied()
    }

    /// Remembers our own agent.
    fn learn_own_id(&self, id: Option<u64>) {
        if let Some(id) = id.filter(|id| *id != 0) {
            // It does not change, so whoever was first was right.
            let _ = self.own_id.set(id);
        }
    }

    /// The calls themselves, for what is done to the configuration alone.
    pub(super) fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Our own agent; `None` where Freshdesk does not tell.
    pub(super) async fn own_id(&self) -> Result<Option<u64>, Failure> {
        if let Some(id) = self.known_own_id() {
            return Ok(Some(id));
        }
        match self.me().await {
            Ok(me) => Ok(me.id),
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
            Err(_) => Ok(None),
        }
    }

    /// `GET agents/me`.
    pub(super) async fn me(&self) -> Result<AgentDto, Failure> {
        let me: AgentDto = self.rest.read("me", "api/v2/agents/me", &[]).await?;
        self.learn_own_id(me.id);
        Ok(me)
    }

    /// `GET tickets/{id}`, with the requester.
    pub(super) async fn ticket(&self, id: u64) -> Result<TicketDto, Failure> {
        self.rest.read("get_ticket", &format!("api/v2/tickets/{id}"), &[("include", "requester")]).await
    }

    /// `GET tickets/archived/{id}`.
    pub(super) async fn archived_ticket(&self, id: u64) -> Result<TicketDto, Failure> {
        self.rest.read("get_archived_ticket", &format!("api/v2/tickets/archived/{id}"), &[]).await
    }

    /// `GET agents/{id}`.
    pub(super) async fn agent(&self, id: u64) -> Result<AgentDto, Failure> {
        self.rest.read("get_agent", &format!("api/v2/agents/{id}"), &[]).await
    }

    /// `GET groups/{id}`.
    pub(super) async fn group(&self, id: u64) -> Result<GroupDto, Failure> {
        self.rest.read("get_group", &format!("api/v2/groups/{id}"), &[]).await
    }

    /// `GET companies/{id}`.
    pub(super) async fn company(&self, id: u64) -> Result<GroupDto, Failure> {
        self.rest.read("get_company", &format!("api/v2/companies/{id}"), &[]).await
    }

    /// A page of `GET groups`, the first of which is 1.
    pub(super) async fn groups(&self, page: usize) -> Result<Vec<GroupDto>, Failure> {
        self.page("groups", "api/v2/groups", page).await
    }

    /// `GET ticket_fields`.
    pub(super) async fn fields(&self) -> Result<Vec<FieldDto>, Failure> {
        self.rest.read("ticket_fields", "api/v2/ticket_fields", &[]).await
    }

    /// A page of `GET tickets/{id}/conversations`, the first of which is 1, and whether there are
    /// more.
    pub(super) async fn conversations(
        &self,
        id: u64,
        page: usize,
    ) -> Result<(Vec<ConversationDto>, bool), Failure> {
        const CALL: &str = "conversations";
        let path = format!("api/v2/tickets/{id}/conversations");
        let query = [("per_page", &*PAGE.to_string()), ("page", &*page.to_string())];
        let answer = self.rest.send(CALL, Method::GET, &path, &query, None).await?;
        let conversations: Vec<ConversationDto> = parsed(self.rest.name(CALL), &answer)?;
        // An account may give fewer on a page than it is asked for; then only the link to the next
        // one tells.
        let links = answer.headers.get_all(reqwest::header::LINK).iter();
        let is_linked = links.filter_map(|link| link.to_str().ok()).any(|link| link.contains("rel=\"next\""));
        let has_more = !conversations.is_empty() && (is_linked || conversations.len() >= PAGE);
        Ok((conversations, has_more))
    }

    /// `POST tickets/{id}/notes`: a note that only agents see, and of which nobody is told.
    pub(super) async fn post_note(&self, id: u64, html: &str) -> Result<ConversationDto, Failure> {
        const CALL: &str = "create_note";
        let path = format!("api/v2/tickets/{id}/notes");
        let note = json!({ "body": html, "private": true });
        let answer = self.rest.send(CALL, Method::POST, &path, &[], Some(&note)).await?;
        let note: ConversationDto = parsed(self.rest.name(CALL), &answer)?;
        // Its author was not said, so it is us.
        self.learn_own_id(note.user_id);
        Ok(note)
    }

    /// `PUT tickets/{id}` with one custom field.
    pub(super) async fn set_field(&self, id: u64, field: &str, value: &str) -> Result<Update, Failure> {
        const CALL: &str = "update_ticket";
        let path = format!("api/v2/tickets/{id}");
        let update = json!({ "custom_fields": { field: value } });
        let answer = self.rest.ask(CALL, Method::PUT, &path, &[], Some(&update)).await?;
        if answer.status.is_success() {
            return parsed(self.rest.name(CALL), &answer).map(|ticket| Update::Done(Box::new(ticket)));
        }
        match refused_fields(&answer) {
            objections if objections.is_empty() => Err(self.rest.refusal(CALL, &answer)),
            objections => Ok(Update::Refused(objections)),
        }
    }

    async fn page<T: serde::de::DeserializeOwned>(
        &self,
        call: &'static str,
        path: &str,
        page: usize,
    ) -> Result<Vec<T>, Failure> {
        let query = [("per_page", &*PAGE.to_string()), ("page", &*page.to_string())];
        self.rest.read(call, path, &query).await
    }
}

fn refused_fields(answer: &Answer) -> Vec<Objection> {
    if answer.status == StatusCode::BAD_REQUEST { objections(&answer.body) } else { Vec::new() }
}

/// What Freshdesk objected to: names of fields and codes, never its sentences, which are localised
/// and may quote what was sent.
fn objections(body: &[u8]) -> Vec<Objection> {
    let body = Json::strict(body).unwrap_or(Json::Null);
    let Json::List(errors) = body.get("errors") else { return Vec::new() };
    let objection = |error: &Json| {
        let field = error.get("field").text().filter(|field| is_name(field))?;
        let code = error.get("code").text().filter(|code| is_name(code)).unwrap_or_default();
        // A custom field may be named with where it was sent: `custom_fields.cf_room`.
        let field = field.strip_prefix("custom_fields.").unwrap_or(field);
        Some(Objection { field: field.to_owned(), code: code.to_owned() })
    };
    errors.iter().filter_map(objection).take(8).collect()
}

/// Whether it is the name of a field or a code. Sentences have spaces.
fn is_name(word: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    !word.is_empty() && word.chars().count() <= 100 && word.chars().all(fits)
}

/// Objections as one line.
pub(super) fn list(objections: &[Objection]) -> String {
    objections.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A refusal as Freshdesk would send it.
#[cfg(test)]
pub(super) fn refusal(errors: &[(&str, &str)]) -> serde_json::Value {
    let errors: Vec<_> = errors
        .iter()
        .map(|(field, code)| json!({ "field": field, "message": "It failed for rita@x", "code": code }))
        .collect();
    json!({ "description": "Validation failed", "errors": errors })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections_are_fields_and_codes_only() {
        let body = refusal(&[
            ("cf_room", "invalid_field"),
            ("custom_fields.cf_größe", "missing_field"),
            ("status", "It can't be closed"),
            ("a field called <b>", "invalid_value"),
            ("", "missing_field"),
        ]);
        assert_eq!(
            list(&objections(body.to_string().as_bytes())),
            "cf_room (invalid_field), cf_größe (missing_field), status"
        );
        for odd in ["", "<html>", "[]", r#"{"errors":{"field":"x"}}"#, r#"{"errors":[null,"x",7,{}]}"#] {
            assert_eq!(objections(odd.as_bytes()), [], "{odd}");
        }
        assert_eq!(objections(refusal(&[("f", "c"); 99]).to_string().as_bytes()).len(), 8);
    }

    #[test]
    fn only_a_refusal_of_fields_is_about_fields() {
        let answer = |status: u16| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            body: refusal(&[("cf_room", "invalid_field")]).to_string().into(),
        };
        assert_eq!(refused_fields(&answer(400)).len(), 1);
        assert_eq!(refused_fields(&answer(403)), []);
        assert_eq!(refused_fields(&answer(500)), []);
    }
}
