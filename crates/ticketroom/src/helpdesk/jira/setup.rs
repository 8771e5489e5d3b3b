//! Jira's admin webhook over its API.
//!
//! Cloud and Data Center up to 9 have `rest/webhooks/1.0/webhook`; Data Center from 10 on has
//! `rest/jira-webhook/1.0/webhooks`, where the secret is part of `configuration`, and one elsewhere
//! is ignored without a word. Both want the permission “Administer Jira”. An API token with scopes
//! can't use either: for these, and for who is no administrator, there are instructions.
//!
//! The secret is ours and can't be read back; only whether there is one can be seen.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::super::setup::{
    SetupCall, Step, Survey, TestDelivery, Wanted, WebhookSetup, hmac, leads_to, several, title,
};
use super::Jira;
use super::delivery::SIGNATURE;
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::printable::{DETAIL, printable};

const EVENTS: [&str; 4] =
    ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created"];
/// Where a webhook has its JQL.
const FILTER: &str = "issue-related-events-section";

/// Which of the two APIs the site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registry {
    /// Cloud, and Data Center up to 9.
    Classic,
    /// Data Center from 10 on.
    Newer,
}

impl Registry {
    const ALL: [Self; 2] = [Self::Classic, Self::Newer];

    fn path(self) -> &'static str {
        match self {
            Self::Classic => "rest/webhooks/1.0/webhook",
            Self::Newer => "rest/jira-webhook/1.0/webhooks",
        }
    }

    /// The key that says whether a webhook sends.
    fn enabled(self) -> &'static str {
        match self {
            Self::Classic => "enabled",
            Self::Newer => "active",
        }
    }

    /// A webhook's whole settings. Without a secret, the one that it has stays.
    fn settings(
        self,
        name: &str,
        endpoint: &Url,
        events: &[String],
        jql: &str,
        secret: Option<&SecretString>,
    ) -> Value {
        let mut settings = json!({
            "name": name,
            "url": endpoint.as_str(),
            "events": events,
            "filters": { FILTER: jql },
            self.enabled(): true,
        });
        let Value::Object(fields) = &mut settings else { return settings };
        match self {
            Self::Classic => {
                fields.insert("excludeBody".to_owned(), json!(false));
                fields.extend(secret.map(|secret| ("secret".to_owned(), json!(secret.expose_secret()))));
            }
            Self::Newer => {
                let mut configuration = json!({ "EXCLUDE_BODY": "false" });
                if let (Value::Object(configuration), Some(secret)) = (&mut configuration, secret) {
                    configuration.insert("SECRET".to_owned(), json!(secret.expose_secret()));
                }
                fields.insert("configuration".to_owned(), configuration);
                fields.insert("sslVerificationRequired".to_owned(), json!(endpoint.scheme() == "https"));
            }
        }
        settings
    }
}

/// A webhook that sends to our endpoint.
struct Webhook {
    id: String,
    name: String,
    events: Vec<String>,
    jql: String,
    is_enabled: bool,
    /// `None` where Jira does not say.
    is_signed: Option<bool>,
    leaves_bodies_out: bool,
}

impl Webhook {
    fn read(value: &Value, registry: Registry) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = match text("self") {
            Some(address) => address.trim_end_matches('/').rsplit('/').next()?.to_owned(),
            None => value.get("id").and_then(Value::as_u64)?.to_string(),
        };
        // It becomes part of an address.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let flag = |key: &str| value.get(key).and_then(Value::as_bool);
        let configuration = value.get("configuration").and_then(|all| all.get("EXCLUDE_BODY"));
        let events = value.get("events").and_then(Value::as_array);
        let jql = value.get("filters").and_then(|filters| filters.get(FILTER)).and_then(Value::as_str);
        Some(Self {
            id,
            name: text("name").unwrap_or_default().to_owned(),
            events: events.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            jql: jql.unwrap_or_default().to_owned(),
            is_enabled: flag(registry.enabled()) != Some(false),
            is_signed: flag("isSigned"),
            leaves_bodies_out: flag("excludeBody") == Some(true)
                || configuration.and_then(Value::as_str) == Some("true"),
        })
    }

    fn called(&self) -> String {
        format!("webhook “{}” ({})", printable(&self.name, DETAIL), self.id)
    }

    /// What this webhook lacks, in words.
    fn lacks(&self) -> Vec<String> {
        let missing: Vec<&str> =
            EVENTS.into_iter().filter(|event| !self.events.iter().any(|one| one == event)).collect();
        let mut lacks = Vec::new();
        if !self.is_enabled {
            lacks.push("enable it".to_owned());
        }
        if !missing.is_empty() {
            lacks.push(format!("add {}", missing.join(", ")));
        }
        if self.leaves_bodies_out {
            lacks.push("send bodies".to_owned());
        }
        if self.is_signed == Some(false) {
            lacks.push("sign with webhook_secret".to_owned());
        }
        lacks
    }
}

