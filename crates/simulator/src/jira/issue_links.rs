//! Links between issues. Each has a direction: an issue has the other one as `outwardIssue` where
//! it is the source, and as `inwardIssue` where it is the destination. Whoever makes a link names
//! the source as `inwardIssue`, though.
//!
//! Webhooks for issues don't report links, and don't show them. Links to issues that the
//! integration may not see are not shown.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::JiraService;
use super::api::Asked;
use super::issue::Issue;
use super::site::Site;
use super::wire::{self, Lens};
use crate::http::Answer;

/// A kind of links.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkType {
    id: &'static str,
    name: &'static str,
    /// What the destination is to the source.
    inward: &'static str,
    /// What the source is to the destination.
    outward: &'static str,
}

/// The source is a duplicate of the destination.
pub(super) const DUPLICATE: LinkType =
    LinkType { id: "10002", name: "Duplicate", inward: "is duplicated by", outward: "duplicates" };
const TYPES: [LinkType; 3] = [
    LinkType { id: "10000", name: "Blocks", inward: "is blocked by", outward: "blocks" },
    DUPLICATE,
    LinkType { id: "10003", name: "Relates", inward: "relates to", outward: "relates to" },
];

/// A link.
#[derive(Debug)]
pub(super) struct IssueLink {
    id: u64,
    pub(super) kind: &'static LinkType,
    pub(super) source: u64,
    pub(super) destination: u64,
}

impl Site {
    /// Links two issues. False if one of them is not there, both are the same, or the link is there
    /// already.
    pub(super) fn link(&mut self, kind: &'static LinkType, source: u64, destination: u64) -> bool {
        let is_there = |id| self.issues.get(&id).is_some_and(|issue| !issue.deleted);
        let same =
            |link: &IssueLink| link.kind == kind && link.source == source && link.destination == destination;
        if source == destination
            || !is_there(source)
            || !is_there(destination)
            || self.issue_links.iter().any(same)
        {
            return false;
        }
        let id = self.ids.link();
        self.issue_links.push(IssueLink { id, kind, source, destination });
        true
    }
}

impl JiraService {
    /// Answers 201 without a body, also if the link is there already.
    pub(super) fn create_issue_link(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        if !site.linking {
            return Err(wire::error(StatusCode::NOT_FOUND, "Issue linking is currently disabled."));
        }
        let body = asked.object()?;
        let (id, name) = (&body["type"]["id"], &body["type"]["name"]);
        let kind = TYPES.iter().find(|kind| *id == kind.id || *name == kind.name);
        let kind = kind.ok_or_else(|| {
            wire::error(StatusCode::NOT_FOUND, "No issue link type was found with that id or name.")
        })?;
        let end = |side: &str| {
            let named = ["id", "key"].iter().find_map(|name| body[side][*name].as_str());
            Ok(site.find(named.unwrap_or_default()).ok_or_else(wire::no_issue)?.id)
        };
        let (source, destination) = (end("inwardIssue")?, end("outwardIssue")?);
        if source == destination {
            return Err(wire::bad_request("You cannot link an issue to itself."));
        }
        site.link(kind, source, destination);
        Ok(Answer::empty(StatusCode::CREATED))
    }

    pub(super) fn delete_issue_link(&self, site: &mut Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let before = site.issue_links.len();
        site.issue_links.retain(|link| link.id.to_string() != asked.route.subject);
        if site.issue_links.len() == before {
            return Err(wire::error(StatusCode::NOT_FOUND, "No issue link with that id exists."));
        }
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }
}

/// The field `issuelinks` of an issue.
pub(super) fn shown(lens: Lens<'_>, issue: &Issue) -> Value {
    let site = lens.site;
    let entry = |link: &IssueLink| {
        let (side, other) = match issue.id {
            id if id == link.source => ("outwardIssue", link.destination),
            id if id == link.destination => ("inwardIssue", link.source),
            _ => return None,
        };
        let other = site.issues.get(&other).filter(|other| site.is_visible(other))?;
        let mut fields = lens.fields_without_links(other);
        fields.retain(|name, _| ["summary", "status", "priority", "issuetype"].contains(&name.as_str()));
        let (api, id) = (lens.api(), link.id.to_string());
        let LinkType { id: kind, name, inward, outward } = link.kind;
        Some(json!({
            "id": id,
            "self": format!("{api}/issueLink/{id}"),
            "type": { "id": kind, "name": name, "inward": inward, "outward": outward,
                      "self": format!("{api}/issueLinkType/{kind}") },
            side: { "id": other.id.to_string(), "key": other.key,
                    "self": format!("{api}/issue/{}", other.id), "fields": fields },
        }))
    };
    site.issue_links.iter().filter_map(entry).collect()
}
