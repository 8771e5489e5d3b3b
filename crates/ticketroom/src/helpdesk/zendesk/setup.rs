//! Zendesk's webhook over its API, and the triggers that fire it.
//!
//! A webhook either subscribes to events, or is called by triggers; Zendesk does not let that be
//! changed afterwards. One that is there is completed in the form that it has. Zendesk makes the
//! signing secret; it can be read back.
//!
//! What triggers can ask for differs between accounts, so their conditions are taken from
//! `triggers/definitions`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize as _;
use serde_json::{Value, json};
use url::Url;

use super::super::listing::Number;
use super::super::setup::{
    Form, SetupCall, Step, Survey, TestDelivery, Wanted, WebhookSetup, hmac, is_accepted, leads_to, several,
    title,
};
use super::Zendesk;
use super::delivery::{EVENT, SIGNATURE, TIMESTAMP};
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::printable::{DETAIL, printable};

/// The ticket events that change a room. Comments, tags and custom fields are left out: our own
/// write-back causes them.
pub(super) const EVENTS: [&str; 13] = [
    "created",
    "status_changed",
    "subject_changed",
    "agent_assignment_changed",
    "group_assignment_changed",
    "requester_changed",
    "priority_changed",
    "brand_changed",
    "merged",
    "soft_deleted",
    "undeleted",
    "permanently_deleted",
    "marked_as_spam",
];

/// What a webhook that triggers call is subscribed to.
const BY_TRIGGERS: &str = "conditional_ticket_events";

/// The fields whose changes fire the second trigger, as far as the account has them.
const WATCHED: [&str; 6] = ["status", "assignee_id", "group_id", "priority", "requester_id", "brand_id"];

/// What a trigger sends. Placeholders are put in without escaping, so there is only the number.
const BODY: &str = r#"{"ticket_id":"{{ticket.id}}"}"#;

/// Failed invocations that are shown.
const SHOWN: usize = 10;
/// Pages of webhooks that are read.
const PAGES: usize = 20;

/// A webhook of the account.
pub(super) struct Webhook {
    id: String,
    name: String,
    pub(super) endpoint: String,
    is_active: bool,
    pub(super) subscriptions: Vec<String>,
}

impl Webhook {
    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let subscriptions = value.get("subscriptions").and_then(Value::as_array);
        let subscriptions = subscriptions.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let id = text("id");
        // It becomes part of an address.
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then(|| Self {
            id,
            name: text("name"),
            endpoint: text("endpoint"),
            is_active: text("status") != "inactive",
            subscriptions: subscriptions.collect(),
        })
    }

    fn called(&self) -> String {
        format!("webhook “{}” ({})", printable(&self.name, DETAIL), self.id)
    }

    fn is_by_triggers(&self) -> bool {
        self.subscriptions.iter().any(|one| one == BY_TRIGGERS)
    }

    fn change(&self, body: &Value) -> SetupCall {
        let path = format!("webhooks/{}", self.id);
        let body = Some(json!({ "webhook": body }));
        SetupCall { name: "update_webhook", method: Method::PATCH, path, body }
    }

    /// What this webhook lacks of itself.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.is_active {
            steps.push(Step::new(
                format!("activate {}", self.called()),
                self.change(&json!({ "status": "active" })),
            ));
        }
        if self.is_by_triggers() {
            return steps;
        }
        let needed = EVENTS.map(|event| format!("{EVENT}ticket.{event}"));
        let missing: Vec<&String> = needed.iter().filter(|one| !self.subscriptions.contains(one)).collect();
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().filter_map(|one| one.strip_prefix(EVENT)).collect();
            let all: Vec<&String> = self.subscriptions.iter().chain(missing).collect();
            steps.push(Step::new(
                format!("subscribe {} to {}", self.called(), names.join(", ")),
                self.change(&json!({ "subscriptions": all })),
            ));
        }
        steps
    }
}

/// A trigger that calls a webhook.
struct Trigger {
    id: u64,
    title: String,
    is_active: bool,
}

impl Trigger {
    fn read(value: &Value, webhook: &str) -> Option<Self> {
        let actions = value.get("actions").and_then(Value::as_array)?;
        let calls_it = actions.iter().any(|action| {
            action.get("field").and_then(Value::as_str) == Some("notification_webhook")
                && action.get("value").and_then(|value| value.get(0)).and_then(Value::as_str) == Some(webhook)
        });
        let id = value.get("id").filter(|_| calls_it).and_then(|id| Number::deserialize(id).ok())?.0;
        let title = value.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_active = value.get("active").and_then(Value::as_bool) != Some(false);
        Some(Self { id, title, is_active })
    }

