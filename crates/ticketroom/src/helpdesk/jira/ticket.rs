//! An issue as it is now, and our link in it: two calls side by side.
//!
//! Jira has no merge of its own: a merged request is resolved as a duplicate, and linked to the one
//! that goes on. So an issue with a link “duplicates” to another one was merged into that if it is
//! done and its resolution is “Duplicate”; otherwise it repeats that one. Links the other way round
//! (“is duplicated by”) say nothing about this issue. Both names are those that Jira comes with; a
//! site that renamed them has no merged issues for us.

use serde::Deserialize;
use serde_json::Value;

use super::super::{Absence, LinkInTicket, Observed, fields};
use super::adf;
use super::api::Api;
use super::wire::{IssueDto, RemoteLinkDto, UserDto};
use super::write_back::global_id;
use crate::call::{Cause, Failure};
use crate::source::salvage;
use crate::ticket::{Person, Status, Ticket, TicketId, TicketKey};

/// Asks for an issue. Only issues of `projects` are wanted, if there are any.
pub(super) async fn observe(
    api: &Api,
    key: &TicketKey,
    projects: &[String],
    reported: Option<&Ticket>,
) -> Result<Observed, Failure> {
    // Issues have numbers for ids; anything else would be part of a path.
    let Some(id) = salvage::whole_number(key.id.as_str()) else {
        return Ok(Observed::Absent(Absence::NotShown));
    };
    let global_id = global_id(key);
    let (issue, link) = futures_util::join!(api.issue(id), api.remote_link(id, &global_id));
    let issue = match issue {
        Ok(issue) => issue,
        Err(Failure { cause: Cause::NotFound, .. }) => return absent(api, reported).await,
        Err(failure) => return Err(failure),
    };
    let ticket = ticket(id, issue);
    if let Some(project) = &ticket.project
        && !projects.is_empty()
        && !projects.iter().any(|wanted| wanted.eq_ignore_ascii_case(project))
    {
        let why =
            format!("the issue is in the project {project}, and only {} get rooms", projects.join(", "));
        return Ok(Observed::Absent(Absence::NotWanted(why)));
    }
    let link = match link {
        Ok(link) => link_in(link),
        // Issue linking is switched off, or not for our user.
        Err(Failure { cause: Cause::Forbidden, .. }) => LinkInTicket::Unreadable,
        Err(failure) => return Err(failure),
    };
    Ok(Observed::Present { ticket: Box::new(ticket), link })
}

/// Jira says the same of an issue that was deleted, of one that our user may not see, and of every
/// issue to somebody whose credentials are no good.
async fn absent(api: &Api, reported: Option<&Ticket>) -> Result<Observed, Failure> {
    api.myself().await?;
    let was_deleted = reported.is_some_and(|reported| reported.status == Status::Deleted);
    Ok(Observed::Absent(if was_deleted { Absence::Deleted } else { Absence::NotShown }))
}

fn link_in(link: Option<RemoteLinkDto>) -> LinkInTicket {
    let url = link.and_then(|link| link.object).and_then(|object| object.url);
    LinkInTicket::read(url.as_deref())
}

fn ticket(id: u64, issue: IssueDto) -> Ticket {
    let IssueDto { key, fields } = issue;
    let text = |path: &[&str]| text_at(&fields, path);
    let status =
        status(text(&["status", "statusCategory", "key"]).as_deref(), text(&["status", "name"]).as_deref());
    let duplicated = fields.get("issuelinks").and_then(|links| duplicated(links, id));
    let is_duplicate = text(&["resolution", "name"]).is_some_and(|name| is_duplicate(&name));
    let is_merged = is_duplicate && matches!(status, Status::Solved | Status::Closed);
    let (merged_into, follow_up_of) = if is_merged { (duplicated, None) } else { (None, duplicated) };
    Ticket {
        subject: text(&["summary"]).unwrap_or_default(),
        description: fields.get("description").and_then(adf::plain),
        requester: fields.get("reporter").and_then(person),
        assignee: fields.get("assignee").and_then(person),
        group: None,
        organization: fields.values().find_map(organization),
        brand: None,
        // Those that come with a service project have this prefix.
        kind: text(&["issuetype", "name"])
            .map(|kind| kind.trim_start_matches("[System]").trim().to_lowercase()),
        form: fields.values().find_map(|field| {
            let name = field.get("requestType")?.get("name")?.as_str()?.trim();
            (!name.is_empty()).then(|| name.to_owned())
        }),
        channel: None,
        created: fields::time(text(&["created"]).as_deref()),
        priority: text(&["priority", "name"]).map(|priority| priority.to_lowercase()),
        status,
        tags: labels(fields.get("labels")),
        key,
        project: text(&["project", "key"]),
        merged_into,
        follow_up_of,
        version: text(&["updated"]),
        fields: fields::pick(fields.into_iter().filter(|(name, _)| name.starts_with("customfield_"))),
    }
}

