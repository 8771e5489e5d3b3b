//! The calls to Freshdesk's API that we make.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::pace::Style;
use super::super::rest::{Rest, codes, parsed};
use super::super::salvage::Json;
use super::wire::{AgentDto, ConversationDto, FieldDto, GroupDto, TicketDto};
use crate::call::Failure;
use crate::config::FreshdeskConfig;
use crate::http::{CallName, Http};

/// An account has so many calls a minute, which all its integrations share: half of them are left alone as long as
/// that is possible.
static LIMITS: Style = Style {
    limit: &["x-ratelimit-total"],
    remaining: &["x-ratelimit-remaining"],
    reset: &[],
    spread_below: 2,
    unsaid: Duration::from_secs(60),
    is_about_one_ticket: |_| false,
};

/// How many notes and replies are read at once: as many as there may be.
pub(super) const PAGE: usize = 100;

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

impl Api {
    pub(super) fn new(http: Http, config: &FreshdeskConfig) -> Self {
        // The password may be any.
        let pair = SecretString::from(format!("{}:X", config.api_key.expose_secret()));
        let authorization = format!("Basic {}", STANDARD.encode(pair.expose_secret()));
        let rest = Rest::new("Freshdesk", http, &config.url, &authorization, &LIMITS, objections);
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

    /// Our own agent, if it has been learnt.
    pub(super) fn known_own_id(&self) -> Option<u64> {
        self.own_id.get().copied()
    }

    /// Remembers our own agent.
    pub(super) fn learn_own_id(&self, id: u64) {
        // It does not change, so whoever was first was right.
        let _ = self.own_id.set(id);
    }

    /// Our own agent; asked for if it is not known yet.
    pub(super) async fn own_id(&self) -> Result<Option<u64>, Failure> {
        match self.known_own_id() {
            Some(id) => Ok(Some(id)),
            None => Ok(self.me().await?.id),
        }
    }

    /// `GET agents/me`.
    pub(super) async fn me(&self) -> Result<AgentDto, Failure> {
        let me: AgentDto = self.rest.read("me", "api/v2/agents/me", &[]).await?;
        if let Some(id) = me.id {
            self.learn_own_id(id);
        }
        Ok(me)
    }

    /// `GET tickets/{id}`, with its requester.
    pub(super) async fn ticket(&self, id: u64) -> Result<TicketDto, Failure> {
        let path = format!("api/v2/tickets/{id}");
        self.rest.read("get_ticket", &path, &[("include", "requester")]).await
    }

    /// `GET tickets/archived/{id}`: old tickets are only found there.
    pub(super) async fn archived_ticket(&self, id: u64) -> Result<TicketDto, Failure> {
        self.rest.read("archived_ticket", &format!("api/v2/tickets/archived/{id}"), &[]).await
    }

    /// `PUT tickets/{id}`.
    pub(super) async fn update(&self, id: u64, update: &Value) -> Result<TicketDto, Failure> {
        let path = format!("api/v2/tickets/{id}");
        let answer = self.rest.send("update_ticket", Method::PUT, &path, &[], Some(update)).await?;
        parsed(self.name("update_ticket"), &answer)
    }

    /// `POST tickets/{id}/notes`.
    pub(super) async fn note(&self, id: u64, note: &Value) -> Result<ConversationDto, Failure> {
        let path = format!("api/v2/tickets/{id}/notes");
        let answer = self.rest.send("create_note", Method::POST, &path, &[], Some(note)).await?;
        parsed(self.name("create_note"), &answer)
    }

    /// A page of `GET tickets/{id}/conversations`, oldest first. The first page is 1.
    pub(super) async fn conversations(&self, id: u64, page: usize) -> Result<Vec<ConversationDto>, Failure> {
        let (per_page, page) = (PAGE.to_string(), page.to_string());
        let query = [("per_page", per_page.as_str()), ("page", page.as_str())];
        self.rest.read("conversations", &format!("api/v2/tickets/{id}/conversations"), &query).await
    }

    /// `GET agents/{id}`.
    pub(super) async fn agent(&self, id: u64) -> Result<AgentDto, Failure> {
        self.rest.read("get_agent", &format!("api/v2/agents/{id}"), &[]).await
    }

    /// `GET groups/{id}`.
    pub(super) async fn group(&self, id: u64) -> Result<GroupDto, Failure> {
        self.rest.read("get_group", &format!("api/v2/groups/{id}"), &[]).await
    }

    /// `GET ticket_fields`.
    pub(super) async fn fields(&self) -> Result<Vec<FieldDto>, Failure> {
        self.rest.read("ticket_fields", "api/v2/ticket_fields", &[]).await
    }
}

/// What Freshdesk objected to: its codes and the names of the fields, never its sentences.
fn objections(body: &[u8]) -> String {
    let body = Json::strict(body).unwrap_or(Json::Null);
    let mut said: Vec<&str> = body.get("code").text().into_iter().collect();
    if let Json::List(errors) = body.get("errors") {
        for error in errors {
            said.extend(["field", "code"].iter().filter_map(|name| error.get(name).text()));
        }
    }
    codes(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections_are_codes_and_fields_only() {
        let body = br#"{"description":"Validation failed for rita@x","errors":[
            {"field":"cf_room","message":"Unexpected/invalid field in request","code":"invalid_field"}]}"#;
        assert_eq!(objections(body), "cf_room, invalid_field");
        assert_eq!(
            objections(br#"{"code":"access_denied","message":"You are not authorized"}"#),
            "access_denied"
        );
        for odd in ["", "<html>", "[]", r#"{"errors":"x"}"#] {
            assert_eq!(objections(odd.as_bytes()), "");
        }
    }
}
