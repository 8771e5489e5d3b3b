//! Freshdesk's automation rules, as far as their API is known.
//!
//! A webhook of Freshdesk is an action of a rule: one rule for new tickets, one for changes. The
//! API lists, copies and changes rules, but what the fields of a webhook action are is not
//! documented, so nothing is made up: a rule that already sends to another address of ours (the
//! public address has changed) is copied with the new address, one that is switched off is switched
//! on, and for everything else there are instructions with the ready body.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::super::setup::{SetupCall, Step, Survey, TestDelivery, Wanted, WebhookSetup};
use super::Freshdesk;
use super::delivery::SECRET;
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::printable::{DETAIL, printable};

/// What a rule's webhook sends.
const BODY: &str = r#"{"v":1,"ticket_id":"{{ticket.id}}","event":"{{triggered_event}}"}"#;

/// What Freshdesk sets by itself; a copy is made without it.
const OWN_FIELDS: [&str; 8] = [
    "id",
    "created_at",
    "updated_at",
    "outdated",
    "affected_tickets_count",
    "last_updated_by",
    "summary",
    "position",
];

/// The two kinds of rules that are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Creation,
    Updates,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Creation, Self::Updates];

    fn path(self) -> &'static str {
        match self {
            Self::Creation => "api/v2/automations/1/rules",
            Self::Updates => "api/v2/automations/4/rules",
        }
    }

    fn called(self) -> &'static str {
        match self {
            Self::Creation => "Ticket Creation",
            Self::Updates => "Ticket Updates",
        }
    }

    fn when(self) -> &'static str {
        match self {
            Self::Creation => "condition: source is Email, or source is not Email (any ticket)",
            Self::Updates => {
                "performed by the requester or by agents other than ticketroom's own; events: agent, group, priority, status or \
                 type is changed, ticket is deleted"
            }
        }
    }
}

/// Where a rule sends, compared with where it is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sends {
    Here,
    /// To the endpoint of this helpdesk at another public address, which is this text in the rule.
    ToAnother(String),
    Elsewhere,
}

/// Where a rule sends. Its addresses may have placeholders in their queries.
fn sends(rule: &Value, endpoint: &Url) -> Sends {
    let mut found = Sends::Elsewhere;
    for text in texts(rule.get("actions").unwrap_or(&Value::Null)) {
        let address = text.split(['?', '#']).next().unwrap_or_default().trim();
        let Ok(url) = Url::parse(address) else { continue };
        if url == *endpoint {
            return Sends::Here;
        }
        let last = |url: &Url| url.path().rsplit('/').next().map(str::to_owned);
        if url.path().contains("/webhooks/") && last(&url) == last(endpoint) {
            found = Sends::ToAnother(address.to_owned());
        }
    }
    found
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The value with one text in place of another, wherever it is a text or begins one.
fn replaced(value: &Value, from: &str, to: &str) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with(['?', '#']) => json!(format!("{to}{rest}")),
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(|one| replaced(one, from, to)).collect(),
        Value::Object(values) => {
            Value::Object(values.iter().map(|(key, one)| (key.clone(), replaced(one, from, to))).collect())
        }
        _ => value.clone(),
    }
}

fn called(rule: &Value, kind: Kind) -> String {
    let name = rule.get("name").and_then(Value::as_str).unwrap_or_default();
    format!("rule “{}” ({})", printable(name, DETAIL), kind.called())
}

fn is_active(rule: &Value) -> bool {
    rule.get("active").and_then(Value::as_bool) != Some(false)
}

