//! Issues and what belongs to them as JSON, and errors. Readers see them differently: webhooks and
//! version 2 of the API have wiki text, version 3 has documents, and not everybody sees e-mail
//! addresses.

use hyper::StatusCode;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value, json};

use super::issue::{Attachment, Category, Comment, Issue, Status};
use super::people::Audience;
use super::site::{Site, priority_id};
use super::{Deployment, ROOM_FIELD, adf, issue_links};
use crate::http::Answer;

/// How issues are shown to one kind of reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lens<'a> {
    pub(super) site: &'a Site,
    /// Scheme and host of all addresses.
    pub(super) origin: &'a str,
    /// Version 3 has documents for texts.
    pub(super) version: u8,
    pub(super) audience: Audience,
}

impl Lens<'_> {
    pub(super) fn api(&self) -> String {
        format!("{}/rest/api/{}", self.origin, self.version)
    }

    /// Webhooks use the time zone of the server, answers that of the caller. Offsets have no colon.
    pub(super) fn time(&self, time: Timestamp) -> String {
        let zone = match self.audience {
            Audience::Webhook => Offset::from_hours(1).map_or(TimeZone::UTC, TimeZone::fixed),
            Audience::Rest | Audience::Requests => self.site.zone.clone(),
        };
        time.to_zoned_datetime(zone).strftime("%Y-%m-%dT%H:%M:%S%.3f%z").to_string()
    }

    pub(super) fn user(&self, id: &str) -> Value {
        self.site.people.json(id, self.audience, &self.api())
    }

    fn text(&self, wiki: &str) -> Value {
        if self.version == 3 { adf::from_wiki(wiki) } else { wiki.into() }
    }

    pub(super) fn project(&self, key: &str) -> Value {
        let Some(project) = self.site.projects.get(key) else { return Value::Null };
        let id = project.id.to_string();
        let avatar = format!("{}/rest/api/2/universal_avatar/view/type/project/avatar/10422", self.origin);
        json!({
            "self": format!("{}/project/{id}", self.api()),
            "id": id,
            "key": key,
            "name": project.name,
            "projectTypeKey": "service_desk",
            "simplified": false,
            "avatarUrls": { "48x48": avatar },
        })
    }

    /// All fields.
    pub(super) fn fields(&self, issue: &Issue) -> Map<String, Value> {
        let mut fields = self.fields_without_links(issue);
        if self.audience != Audience::Webhook {
            fields.insert("issuelinks".to_owned(), issue_links::shown(*self, issue));
        }
        fields
    }

    /// All fields but that of the links to other issues.
    pub(super) fn fields_without_links(&self, issue: &Issue) -> Map<String, Value> {
        let api = self.api();
        let resolution = issue.resolved.map(|(resolution, _)| {
            let (id, name) = (resolution.id(), resolution.name());
            json!({ "self": format!("{api}/resolution/{id}"), "id": id, "description": "", "name": name })
        });
        let attachments: Vec<Value> = issue.attachments.iter().map(|file| self.attachment(file)).collect();
        let user = |id: &Option<String>| id.as_ref().map_or(Value::Null, |id| self.user(id));
        let fields = json!({
            "summary": issue.summary,
            "description": issue.description.as_ref().map(|wiki| self.text(wiki)),
            "issuetype": {
                "self": format!("{api}/issuetype/10012"),
                "id": "10012",
                "description": "",
                "iconUrl": format!("{}/rest/api/2/universal_avatar/view/type/issuetype/avatar/10320", self.origin),
                "name": "[System] Incident",
                "subtask": false,
                "avatarId": 10320,
                "hierarchyLevel": 0,
            },
            "project": self.project(&issue.project),
            "priority": {
                "self": format!("{api}/priority/{}", priority_id(issue.priority)),
                "iconUrl": format!("{}/images/icons/priorities/{}.svg", self.origin, issue.priority.to_lowercase()),
                "name": issue.priority,
                "id": priority_id(issue.priority),
            },
            "status": self.status(issue.status),
            "resolution": resolution,
            "resolutiondate": issue.resolved.map(|(_, time)| self.time(time)),
            "labels": issue.labels,
            "components": [],
            "reporter": user(&issue.reporter),
            "creator": self.user(&issue.creator),
            "assignee": user(&issue.assignee),
            "created": self.time(issue.created),
            "updated": self.time(issue.updated),
            "duedate": null,
            "security": null,
            "parent": null,
            "attachment": attachments,
            "customfield_10010": self.request_type(issue),
            "customfield_10002": [],
            ROOM_FIELD: issue.room,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    pub(super) fn status(&self, status: Status) -> Value {
        let api = self.api();
        let (id, category) = (status.id().to_string(), status.category());
        let (number, color, name) = match category {
            Category::New => (2, "blue-gray", "To Do"),
            Category::Indeterminate => (4, "yellow", "In Progress"),
            Category::Done => (3, "green", "Done"),
        };
        json!({
            "self": format!("{api}/status/{id}"),
            "description": "",
            "iconUrl": format!("{}/images/icons/status_generic.gif", self.origin),
            "name": status.name(),
            "id": id,
            "statusCategory": {
                "self": format!("{api}/statuscategory/{number}"),
                "id": number,
                "key": category.key(),
                "colorName": color,
                "name": name,
            },
        })
    }

    /// The field in which Service Management keeps what the customer asked for.
    fn request_type(&self, issue: &Issue) -> Value {
        let desk = format!("{}/rest/servicedeskapi/servicedesk/1", self.origin);
        json!({
            "_links": self.request_links(issue),
            "requestType": {
                "id": "21",
                "name": "Report a problem",
                "serviceDeskId": "1",
                "issueTypeId": "10012",
                "_links": { "self": format!("{desk}/requesttype/21") },
            },
            "currentStatus": {
                "status": issue.status.name(),
                "statusCategory": issue.status.category().key().to_uppercase(),
            },
        })
    }

    pub(super) fn request_links(&self, issue: &Issue) -> Value {
        let (origin, id, key) = (self.origin, issue.id, &issue.key);
        json!({
            "jiraRest": format!("{}/issue/{id}", self.api()),
            "web": format!("{origin}/servicedesk/customer/portal/1/{key}"),
            "agent": format!("{origin}/browse/{key}"),
            "self": format!("{origin}/rest/servicedeskapi/request/{id}"),
        })
    }

    pub(super) fn attachment(&self, file: &Attachment) -> Value {
        let (api, id) = (self.api(), file.id.to_string());
        json!({
            "self": format!("{api}/attachment/{id}"),
            "id": id,
            "filename": file.filename,
            "author": self.user(&file.author),
            "created": self.time(file.created),
            "size": file.content.len(),
            "mimeType": file.mime_type,
            "content": self.content_address(file),
        })
    }

    fn content_address(&self, file: &Attachment) -> String {
        match self.site.deployment {
            Deployment::Cloud => format!("{}/attachment/content/{}", self.api(), file.id),
            Deployment::DataCenter => {
                format!("{}/secure/attachment/{}/{}", self.origin, file.id, encoded(&file.filename))
            }
        }
    }

    pub(super) fn comment(&self, issue: &Issue, comment: &Comment) -> Value {
        let author = self.user(&comment.author);
        let created = self.time(comment.created);
        json!({
            "self": format!("{}/issue/{}/comment/{}", self.api(), issue.id, comment.id),
            "id": comment.id.to_string(),
            "author": author,
            "body": if self.version == 3 { comment.adf.clone() } else { comment.wiki.as_str().into() },
            "updateAuthor": author,
            "created": created,
            "updated": created,
            "jsdPublic": !comment.internal,
        })
    }
}

/// Some of the fields that issues have. What a custom field is for is told by its schema, not by
/// its number, which is another one in each site.
pub(super) fn fields() -> Value {
    let field = |id: &str, name: &str, custom: Option<&str>| {
        let mut schema = json!({ "type": "string" });
        match custom {
            Some(kind) => schema["custom"] = kind.into(),
            None => schema["system"] = id.into(),
        }
        let is_custom = custom.is_some();
        json!({ "id": id, "key": id, "name": name, "custom": is_custom, "searchable": true, "schema": schema })
    };
    let url = "com.atlassian.jira.plugin.system.customfieldtypes:url";
    json!([
        field("summary", "Summary", None),
        field("description", "Description", None),
        field("status", "Status", None),
        field("assignee", "Assignee", None),
        field("customfield_10010", "Request Type", Some("com.atlassian.servicedesk:vp-origin")),
        field(ROOM_FIELD, "DocSpace room", Some(url)),
    ])
}

/// Text in a query or in a segment of a path.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// An error in Jira's format.
pub(super) fn error(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, &json!({ "errorMessages": [message], "errors": {} }))
}

pub(super) fn bad_request(message: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, message)
}

/// 400 for an invalid field.
pub(super) fn bad_field(field: &str, why: &str) -> Answer {
    Answer::json(StatusCode::BAD_REQUEST, &json!({ "errorMessages": [], "errors": { field: why } }))
}

/// The issue doesn't exist, or the caller may not see it: Jira doesn't tell which.
pub(super) fn no_issue() -> Answer {
    error(StatusCode::NOT_FOUND, "Issue does not exist or you do not have permission to see it.")
}
