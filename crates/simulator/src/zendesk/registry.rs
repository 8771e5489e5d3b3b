//! The webhooks of an account: the one that a test connects by hand, and those made by the API.
//! Each has its own signing secret, a log of the last seven days, and a circuit breaker.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::breaker::Breaker;

/// What a webhook that triggers call is subscribed to.
pub(super) const BY_TRIGGERS: &str = "conditional_ticket_events";
/// How long the log is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a webhook is connected to: one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The events it is subscribed to, in Zendesk's envelope.
    #[default]
    Events,
    /// Two triggers, for new and for updated tickets, with a template for a body.
    Trigger,
}

/// A webhook.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) id: String,
    /// A test has connected it: what it carries, if it is a trigger's, and that it has no breaker
    /// unless the test wants one.
    pub(super) by_hand: Option<Mode>,
    pub(super) settings: Settings,
    pub(super) secret: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) has_breaker: bool,
    pub(super) breaker: Breaker,
    pub(super) log: Vec<Invocation>,
}

/// What its administrator has chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) endpoint: Url,
    pub(super) method: String,
    pub(super) format: String,
    pub(super) is_active: bool,
    pub(super) subscriptions: Vec<String>,
    /// `null` if there is none.
    pub(super) authentication: Value,
    pub(super) custom_headers: Map<String, Value>,
}

/// A delivery, as the webhook's log has it.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) at: Timestamp,
    /// When each attempt ended, and its answer.
    pub(super) attempts: Vec<(Timestamp, Option<u16>)>,
    /// The circuit breaker kept it from being sent.
    pub(super) is_broken: bool,
}

/// What is needed to send to a webhook.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) id: String,
    pub(super) endpoint: Url,
    pub(super) secret: String,
    pub(super) method: String,
    pub(super) by_hand: Option<Mode>,
    pub(super) subscriptions: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Receiver {
    pub(super) fn is_by_triggers(&self) -> bool {
        self.subscriptions.iter().any(|one| one == BY_TRIGGERS)
    }

    pub(super) fn is_subscribed(&self, event_type: &str) -> bool {
        self.subscriptions.iter().any(|one| one == event_type)
    }
}

impl Registered {
    pub(super) fn receiver(&self) -> Receiver {
        Receiver {
            id: self.id.clone(),
            endpoint: self.settings.endpoint.clone(),
            secret: self.secret.clone(),
            method: self.settings.method.clone(),
            by_hand: self.by_hand,
            subscriptions: self.settings.subscriptions.clone(),
            headers: self.settings.headers(),
        }
    }

    /// As the API shows it: without its secret, and without those of its authentication.
    pub(super) fn json(&self, by: u64) -> Value {
        let settings = &self.settings;
        let mut shown = settings.shown();
        shown["id"] = json!(self.id);
        shown["created_at"] = json!(self.created_at);
        shown["created_by"] = json!(by.to_string());
        shown["updated_at"] = json!(self.updated_at);
        shown["updated_by"] = json!(by.to_string());
        if let Some(kind) = settings.authentication.get("type") {
            shown["authentication"] = json!({ "type": kind, "add_position": "header" });
        }
        if !settings.custom_headers.is_empty() {
            shown["custom_headers"] = json!(settings.custom_headers);
        }
        shown
    }

    /// Takes note of an attempt. Answers other than 2xx are failures.
    pub(super) fn attempted(&mut self, invocation: &str, status: Option<u16>, now: Timestamp) {
        let failed = !status.is_some_and(|status| (200..300).contains(&status));
        self.breaker.record(failed, now);
        let entry = self.log.iter_mut().rfind(|entry| entry.id == invocation);
        if let Some(entry) = entry {
            entry.attempts.push((now, status));
        }
    }

    /// Puts a delivery into the log. False if the circuit breaker blocks it.
    pub(super) fn admits(&mut self, invocation: &str, event: &str, now: Timestamp) -> bool {
        let oldest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let outdated = self.log.partition_point(|entry| entry.at < oldest);
        self.log.drain(..outdated);
        let admits = !self.has_breaker || self.breaker.admits(now);
        self.log.push(Invocation {
            id: invocation.to_owned(),
            event: event.to_owned(),
            at: now,
            attempts: Vec::new(),
            is_broken: !admits,
        });
        admits
    }
}

impl Settings {
    /// What nobody keeps secret.
    pub(super) fn shown(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "endpoint": self.endpoint,
            "http_method": self.method,
            "request_format": self.format,
            "status": if self.is_active { "active" } else { "inactive" },
            "subscriptions": self.subscriptions,
        })
    }

    /// What authentication and custom headers add to a delivery.
    fn headers(&self) -> Vec<(String, String)> {
        let data = |name: &str| self.authentication["data"][name].as_str().unwrap_or_default();
        let added = match self.authentication["type"].as_str() {
            Some("bearer_token") => Some(("authorization".to_owned(), format!("Bearer {}", data("token")))),
            Some("basic_auth") => {
                let pair = STANDARD.encode(format!("{}:{}", data("username"), data("password")));
                Some(("authorization".to_owned(), format!("Basic {pair}")))
            }
            Some("api_key") => Some((data("name").to_lowercase(), data("value").to_owned())),
            _ => None,
        };
        let custom = self.custom_headers.iter();
        let custom =
            custom.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())));
        added.into_iter().chain(custom).collect()
    }
}

impl Invocation {
    pub(super) fn status(&self) -> &'static str {
        match self.attempts.last() {
            _ if self.is_broken => "circuit broken",
            None => "pending",
            Some((_, Some(200..=299))) => "success",
            Some(_) => "failed",
        }
    }

    pub(super) fn json(&self) -> Value {
        let last = self.attempts.last();
        json!({
            "id": self.id,
            "event_type": self.event,
            "status": self.status(),
            "status_code": last.and_then(|(_, status)| *status),
            "latest_completed_at": last.map_or(self.at, |(at, _)| *at),
        })
    }

    pub(super) fn attempts_json(&self) -> Vec<Value> {
        let shown =
            self.attempts.iter().zip(1..).map(|((at, status), number): (&(Timestamp, Option<u16>), u32)| {
                let is_accepted = status.is_some_and(|status| (200..300).contains(&status));
                json!({
                    "id": format!("{}-{number}", self.id),
                    "completed_at": at,
                    "status": if is_accepted { "success" } else { "failed" },
                    "status_code": status,
                })
            });
        shown.collect()
    }
}