impl Freshdesk {
    /// The rules of a kind; `None` if our key may not see them, or there is no such API.
    async fn rules(&self, kind: Kind) -> Result<Option<Vec<Value>>, Failure> {
        match self.api.rest().manage("automation_rules", Method::GET, kind.path(), None).await {
            Ok(Value::Array(rules)) => Ok(Some(rules)),
            Ok(mut answer) => Ok(match answer.get_mut("rules").map(Value::take) {
                Some(Value::Array(rules)) => Some(rules),
                _ => None,
            }),
            Err(Failure { cause: Cause::Forbidden | Cause::NotFound, .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn steps_by_hand(kind: Kind, endpoint: &Url) -> String {
        format!(
            "as an administrator of Freshdesk: Admin > Workflows > Automations > {} > New rule\n  {}\n  action: Trigger webhook, \
             POST, URL {endpoint}?ticket_id={{{{ticket.id}}}}\n  custom header: X-Ticketroom-Secret: and the value of \
             webhook_secret\n  encoding JSON, content Advanced:\n  {BODY}\n  put it on top, or choose “execute all matching rules”",
            kind.called(),
            kind.when(),
        )
    }
}

#[async_trait::async_trait]
impl WebhookSetup for Freshdesk {
    fn makes_the_secret(&self) -> bool {
        false
    }

    async fn survey(&self, wanted: &Wanted<'_>) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        for kind in Kind::ALL {
            let Some(rules) = self.rules(kind).await? else {
                survey.by_hand.push(Self::steps_by_hand(kind, wanted.endpoint));
                survey.is_hidden = true;
                continue;
            };
            let sending: Vec<(&Value, Sends)> =
                rules.iter().map(|rule| (rule, sends(rule, wanted.endpoint))).collect();
            let here: Vec<&Value> =
                sending.iter().filter(|(_, sends)| *sends == Sends::Here).map(|(rule, _)| *rule).collect();
            if let Some(rule) = here.iter().find(|rule| is_active(rule)) {
                survey.found.push(called(rule, kind));
                if rule.get("outdated").and_then(Value::as_bool) == Some(true) {
                    survey
                        .remarks
                        .push(format!("{} is outdated: it names a field that is gone", called(rule, kind)));
                }
                continue;
            }
            if let Some((rule, id)) = here.iter().find_map(|rule| Some((rule, rule.get("id")?.as_u64()?))) {
                let body = Some(json!({ "active": true }));
                let path = format!("{}/{id}", kind.path());
                let call = SetupCall { name: "update_rule", method: Method::PUT, path, body };
                survey.steps.push(Step::new(format!("switch on {}", called(rule, kind)), call));
                continue;
            }
            let template = sending.iter().find_map(|(rule, sends)| match sends {
                Sends::ToAnother(address) => Some((*rule, address)),
                _ => None,
            });
            match template {
                Some((rule, address)) => {
                    let mut copy = replaced(rule, address, wanted.endpoint.as_str());
                    if let Value::Object(fields) = &mut copy {
                        fields.retain(|name, _| !OWN_FIELDS.contains(&name.as_str()));
                        let name = rule.get("name").and_then(Value::as_str).unwrap_or("ticketroom");
                        let host = wanted.endpoint.host_str().unwrap_or_default();
                        fields.insert("name".to_owned(), json!(format!("{name} ({host})")));
                        fields.insert("active".to_owned(), json!(true));
                    }
                    let path = kind.path().to_owned();
                    let call =
                        SetupCall { name: "create_rule", method: Method::POST, path, body: Some(copy) };
                    let text = format!(
                        "copy {}, which sends to {}, with the address {}",
                        called(rule, kind),
                        printable(address, DETAIL),
                        wanted.endpoint
                    );
                    survey.steps.push(Step::new(text, call));
                }
                None => survey.by_hand.push(Self::steps_by_hand(kind, wanted.endpoint)),
            }
        }
        if wanted.renew_secret {
            survey.remarks.push(
                "Freshdesk's API does not say where a rule has its secret: put it into the custom header of each rule by hand"
                    .to_owned(),
            );
        }
        Ok(survey)
    }

    async fn removal(&self, endpoint: &Url) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        for kind in Kind::ALL {
            let Some(rules) = self.rules(kind).await? else {
                survey.by_hand.push(format!(
                    "our key may not see automation rules: as an administrator, delete those under Automations > {} that send to {endpoint}",
                    kind.called()
                ));
                continue;
            };
            for rule in rules.iter().filter(|rule| sends(rule, endpoint) == Sends::Here) {
                let Some(id) = rule.get("id").and_then(Value::as_u64) else { continue };
                let path = format!("{}/{id}", kind.path());
                let call = SetupCall { name: "delete_rule", method: Method::DELETE, path, body: None };
                survey.steps.push(Step::new(format!("delete {}", called(rule, kind)), call));
            }
        }
        Ok(survey)
    }

    async fn perform(&self, call: &SetupCall) -> Result<(), Failure> {
        self.api.rest().manage(call.name, call.method.clone(), &call.path, call.body.as_ref()).await.map(drop)
    }

    fn test_delivery(&self, secret: &SecretString, now: Timestamp) -> TestDelivery {
        let body = json!({ "event": "onWebhookTest", "timestamp": now.as_second(), "data": {} });
        TestDelivery { headers: vec![(SECRET, secret.expose_secret().to_owned())], body: body.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_recognized_by_where_its_webhook_sends() {
        let endpoint: Url = "https://r.example/webhooks/freshdesk".parse().unwrap();
        let rule = |url: &str| json!({ "actions": [{ "field_name": "trigger_webhook", "url": url }] });
        let here = rule("https://r.example/webhooks/freshdesk?ticket_id={{ticket.id}}");
        assert_eq!(sends(&here, &endpoint), Sends::Here);
        let old = "https://old.example/t/webhooks/freshdesk";
        let moved = rule(&format!("{old}?ticket_id={{{{ticket.id}}}}"));
        assert_eq!(sends(&moved, &endpoint), Sends::ToAnother(old.to_owned()));
        assert_eq!(replaced(&moved, old, endpoint.as_str()), here);
        for elsewhere in [rule("https://r.example/webhooks/jira"), rule("no address"), json!({})] {
            assert_eq!(sends(&elsewhere, &endpoint), Sends::Elsewhere);
        }
    }

    #[test]
    fn only_the_address_is_replaced() {
        let rule = json!({ "name": "https://a.example/x", "content": "see https://a.example/x now" });
        let to = "https://b.example/x";
        assert_eq!(
            replaced(&rule, "https://a.example/x", to),
            json!({ "name": to, "content": "see https://a.example/x now" })
        );
        assert_eq!(
            replaced(&json!("https://a.example/xy"), "https://a.example/x", to),
            "https://a.example/xy"
        );
    }
}