    fn called(&self) -> String {
        format!("trigger “{}” ({})", printable(&self.title, DETAIL), self.id)
    }
}

/// A trigger that we make.
struct NewTrigger {
    title: String,
    conditions: Value,
}

impl Zendesk {
    /// All entries of a list that is paged by cursor.
    async fn list(&self, call: &'static str, name: &'static str) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = vec![("page[size]", "100")];
            query.extend(after.as_deref().map(|cursor| ("page[after]", cursor)));
            let mut page = self.api.manage(call, Method::GET, name, &query, None).await?;
            if let Some(Value::Array(entries)) = page.get_mut(name).map(Value::take) {
                all.extend(entries);
            }
            let meta = page.get("meta");
            let more = meta.and_then(|meta| meta.get("has_more")).and_then(Value::as_bool) == Some(true);
            let next = meta.and_then(|meta| meta.get("after_cursor")).and_then(Value::as_str);
            match next.filter(|_| more) {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(all)
    }

    /// The account's webhooks.
    pub(super) async fn webhooks(&self) -> Result<Vec<Webhook>, Failure> {
        let all = self.list("webhooks", "webhooks").await?;
        Ok(all.iter().filter_map(Webhook::read).collect())
    }

    /// Those that send to an endpoint, the oldest first.
    async fn webhooks_to(&self, endpoint: &Url) -> Result<Vec<Webhook>, Failure> {
        let mut webhooks = self.webhooks().await?;
        webhooks.retain(|webhook| leads_to(&webhook.endpoint, endpoint));
        Ok(webhooks)
    }

    /// The triggers that call a webhook.
    async fn triggers_of(&self, webhook: &str) -> Result<Vec<Trigger>, Failure> {
        let all = self.list("triggers", "triggers").await?;
        Ok(all.iter().filter_map(|value| Trigger::read(value, webhook)).collect())
    }

    /// The two triggers: one for new tickets, one for what changes a room.
    async fn wanted_triggers(&self) -> Result<[NewTrigger; 2], Failure> {
        let answer = self.api.manage("definitions", Method::GET, "triggers/definitions", &[], None).await?;
        let definitions = answer.get("definitions").unwrap_or(&answer);
        let lists = ["conditions_all", "conditions_any"];
        let known: Vec<&Value> =
            lists.iter().filter_map(|list| definitions.get(list)?.as_array()).flatten().collect();
        let has_changes = |field: &str| {
            known.iter().any(|one| {
                one.get("subject").and_then(Value::as_str) == Some(field)
                    && one
                        .get("operators")
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten()
                        .any(|operator| operator.get("value").and_then(Value::as_str) == Some("changed"))
            })
        };
        let watched: Vec<Value> = WATCHED
            .iter()
            .filter(|field| has_changes(field))
            .map(|field| json!({ "field": field, "operator": "changed", "value": null }))
            .collect();
        let on = |kind: &str| json!([{ "field": "update_type", "operator": "is", "value": kind }]);
        let base = title(&self.name);
        Ok([
            NewTrigger {
                title: format!("{base}: new ticket"),
                conditions: json!({ "all": on("Create"), "any": [] }),
            },
            NewTrigger {
                title: format!("{base}: changed ticket"),
                conditions: json!({ "all": on("Change"), "any": watched }),
            },
        ])
    }

