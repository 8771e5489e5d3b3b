//! Remote links to things in other systems. A write with the same `globalId` replaces the link, and
//! removes what it leaves out. Webhooks don't report them.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::JiraService;
use super::api::Asked;
use super::issue::{Issue, RemoteLink};
use super::site::Site;
use super::wire;
use crate::http::Answer;

const LONGEST_GLOBAL_ID: usize = 255;

impl JiraService {
    pub(super) fn remote_links(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let issue = linked_issue(site, asked)?;
        let json = |link: &RemoteLink| {
            let mut shown = json!({
                "id": link.id,
                "self": address(asked, site, issue, link.id),
                "globalId": link.global_id,
                "application": or_empty(&link.application),
                "relationship": link.relationship,
                "object": link.object,
            });
            shown["object"]["icon"] = or_empty(&link.object["icon"]);
            shown["object"]["status"] = or_empty(&link.object["status"]);
            shown["object"]["status"]["icon"] = or_empty(&link.object["status"]["icon"]);
            without_nulls(shown)
        };
        let by_id = asked.route.detail.as_str();
        let body = match asked.request.query("globalId") {
            _ if !by_id.is_empty() => {
                let found = issue.links.iter().find(|link| link.id.to_string() == by_id);
                json(found.ok_or_else(|| no_link(by_id))?)
            }
            Some(wanted) => {
                let found = issue.links.iter().find(|link| link.global_id.as_deref() == Some(wanted));
                json(found.ok_or_else(|| no_link(wanted))?)
            }
            None => issue.links.iter().map(json).collect(),
        };
        Ok(Answer::json(StatusCode::OK, &body))
    }

    pub(super) fn put_remote_link(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let id = linked_issue(site, asked)?.id;
        let mut link = link_of(&asked.object()?)?;
        let next = site.ids.link();
        let issue = site.issue_mut(id).ok_or_else(wire::no_issue)?;
        let same =
            issue.links.iter_mut().find(|it| link.global_id.is_some() && it.global_id == link.global_id);
        let (status, number) = match same {
            Some(existing) => {
                link.id = existing.id;
                *existing = link;
                (StatusCode::OK, existing.id)
            }
            None => {
                issue.links.push(RemoteLink { id: next, ..link });
                (StatusCode::CREATED, next)
            }
        };
        let issue = site.issues.get(&id).ok_or_else(wire::no_issue)?;
        let body = json!({ "id": number, "self": address(asked, site, issue, number) });
        Ok(Answer::json(status, &body))
    }

    pub(super) fn delete_remote_link(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let id = linked_issue(site, asked)?.id;
        let missing = || wire::bad_request("The globalId is missing.");
        let unwanted = asked.request.query("globalId").ok_or_else(missing)?;
        let issue = site.issue_mut(id).ok_or_else(wire::no_issue)?;
        let before = issue.links.len();
        issue.links.retain(|link| link.global_id.as_deref() != Some(unwanted));
        if issue.links.len() == before {
            return Err(no_link(unwanted));
        }
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }
}

/// The object, or an empty one.
fn or_empty(part: &Value) -> Value {
    if part.is_object() { part.clone() } else { json!({}) }
}

/// Removes null members at any depth.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let present = members.into_iter().filter(|(_, value)| !value.is_null());
            present.map(|(name, value)| (name, without_nulls(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// The issue, unless links are switched off.
fn linked_issue<'a>(site: &'a Site, asked: &Asked<'_>) -> Result<&'a Issue, Answer> {
    let issue = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?;
    if site.linking {
        Ok(issue)
    } else {
        Err(wire::error(StatusCode::FORBIDDEN, "Issue linking is currently disabled."))
    }
}

fn address(asked: &Asked<'_>, site: &Site, issue: &Issue, link: u64) -> String {
    format!("{}/issue/{}/remotelink/{link}", asked.lens(site).api(), issue.key)
}

fn no_link(global_id: &str) -> Answer {
    let message = format!("A remote link with the global ID '{global_id}' does not exist for this issue.");
    wire::error(StatusCode::NOT_FOUND, &message)
}

/// Reads a link, still without its number.
fn link_of(body: &Value) -> Result<RemoteLink, Answer> {
    let object = &body["object"];
    for name in ["url", "title"] {
        if object[name].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(wire::bad_field(name, &format!("'{name}' is required.")));
        }
    }
    let global_id = body["globalId"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    if global_id.as_ref().is_some_and(|id| id.chars().count() > LONGEST_GLOBAL_ID) {
        return Err(wire::bad_field("globalId", "The global ID must not be longer than 255 characters."));
    }
    let members = |value: &Value, names: &[&str]| -> Value {
        if !value.is_object() {
            return Value::Null;
        }
        names.iter().map(|name| ((*name).to_owned(), value[*name].clone())).collect::<Map<_, _>>().into()
    };
    Ok(RemoteLink {
        id: 0,
        global_id,
        application: members(&body["application"], &["type", "name"]),
        relationship: body["relationship"].clone(),
        object: json!({
            "url": object["url"],
            "title": object["title"],
            "summary": object["summary"],
            "icon": members(&object["icon"], &["url16x16", "title", "link"]),
            "status": members(&object["status"], &["resolved", "icon"]),
        }),
    })
}
