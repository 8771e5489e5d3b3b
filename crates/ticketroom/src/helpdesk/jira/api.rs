//! The calls to Jira's API that we make. Cloud has version 3, with documents as ADF; Data Center
//! has version 2 only, with wiki text.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::super::pace::{Pace, Style};
use super::super::rest::{Rest, codes, parsed};
use super::reasons::JIRA;
use super::wire::{CommentDto, CommentsDto, IssueDto, RemoteLinkDto, RemoteLinksDto, UserDto};
use crate::call::{CallName, Cause, Failure};
use crate::config::{JiraAuth, JiraConfig, JiraDeployment};
use crate::http::Http;
use crate::source::salvage::Json;

/// Jira fills its allowances up within seconds, so nothing is spread. Its gateway's 429 may name no
/// wait.
pub(super) static LIMITS: Style = Style {
    limit: &[],
    remaining: &[],
    reset: &[],
    spread_below: 1,
    unsaid: Duration::from_secs(2),
    is_about_one_ticket,
};

/// All that an issue has, but for what grows without bound and is not read.
const FIELDS: &str = "*all,-comment,-worklog,-attachment,-subtasks,-watches,-votes";

/// How many comments are read at once.
const PAGE: usize = 100;

/// The API of one site.
pub(super) struct Api {
    rest: Rest,
    deployment: JiraDeployment,
    own_id: OnceLock<String>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(http: Http, config: &JiraConfig, pace: Arc<Pace>) -> Self {
        let authorization = match &config.auth {
            JiraAuth::ApiToken { email, api_token } => {
                let pair = SecretString::from(format!("{email}:{}", api_token.expose_secret()));
                format!("Basic {}", STANDARD.encode(pair.expose_secret()))
            }
            JiraAuth::Bearer { token } => format!("Bearer {}", token.expose_secret()),
        };
        let rest = Rest::new(&JIRA, http, &config.url, &authorization, pace, objections);
        Self { rest, deployment: config.deployment, own_id: OnceLock::new() }
    }

    /// The host that is called, for messages.
    pub(super) fn host(&self) -> &str {
        self.rest.host()
    }

    /// Which of the two products it is.
    pub(super) fn deployment(&self) -> JiraDeployment {
        self.deployment
    }

    /// The name of a call.
    pub(super) fn name(&self, call: &'static str) -> CallName {
        self.rest.name(call)
    }

    /// Our own user's account id, or its name in Data Center, if it has been learnt.
    pub(super) fn known_own_id(&self) -> Option<&str> {
        self.own_id.get().map(String::as_str)
    }

    /// Remembers our own user.
    pub(super) fn learn_own_id(&self, id: &str) {
        // It does not change, so whoever was first was right.
        let _ = self.own_id.set(id.to_owned());
    }

    /// Our own user; asked for if it is not known yet.
    pub(super) async fn own_id(&self) -> Result<String, Failure> {
        match self.known_own_id() {
            Some(id) => Ok(id.to_owned()),
            None => Ok(self.myself().await?.id().unwrap_or_default().to_owned()),
        }
    }

    /// `GET myself`: the one call that surely tells credentials that are no good.
    pub(super) async fn myself(&self) -> Result<UserDto, Failure> {
        let user: UserDto = self.rest.read("myself", &self.path("myself"), &[]).await?;
        if let Some(id) = user.id() {
            self.learn_own_id(id);
        }
        Ok(user)
    }

    /// `GET issue/{id}`.
    pub(super) async fn issue(&self, id: u64) -> Result<IssueDto, Failure> {
        self.rest.read("get_issue", &self.path(&format!("issue/{id}")), &[("fields", FIELDS)]).await
    }

