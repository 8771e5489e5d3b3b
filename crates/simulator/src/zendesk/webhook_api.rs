//! The webhook API: making, changing, removing and testing webhooks, their signing secrets, and
//! their logs of seven days. It is for administrators.
//!
//! The method of a webhook, and whether it is called by triggers or subscribes to events, can't be
//! changed afterwards. One that a trigger calls can't be removed. Changes are answered without a
//! body. Where the documentation gives no form of an error, it is 400 with a list of errors.

use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use super::account::Account;
use super::breaker::Breaker;
use super::people::INTEGRATION;
use super::registry::{BY_TRIGGERS, Invocation, Registered, Settings};
use super::signature::WEBHOOK;
use super::{ZendeskService, event, paging, wire};
use crate::http::{Answer, Probed, Request};
use crate::service::Probe;

/// What "Test webhook" signs with before a webhook exists. It is public.
const TEST_SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const FORMATS: [&str; 3] = ["json", "xml", "form_encoded"];

/// What is wrong with a webhook.
type Wrong = (&'static str, String);

impl ZendeskService {
    /// Answers a call below `webhooks`; the path is what follows that.
    pub(super) fn webhook_call(&self, account: &Account, request: &Request, path: &[&str]) -> Option<Answer> {
        let answer = match (request.method.as_str(), path) {
            ("GET", []) => self.list_webhooks(request),
            ("POST", []) => self.create_webhook(request),
            ("POST", ["test"]) => tested(request),
            ("GET", [id]) => self.of(id, |webhook| one_webhook(StatusCode::OK, webhook))?,
            ("PUT" | "PATCH", [id]) => self.change_webhook(id, request)?,
            ("DELETE", [id]) => self.delete_webhook(account, id)?,
            ("GET", [id, "signing_secret"]) => self.of(id, signing_secret)?,
            ("POST", [id, "signing_secret"]) => self.of(id, |webhook| {
                webhook.secret = new_secret();
                let answer = signing_secret(webhook);
                Answer { status: StatusCode::CREATED, ..answer }
            })?,
            ("GET", [id, "invocations"]) => self.of(id, |webhook| invocations(request, webhook))?,
            ("GET", [id, "invocations", number, "attempts"]) => self.of(id, |webhook| {
                let found =
                    webhook.log.iter().find(|entry| entry.id == *number).map(Invocation::attempts_json);
                found.map(|attempts| Answer::json(StatusCode::OK, &json!({ "attempts": attempts })))
            })??,
            _ => return None,
        };
        Some(answer)
    }

    fn of<T>(&self, id: &str, look: impl FnOnce(&mut Registered) -> T) -> Option<T> {
        self.webhooks.registered().iter_mut().find(|webhook| webhook.id == id).map(look)
    }

    fn list_webhooks(&self, request: &Request) -> Answer {
        let wanted = request.query("filter[name_contains]").unwrap_or_default().to_lowercase();
        let registered = self.webhooks.registered();
        let status = request.query("filter[status]");
        let shown = registered
            .iter()
            .filter(|webhook| webhook.settings.name.to_lowercase().contains(&wanted))
            .map(|webhook| webhook.json(INTEGRATION))
            .filter(|shown| status.is_none_or(|status| shown["status"] == status));
        paging::by_cursor(request, "webhooks", shown.collect())
    }

    fn create_webhook(&self, request: &Request) -> Answer {
        let settings = match webhook_of(request).map(|body| settings(&body)) {
            Some(Ok(settings)) => settings,
            Some(Err(wrong)) => return invalid(&wrong),
            None => return invalid(&("webhook", "is missing".to_owned())),
        };
        let now = self.clock.now();
        let webhook = Registered {
            id: event::ulid(now),
            by_hand: None,
            settings,
            secret: new_secret(),
            created_at: now,
            updated_at: now,
            has_breaker: true,
            breaker: Breaker::default(),
            log: Vec::new(),
        };
        let answer = one_webhook(StatusCode::CREATED, &webhook);
        self.webhooks.registered().push(webhook);
        answer
    }

    fn change_webhook(&self, id: &str, request: &Request) -> Option<Answer> {
        let now = self.clock.now();
        self.of(id, |webhook| {
            let Some(body) = webhook_of(request) else {
                return invalid(&("webhook", "is missing".to_owned()));
            };
            let replaced =
                if request.method == Method::PUT { body } else { patched(&webhook.settings, body) };
            let settings = match settings(&replaced) {
                Ok(settings) => settings,
                Err(wrong) => return invalid(&wrong),
            };
            if settings.method != webhook.settings.method {
                return invalid(&("http_method", "can't be changed".to_owned()));
            }
            if is_by_triggers(&settings) != is_by_triggers(&webhook.settings) {
                return invalid(&("subscriptions", "the kind of a webhook can't be changed".to_owned()));
            }
            webhook.settings = settings;
            webhook.updated_at = now;
            Answer::empty(StatusCode::NO_CONTENT)
        })
    }

    fn delete_webhook(&self, account: &Account, id: &str) -> Option<Answer> {
        self.of(id, |_| ())?;
        let calls_it = |trigger: &&super::trigger::Trigger| trigger.bodies_for(id).next().is_some();
        if let Some(trigger) = account.triggers.iter().find(calls_it) {
            let why = format!("is used by the trigger {}", trigger.id);
            return Some(invalid(&("webhook", why)));
        }
        self.webhooks.registered().retain(|webhook| webhook.id != id);
        Some(Answer::empty(StatusCode::NO_CONTENT))
    }

    /// Sends what "Test webhook" sends, before the answer to the call is known.
    pub(super) fn test_probe(&self, request: &Request) -> Option<Probe> {
        let body = request.json().ok().flatten().unwrap_or_default();
        let asked = &body["request"];
        let id = request.query("webhook_id");
        let (endpoint, secret) = match id {
            Some(id) => self.of(id, |webhook| (webhook.settings.endpoint.clone(), webhook.secret.clone()))?,
            None => (address(asked["endpoint"].as_str()?)?, TEST_SECRET.to_owned()),
        };
        let endpoint = asked["endpoint"].as_str().and_then(address).unwrap_or(endpoint);
        let payload =
            asked["payload"].as_str().map_or_else(|| event::sample(self.clock.now()), str::to_owned);
        let sent = self.webhooks.send_now(endpoint, &secret, id.unwrap_or(WEBHOOK), payload.into_bytes());
        Some(Box::pin(async move { sent.await.map_or(Probed::Silent, Probed::Status) }))
    }
}

/// Says what became of a test. What Zendesk says where nobody answers is not documented.
fn tested(request: &Request) -> Answer {
    let response = match request.probed {
        Probed::Not => return invalid(&("endpoint", "is missing, or there is no such webhook".to_owned())),
        Probed::Silent => return invalid(&("endpoint", "did not answer".to_owned())),
        Probed::Status(status) => json!({ "status": status, "headers": [], "payload": "" }),
    };
    Answer::json(StatusCode::OK, &json!({ "response": response }))
}

fn webhook_of(request: &Request) -> Option<Value> {
    request.json().ok().flatten()?.get("webhook").filter(|webhook| webhook.is_object()).cloned()
}

/// The settings, with what a request changes of them.
fn patched(settings: &Settings, changes: Value) -> Value {
    let mut all = settings.shown();
    all["authentication"] = settings.authentication.clone();
    all["custom_headers"] = json!(settings.custom_headers);
    if let (Value::Object(all), Value::Object(changes)) = (&mut all, changes) {
        all.extend(changes);
    }
    all
}

fn settings(webhook: &Value) -> Result<Settings, Wrong> {
    let text = |name: &str| webhook[name].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
    let name = text("name").ok_or(("name", "is missing".to_owned()))?;
    let endpoint = text("endpoint").and_then(|endpoint| address(&endpoint));
    let endpoint = endpoint.ok_or(("endpoint", "is not a valid address".to_owned()))?;
    let one_of = |field: &'static str, known: &[&str]| match text(field) {
        Some(value) if known.contains(&value.as_str()) => Ok(value),
        _ => Err((field, format!("has to be one of {}", known.join(", ")))),
    };
    let method = one_of("http_method", &METHODS)?;
    let format = one_of("request_format", &FORMATS)?;
    let is_active = one_of("status", &["active", "inactive"])? == "active";
    let subscriptions = webhook["subscriptions"].as_array().cloned().unwrap_or_default();
    let subscriptions: Vec<String> =
        subscriptions.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let by_triggers = subscriptions.iter().any(|one| one == BY_TRIGGERS);
    if let Some(unknown) = subscriptions.iter().find(|one| *one != BY_TRIGGERS && !event::is_type(one)) {
        return Err(("subscriptions", format!("{unknown} is no event")));
    }
    if by_triggers && subscriptions.len() > 1 {
        return Err(("subscriptions", format!("{BY_TRIGGERS} excludes all events")));
    }
    if !by_triggers && !subscriptions.is_empty() && (method != "POST" || format != "json") {
        return Err(("http_method", "webhooks that subscribe to events use POST and json".to_owned()));
    }
    let custom_headers: Map<String, Value> =
        webhook["custom_headers"].as_object().cloned().unwrap_or_default();
    if !custom_headers.is_empty() && endpoint.scheme() != "https" {
        return Err(("custom_headers", "are for https endpoints only".to_owned()));
    }
    let authentication = webhook["authentication"].clone();
    if let Some(kind) = authentication.get("type")
        && !["bearer_token", "basic_auth", "api_key"].iter().any(|known| kind == known)
    {
        return Err(("authentication", "has an unknown type".to_owned()));
    }
    let description = text("description");
    Ok(Settings {
        name,
        description,
        endpoint,
        method,
        format,
        is_active,
        subscriptions,
        authentication,
        custom_headers,
    })
}

