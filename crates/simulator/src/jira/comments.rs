//! Comments. The customer sees a comment and is notified of it, unless it was created as internal:
//! in the platform's API by a property that is sent with the comment, in the service desk's API by
//! a flag. Nothing is idempotent: a comment that is sent twice exists twice.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::api::Asked;
use super::edits::{LONGEST_TEXT, TOO_LONG, property_value, wanted};
use super::issue::{Comment, Issue};
use super::people::{Audience, INTEGRATION};
use super::site::{NewComment, Site};
use super::wire::{self, Lens};
use super::{JiraService, adf};
use crate::http::Answer;

const LARGEST_PAGE: usize = 100;
/// The most comments of an issue.
const MOST_COMMENTS: usize = 5_000;
/// The property that decides who sees a comment.
const VISIBILITY: &str = "sd.public.comment";

/// The comments as a field of their issue, which only the call for one issue shows.
pub(super) fn field(asked: &Asked<'_>, lens: Lens<'_>, issue: &Issue) -> Value {
    let shown: Vec<Value> =
        issue.comments.iter().map(|comment| comment_json(asked, lens, issue, comment)).collect();
    let count = shown.len();
    let own = format!("{}/issue/{}/comment", lens.api(), issue.id);
    json!({ "comments": shown, "self": own, "maxResults": count, "total": count, "startAt": 0 })
}

impl JiraService {
    pub(super) fn comments(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let issue = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?;
        let mut comments: Vec<&Comment> = issue.comments.iter().collect();
        match asked.request.query("orderBy") {
            None | Some("created" | "+created" | " created") => {}
            Some("-created") if site.heeds_order => comments.reverse(),
            Some("-created") => {}
            Some(_) => return Err(wire::bad_request("The orderBy parameter is invalid.")),
        }
        let start = number(asked, "startAt", 0)?;
        let most = number(asked, "maxResults", LARGEST_PAGE)?.min(LARGEST_PAGE);
        let lens = asked.lens(site);
        let shown: Vec<Value> = comments
            .iter()
            .skip(start)
            .take(most)
            .map(|comment| comment_json(asked, lens, issue, comment))
            .collect();
        let body = json!({
            "startAt": start,
            "maxResults": most,
            "total": comments.len(),
            "comments": shown,
        });
        Ok(Answer::json(StatusCode::OK, &body))
    }

    pub(super) fn create_comment(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let id = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?.id;
        let body = asked.object()?;
        let properties = properties(&body["properties"])?;
        // Only the boolean counts, not the text "true".
        let internal = properties.get(VISIBILITY).is_some_and(|value| value["internal"] == true);
        let text = &body["body"];
        let comment = match (asked.route.version, text) {
            (3, document) if adf::is_valid(document) => {
                NewComment { adf: document.clone(), wiki: adf::to_wiki(document), internal, properties }
            }
            (2, Value::String(text)) => NewComment { properties, ..NewComment::wiki(text, internal) },
            _ => return Err(wire::bad_request("Comment body is not valid!")),
        };
        check_length(&comment.wiki, if text.is_object() { text.to_string().chars().count() } else { 0 })?;
        let number = self.write(site, id, comment)?;
        let issue = site.issues.get(&id).ok_or_else(wire::no_issue)?;
        let comment = issue.comment(number).ok_or_else(wire::no_issue)?;
        let answer = comment_json(asked, asked.lens(site), issue, comment);
        Ok(Answer::json(StatusCode::CREATED, &answer))
    }

    /// Doesn't make a comment internal any more.
    pub(super) fn set_comment_property(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let missing = || wire::error(StatusCode::NOT_FOUND, "The comment does not exist.");
        let value = property_value(asked)?;
        let number: u64 = asked.route.subject.parse().map_err(|_| missing())?;
        let visible = |issue: &&Issue| issue.comment(number).is_some();
        let id =
            site.issues.values().find(visible).filter(|issue| site.is_visible(issue)).map(|issue| issue.id);
        let issue = id.and_then(|id| site.issue_mut(id)).ok_or_else(missing)?;
        let comment = issue.comments.iter_mut().find(|comment| comment.id == number).ok_or_else(missing)?;
        let before = comment.properties.insert(asked.route.detail.clone(), value);
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        Ok(Answer::json(status, &json!({})))
    }