impl Jira {
    /// The JQL of what is wanted: webhooks have to be bounded only where rooms are.
    fn jql(&self) -> String {
        match self.projects.as_slice() {
            [] => String::new(),
            [one] => format!("project = {}", quoted(one)),
            several => {
                format!(
                    "project in ({})",
                    several.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }

    /// The webhooks that send to an endpoint, and the API that has them; `None` if neither is for
    /// us.
    async fn webhooks_to(&self, endpoint: &Url) -> Result<Option<(Registry, Vec<Webhook>)>, Failure> {
        for registry in Registry::ALL {
            let answer = match self.api.rest().manage("webhooks", Method::GET, registry.path(), None).await {
                Ok(answer) => answer,
                Err(Failure { cause: Cause::NotFound | Cause::Forbidden | Cause::Unauthorized, .. }) => {
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let listed = answer.as_array().or_else(|| answer.get("values").and_then(Value::as_array));
            let ours = listed.into_iter().flatten().filter(|one| {
                one.get("url").and_then(Value::as_str).is_some_and(|url| leads_to(url, endpoint))
            });
            return Ok(Some((registry, ours.filter_map(|one| Webhook::read(one, registry)).collect())));
        }
        Ok(None)
    }

    fn steps_by_hand(&self, wanted: &Wanted<'_>) -> Vec<String> {
        let jql = self.jql();
        let jql = if jql.is_empty() { "none".to_owned() } else { jql };
        vec![
            "our user may not manage webhooks over the API, which needs the permission “Administer Jira” and a classic API \
             token. As an administrator of Jira:"
                .to_owned(),
            "Settings (gear) > System > WebHooks > Create a WebHook".to_owned(),
            format!("name “{}”, status enabled, URL {}", title(&self.name), wanted.endpoint),
            "secret: the value of webhook_secret".to_owned(),
            format!("JQL: {jql}"),
            "tick issue created, updated, deleted, and comment created; leave “exclude body” off".to_owned(),
        ]
    }
}

#[async_trait::async_trait]
impl WebhookSetup for Jira {
    fn makes_the_secret(&self) -> bool {
        false
    }

    async fn survey(&self, wanted: &Wanted<'_>) -> Result<Survey, Failure> {
        let Some((registry, webhooks)) = self.webhooks_to(wanted.endpoint).await? else {
            return Ok(Survey { by_hand: self.steps_by_hand(wanted), is_hidden: true, ..Survey::default() });
        };
        let mut survey = Survey::default();
        let Some(webhook) = webhooks.iter().find(|one| one.is_enabled).or(webhooks.first()) else {
            let name = title(&self.name);
            let text = format!("create the webhook “{name}” to {}: {}", wanted.endpoint, EVENTS.join(", "));
            let events = EVENTS.map(str::to_owned);
            let body = registry.settings(&name, wanted.endpoint, &events, &self.jql(), wanted.secret);
            let path = registry.path().to_owned();
            let call = SetupCall { name: "create_webhook", method: Method::POST, path, body: Some(body) };
            survey.steps.push(Step::new(text, call));
            return Ok(survey);
        };
        survey.found.push(webhook.called());
        if webhooks.len() > 1 {
            survey.remarks.push(several(webhooks.len()));
        }
        if plain(&webhook.jql) != plain(&self.jql()) {
            let jql = if webhook.jql.trim().is_empty() {
                "no JQL".to_owned()
            } else {
                printable(&webhook.jql, DETAIL)
            };
            survey.remarks.push(format!(
                "it was given {jql}, which stays; the configuration's projects would be “{}”",
                self.jql()
            ));
        }
        let mut changes = webhook.lacks();
        if wanted.renew_secret {
            changes.push("give it webhook_secret again".to_owned());
        }
        if !changes.is_empty() {
            let mut events = webhook.events.clone();
            events.extend(
                EVENTS
                    .into_iter()
                    .filter(|one| !webhook.events.iter().any(|it| it == one))
                    .map(str::to_owned),
            );
            // The address stays as it was written: it may have variables that Jira fills in.
            let body =
                registry.settings(&webhook.name, wanted.endpoint, &events, &webhook.jql, wanted.secret);
            let path = format!("{}/{}", registry.path(), webhook.id);
            let call = SetupCall { name: "update_webhook", method: Method::PUT, path, body: Some(body) };
            survey.steps.push(Step::new(format!("{}: {}", webhook.called(), changes.join(", ")), call));
        }
        Ok(survey)
    }

    async fn removal(&self, endpoint: &Url) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        let Some((registry, webhooks)) = self.webhooks_to(endpoint).await? else {
            survey.by_hand.push(
                "our user may not manage webhooks: as an administrator of Jira, delete it under Settings > System > WebHooks"
                    .to_owned(),
            );
            return Ok(survey);
        };
        for webhook in webhooks {
            let path = format!("{}/{}", registry.path(), webhook.id);
            let call = SetupCall { name: "delete_webhook", method: Method::DELETE, path, body: None };
            survey.steps.push(Step::new(format!("delete {}", webhook.called()), call));
        }
        Ok(survey)
    }

    async fn perform(&self, call: &SetupCall) -> Result<(), Failure> {
        self.api.rest().manage(call.name, call.method.clone(), &call.path, call.body.as_ref()).await.map(drop)
    }

    fn test_delivery(&self, secret: &SecretString, now: Timestamp) -> TestDelivery {
        let body =
            json!({ "timestamp": now.as_millisecond(), "webhookEvent": "ticketroom_test" }).to_string();
        let signature = format!("sha256={}", hex::encode(hmac(secret, &[body.as_bytes()])));
        TestDelivery { headers: vec![(SIGNATURE, signature)], body }
    }
}

/// JQL as it is compared: how it is quoted and spaced says nothing.
fn plain(jql: &str) -> String {
    jql.chars()
        .filter(|c| *c != '"' && *c != '\'' && !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A project's key in JQL. Some keys are words of the language.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}