    /// `GET issue/{id}/remotelink?globalId=`: nothing if the issue has no such link.
    pub(super) async fn remote_link(
        &self,
        id: u64,
        global_id: &str,
    ) -> Result<Option<RemoteLinkDto>, Failure> {
        let path = self.path(&format!("issue/{id}/remotelink"));
        match self.rest.read("remote_links", &path, &[("globalId", global_id)]).await {
            Ok(RemoteLinksDto::One(link)) => Ok(Some(link)),
            Ok(RemoteLinksDto::Many(links)) => {
                Ok(links.into_iter().find(|link| link.global_id.as_deref() == Some(global_id)))
            }
            Err(Failure { cause: Cause::NotFound, .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// `POST issue/{id}/remotelink`: makes the link with this `globalId`, or changes it.
    pub(super) async fn put_remote_link(&self, id: u64, link: &Value) -> Result<(), Failure> {
        let path = self.path(&format!("issue/{id}/remotelink"));
        self.rest.send("put_remote_link", Method::POST, &path, &[], Some(link)).await.map(drop)
    }

    /// `POST issue/{id}/comment`.
    pub(super) async fn comment(&self, id: u64, comment: &Value) -> Result<CommentDto, Failure> {
        let path = self.path(&format!("issue/{id}/comment"));
        let answer = self.rest.send("create_comment", Method::POST, &path, &[], Some(comment)).await?;
        parsed(self.name("create_comment"), &answer)
    }

    /// A page of `GET issue/{id}/comment`, newest first.
    pub(super) async fn comments(&self, id: u64, start_at: usize) -> Result<CommentsDto, Failure> {
        let (start_at, page) = (start_at.to_string(), PAGE.to_string());
        let query = [
            ("orderBy", "-created"),
            ("startAt", start_at.as_str()),
            ("maxResults", page.as_str()),
            ("expand", "properties"),
        ];
        self.rest.read("comments", &self.path(&format!("issue/{id}/comment")), &query).await
    }

    /// `GET project/{key}`, to see whether it is there for us.
    pub(super) async fn project(&self, key: &str) -> Result<(), Failure> {
        let path = self.path(&format!("project/{key}"));
        self.rest.read::<serde::de::IgnoredAny>("get_project", &path, &[]).await.map(drop)
    }

    /// The calls themselves, for what is done to the configuration alone.
    pub(super) fn rest(&self) -> &Rest {
        &self.rest
    }

    fn path(&self, path: &str) -> String {
        let version = match self.deployment {
            JiraDeployment::Cloud => 3,
            JiraDeployment::DataCenter => 2,
        };
        format!("rest/api/{version}/{path}")
    }
}

/// An issue may only be written to so often, which says nothing about other issues.
fn is_about_one_ticket(headers: &HeaderMap) -> bool {
    headers.get("ratelimit-reason").is_some_and(|reason| reason == "jira-per-issue-on-write")
}

/// What Jira objected to: the names of the fields, never its sentences, which are localised and may
/// quote what was sent.
fn objections(body: &[u8]) -> String {
    let body = Json::strict(body).unwrap_or(Json::Null);
    let Json::Object(fields) = body.get("errors") else { return String::new() };
    codes(fields.iter().map(|(field, _)| field.as_str()))
}

/// The properties that make a comment ours, and internal from its first moment: set afterwards, the
/// customer has been told already.
pub(super) fn comment_properties(key: &str) -> Value {
    json!([
        { "key": "sd.public.comment", "value": { "internal": true } },
        { "key": OWN_PROPERTY, "value": { "key": key } },
    ])
}

/// By this property our comment is known, whatever people write into comments.
pub(super) const OWN_PROPERTY: &str = "docspace.room";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections_are_names_of_fields_only() {
        let body = br#"{"errorMessages":["Rita's issue is closed"],"errors":{"summary":"You must specify","bad field":"x"}}"#;
        assert_eq!(objections(body), "summary");
        for odd in ["", "<html>", "[]", r#"{"errors":null}"#] {
            assert_eq!(objections(odd.as_bytes()), "");
        }
    }
}
