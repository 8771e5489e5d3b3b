//! Editing single issues, and their properties.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::api::Asked;
use super::issue::Issue;
use super::people::INTEGRATION;
use super::site::{Edit, Site, priority_named};
use super::wire::{self, Lens};
use super::{Deployment, JiraService, ROOM_FIELD, adf};
use crate::http::Answer;

/// The longest description and comment, in characters.
pub(super) const LONGEST_TEXT: usize = 32_767;
/// The longest summary, and the longest label.
const LONGEST_LINE: usize = 255;
/// The longest value and the longest key of a property.
const LONGEST_PROPERTY: usize = 32_768;
const LONGEST_KEY: usize = 255;

impl JiraService {
    pub(super) fn edit_issue(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let issue = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?;
        let id = issue.id;
        // Only administrators may do this.
        if asked.request.query("notifyUsers") == Some("false") && !site.is_administrator {
            let message =
                "To discard the user notification either admin or project admin permissions are required.";
            return Err(wire::error(StatusCode::FORBIDDEN, message));
        }
        let edit = edit_of(site, issue, &asked.object()?, asked.route.version)?;
        let done = site.edit(INTEGRATION, id, edit, self.clock.now());
        self.announce(site, done);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn get_property(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let issue = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?;
        let key = &asked.route.detail;
        let value = issue.properties.get(key).ok_or_else(|| no_property(key))?;
        Ok(Answer::json(StatusCode::OK, &json!({ "key": key, "value": value })))
    }

    pub(super) fn put_property(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let id = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?.id;
        let value = property_value(asked)?;
        let issue = site.issue_mut(id).ok_or_else(wire::no_issue)?;
        let before = issue.properties.insert(asked.route.detail.clone(), value);
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        Ok(Answer::json(status, &json!({})))
    }

    pub(super) fn delete_property(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let id = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?.id;
        let key = &asked.route.detail;
        let issue = site.issue_mut(id).ok_or_else(wire::no_issue)?;
        issue.properties.remove(key).ok_or_else(|| no_property(key))?;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }
}

/// The names in a list that may be written as one text with commas, or as several.
pub(super) fn wanted<'a>(lists: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
}

pub(super) fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The issue with the requested fields; all by default. A name with a minus excludes a field.
pub(super) fn issue_json(lens: Lens<'_>, issue: &Issue, wanted: &BTreeSet<&str>) -> Value {
    let mut fields = lens.fields(issue);
    fields.retain(|name, _| is_wanted(name, wanted));
    json!({
        "expand": "renderedFields,names,schema,operations,editmeta,changelog",
        "id": issue.id.to_string(),
        "self": format!("{}/issue/{}", lens.api(), issue.id),
        "key": issue.key,
        "fields": fields,
    })
}

pub(super) fn is_wanted(name: &str, wanted: &BTreeSet<&str>) -> bool {
    let all = wanted.iter().all(|name| name.starts_with('-'))
        || wanted.contains("*all")
        || wanted.contains("*navigable");
    let excluded = wanted.iter().any(|wish| wish.strip_prefix('-') == Some(name));
    !excluded && (all || wanted.contains(name))
}

fn no_property(key: &str) -> Answer {
    wire::error(StatusCode::NOT_FOUND, &format!("The property with key '{key}' does not exist."))
}

/// The value of a property in the body of the request.
pub(super) fn property_value(asked: &Asked<'_>) -> Result<Value, Answer> {
    if asked.route.detail.chars().count() > LONGEST_KEY {
        return Err(wire::bad_request("The property key must not be longer than 255 characters."));
    }
    let body = &asked.request.body;
    if String::from_utf8_lossy(body).chars().count() > LONGEST_PROPERTY {
        return Err(wire::bad_request("The property value is too long."));
    }
    let value = asked.request.json().ok().flatten();
    value.ok_or_else(|| wire::bad_request("The property value must be valid JSON."))
}

/// Reads an edit. It fails as a whole if one field can't be set.
fn edit_of(site: &Site, issue: &Issue, body: &Value, version: u8) -> Result<Edit, Answer> {
    let empty = Map::new();
    let fields = body["fields"].as_object().unwrap_or(&empty);
    let updates = body["update"].as_object().unwrap_or(&empty);
    let mut edit = Edit::default();
    for (name, value) in fields {
        if updates.contains_key(name) {
            let why = format!("Field '{name}' cannot be set and updated in the same request.");
            return Err(wire::bad_field(name, &why));
        }
        set_field(site, &mut edit, name, value, version)?;
    }
    for (name, operations) in updates {
        let Some(operations) = operations.as_array() else {
            return Err(wire::bad_field(name, "Operations must be a list."));
        };
        update_field(site, issue, &mut edit, name, operations, version)?;
    }
    Ok(edit)
}

