//! Reading issues: one, or many at once.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::api::Asked;
use super::edits::{is_wanted, issue_json, strings, wanted};
use super::site::Site;
use super::{JiraService, comments, wire};
use crate::http::Answer;

/// The most issues of one bulk fetch.
const MOST_FETCHED: usize = 100;

impl JiraService {
    pub(super) fn get_issue(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let issue = site.find(&asked.route.subject).ok_or_else(wire::no_issue)?;
        let fields = wanted(asked.request.query_all("fields"));
        let properties = wanted(asked.request.query_all("properties"));
        let mut body = issue_json(asked.lens(site), issue, &fields);
        if is_wanted("comment", &fields) {
            body["fields"]["comment"] = comments::field(asked, asked.lens(site), issue);
        }
        if !properties.is_empty() {
            let all = properties.contains("*all");
            let told = issue.properties.iter().filter(|(key, _)| all || properties.contains(key.as_str()));
            body["properties"] = told.map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        Ok(Answer::json(StatusCode::OK, &body))
    }

    /// Issues that don't exist or are not permitted are listed without a reason.
    pub(super) fn bulk_fetch(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let body = asked.object()?;
        let wanted_ids: Vec<&str> = strings(&body["issueIdsOrKeys"]).collect();
        if wanted_ids.is_empty() || wanted_ids.len() > MOST_FETCHED {
            return Err(wire::bad_request("issueIdsOrKeys must have 1 to 100 members."));
        }
        let fields = wanted(strings(&body["fields"]));
        let lens = asked.lens(site);
        let issues: Vec<Value> =
            wanted_ids.iter().filter_map(|id| Some(issue_json(lens, site.find(id)?, &fields))).collect();
        let missing: Vec<Value> = wanted_ids
            .iter()
            .filter(|id| site.find(id).is_none())
            .map(|id| json!({ "id": id, "errorMessage": "Issue does not exist or you do not have permission to see it." }))
            .collect();
        Ok(Answer::json(StatusCode::OK, &json!({ "issues": issues, "issueErrors": missing })))
    }
}
