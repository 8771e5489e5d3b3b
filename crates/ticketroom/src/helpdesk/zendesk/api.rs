//! One HTTP call to Zendesk: address, credentials, pace, errors.
//!
//! A call waits for its turn, is sent once, and its answer is read as JSON or turned into a
//! [`Failure`]. The one exception is a token that Zendesk no longer takes: a 401 did nothing, so
//! the call is sent once more with a new token. Credentials only ever go to the configured address:
//! paths are our own, links in answers are not followed, and neither are redirects.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::super::listing::server_time;
use super::super::pace::{Pace, Style};
use super::super::rest::{TIMEOUT, address, as_folder, codes, parsed, used_up, value};
use super::auth::{Asking, Auth, Credentials};
use super::reasons::ZENDESK;
use super::wire::{
    CommentsAnswer, DeletedAnswer, DeletedDto, DeletedPageAnswer, ExportAnswer, FieldAnswer, FieldDto,
    FoundAnswer, MeAnswer, MeDto, TicketAnswer, UpdateAnswer,
};
use crate::call::{CallName, Cause, Failure};
use crate::clock::{Clock, Timestamp};
use crate::config::ZendeskAuth;
use crate::http::{Answer, Http};
use crate::source::salvage::Json;

/// All of Zendesk's account-wide limits are per minute.
pub(super) static LIMITS: Style = Style {
    limit: &["ratelimit-limit", "x-rate-limit"],
    remaining: &["ratelimit-remaining", "x-rate-limit-remaining"],
    reset: &["ratelimit-reset"],
    spread_below: 10,
    unsaid: Duration::from_secs(60),
    is_about_one_ticket: |_| false,
};

/// How many tickets a page of the export has at most. Each has its first comment, of up to 64 KiB.
const EXPORTED: &str = "250";
/// Bytes of such a page.
const LONGEST_LIST: usize = 32 << 20;

/// The Support API of one account.
pub(super) struct Api {
    http: Http,
    /// For lists of tickets, which are long.
    lists: Http,
    base: Url,
    auth: Auth,
    setup_auth: Auth,
    pace: Arc<Pace>,
    clock: Arc<dyn Clock>,
    own_id: OnceLock<u64>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(
        http: Http,
        base: Url,
        auth: &ZendeskAuth,
        clock: Arc<dyn Clock>,
        pace: Arc<Pace>,
    ) -> Self {
        let (base, auth, setup_auth) = (as_folder(base), Auth::new(auth), Auth::for_setup(auth));
        let lists = http.clone().reading_at_most(LONGEST_LIST);
        Self { http, lists, base, auth, setup_auth, pace, clock, own_id: OnceLock::new() }
    }

    /// The host that is called, for messages.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Our own user, if it has been learnt.
    pub(super) fn known_own_id(&self) -> Option<u64> {
        self.own_id.get().copied()
    }

    /// Remembers our own user.
    pub(super) fn learn_own_id(&self, id: u64) {
        // It does not change, so whoever was first was right.
        let _ = self.own_id.set(id);
    }

    /// Our own user; asked for if it is not known yet.
    pub(super) async fn own_id(&self) -> Result<u64, Failure> {
        if let Some(id) = self.known_own_id() {
            return Ok(id);
        }
        // Zendesk answers this call even without credentials, with a user that has no id.
        self.me().await?.0.id.ok_or_else(|| name("me").failed(Cause::Unauthorized))
    }

    /// `GET users/me`, with the answer's `Date` header.
    pub(super) async fn me(&self) -> Result<(MeDto, Option<String>), Failure> {
        let answer = self.answer("me", Method::GET, "users/me", &[], None).await?;
        let MeAnswer { user } = parsed(name("me"), &answer)?;
        if let Some(id) = user.id {
            self.learn_own_id(id);
        }
        let date = answer.headers.get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        Ok((user, date.map(str::to_owned)))
    }

    /// `GET tickets/{id}`, with the people, groups and organizations that it names.
    pub(super) async fn ticket(&self, id: u64) -> Result<TicketAnswer, Failure> {
        let query = [("include", "users,groups,organizations")];
        parsed(
            name("get_ticket"),
            &self.answer("get_ticket", Method::GET, &format!("tickets/{id}"), &query, None).await?,
        )
    }