fn set_field(site: &Site, edit: &mut Edit, name: &str, value: &Value, version: u8) -> Result<(), Answer> {
    match name {
        "summary" => edit.summary = Some(summary(value)?),
        "description" => edit.description = Some(description(value, version)?),
        "priority" => {
            let named = value["id"].as_str().or_else(|| value["name"].as_str()).and_then(priority_named);
            edit.priority =
                Some(named.ok_or_else(|| wire::bad_field(name, "The priority selected is invalid."))?);
        }
        "assignee" => edit.assignee = Some(assignee(site, value)?),
        "labels" => {
            let list = value.as_array().ok_or_else(|| wire::bad_field(name, "data was not an array"))?;
            edit.labels = Some(list.iter().map(label).collect::<Result<_, _>>()?);
        }
        ROOM_FIELD => edit.room = Some(room(value)?),
        _ => {
            let why =
                format!("Field '{name}' cannot be set. It is not on the appropriate screen, or unknown.");
            return Err(wire::bad_field(name, &why));
        }
    }
    Ok(())
}

/// `set` does what `fields` does; labels can be added and removed as well.
fn update_field(
    site: &Site,
    issue: &Issue,
    edit: &mut Edit,
    name: &str,
    operations: &[Value],
    version: u8,
) -> Result<(), Answer> {
    for operation in operations {
        if let Some(value) = operation.get("set") {
            set_field(site, edit, name, value, version)?;
            continue;
        }
        let labels = edit.labels.get_or_insert_with(|| issue.labels.clone());
        match (name, operation.get("add"), operation.get("remove")) {
            ("labels", Some(added), None) => {
                labels.insert(label(added)?);
            }
            ("labels", None, Some(removed)) => {
                labels.remove(removed.as_str().unwrap_or_default());
            }
            _ => return Err(wire::bad_field(name, "The operation is not supported.")),
        }
    }
    Ok(())
}

fn summary(value: &Value) -> Result<String, Answer> {
    let refused = |why| Err(wire::bad_field("summary", why));
    match value.as_str().map(str::trim) {
        None | Some("") => refused("You must specify a summary of the issue."),
        Some(text) if text.contains(['\n', '\r']) => {
            refused("The summary is invalid because it contains newline characters.")
        }
        Some(text) if text.chars().count() > LONGEST_LINE => refused("Summary can't exceed 255 characters."),
        Some(text) => Ok(text.to_owned()),
    }
}

fn description(value: &Value, version: u8) -> Result<Option<String>, Answer> {
    let text = match (version, value) {
        (_, Value::Null) => return Ok(None),
        (3, document) if adf::is_valid(document) => adf::to_wiki(document),
        (2, Value::String(text)) => text.clone(),
        (3, _) => {
            return Err(wire::bad_field(
                "description",
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)",
            ));
        }
        _ => return Err(wire::bad_field("description", "Operation value must be a string")),
    };
    if text.chars().count() > LONGEST_TEXT {
        return Err(wire::bad_field("description", TOO_LONG));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

pub(super) const TOO_LONG: &str =
    "The entered text is too long. It exceeds the allowed limit of 32,767 characters.";

fn label(value: &Value) -> Result<String, Answer> {
    let refused = |why: &str| Err(wire::bad_field("labels", why));
    match value.as_str() {
        None | Some("") => refused("data was not a label"),
        Some(label) if label.contains(char::is_whitespace) => {
            refused(&format!("The label '{label}' contains spaces which is invalid."))
        }
        Some(label) if label.chars().count() > LONGEST_LINE => {
            refused(&format!("The label '{label}' exceeds the maximum length of 255 characters."))
        }
        Some(label) => Ok(label.to_owned()),
    }
}

fn assignee(site: &Site, value: &Value) -> Result<Option<String>, Answer> {
    if value.is_null() {
        return Ok(None);
    }
    let attribute = if site.deployment == Deployment::Cloud { "accountId" } else { "name" };
    if value[attribute].is_null() {
        return Ok(None);
    }
    let named = value[attribute].as_str().and_then(|name| site.people.named(attribute, name));
    let agent = named.filter(|id| site.people.is_agent(id));
    agent
        .map(|id| Some(id.to_owned()))
        .ok_or_else(|| wire::bad_field("assignee", "User cannot be assigned issues."))
}

fn room(value: &Value) -> Result<Option<String>, Answer> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) if url::Url::parse(text).is_ok_and(|url| url.has_host()) => {
            Ok(Some(text.clone()))
        }
        _ => Err(wire::bad_field(ROOM_FIELD, "The URL you entered is not valid.")),
    }
}