    /// What is missing of the triggers that call a webhook.
    async fn trigger_steps(&self, webhook: &Webhook, survey: &mut Survey) -> Result<(), Failure> {
        let there = self.triggers_of(&webhook.id).await?;
        for trigger in &there {
            if trigger.is_active {
                survey.found.push(trigger.called());
            } else {
                let body = Some(json!({ "trigger": { "active": true } }));
                let path = format!("triggers/{}", trigger.id);
                let call = SetupCall { name: "update_trigger", method: Method::PUT, path, body };
                survey.steps.push(Step::new(format!("activate {}", trigger.called()), call));
            }
        }
        // Triggers that an administrator made for this webhook may be all that is wanted.
        let ours = |wanted: &NewTrigger| there.iter().any(|trigger| trigger.title == wanted.title);
        let wanted = self.wanted_triggers().await?;
        if !there.is_empty() && !wanted.iter().any(ours) {
            survey.remarks.push("the triggers were made by hand, so they are left as they are".to_owned());
            return Ok(());
        }
        let missing: Vec<&NewTrigger> = wanted.iter().filter(|one| !ours(one)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let category = self.trigger_category().await?;
        for new in missing {
            let mut trigger = json!({
                "title": new.title,
                "conditions": new.conditions,
                "actions": [{ "field": "notification_webhook", "value": [webhook.id, BODY] }],
            });
            if let (Some(category), Value::Object(trigger)) = (&category, &mut trigger) {
                trigger.insert("category_id".to_owned(), json!(category));
            }
            let body = Some(json!({ "trigger": trigger }));
            let call =
                SetupCall { name: "create_trigger", method: Method::POST, path: "triggers".to_owned(), body };
            survey.steps.push(Step::new(format!("create the trigger “{}”", new.title), call));
        }
        Ok(())
    }

    /// The first category of triggers: accounts that have categories want one.
    async fn trigger_category(&self) -> Result<Option<String>, Failure> {
        let answer =
            match self.api.manage("trigger_categories", Method::GET, "trigger_categories", &[], None).await {
                Ok(answer) => answer,
                Err(Failure { cause: Cause::NotFound | Cause::Forbidden, .. }) => return Ok(None),
                Err(failure) => return Err(failure),
            };
        let first = answer.get("trigger_categories").and_then(|list| list.get(0));
        let id = first.and_then(|first| first.get("id"));
        Ok(id.and_then(|id| id.as_str().map(str::to_owned).or_else(|| id.as_u64().map(|id| id.to_string()))))
    }

    async fn signing_secret(&self, webhook: &Webhook) -> Result<Option<SecretString>, Failure> {
        let path = format!("webhooks/{}/signing_secret", webhook.id);
        let answer = self.api.manage("signing_secret", Method::GET, &path, &[], None).await?;
        let secret = answer.get("signing_secret").and_then(|secret| secret.get("secret"));
        Ok(secret.and_then(Value::as_str).map(SecretString::from))
    }

    /// The invocations that failed, which Zendesk keeps for seven days; `None` if it does not tell.
    async fn failed_invocations(&self, webhook: &Webhook) -> Result<Option<Vec<String>>, Failure> {
        let path = format!("webhooks/{}/invocations", webhook.id);
        let query = [("page[size]", "100"), ("sort", "-latest_completed_at")];
        let answer = match self.api.manage("invocations", Method::GET, &path, &query, None).await {
            Ok(answer) => answer,
            Err(Failure { cause: Cause::NotFound | Cause::Forbidden, .. }) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Some(invocations) = answer.get("invocations").and_then(Value::as_array) else { return Ok(None) };
        let text =
            |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(|text| printable(text, DETAIL));
        let failed = invocations.iter().filter_map(|one| {
            let status = text(one, "status")?;
            let is_good = matches!(status.as_str(), "success" | "succeeded" | "completed" | "pending");
            let at = text(one, "latest_completed_at").unwrap_or_default();
            let code = one.get("status_code").and_then(Value::as_u64);
            let code = code.map(|code| format!(", answered with {code}")).unwrap_or_default();
            (!is_good).then(|| format!("{at} {status}{code}").trim().to_owned())
        });
        Ok(Some(failed.take(SHOWN).collect()))
    }

    fn steps_by_hand(&self, wanted: &Wanted<'_>) -> Vec<String> {
        let events = EVENTS.join(", ");
        vec![
            "our user may not look at webhooks: give the OAuth client an administrator's user and the scopes webhooks:read, \
             webhooks:write, triggers:read and triggers:write, and run this again. Or, as an administrator of Zendesk:"
                .to_owned(),
            "Admin Center > Apps and integrations > Webhooks > Create webhook: “Zendesk events”".to_owned(),
            format!("tick these ticket events: {events}"),
            format!("name “{}”, endpoint {}, POST, JSON, no authentication", title(&self.name), wanted.endpoint),
            "on its page choose “Reveal secret”, and configure that as webhook_secret".to_owned(),
        ]
    }
}

#[async_trait::async_trait]
impl WebhookSetup for Zendesk {
    fn makes_the_secret(&self) -> bool {
        true
    }

    async fn survey(&self, wanted: &Wanted<'_>) -> Result<Survey, Failure> {
        let webhooks = match self.webhooks_to(wanted.endpoint).await {
            Ok(webhooks) => webhooks,
            Err(Failure { cause: Cause::Forbidden, .. }) => {
                return Ok(Survey {
                    by_hand: self.steps_by_hand(wanted),
                    is_hidden: true,
                    ..Survey::default()
                });
            }
            Err(failure) => return Err(failure),
        };
        let mut survey = Survey::default();
        let Some(webhook) = webhooks.iter().find(|one| one.is_active).or(webhooks.first()) else {
            let (subscriptions, what) = match wanted.form {
                Form::Events => {
                    (EVENTS.map(|event| format!("{EVENT}ticket.{event}")).to_vec(), EVENTS.join(", "))
                }
                Form::Triggers => (vec![BY_TRIGGERS.to_owned()], "what triggers tell".to_owned()),
            };
            let body = json!({ "webhook": {
                "name": title(&self.name),
                "endpoint": wanted.endpoint.as_str(),
                "http_method": "POST",
                "request_format": "json",
                "status": "active",
                "subscriptions": subscriptions,
            }});
            let call = SetupCall {
                name: "create_webhook",
                method: Method::POST,
                path: "webhooks".to_owned(),
                body: Some(body),
            };
            let text = format!("create the webhook “{}” to {}: {what}", title(&self.name), wanted.endpoint);
            survey.steps.push(Step::new(text, call));
            if wanted.form == Form::Triggers {
                survey.steps.push(Step::later("create two triggers: new ticket, changed ticket"));
            }
            return Ok(survey);
        };
        survey.found.push(webhook.called());
        survey.steps = webhook.steps();
        if webhooks.len() > 1 {
            survey.remarks.push(several(webhooks.len()));
        }
        if webhook.is_by_triggers() {
            self.trigger_steps(webhook, &mut survey).await?;
        } else if wanted.form == Form::Triggers {
            survey.remarks.push(
                "this webhook subscribes to events, and Zendesk does not let that be changed: remove it first for triggers"
                    .to_owned(),
            );
        }
        match self.signing_secret(webhook).await {
            Ok(secret) => survey.secret = secret,
            Err(Failure { cause: Cause::Forbidden | Cause::NotFound, .. }) => {
                survey.remarks.push(
                    "our user may not read the signing secret: “Reveal secret” on its page shows it"
                        .to_owned(),
                );
            }
            Err(failure) => return Err(failure),
        }
        if let Some(secret) = &survey.secret
            && !is_accepted(secret, wanted.accepted)
        {
            survey.remarks.push("webhook_secret is not this webhook's signing secret yet".to_owned());
        }
        survey.failed = self.failed_invocations(webhook).await?;
        Ok(survey)
    }

    async fn removal(&self, endpoint: &Url) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        for webhook in self.webhooks_to(endpoint).await? {
            if webhook.is_by_triggers() {
                // Zendesk keeps a webhook that an active trigger calls.
                for trigger in self.triggers_of(&webhook.id).await? {
                    let path = format!("triggers/{}", trigger.id);
                    let call = SetupCall { name: "delete_trigger", method: Method::DELETE, path, body: None };
                    survey
                        .steps
                        .push(Step::new(format!("delete {}, which calls it", trigger.called()), call));
                }
            }
            let path = format!("webhooks/{}", webhook.id);
            let call = SetupCall { name: "delete_webhook", method: Method::DELETE, path, body: None };
            survey.steps.push(Step::new(format!("delete {}", webhook.called()), call));
        }
        Ok(survey)
    }

    async fn perform(&self, call: &SetupCall) -> Result<(), Failure> {
        self.api.manage(call.name, call.method.clone(), &call.path, &[], call.body.as_ref()).await.map(drop)
    }

    fn test_delivery(&self, secret: &SecretString, now: Timestamp) -> TestDelivery {
        let timestamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, now.to_string().as_bytes());
        let body =
            json!({ "type": format!("{EVENT}ticketroom.test"), "id": id, "time": timestamp, "detail": {} });
        let body = body.to_string();
        let signature = STANDARD.encode(hmac(secret, &[timestamp.as_bytes(), body.as_bytes()]));
        let headers = vec![(SIGNATURE, signature), (TIMESTAMP, timestamp)];
        TestDelivery { headers, body }
    }
}