    /// `PUT tickets/{id}`.
    pub(super) async fn update(&self, id: u64, update: &Value) -> Result<UpdateAnswer, Failure> {
        let path = format!("tickets/{id}");
        parsed(
            name("update_ticket"),
            &self.answer("update_ticket", Method::PUT, &path, &[], Some(update)).await?,
        )
    }

    /// A page of `GET tickets/{id}/comments`, newest first where Zendesk heeds the order; paging by
    /// cursor has a parameter of its own for it.
    pub(super) async fn comments(&self, id: u64, after: Option<&str>) -> Result<CommentsAnswer, Failure> {
        let mut query = vec![("sort", "-created_at"), ("page[size]", "100")];
        query.extend(after.map(|cursor| ("page[after]", cursor)));
        let path = format!("tickets/{id}/comments");
        parsed(name("comments"), &self.answer("comments", Method::GET, &path, &query, None).await?)
    }

    /// The hundred of `GET deleted_tickets` that were deleted last. Zendesk lists them for 30 days,
    /// to agents who may see deleted tickets.
    pub(super) async fn deleted_tickets(&self) -> Result<Vec<DeletedDto>, Failure> {
        let query = [("sort_by", "deleted_at"), ("sort_order", "desc"), ("per_page", "100")];
        let answer = self.answer("deleted_tickets", Method::GET, "deleted_tickets", &query, None).await?;
        parsed::<DeletedAnswer>(name("deleted_tickets"), &answer).map(|answer| answer.deleted_tickets)
    }

    /// A page of `GET incremental/tickets/cursor`: the tickets that changed after a cursor, or at
    /// or after a time (in seconds, at least a minute ago), and the time of the answer. Whatever
    /// the status of the answer: a refusal has a time, too.
    pub(super) async fn export(&self, after: ExportFrom<'_>) -> Result<Listed<ExportAnswer>, Failure> {
        let start_time;
        let place = match after {
            ExportFrom::Time(seconds) => {
                start_time = seconds.to_string();
                ("start_time", start_time.as_str())
            }
            ExportFrom::Cursor(cursor) => ("cursor", cursor),
        };
        let query = [place, ("per_page", EXPORTED), ("support_type_scope", "all")];
        self.list("export_tickets", "incremental/tickets/cursor", &query).await
    }

    /// A page of `GET search/export`: the tickets that the search finds.
    pub(super) async fn search(
        &self,
        query: &str,
        after: Option<&str>,
    ) -> Result<Listed<FoundAnswer>, Failure> {
        let mut query = vec![("query", query), ("filter[type]", "ticket"), ("page[size]", "100")];
        query.extend(after.map(|cursor| ("page[after]", cursor)));
        self.list("search_tickets", "search/export", &query).await
    }

    /// A page of `GET deleted_tickets` by cursor, those deleted last first where Zendesk heeds the
    /// order.
    pub(super) async fn deleted_page(
        &self,
        after: Option<&str>,
    ) -> Result<Listed<DeletedPageAnswer>, Failure> {
        let mut query = vec![("sort_by", "deleted_at"), ("sort_order", "desc"), ("page[size]", "100")];
        query.extend(after.map(|cursor| ("page[after]", cursor)));
        self.list("list_deleted_tickets", "deleted_tickets", &query).await
    }