    /// The request as the service desk shows it.
    pub(super) fn get_request(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let issue = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?;
        let lens = Lens { audience: Audience::Requests, ..asked.lens(site) };
        let date = |time: jiff::Timestamp| {
            json!({
                "iso8601": time.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
                "jira": lens.time(time),
                "friendly": "Today",
                "epochMillis": time.as_millisecond(),
            })
        };
        let reporter = issue.reporter.as_ref().map(|id| lens.user(id));
        let values = json!([
            { "fieldId": "summary", "label": "Summary", "value": issue.summary },
            { "fieldId": "description", "label": "Description", "value": issue.description },
        ]);
        let body = json!({
            "issueId": issue.id.to_string(),
            "issueKey": issue.key,
            "requestTypeId": "21",
            "serviceDeskId": "1",
            "createdDate": date(issue.created),
            "reporter": reporter,
            "requestFieldValues": values,
            "currentStatus": {
                "status": issue.status.name(),
                "statusCategory": issue.status.category().key().to_uppercase(),
                "statusDate": date(issue.updated),
            },
            "_links": lens.request_links(issue),
        });
        Ok(Answer::json(StatusCode::OK, &body))
    }

    pub(super) fn create_request_comment(
        &self,
        site: &mut Site,
        asked: &Asked<'_>,
    ) -> Result<Answer, Answer> {
        let id = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?.id;
        let body = asked.object()?;
        let text = body["body"].as_str().filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| service_desk_error("Comment body can not be empty!"))?;
        check_length(text, 0)?;
        // Public by default.
        let public = body["public"] != false;
        let number = self.write(site, id, NewComment::wiki(text, !public))?;
        let lens = Lens { audience: Audience::Requests, ..asked.lens(site) };
        let now = self.clock.now();
        let answer = json!({
            "id": number.to_string(),
            "body": text,
            "public": public,
            "author": lens.user(INTEGRATION),
            "created": { "jira": lens.time(now), "epochMillis": now.as_millisecond() },
            "_links": {
                "self": format!("{}/rest/servicedeskapi/request/{id}/comment/{number}", asked.origin),
            },
        });
        Ok(Answer::json(StatusCode::CREATED, &answer))
    }

    fn write(&self, site: &mut Site, id: u64, comment: NewComment) -> Result<u64, Answer> {
        if comment.wiki.trim().is_empty() {
            return Err(wire::bad_request("Comment body can not be empty!"));
        }
        if site.issues.get(&id).is_some_and(|issue| issue.comments.len() >= MOST_COMMENTS) {
            let message = "The number of comments on this issue exceeds the limit of 5000.";
            return Err(wire::error(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        let written = site.comment(INTEGRATION, id, comment, self.clock.now());
        let (number, done) = written.ok_or_else(wire::no_issue)?;
        self.announce(site, Some(done));
        Ok(number)
    }
}

/// A document's length is that of its JSON.
fn check_length(text: &str, document: usize) -> Result<(), Answer> {
    let length = text.chars().count().max(document);
    if length > LONGEST_TEXT { Err(wire::bad_field("comment", TOO_LONG)) } else { Ok(()) }
}

fn comment_json(asked: &Asked<'_>, lens: Lens<'_>, issue: &Issue, comment: &Comment) -> Value {
    let mut json = lens.comment(issue, comment);
    if wanted(asked.request.query_all("expand")).contains("properties") {
        json["properties"] = comment.properties_json();
    }
    json
}

/// The properties that come with a comment: a list of keys and values.
fn properties(list: &Value) -> Result<BTreeMap<String, Value>, Answer> {
    let invalid = || wire::bad_request("The properties are not valid.");
    if list.is_null() {
        return Ok(BTreeMap::new());
    }
    let entry = |entry: &Value| Some((entry["key"].as_str()?.to_owned(), entry.get("value")?.clone()));
    let list = list.as_array().ok_or_else(invalid)?;
    list.iter().map(entry).collect::<Option<_>>().ok_or_else(invalid)
}

fn number(asked: &Asked<'_>, name: &str, default: usize) -> Result<usize, Answer> {
    let given = asked.request.query(name).map_or(Ok(default), str::parse);
    given.map_err(|_| wire::bad_request(&format!("The parameter {name} is not a number.")))
}

fn service_desk_error(message: &str) -> Answer {
    let body =
        json!({ "errorMessage": message, "i18nErrorMessage": { "i18nKey": "error", "parameters": [] } });
    Answer::json(StatusCode::BAD_REQUEST, &body)
}
