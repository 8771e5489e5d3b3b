//! Search. Cloud pages by tokens without a total, and misses recent changes for a while, unless the
//! query asks for these issues to be reconciled. Data Center pages by numbers.
//!
//! Deleted issues are not found by any query.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::api::Asked;
use super::edits::{issue_json, strings, wanted};
use super::issue::Issue;
use super::jql::Query;
use super::site::Site;
use super::wire;
use super::{Deployment, JiraService};
use crate::http::Answer;

/// How many issues a page has where nothing else is asked for.
const PAGE: usize = 50;
/// The most on a page: of ids alone, and of anything more.
const LARGEST_PAGE_OF_IDS: usize = 5_000;
const LARGEST_PAGE: usize = 100;
/// The most on a page of Data Center.
const LARGEST_NUMBERED_PAGE: usize = 1_000;
/// How many issues can be asked to be fresh.
const MOST_RECONCILED: usize = 50;
/// How long a token can be used.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The parameters of a search, from the query or the body.
struct Wish {
    jql: String,
    fields: Vec<String>,
    most: Option<usize>,
    start: Option<usize>,
    token: Option<String>,
    reconciled: Vec<u64>,
}

impl Wish {
    fn of(asked: &Asked<'_>) -> Result<Self, Answer> {
        if asked.request.method == Method::GET {
            let text = |name| asked.request.query(name);
            let number = |name| text(name).and_then(|number| number.parse().ok());
            return Ok(Self {
                jql: text("jql").unwrap_or_default().to_owned(),
                fields: asked.request.query_all("fields").map(str::to_owned).collect(),
                most: number("maxResults"),
                start: number("startAt"),
                token: text("nextPageToken").map(str::to_owned),
                reconciled: asked
                    .request
                    .query_all("reconcileIssues")
                    .filter_map(|id| id.parse().ok())
                    .collect(),
            });
        }
        let body = asked.object()?;
        let number = |name: &str| body[name].as_u64().and_then(|number| usize::try_from(number).ok());
        Ok(Self {
            jql: body["jql"].as_str().unwrap_or_default().to_owned(),
            fields: strings(&body["fields"]).map(str::to_owned).collect(),
            most: number("maxResults"),
            start: number("startAt"),
            token: body["nextPageToken"].as_str().map(str::to_owned),
            reconciled: body["reconcileIssues"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .collect(),
        })
    }
}

impl JiraService {
    pub(super) fn search(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let wish = Wish::of(asked)?;
        let now = self.clock.now();
        let query = Query::parse(&wish.jql, site, now).map_err(|why| wire::bad_request(&why))?;
        let visible = site.issues.values().filter(|issue| site.is_visible(issue));
        let fields = wanted(wish.fields.iter().map(String::as_str));
        match self.deployment {
            Deployment::Cloud => {
                if !query.is_bounded() {
                    return Err(wire::bad_request(
                        "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
                    ));
                }
                if wish.reconciled.len() > MOST_RECONCILED {
                    return Err(wire::bad_request("At most 50 issues can be reconciled."));
                }
                let newest = now.saturating_sub(self.search_hold).unwrap_or(Timestamp::MIN);
                let found =
                    query.find(visible.filter(|it| it.updated <= newest || wish.reconciled.contains(&it.id)));
                page_by_token(site, asked, &wish, &fields, &found, now)
            }
            Deployment::DataCenter => Ok(numbered_page(site, asked, &wish, &fields, &query.find(visible))),
        }
    }
}

fn page_by_token(
    site: &Site,
    asked: &Asked<'_>,
    wish: &Wish,
    fields: &BTreeSet<&str>,
    found: &[&Issue],
    now: Timestamp,
) -> Result<Answer, Answer> {
    let from = match &wish.token {
        Some(token) => {
            let place = place_of(token, now);
            place.ok_or_else(|| wire::bad_request("The provided next page token is invalid or expired."))?
        }
        None => 0,
    };
    let only_ids = fields.iter().all(|field| *field == "id");
    let largest = if only_ids { LARGEST_PAGE_OF_IDS } else { LARGEST_PAGE };
    let most = wish.most.unwrap_or(PAGE).clamp(1, largest);
    let lens = asked.lens(site);
    let shown = found.iter().skip(from).take(most).map(|issue| {
        if only_ids { json!({ "id": issue.id.to_string() }) } else { issue_json(lens, issue, fields) }
    });
    let is_last = found.len() <= from + most;
    let mut body = json!({ "issues": shown.collect::<Vec<_>>(), "isLast": is_last });
    if !is_last {
        let expires = now.saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX).as_second();
        body["nextPageToken"] = URL_SAFE_NO_PAD.encode(format!("{}.{expires}", from + most)).into();
    }
    Ok(Answer::json(StatusCode::OK, &body))
}

fn place_of(token: &str, now: Timestamp) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (place, expires) = text.split_once('.')?;
    let expires: i64 = expires.parse().ok()?;
    place.parse().ok().filter(|_| now.as_second() < expires)
}

fn numbered_page(
    site: &Site,
    asked: &Asked<'_>,
    wish: &Wish,
    fields: &BTreeSet<&str>,
    found: &[&Issue],
) -> Answer {
    let start = wish.start.unwrap_or(0);
    let most = wish.most.unwrap_or(PAGE).min(LARGEST_NUMBERED_PAGE);
    let lens = asked.lens(site);
    let shown: Vec<Value> =
        found.iter().skip(start).take(most).map(|issue| issue_json(lens, issue, fields)).collect();
    let body = json!({ "startAt": start, "maxResults": most, "total": found.len(), "issues": shown });
    Answer::json(StatusCode::OK, &body)
}
