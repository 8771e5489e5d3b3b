//! The trigger API. It is for administrators.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::account::Account;
use super::registry::BY_TRIGGERS;
use super::trigger::{Condition, Trigger, definitions};
use super::{ZendeskService, paging, wire};
use crate::http::{Answer, Request};

/// The one category of triggers, which a new trigger has to name.
const CATEGORY: &str = "10026";

/// What is wrong with a trigger: its field, and why.
type Wrong = (&'static str, &'static str);

impl ZendeskService {
    /// Answers a call below `triggers`; the path is what follows that.
    pub(super) fn trigger_call(
        &self,
        account: &mut Account,
        request: &Request,
        path: &[&str],
    ) -> Option<Answer> {
        let api = format!("{}/api/v2", request.origin());
        match (request.method.as_str(), path) {
            ("GET", ["definitions"]) => Some(Answer::json(StatusCode::OK, &definitions(account))),
            ("GET", []) => Some(list(account, request, &api, |_| true)),
            ("GET", ["active"]) => Some(list(account, request, &api, |trigger| trigger.is_active)),
            ("POST", []) => Some(self.create_trigger(account, request, &api)),
            ("GET", [id]) => place(account, id).map(|at| one(StatusCode::OK, account, at, &api)),
            ("PUT", [id]) => place(account, id).map(|at| self.change_trigger(account, at, request, &api)),
            ("DELETE", [id]) => place(account, id).map(|at| {
                account.triggers.remove(at);
                Answer::empty(StatusCode::NO_CONTENT)
            }),
            _ => None,
        }
    }

    fn create_trigger(&self, account: &mut Account, request: &Request, api: &str) -> Answer {
        let body = request.json().ok().flatten().unwrap_or_default();
        let now = self.clock.now();
        let mut trigger = Trigger {
            id: account.next_id(),
            title: String::new(),
            is_active: true,
            category: String::new(),
            description: None,
            all: Vec::new(),
            any: Vec::new(),
            actions: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        match self.change(&mut trigger, &body["trigger"]) {
            Ok(()) => {
                account.triggers.push(trigger);
                one(StatusCode::CREATED, account, account.triggers.len() - 1, api)
            }
            Err((field, why)) => wire::invalid(field, why),
        }
    }

    fn change_trigger(&self, account: &mut Account, at: usize, request: &Request, api: &str) -> Answer {
        debug_assert_eq!(request.method, Method::PUT);
        let body = request.json().ok().flatten().unwrap_or_default();
        let Some(trigger) = account.triggers.get_mut(at) else { return wire::not_found() };
        match self.change(trigger, &body["trigger"]) {
            Ok(()) => one(StatusCode::OK, account, at, api),
            Err((field, why)) => wire::invalid(field, why),
        }
    }

    /// Changes what the request names, if the trigger is then a whole one.
    fn change(&self, trigger: &mut Trigger, wanted: &Value) -> Result<(), Wrong> {
        let text = |name: &str| wanted[name].as_str().map(str::to_owned);
        let conditions = |name: &str, before: &[Condition]| match wanted["conditions"][name].as_array() {
            Some(all) => all.iter().map(Condition::read).collect::<Option<Vec<_>>>(),
            None => Some(before.to_vec()),
        };
        let unknown = ("conditions", "Conditions: a condition is invalid");
        let title = text("title").unwrap_or_else(|| trigger.title.clone());
        let category = match &wanted["category_id"] {
            Value::Null => trigger.category.clone(),
            given => given.as_str().map_or_else(|| given.to_string(), str::to_owned),
        };
        let all = conditions("all", &trigger.all).ok_or(unknown)?;
        let any = conditions("any", &trigger.any).ok_or(unknown)?;
        let actions = match wanted["actions"].as_array() {
            Some(actions) => {
                let read =
                    |action: &Value| Some((action["field"].as_str()?.to_owned(), action["value"].clone()));
                let actions: Option<Vec<_>> = actions.iter().map(read).collect();
                actions.ok_or(("actions", "Actions: an action is invalid"))?
            }
            None => trigger.actions.clone(),
        };
        if title.trim().is_empty() {
            return Err(("title", "Title: cannot be blank"));
        }
        if category != CATEGORY {
            return Err(("category_id", "Category: must exist"));
        }
        if all.is_empty() && any.is_empty() {
            return Err(("conditions", "Conditions: at least one condition is needed"));
        }
        if actions.is_empty() || !actions.iter().all(|action| self.is_possible(action)) {
            return Err(("actions", "Actions: an action is invalid"));
        }
        trigger.is_active = wanted["active"].as_bool().unwrap_or(trigger.is_active);
        trigger.description = text("description").or_else(|| trigger.description.take());
        trigger.updated_at = self.clock.now();
        trigger.title = title;
        trigger.category = category;
        trigger.all = all;
        trigger.any = any;
        trigger.actions = actions;
        Ok(())
    }

    /// Whether an action notifies a webhook that triggers may call, with a text. There are no
    /// others here.
    fn is_possible(&self, (field, value): &(String, Value)) -> bool {
        let registered = self.webhooks.registered();
        let is_known = registered.iter().any(|webhook| {
            value[0] == webhook.id.as_str()
                && webhook.settings.subscriptions.iter().any(|one| one == BY_TRIGGERS)
        });
        field == "notification_webhook" && is_known && value[1].is_string()
    }
}

/// The categories of triggers.
pub(super) fn categories(request: &Request) -> Answer {
    let category = json!({ "id": CATEGORY, "name": "Notifications", "position": 0 });
    paging::by_cursor(request, "trigger_categories", vec![category])
}

fn place(account: &Account, id: &str) -> Option<usize> {
    let id: u64 = id.parse().ok()?;
    account.triggers.iter().position(|trigger| trigger.id == id)
}

fn one(status: StatusCode, account: &Account, at: usize, api: &str) -> Answer {
    let trigger = account.triggers.get(at).map(|trigger| trigger.json(api, at + 1));
    Answer::json(status, &json!({ "trigger": trigger }))
}

fn list(account: &Account, request: &Request, api: &str, wanted: impl Fn(&Trigger) -> bool) -> Answer {
    let triggers = account.triggers.iter().zip(1..).filter(|(trigger, _)| wanted(trigger));
    let shown = triggers.map(|(trigger, position)| trigger.json(api, position));
    paging::in_this_order(request, "triggers", shown.collect())
}
