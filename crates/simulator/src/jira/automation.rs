//! The bodies of Automation's action *Send web request*. They don't tell which event happened,
//! unless a custom template does. Ids are numbers in the issue data.
//!
//! There is one rule for each of four triggers: an issue is created, updated, commented or deleted.

use serde_json::{Value, json};

use super::event::{item, lens};
use super::issue::{Happening, Issue, What};
use super::site::Site;
use super::webhook::Mode;
use super::wire::Lens;

/// Custom data, as the documentation of the product recommends it.
const TEMPLATE: &str = r#"{"v":1,"kind":"{{kind}}","issue_id":"{{issue.id}}","issue_key":"{{issue.key}}","summary":{{issue.summary.asJsonString}},"initiator":"{{initiator.accountId}}","updated":"{{issue.updated.jqlDateTime}}"}"#;

/// The same with a mistake: the summary is not escaped.
const RAW_TEMPLATE: &str = r#"{"v":1,"kind":"{{kind}}","issue_id":"{{issue.id}}","issue_key":"{{issue.key}}","initiator":"{{initiator.accountId}}","updated":"{{issue.updated.jqlDateTime}}","summary":"{{issue.summary}}"}"#;

/// The trigger that fires.
pub(super) fn trigger(happening: &Happening) -> &'static str {
    match happening.what {
        What::Created(_) => "created",
        What::Updated(..) => "updated",
        What::Commented(_) => "commented",
        What::Deleted => "deleted",
    }
}

/// The body in that mode; `None` for admin webhooks, which Automation doesn't send.
pub(super) fn body(mode: Mode, site: &Site, issue: &Issue, happening: &Happening) -> Option<Vec<u8>> {
    let data = || issue_data(lens(site), issue, happening);
    match mode {
        Mode::Admin => None,
        Mode::AutomationJiraFormat => Some(json!({ "issue": data() }).to_string().into_bytes()),
        Mode::AutomationFormat => Some(data().to_string().into_bytes()),
        Mode::AutomationCustomData => Some(rendered(TEMPLATE, site, issue, happening)),
        Mode::AutomationRawCustomData => Some(rendered(RAW_TEMPLATE, site, issue, happening)),
    }
}

fn issue_data(lens: Lens<'_>, issue: &Issue, happening: &Happening) -> Value {
    let items = match &happening.what {
        What::Created(items) | What::Updated(_, items) => items.as_slice(),
        What::Commented(_) | What::Deleted => &[],
    };
    let histories: Vec<Value> = if items.is_empty() {
        Vec::new()
    } else {
        vec![json!({
            "id": happening.id.to_string(),
            "author": lens.user(&happening.by),
            "created": lens.time(happening.at),
            "items": items.iter().map(item).collect::<Vec<_>>(),
        })]
    };
    json!({
        "self": format!("{}/issue/{}", lens.api(), issue.id),
        "id": issue.id,
        "key": issue.key,
        "changelog": {
            "startAt": 0,
            "maxResults": histories.len(),
            "total": histories.len(),
            "histories": histories,
        },
        "fields": lens.fields(issue),
    })
}

fn rendered(template: &str, site: &Site, issue: &Issue, happening: &Happening) -> Vec<u8> {
    // JQL knows no seconds.
    let updated = issue.updated.strftime("%Y-%m-%d %H:%M").to_string();
    let (id, quoted) = (issue.id.to_string(), Value::from(issue.summary.as_str()).to_string());
    let initiator = site.people.reference(&happening.by);
    // Typed text comes last, so that it is never taken for a placeholder.
    let (summary, typed) = match template.contains("{{issue.summary.asJsonString}}") {
        true => ("{{issue.summary.asJsonString}}", &quoted),
        false => ("{{issue.summary}}", &issue.summary),
    };
    let values = [
        ("{{kind}}", trigger(happening)),
        ("{{issue.id}}", &id),
        ("{{issue.key}}", &issue.key),
        ("{{initiator.accountId}}", &initiator),
        ("{{issue.updated.jqlDateTime}}", &updated),
        (summary, typed),
    ];
    let body = values.iter().fold(template.to_owned(), |body, (name, value)| body.replace(name, value));
    body.into_bytes()
}
