//! The calls of the REST API.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::{Audience, INTEGRATION};
use super::route::{Call, Route};
use super::site::Site;
use super::wire::{self, Lens};
use super::{Deployment, JiraService, auth, limits};
use crate::control::with_body;
use crate::fault::TooMany;
use crate::helpdesk;
use crate::http::{Answer, Request};
use crate::service::{Admission, Service};

/// A call that is being answered.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) route: &'a Route,
    pub(super) origin: String,
}

impl Asked<'_> {
    /// How the answer shows the site.
    pub(super) fn lens<'s>(&'s self, site: &'s Site) -> Lens<'s> {
        Lens { site, origin: &self.origin, version: self.route.version, audience: Audience::Rest }
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Value, Answer> {
        let body = self.request.json().ok().flatten().filter(Value::is_object);
        body.ok_or_else(|| {
            wire::bad_request("Invalid request payload. Refer to the REST API documentation and try again.")
        })
    }
}

impl Service for JiraService {
    fn name(&self, method: &Method, path: &str) -> &'static str {
        Route::of(self.deployment, self.webhooks.form(), method, path).call.name()
    }

    fn admit(&self, request: &Request, call: &'static str) -> Result<Admission, Answer> {
        // Data Center's administrator sets its limits: here, none.
        if self.deployment == Deployment::Cloud {
            let route = Route::of(self.deployment, self.webhooks.form(), &request.method, &request.path);
            let is_write = route.call.writes_to_issue();
            let issue = is_write.then(|| Some(self.site().find(&route.subject)?.id)).flatten();
            self.quota.admit(&request.method, call, issue, self.clock.now())?;
        }
        Ok(Admission::default())
    }

    fn answer(&self, request: &Request, call: &'static str) -> Answer {
        let route = Route::of(self.deployment, self.webhooks.form(), &request.method, &request.path);
        let asked = Asked { request, route: &route, origin: request.origin() };
        let answer = if route.call == Call::Media {
            self.media(&asked)
        } else if route.call == Call::ServerInfo {
            // It tells everybody.
            self.server_info(&asked)
        } else if self.credentials.is_known(request, self.deployment) {
            self.call(&asked).unwrap_or_else(|refusal| refusal)
        } else {
            anonymous(self.deployment, &route)
        };
        match self.deployment {
            Deployment::Cloud => self.quota.headers(answer, &request.method, call, self.clock.now()),
            Deployment::DataCenter => answer,
        }
    }

    fn refusal(&self, status: StatusCode) -> Answer {
        match status {
            StatusCode::NOT_FOUND => wire::no_issue(),
            StatusCode::UNAUTHORIZED => auth::unauthenticated(),
            StatusCode::TOO_MANY_REQUESTS => limits::too_many(limits::BURST, None),
            // The proxy in front answers, and in HTML.
            status if status.is_server_error() => page(status),
            status => wire::error(status, "The request was refused."),
        }
    }

    fn too_many(&self, kind: TooMany) -> Answer {
        let reason = if kind == TooMany::ConcurrentWrites { limits::ISSUE_WRITES } else { limits::BURST };
        limits::too_many(reason, kind.retry_after_s())
    }

    fn state(&self) -> Value {
        helpdesk::state(self)
    }

    fn inject(&self, request: &Request, path: &str) -> Option<Answer> {
        helpdesk::inject(self, request, path)
    }

    /// Beside those of all helpdesks, `PUT issue_linking` takes `true` or `false`.
    fn control(&self, request: &Request, path: &str) -> Option<Answer> {
        match (request.method.as_str(), path) {
            ("PUT", "issue_linking") => Some(with_body(request, |on: bool| self.site().linking = on)),
            _ => helpdesk::control(self, request, path),
        }
    }
}

