//! The webhooks that administrators have made by the API, and how each of the two APIs shows them.
//!
//! | API | is that of | has the secret in |
//! | --- | --- | --- |
//! | `/rest/webhooks/1.0/webhook` | Cloud, and Data Center up to version 9 | `secret` |
//! | `/rest/jira-webhook/1.0/webhooks` | Data Center from version 10 on | `configuration.SECRET`; a `secret` is ignored without a word |
//!
//! A secret can't be read back. A change that leaves it out keeps it.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::issue::Issue;
use super::jql::Query;
use super::site::Site;
use crate::lock;

/// Which of the two APIs a site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Classic,
    Newer,
}

/// Where webhooks have their JQL.
const FILTER: &str = "issue-related-events-section";

/// A webhook.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) id: u64,
    name: String,
    /// With variables.
    url: String,
    events: Vec<String>,
    filters: Value,
    exclude_body: bool,
    is_enabled: bool,
    pub(super) secret: Option<String>,
    checks_tls: bool,
    updated: Timestamp,
    /// When the first of the latest attempts failed, if all attempts since then have failed.
    pub(super) failing_since: Arc<Mutex<Option<Timestamp>>>,
    pub(super) log: Arc<Mutex<Log>>,
}

/// What a webhook knows of its attempts. Only the newer API shows it.
#[derive(Debug, Default)]
pub(super) struct Log {
    attempts: u64,
    failures: u64,
    latest: Option<(Timestamp, String, Option<u16>)>,
}

impl Log {
    pub(super) fn record(&mut self, event: &str, status: Option<u16>, now: Timestamp) {
        self.attempts += 1;
        self.failures += u64::from(!status.is_some_and(|status| (200..300).contains(&status)));
        self.latest = Some((now, event.to_owned(), status));
    }
}

/// The variables in addresses, and what stands for them.
const VARIABLES: [&str; 3] = ["issue.id", "issue.key", "project.key"];

impl Registered {
    /// Reads a webhook. `before` is the one that is changed.
    pub(super) fn read(
        form: Form,
        body: &Value,
        id: u64,
        before: Option<&Self>,
        site: &Site,
        now: Timestamp,
    ) -> Result<Self, String> {
        let text = |name: &str| body[name].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let name =
            text("name").or_else(|| before.map(|it| it.name.clone())).ok_or("The name must not be empty.")?;
        let url =
            text("url").or_else(|| before.map(|it| it.url.clone())).ok_or("The URL must not be empty.")?;
        if !url.parse().is_ok_and(|url: Url| matches!(url.scheme(), "http" | "https")) {
            return Err(format!("The URL '{url}' is not valid."));
        }
        let events = match body["events"].as_array() {
            Some(events) => events.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => before.map(|it| it.events.clone()).unwrap_or_default(),
        };
        let filters = match &body["filters"] {
            Value::Null => before.map_or_else(|| json!({}), |it| it.filters.clone()),
            given => given.clone(),
        };
        let jql = filters[FILTER].as_str().unwrap_or_default();
        Query::parse(jql, site, now)?;
        let configuration = &body["configuration"];
        let (enabled, exclude, secret) = match form {
            Form::Classic => (&body["enabled"], body["excludeBody"].as_bool(), body["secret"].as_str()),
            Form::Newer => {
                let exclude = configuration["EXCLUDE_BODY"].as_str().map(|text| text == "true");
                (&body["active"], exclude, configuration["SECRET"].as_str())
            }
        };
        let is_enabled = enabled.as_bool().unwrap_or(before.is_none_or(|it| it.is_enabled));
        let exclude_body = exclude.unwrap_or(before.is_some_and(|it| it.exclude_body));
        let secret = match secret {
            Some(secret) => Some(secret.to_owned()).filter(|secret| !secret.is_empty()),
            None => before.and_then(|it| it.secret.clone()),
        };
        let checks_tls =
            body["sslVerificationRequired"].as_bool().unwrap_or(before.is_none_or(|it| it.checks_tls));
        let failing_since = before.map(|it| Arc::clone(&it.failing_since)).unwrap_or_default();
        let log = before.map(|it| Arc::clone(&it.log)).unwrap_or_default();
        Ok(Self {
            id,
            name,
            url,
            events,
            filters,
            exclude_body,
            is_enabled,
            secret,
            checks_tls,
            updated: now,
            failing_since,
            log,
        })
    }

    /// Whether it is sent that event of the issue.
    pub(super) fn is_for(&self, event: &str, issue: &Issue, site: &Site, now: Timestamp) -> bool {
        let jql = self.filters[FILTER].as_str().unwrap_or_default();
        self.is_enabled
            && self.events.iter().any(|it| it == event)
            && Query::parse(jql, site, now).is_ok_and(|query| query.holds(issue))
    }

    /// The address for an issue.
    pub(super) fn endpoint(&self, form: Form, issue: &Issue) -> Option<Url> {
        let values = [issue.id.to_string(), issue.key.clone(), issue.project.clone()];
        let url = VARIABLES.iter().zip(values).fold(self.url.clone(), |url, (name, value)| match form {
            Form::Classic => url.replace(&format!("${{{name}}}"), &value),
            Form::Newer => url.replace(&format!("{{{name}}}"), &value),
        });
        url.parse().ok()
    }

    pub(super) fn body(&self, body: Vec<u8>) -> Vec<u8> {
        if self.exclude_body { Vec::new() } else { body }
    }

    pub(super) fn json(&self, form: Form, origin: &str, by: &str) -> Value {
        let signed = self.secret.is_some();
        match form {
            Form::Classic => json!({
                "name": self.name,
                "url": self.url,
                "excludeBody": self.exclude_body,
                "filters": self.filters,
                "events": self.events,
                "enabled": self.is_enabled,
                "isSigned": signed,
                "self": format!("{origin}/rest/webhooks/1.0/webhook/{}", self.id),
                "lastUpdatedUser": by,
                "lastUpdatedDisplayName": "DocSpace Rooms",
                "lastUpdated": self.updated.as_millisecond(),
            }),
            Form::Newer => json!({
                "id": self.id,
                "name": self.name,
                "url": self.url,
                "active": self.is_enabled,
                "events": self.events,
                "filters": self.filters,
                "configuration": { "EXCLUDE_BODY": self.exclude_body.to_string() },
                "isSigned": signed,
                "sslVerificationRequired": self.checks_tls,
                "scopeType": "global",
                "self": format!("{origin}/rest/jira-webhook/1.0/webhooks/{}", self.id),
                "updatedDate": self.updated.as_millisecond(),
            }),
        }
    }

    /// How many attempts there were, and how many of them have failed.
    pub(super) fn statistics(&self) -> Value {
        let log = lock(&self.log);
        json!({ "invocations": log.attempts, "failures": log.failures, "successes": log.attempts - log.failures })
    }

    /// The latest attempt; `None` before the first.
    pub(super) fn latest(&self) -> Option<Value> {
        let log = lock(&self.log);
        let (at, event, status) = log.latest.as_ref()?;
        let outcome = match status {
            Some(200..=299) => "SUCCESS",
            Some(_) => "FAILURE",
            None => "ERROR",
        };
        let result = json!({ "outcome": outcome, "description": status.map(|status| status.to_string()) });
        Some(json!({ "event": event, "finish": at.as_millisecond(), "result": result }))
    }
}