/// The name of Jira's link type and of its resolution.
fn is_duplicate(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case("duplicate")
}

/// The issue of which this one is a duplicate: the first, if there are several.
fn duplicated(links: &Value, id: u64) -> Option<TicketId> {
    let links = links.as_array()?.iter();
    let mut others = links.filter_map(|link| {
        let kind = link.get("type")?.get("name")?.as_str()?;
        let other = link.get("outwardIssue")?.get("id")?;
        let other = other.as_u64().or_else(|| salvage::whole_number(other.as_str()?.trim()))?;
        (is_duplicate(kind) && other != id && other != 0).then(|| TicketId::from(other))
    });
    others.next()
}

/// The first organization of a service project, which are in a custom field whose number is every
/// site's own.
fn organization(field: &Value) -> Option<String> {
    let first = field.as_array()?.first()?;
    let address = first.get("_links")?.get("self")?.as_str()?;
    let is_one = address.contains("/servicedeskapi/organization/");
    first.get("name")?.as_str().filter(|name| is_one && !name.trim().is_empty()).map(str::to_owned)
}

fn text_at(fields: &std::collections::BTreeMap<String, Value>, path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(fields.get(*first)?, |value, name| value.get(*name))?;
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The names of statuses are everybody's own; their categories are Jira's. Within one, a few names
/// that Jira itself gives tell more.
pub(super) fn status(category: Option<&str>, name: Option<&str>) -> Status {
    let name = name.unwrap_or_default().to_lowercase();
    match category {
        Some("new") => Status::New,
        Some("done") if name == "closed" => Status::Closed,
        Some("done") => Status::Solved,
        _ if name == "waiting for customer" => Status::Pending,
        _ => Status::Open,
    }
}

fn labels(labels: Option<&Value>) -> Vec<String> {
    let labels = labels.and_then(Value::as_array).into_iter().flatten();
    labels.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A person of whom nothing is known is nobody.
fn person(user: &Value) -> Option<Person> {
    let user = UserDto::deserialize(user).ok()?;
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let person = Person { name: filled(user.display_name), email: filled(user.email_address) };
    (person != Person::default()).then_some(person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::FieldValue;

    fn read(json: &str) -> Ticket {
        ticket(10_042, serde_json::from_str(json).unwrap())
    }

    #[test]
    fn everything_is_read() {
        let issue = r#"{"id":"10042","key":"SUP-42","fields":{
            "summary":"Export of \"Q3\" fails","priority":{"name":"High"},"labels":["export","web"],
            "description":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"Hello"}]}]},
            "project":{"id":"10001","key":"SUP"},"updated":"2026-11-20T09:14:03.412+0100",
            "status":{"name":"Waiting for customer","statusCategory":{"key":"indeterminate"}},
            "reporter":{"accountId":"qm:1","displayName":"Rita Requester"},
            "assignee":{"accountId":"712020:a","displayName":"Anna Agent","emailAddress":"anna@helpdesk.example"},
            "issuetype":{"name":"[System] Incident"},"created":"2026-11-20T09:00:00.000+0100",
            "customfield_10002":[{"id":"3","name":"Acme","_links":{"self":"https://a/rest/servicedeskapi/organization/3"}}],
            "customfield_10077":null,"customfield_10050":{"value":"EU"},
            "customfield_10010":{"requestType":{"name":"Report a problem"}}}}"#;
        assert_eq!(
            read(issue),
            Ticket {
                subject: "Export of \"Q3\" fails".to_owned(),
                description: Some("Hello".to_owned()),
                requester: Some(Person { name: Some("Rita Requester".to_owned()), email: None }),
                assignee: Some(Person {
                    name: Some("Anna Agent".to_owned()),
                    email: Some("anna@helpdesk.example".to_owned())
                }),
                group: None,
                organization: Some("Acme".to_owned()),
                brand: None,
                kind: Some("incident".to_owned()),
                form: Some("Report a problem".to_owned()),
                channel: None,
                created: Some("2026-11-20T08:00:00Z".parse().unwrap()),
                priority: Some("high".to_owned()),
                status: Status::Pending,
                tags: vec!["export".to_owned(), "web".to_owned()],
                key: Some("SUP-42".to_owned()),
                project: Some("SUP".to_owned()),
                fields: [
                    ("customfield_10002".to_owned(), FieldValue::List(vec!["Acme".to_owned()])),
                    ("customfield_10050".to_owned(), FieldValue::Text("EU".to_owned())),
                ]
                .into(),
                merged_into: None,
                follow_up_of: None,
                version: Some("2026-11-20T09:14:03.412+0100".to_owned()),
            }
        );
    }

    #[test]
    fn almost_everything_may_be_missing() {
        let bare = read(r#"{"key":null,"fields":{"reporter":null,"assignee":{},"labels":null,"status":7}}"#);
        assert_eq!(bare, Ticket { status: Status::Open, ..Ticket::default() });
        assert_eq!(read("{}").status, Status::Open);
    }

    #[test]
    fn a_duplicate_is_merged_once_it_is_resolved_as_one() {
        let link = |kind: &str, side: &str, id: &str| {
            format!(
                r#"{{"id":"1","type":{{"name":"{kind}","outward":"duplicates"}},"{side}":{{"id":{id},"key":"SUP-7"}}}}"#
            )
        };
        let to = link("Duplicate", "outwardIssue", "\"10007\"");
        let read = |links: &str, resolution: &str, category: &str| {
            let ticket = read(&format!(
                r#"{{"fields":{{"issuelinks":{links},"resolution":{resolution},
                    "status":{{"name":"x","statusCategory":{{"key":"{category}"}}}}}}}}"#
            ));
            let id = |id: Option<TicketId>| id.map(|id| id.to_string()).unwrap_or_default();
            (id(ticket.merged_into), id(ticket.follow_up_of))
        };
        let pair = |merged: &str, follows: &str| (merged.to_owned(), follows.to_owned());
        let duplicate = r#"{"name":"Duplicate"}"#;
        assert_eq!(read(&format!("[{to}]"), duplicate, "done"), pair("10007", ""));
        for (resolution, category) in
            [(duplicate, "indeterminate"), (r#"{"name":"Done"}"#, "done"), ("null", "new"), ("null", "done")]
        {
            assert_eq!(
                read(&format!("[{to}]"), resolution, category),
                pair("", "10007"),
                "{resolution} {category}"
            );
        }
        for none in [
            link("Duplicate", "inwardIssue", "\"10007\""),
            link("Relates", "outwardIssue", "\"10007\""),
            link("Duplicate", "outwardIssue", "\"10042\""),
            link("Duplicate", "outwardIssue", "\"SUP-7\""),
            link("Duplicate", "outwardIssue", "null"),
            "null".to_owned(),
            "[]".to_owned(),
        ] {
            assert_eq!(read(&format!("[{none}]"), duplicate, "done"), pair("", ""), "{none}");
            assert_eq!(read(&format!("[{none},{to}]"), duplicate, "done"), pair("10007", ""), "{none}");
        }
        for odd in ["null", "{}", "7"] {
            assert_eq!(read(odd, duplicate, "done"), pair("", ""));
        }
    }

    #[test]
    fn statuses_are_told_by_their_category() {
        for (category, name, expected) in [
            ("new", "Offen", Status::New),
            ("indeterminate", "Waiting for support", Status::Open),
            ("indeterminate", "Waiting for customer", Status::Pending),
            ("done", "Erledigt", Status::Solved),
            ("done", "Closed", Status::Closed),
            ("undefined", "Closed", Status::Open),
        ] {
            assert_eq!(status(Some(category), Some(name)), expected, "{category} {name}");
        }
    }
}
