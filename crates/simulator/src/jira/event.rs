//! The bodies of admin webhooks. Ids are strings; texts are wiki text; users have no e-mail
//! addresses (Cloud). The addresses in the bodies have another host than the API.
//!
//! A comment raises two events: its own, and one of the issue. The deletion of an issue raises an
//! event for each of its comments as well, in the secondary flow.

use serde_json::{Map, Value, json};

use super::issue::{Comment, Happening, Issue, Item, What};
use super::people::{Audience, INTEGRATION};
use super::signature::Flow;
use super::site::Site;
use super::wire::Lens;

/// Scheme and host of all addresses in webhooks.
const ORIGIN: &str = "https://example.atlassian.net";

/// How webhooks see the site.
pub(super) fn lens(site: &Site) -> Lens<'_> {
    Lens { site, origin: ORIGIN, version: 2, audience: Audience::Webhook }
}

/// One event of a webhook.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) flow: Flow,
    pub(super) body: Value,
}

/// The events of what happened to the issue, which is shown as it is now.
pub(super) fn events(site: &Site, issue: &Issue, happening: &Happening) -> Vec<Event> {
    let primary = |name, body| Event { name, flow: Flow::Primary, body };
    let teller = Teller { lens: lens(site), issue, happening };
    match &happening.what {
        What::Created(items) => {
            let mut body = teller.of_issue("jira:issue_created", Some("issue_created"));
            body["changelog"] = changelog(happening, items);
            vec![primary("jira:issue_created", body)]
        }
        What::Updated(kind, items) => {
            let mut body = teller.of_issue("jira:issue_updated", Some(kind));
            body["changelog"] = changelog(happening, items);
            vec![primary("jira:issue_updated", body)]
        }
        What::Commented(id) => {
            let Some(comment) = issue.comment(*id) else { return Vec::new() };
            let mut updated = teller.of_issue("jira:issue_updated", Some("issue_commented"));
            updated["comment"] = teller.lens.comment(issue, comment);
            let created = teller.of_comment("comment_created", comment);
            vec![primary("comment_created", created), primary("jira:issue_updated", updated)]
        }
        What::Deleted => {
            let deleted = primary("jira:issue_deleted", teller.of_issue("jira:issue_deleted", None));
            let comments = issue.comments.iter().map(|comment| Event {
                name: "comment_deleted",
                flow: Flow::Secondary,
                body: teller.of_comment("comment_deleted", comment),
            });
            std::iter::once(deleted).chain(comments).collect()
        }
    }
}

/// The latest event of that name, with the issue as it is; `None` if there was no such event.
pub(super) fn latest(site: &Site, issue: &Issue, event: &str) -> Option<Value> {
    issue.history.iter().rev().find_map(|happening| {
        let events = events(site, issue, happening);
        events.into_iter().find_map(|told| (told.name == event).then_some(told.body))
    })
}

/// The event of what a person did to the issue last, with the issue as it is.
pub(super) fn latest_by_person(site: &Site, issue: &Issue) -> Option<Value> {
    let happening = issue.history.iter().rfind(|happening| happening.by != INTEGRATION)?;
    events(site, issue, happening).into_iter().next().map(|event| event.body)
}

struct Teller<'a> {
    lens: Lens<'a>,
    issue: &'a Issue,
    happening: &'a Happening,
}

impl Teller<'_> {
    fn of_issue(&self, name: &str, kind: Option<&str>) -> Value {
        let mut body = json!({
            "timestamp": self.happening.at.as_millisecond(),
            "webhookEvent": name,
            "user": self.lens.user(&self.happening.by),
            "issue": self.issue(&self.lens.fields(self.issue)),
        });
        if let Some(kind) = kind {
            body["issue_event_type_name"] = kind.into();
        }
        body
    }

    /// There is no `user` in these, and only a few fields of the issue.
    fn of_comment(&self, name: &str, comment: &Comment) -> Value {
        const MENTIONED: [&str; 6] = ["summary", "issuetype", "project", "assignee", "priority", "status"];
        let mut fields = self.lens.fields(self.issue);
        fields.retain(|name, _| MENTIONED.contains(&name.as_str()));
        json!({
            "timestamp": self.happening.at.as_millisecond(),
            "webhookEvent": name,
            "comment": self.lens.comment(self.issue, comment),
            "issue": self.issue(&fields),
        })
    }

    /// Its address lacks a segment, as in the original.
    fn issue(&self, fields: &Map<String, Value>) -> Value {
        json!({
            "id": self.issue.id.to_string(),
            "self": format!("{}/{}", self.lens.api(), self.issue.id),
            "key": self.issue.key,
            "fields": fields,
        })
    }
}

fn changelog(happening: &Happening, items: &[Item]) -> Value {
    let items: Vec<Value> = items.iter().map(item).collect();
    json!({ "id": happening.id.to_string(), "items": items })
}

pub(super) fn item(item: &Item) -> Value {
    let is_custom = item.field_id.starts_with("customfield_");
    let mut json = json!({
        "field": item.field,
        "fieldtype": if is_custom { "custom" } else { "jira" },
        "fieldId": item.field_id,
        "from": item.from.0,
        "fromString": item.from.1,
        "to": item.to.0,
        "toString": item.to.1,
    });
    if matches!(item.field, "assignee" | "reporter") {
        json["tmpFromAccountId"] = json!(item.from.0);
        json["tmpToAccountId"] = json!(item.to.0);
    }
    json
}