fn is_by_triggers(settings: &Settings) -> bool {
    settings.subscriptions.iter().any(|one| one == BY_TRIGGERS)
}

fn address(text: &str) -> Option<Url> {
    text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
}

fn one_webhook(status: StatusCode, webhook: &Registered) -> Answer {
    Answer::json(status, &json!({ "webhook": webhook.json(INTEGRATION) }))
}

fn signing_secret(webhook: &mut Registered) -> Answer {
    let secret = json!({ "algorithm": "SHA256", "secret": webhook.secret });
    Answer::json(StatusCode::OK, &json!({ "signing_secret": secret }))
}

/// The log, the oldest invocation first, unless the newest are asked for.
fn invocations(request: &Request, webhook: &Registered) -> Answer {
    let mut shown: Vec<Value> = webhook.log.iter().map(Invocation::json).collect();
    if let Some(status) = request.query("filter[status]") {
        shown.retain(|entry| entry["status"] == status);
    }
    if request.query("sort").is_some_and(|sort| sort.starts_with('-')) {
        shown.reverse();
    }
    paging::by_cursor(request, "invocations", shown)
}

/// It looks like base64, and is used as text.
fn new_secret() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(Uuid::new_v4().as_bytes())
}

fn invalid((field, why): &Wrong) -> Answer {
    let error = json!({ "code": "InvalidParameter", "title": "Invalid parameter", "detail": format!("{field}: {why}") });
    wire::errors(&[error])
}
