//! Merging tickets by the API, which is the work of a background job. Its status can be asked for.
//! Unlike the web pages, the API writes no comment of its own into the tickets.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{Account, Job, NewComment};
use super::api::CLIENT;
use super::lifecycle::MergeComments;
use super::{ZendeskService, wire};
use crate::http::{Answer, Request};

impl ZendeskService {
    /// Merges the tickets `ids` into that one.
    pub(super) fn merge_tickets(
        &self,
        account: &mut Account,
        target: u64,
        request: &Request,
        api: &str,
    ) -> Answer {
        let body = request.json().ok().flatten().unwrap_or_default();
        let sources: Vec<u64> =
            body["ids"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        if sources.is_empty() {
            return wire::error(StatusCode::BAD_REQUEST, "BadRequest", "ids are missing");
        }
        if account.live(target).is_none() {
            return wire::not_found();
        }
        // Comments are internal unless they are said to be public.
        let comment = |of: &str| {
            let text = body[format!("{of}_comment")].as_str().filter(|text| !text.is_empty())?;
            let public = body[format!("{of}_comment_is_public")] == true;
            Some(NewComment::text(public, text))
        };
        let mut results = Vec::new();
        for source in sources {
            let comments = MergeComments { source: comment("source"), target: comment("target") };
            let merged = account.merge(CLIENT, source, target, comments, self.clock.now());
            results.push((source, merged.is_ok()));
            self.announce(account, merged.unwrap_or_default());
        }
        let id = Uuid::new_v4().simple().to_string();
        account.jobs.insert(id.clone(), Job { results });
        let job = json!({ "id": id, "url": url(&id, api), "total": null, "progress": null,
            "status": "queued", "message": null, "results": null });
        Answer::json(StatusCode::OK, &json!({ "job_status": job }))
    }

    pub(super) fn job_status(&self, account: &Account, request: &Request, api: &str) -> Option<Answer> {
        let id = request.path.rsplit('/').next()?.trim_end_matches(".json");
        let Job { results } = account.jobs.get(id)?;
        let results: Vec<Value> = results
            .iter()
            .map(|(ticket, done)| json!({ "id": ticket, "action": "merge", "success": done }))
            .collect();
        let job = json!({ "id": id, "url": url(id, api), "total": results.len(), "progress": results.len(),
            "status": "completed", "message": "Completed", "results": results });
        Some(Answer::json(StatusCode::OK, &json!({ "job_status": job })))
    }
}

fn url(id: &str, api: &str) -> String {
    format!("{api}/job_statuses/{id}.json")
}
