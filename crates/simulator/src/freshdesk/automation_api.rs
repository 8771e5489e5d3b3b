//! The API for automation rules, and the one for ticket fields. Both are for administrators.
//!
//! The first is not in Freshdesk's public reference; it is known from other clients.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::FreshdeskService;
use super::account::{Account, time};
use super::api::{fields, invalid_json, ok, validation_failed};
use super::automation::{Rule, TYPES};
use super::people::dated;
use crate::http::{Answer, Request};

impl FreshdeskService {
    /// Answers a call below `automations`; the path is what follows that.
    pub(super) fn rules_call(
        &self,
        account: &mut Account,
        request: &Request,
        path: &[&str],
    ) -> Option<Answer> {
        let (kind, id) = match path {
            [kind, "rules"] => (kind, None),
            [kind, "rules", id] => (kind, Some(id.parse::<u64>().ok()?)),
            _ => return None,
        };
        let kind = kind.parse().ok().filter(|kind| TYPES.contains(kind))?;
        let now = time(self.clock.now());
        let place =
            id.and_then(|id| account.rules.iter().position(|rule| rule.kind == kind && rule.id == id));
        Some(match (request.method.as_str(), id) {
            ("GET", None) => {
                let of_kind = account.rules.iter().filter(|rule| rule.kind == kind);
                ok(&of_kind.zip(1..).map(|(rule, position)| rule.json(position)).collect::<Vec<_>>())
            }
            ("GET", Some(_)) => shown(account, StatusCode::OK, place?),
            ("POST", None) => {
                let Ok(Some(given)) = request.json() else { return Some(invalid_json()) };
                match Rule::read(account.long_id(), kind, &given, None, &now) {
                    Ok(rule) => {
                        account.rules.push(rule);
                        shown(account, StatusCode::CREATED, account.rules.len() - 1)
                    }
                    Err(wrong) => refused(wrong),
                }
            }
            ("PUT", Some(id)) => {
                let at = place?;
                let Ok(Some(given)) = request.json() else { return Some(invalid_json()) };
                let before = account.rules.get_mut(at)?;
                match Rule::read(id, kind, &given, Some(&*before), &now) {
                    Ok(rule) => {
                        *before = rule;
                        shown(account, StatusCode::OK, at)
                    }
                    Err(wrong) => refused(wrong),
                }
            }
            ("DELETE", Some(_)) => {
                account.rules.remove(place?);
                Answer::empty(StatusCode::NO_CONTENT)
            }
            _ => Answer::json(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({ "message": "GET, POST method(s) allowed" }),
            ),
        })
    }

    /// Lists the ticket fields, or adds one of the type `custom_text`.
    pub(super) fn admin_fields(&self, account: &mut Account, request: &Request) -> Answer {
        if request.method != hyper::Method::POST {
            return ok(&fields(account));
        }
        let Ok(Some(given)) = request.json() else { return invalid_json() };
        let text = |name: &str| given[name].as_str().filter(|text| !text.trim().is_empty());
        let Some(label) = text("label") else { return refused(("label", "It should not be blank")) };
        if text("label_for_customers").is_none() {
            return refused(("label_for_customers", "It should not be blank"));
        }
        if given["type"] != "custom_text" {
            return refused(("type", "It should be one of these values: custom_text"));
        }
        let name =
            format!("cf_{}", label.trim().to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        if account.has_field(&name) {
            let why = (name, "Already exists", "duplicate_value");
            return Answer { status: StatusCode::CONFLICT, ..validation_failed(&[why]) };
        }
        account.add_field(&name);
        let id = account.long_id();
        let made = dated(json!({
            "id": id, "name": name, "label": label, "label_for_customers": given["label_for_customers"],
            "type": "custom_text", "default": false, "required_for_closure": false, "choices": null,
        }));
        Answer::json(StatusCode::CREATED, &made)
    }
}

fn shown(account: &Account, status: StatusCode, at: usize) -> Answer {
    let rule = account.rules.get(at);
    let position = rule.map_or(0, |rule| {
        let before = account.rules.iter().take(at);
        before.filter(|other| other.kind == rule.kind).count() + 1
    });
    Answer::json(status, &rule.map_or(Value::Null, |rule| rule.json(position)))
}

fn refused((field, why): (&'static str, &'static str)) -> Answer {
    validation_failed(&[(field.to_owned(), why, "invalid_value")])
}