    /// Reads a page of a list of tickets.
    async fn list<T: serde::de::DeserializeOwned>(
        &self,
        call: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Listed<T>, Failure> {
        let answer = self.ask((&self.lists, &self.auth), call, Method::GET, path, query, None).await?;
        let now = server_time(&answer.headers);
        if !answer.status.is_success() {
            return Ok(Listed { now, answer: Err(name(call).failed(refusal(&answer))) });
        }
        Ok(Listed { now, answer: Ok(parsed(name(call), &answer)?) })
    }

    /// `GET ticket_fields/{id}`.
    pub(super) async fn field(&self, id: u64) -> Result<FieldDto, Failure> {
        let answer = self.answer("get_field", Method::GET, &format!("ticket_fields/{id}"), &[], None).await?;
        parsed::<FieldAnswer>(name("get_field"), &answer).map(|answer| answer.ticket_field)
    }

    /// A call that reads or changes the account's configuration; null if the answer is empty.
    pub(super) async fn manage(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        // Not every client may do what setting up needs, and looking needs less.
        let auth = if method == Method::GET { &self.auth } else { &self.setup_auth };
        let answer = self.ask((&self.http, auth), call, method, path, query, body).await?;
        value(name(call), &succeeded(call, answer)?)
    }

    /// Sends a call and returns the answer if its status is a success.
    async fn answer(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let answer = self.ask((&self.http, &self.auth), call, method, path, query, body).await?;
        succeeded(call, answer)
    }

    /// Sends a call and returns the answer, whatever its status.
    async fn ask(
        &self,
        (http, auth): (&Http, &Auth),
        call: &'static str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let url = address(&self.base, name(call), &format!("api/v2/{path}"))?;
        let asking = Asking { http: &self.http, base: &self.base, pace: &self.pace, clock: &*self.clock };
        let send = async |credentials: &Credentials| {
            let mut request = http.client().request(method.clone(), url.clone()).query(query);
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = http.send(name(call), TIMEOUT, credentials.put_on(request)).await?;
            self.pace.heed(call, answer.status, &answer.headers);
            Ok::<_, Failure>(answer)
        };

        self.http.refuses(name(call))?;
        self.turn(call).await?;
        let credentials = auth.credentials(&asking).await?;
        let mut answer = send(&credentials).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let Some(credentials) = auth.renewed(&asking, &credentials).await?
        {
            answer = send(&credentials).await?;
        }
        Ok(answer)
    }

    async fn turn(&self, call: &'static str) -> Result<(), Failure> {
        self.pace.turn(call).await.map_err(|wait| used_up(name(call), wait))
    }
}

/// Where an export begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum ExportFrom<'a> {
    /// At a time, in seconds since 1970.
    Time(i64),
    /// After a page.
    Cursor(&'a str),
}

/// A page of a list, or why there is none, and when the other side said so.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub(super) now: Option<Timestamp>,
    pub(super) answer: Result<T, Failure>,
}

/// The name of a call.
pub(super) fn name(call: &'static str) -> CallName {
    CallName { system: &ZENDESK, call }
}

/// The answer, if its status is a success.
fn succeeded(call: &'static str, answer: Answer) -> Result<Answer, Failure> {
    if answer.status.is_success() { Ok(answer) } else { Err(name(call).failed(refusal(&answer))) }
}

/// Why a call did not succeed.
pub(super) fn refusal(answer: &Answer) -> Cause {
    answer.refusal(|| objections(&answer.body))
}

/// What Zendesk objected to: its error codes and the names of the fields, never its sentences,
/// which are localised and may quote what was sent.
fn objections(body: &[u8]) -> String {
    let body = Json::strict(body).unwrap_or(Json::Null);
    let mut said: Vec<&str> = body.get("error").text().into_iter().collect();
    if let Json::Object(fields) = body.get("details") {
        for (field, problems) in fields {
            said.push(field);
            if let Json::List(problems) = problems {
                said.extend(problems.iter().filter_map(|problem| problem.get("error").text()));
            }
        }
    }
    codes(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections_are_codes_and_fields_only() {
        let invalid = br#"{"error":"RecordInvalid","description":"Rita's ticket is closed",
            "details":{"status":[{"description":"Status: closed prevents update","error":"ClosedTicket"}],
                       "a field called <b>":[]}}"#;
        assert_eq!(objections(invalid), "RecordInvalid, status, ClosedTicket");
        let oauth = br#"{"error":"invalid_scope","error_description":"The scope is invalid"}"#;
        assert_eq!(objections(oauth), "invalid_scope");
        for odd in ["", "<html>", "[]", r#"{"error":{"title":"x"}}"#, r#"{"error":"It failed for rita@x"}"#] {
            assert_eq!(objections(odd.as_bytes()), "");
        }
        let many = format!(
            r#"{{"details":{{{}}}}}"#,
            (0..99).map(|n| format!("\"f{n}\":[]")).collect::<Vec<_>>().join(",")
        );
        assert_eq!(objections(many.as_bytes()).split(", ").count(), 8);
    }
}