impl JiraService {
    /// Answers a call by the integration.
    fn call(&self, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let mut site = self.site();
        let subject = asked.route.subject.as_str();
        match asked.route.call {
            Call::Myself => Ok(Answer::json(StatusCode::OK, &asked.lens(&site).user(INTEGRATION))),
            Call::GetUser => get_user(&site, asked),
            Call::GetProject => get_project(&site, asked),
            Call::Fields => Ok(Answer::json(StatusCode::OK, &wire::fields())),
            Call::GetIssue => self.get_issue(&site, asked),
            Call::EditIssue => self.edit_issue(&mut site, asked),
            Call::BulkFetch => self.bulk_fetch(&site, asked),
            Call::Comments => self.comments(&site, asked),
            Call::CreateComment => self.create_comment(&mut site, asked),
            Call::SetCommentProperty => self.set_comment_property(&mut site, asked),
            Call::RemoteLinks => self.remote_links(&site, asked),
            Call::PutRemoteLink => self.put_remote_link(&mut site, asked),
            Call::DeleteRemoteLink => self.delete_remote_link(&mut site, asked),
            Call::CreateIssueLink => self.create_issue_link(&mut site, asked),
            Call::DeleteIssueLink => self.delete_issue_link(&mut site, asked),
            Call::GetProperty => self.get_property(&site, asked),
            Call::PutProperty => self.put_property(&mut site, asked),
            Call::DeleteProperty => self.delete_property(&mut site, asked),
            Call::Search => self.search(&site, asked),
            Call::Webhooks => self.webhooks_call(&site, asked),
            Call::ServerInfo => Err(page(StatusCode::NOT_FOUND)),
            Call::RemovedSearch => Ok(wire::error(
                StatusCode::GONE,
                "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.",
            )),
            Call::AttachmentContent => self.attachment_content(&site, asked),
            Call::GetAttachment => self.get_attachment(&site, asked),
            Call::GetRequest => self.get_request(&site, asked),
            Call::CreateRequestComment => self.create_request_comment(&mut site, asked),
            Call::Media => Err(no_attachment(subject)),
            Call::Unknown => Err(page(StatusCode::NOT_FOUND)),
        }
    }
}

impl JiraService {
    fn server_info(&self, asked: &Asked<'_>) -> Answer {
        let (kind, version) = match self.deployment {
            Deployment::Cloud => ("Cloud", "1001.0.0-SNAPSHOT".to_owned()),
            Deployment::DataCenter => ("Server", format!("{}.0.0", self.webhooks.version())),
        };
        let numbers = version.split(['.', '-']).filter_map(|part| part.parse::<u32>().ok());
        let body = json!({
            "baseUrl": asked.origin,
            "version": version,
            "versionNumbers": numbers.collect::<Vec<_>>(),
            "deploymentType": kind,
            "buildNumber": 100_300,
            "buildDate": "2026-11-02T00:00:00.000+0000",
            "serverTime": asked.lens(&self.site()).time(self.clock.now()),
            "scmInfo": "0000000000000000000000000000000000000000",
            "serverTitle": "Jira",
        });
        Answer::json(StatusCode::OK, &body)
    }
}

/// Answers an anonymous call.
fn anonymous(deployment: Deployment, route: &Route) -> Answer {
    match route.call {
        Call::Myself | Call::GetUser | Call::Webhooks => auth::unauthenticated(),
        Call::GetProject => no_project(&route.subject),
        // Anonymous searches find nothing.
        Call::Search if deployment == Deployment::Cloud => {
            Answer::json(StatusCode::OK, &json!({ "issues": [], "isLast": true }))
        }
        Call::Search => {
            let body = json!({ "startAt": 0, "maxResults": 50, "total": 0, "issues": [] });
            Answer::json(StatusCode::OK, &body)
        }
        Call::BulkFetch => Answer::json(StatusCode::OK, &json!({ "issues": [], "issueErrors": [] })),
        Call::Fields => Answer::json(StatusCode::OK, &json!([])),
        Call::AttachmentContent | Call::GetAttachment => no_attachment(&route.subject),
        Call::Unknown | Call::Media | Call::RemovedSearch | Call::ServerInfo => page(StatusCode::NOT_FOUND),
        _ => wire::no_issue(),
    }
}

fn get_user(site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
    const ATTRIBUTES: [&str; 3] = ["accountId", "key", "username"];
    let named = ATTRIBUTES.iter().find_map(|name| Some((*name, asked.request.query(name)?)));
    let (attribute, value) = named.ok_or_else(|| wire::bad_request("No user was named."))?;
    match site.people.named(attribute, value) {
        Some(id) => Ok(Answer::json(StatusCode::OK, &asked.lens(site).user(id))),
        None => Err(wire::error(
            StatusCode::NOT_FOUND,
            "Specified user does not exist or you do not have required permissions",
        )),
    }
}

fn get_project(site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let subject = &asked.route.subject;
    let found = site.projects.iter().find(|(key, project)| {
        !project.hidden && (key.eq_ignore_ascii_case(subject) || project.id.to_string() == *subject)
    });
    let (key, _) = found.ok_or_else(|| no_project(subject))?;
    Ok(Answer::json(StatusCode::OK, &asked.lens(site).project(key)))
}

fn no_project(key: &str) -> Answer {
    wire::error(StatusCode::NOT_FOUND, &format!("No project could be found with key '{key}'."))
}

pub(super) fn no_attachment(id: &str) -> Answer {
    wire::error(StatusCode::NOT_FOUND, &format!("The attachment with id '{id}' does not exist"))
}

/// An HTML page: for an unknown path, or from a proxy.
pub(super) fn page(status: StatusCode) -> Answer {
    let page = format!("<html><body><h1>{status}</h1></body></html>");
    Answer { body: page.into(), ..Answer::empty(status) }.with("content-type", "text/html;charset=UTF-8")
}
