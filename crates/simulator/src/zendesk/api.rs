//! The calls of the REST API and of the token endpoint.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::account::{Account, Actor, NewComment, Refusal, Update};
use super::people::INTEGRATION;
use super::ticket::{Status, Ticket, Via, tags};
use super::{ZendeskService, auth, export, limits, paging, trigger_api, wire};
use crate::fault::TooMany;
use crate::helpdesk;
use crate::http::{Answer, Request};
use crate::service::{Admission, Probe, Service};

/// The most tickets that one call shows.
const MOST_SHOWN: usize = 100;
/// Who changes tickets by the API.
pub(super) const CLIENT: Actor = Actor { user: INTEGRATION, via: Via::Api };

/// A call, with the id in its path.
#[derive(Debug, Clone, Copy)]
enum Call {
    OauthToken,
    Me,
    GetUser(u64),
    ListUsers,
    ListGroups,
    GetTicket(u64),
    ShowMany,
    CreateTicket,
    UpdateTicket(u64),
    MergeTickets(u64),
    JobStatus,
    DeletedTickets,
    RestoreTicket(u64),
    Comments(u64),
    Audits(u64),
    TicketFields,
    GetField(u64),
    GetGroup(u64),
    UpdateTags(u64),
    Incremental,
    IncrementalByTime,
    Search,
    SearchExport,
    ListTickets,
    Webhooks,
    TestWebhook,
    Triggers,
    TriggerCategories,
    Unknown,
}

impl Call {
    fn of(method: &Method, path: &str) -> Self {
        if path == "/oauth/tokens" && method == Method::POST {
            return Self::OauthToken;
        }
        let Some(path) = path.strip_prefix("/api/v2/") else { return Self::Unknown };
        let path = path.strip_suffix(".json").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').collect();
        let id = parts.get(1).and_then(|part| part.parse().ok());
        match (method.as_str(), parts.as_slice(), id) {
            ("GET", ["users", "me"], _) => Self::Me,
            ("GET", ["users"], _) => Self::ListUsers,
            ("GET", ["groups"], _) => Self::ListGroups,
            ("GET", ["users", _], Some(id)) => Self::GetUser(id),
            ("GET", ["tickets", "show_many"], _) => Self::ShowMany,
            ("GET", ["tickets", _], Some(id)) => Self::GetTicket(id),
            ("POST", ["tickets"], _) => Self::CreateTicket,
            ("PUT", ["tickets", _], Some(id)) => Self::UpdateTicket(id),
            ("POST", ["tickets", _, "merge"], Some(id)) => Self::MergeTickets(id),
            ("GET", ["job_statuses", _], _) => Self::JobStatus,
            ("GET", ["deleted_tickets"], _) => Self::DeletedTickets,
            ("PUT", ["deleted_tickets", _, "restore"], Some(id)) => Self::RestoreTicket(id),
            ("GET", ["tickets", _, "comments"], Some(id)) => Self::Comments(id),
            ("GET", ["tickets", _, "audits"], Some(id)) => Self::Audits(id),
            ("PUT" | "POST" | "DELETE", ["tickets", _, "tags"], Some(id)) => Self::UpdateTags(id),
            ("GET", ["ticket_fields"], _) => Self::TicketFields,
            ("GET", ["ticket_fields", _], Some(id)) => Self::GetField(id),
            ("GET", ["groups", _], Some(id)) => Self::GetGroup(id),
            ("GET", ["incremental", "tickets", "cursor"], _) => Self::Incremental,
            ("GET", ["incremental", "tickets"], _) => Self::IncrementalByTime,
            ("GET", ["search"], _) => Self::Search,
            ("GET", ["search", "export"], _) => Self::SearchExport,
            ("GET", ["tickets"], _) => Self::ListTickets,
            ("POST", ["webhooks", "test"], _) => Self::TestWebhook,
            (_, ["webhooks", ..], _) => Self::Webhooks,
            (_, ["triggers", ..], _) => Self::Triggers,
            ("GET", ["trigger_categories"], _) => Self::TriggerCategories,
            _ => Self::Unknown,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::OauthToken => "oauth_token",
            Self::Me => "me",
            Self::GetUser(_) => "get_user",
            Self::ListUsers => "list_users",
            Self::ListGroups => "list_groups",
            Self::GetTicket(_) => "get_ticket",
            Self::ShowMany => "show_many",
            Self::CreateTicket => "create_ticket",
            Self::UpdateTicket(_) => "update_ticket",
            Self::MergeTickets(_) => "merge_tickets",
            Self::JobStatus => "job_status",
            Self::DeletedTickets => "deleted_tickets",
            Self::RestoreTicket(_) => "restore_ticket",
            Self::Comments(_) => "comments",
            Self::Audits(_) => "audits",
            Self::TicketFields => "ticket_fields",
            Self::GetField(_) => "get_field",
            Self::GetGroup(_) => "get_group",
            Self::UpdateTags(_) => "update_tags",
            Self::Incremental | Self::IncrementalByTime => "incremental",
            Self::Search => "search",
            Self::SearchExport => "search_export",
            Self::ListTickets => "list_tickets",
            Self::Webhooks => "webhooks",
            Self::TestWebhook => "test_webhook",
            Self::Triggers => "triggers",
            Self::TriggerCategories => "trigger_categories",
            Self::Unknown => "unknown",
        }
    }

    /// The resource that a granular scope must name.
    fn resource(self) -> &'static str {
        match self {
            Self::Me | Self::GetUser(_) | Self::ListUsers => "users",
            Self::TicketFields | Self::GetField(_) => "ticket_fields",
            Self::GetGroup(_) | Self::ListGroups => "groups",
            Self::Webhooks | Self::TestWebhook => "webhooks",
            Self::Triggers | Self::TriggerCategories => "triggers",
            _ => "tickets",
        }
    }

    /// The ticket that it changes.
    fn updates(self) -> Option<u64> {
        match self {
            Self::UpdateTicket(id) | Self::UpdateTags(id) => Some(id),
            _ => None,
        }
    }
}

impl Service for ZendeskService {
    fn name(&self, method: &Method, path: &str) -> &'static str {
        Call::of(method, path).name()
    }

    fn admit(&self, request: &Request, _: &'static str) -> Result<Admission, Answer> {
        let call = Call::of(&request.method, &request.path);
        if !matches!(call, Call::OauthToken) {
            let slow = match call {
                Call::Incremental | Call::IncrementalByTime => Some(limits::Slow::Export),
                Call::SearchExport => Some(limits::Slow::SearchExport),
                Call::DeletedTickets => Some(limits::Slow::DeletedTickets),
                _ => None,
            };
            self.quota.admit(call.updates(), slow, self.clock.now())?;
        }
        Ok(Admission::default())
    }

    fn probe(&self, request: &Request) -> Option<Probe> {
        let call = Call::of(&request.method, &request.path);
        let may = matches!(call, Call::TestWebhook)
            && self.credentials.check(request, call.resource(), self.clock.now()).is_ok()
            && self.account().people.integration_is_admin();
        if may { self.test_probe(request) } else { None }
    }

    fn answer(&self, request: &Request, _: &'static str) -> Answer {
        let (call, now) = (Call::of(&request.method, &request.path), self.clock.now());
        if matches!(call, Call::OauthToken) {
            return self.credentials.grant(request, now);
        }
        let answer = match self.credentials.check(request, call.resource(), now) {
            Ok(()) => self.call(call, request),
            Err(answer) => answer,
        };
        self.quota.headers(answer, call.updates().is_some(), now)
    }

    fn refusal(&self, status: StatusCode) -> Answer {
        match status {
            StatusCode::NOT_FOUND => wire::not_found(),
            StatusCode::FORBIDDEN => auth::forbidden(),
            StatusCode::UNAUTHORIZED => auth::unauthenticated(),
            StatusCode::CONFLICT => wire::refusal(&Refusal::Conflict),
            StatusCode::UNPROCESSABLE_ENTITY => wire::invalid("base", "Ticket could not be saved"),
            StatusCode::TOO_MANY_REQUESTS => limits::too_many(None),
            // The proxy in front answers, and in HTML.
            status if status.is_server_error() => {
                let page = format!("<html><body><h1>{status}</h1></body></html>");
                Answer { body: page.into(), ..Answer::empty(status) }.with("content-type", "text/html")
            }
            status => wire::error(status, "Error", "The request was refused"),
        }
    }

    fn too_many(&self, kind: TooMany) -> Answer {
        limits::too_many(Some(kind.retry_after_s().unwrap_or(1)))
    }

    fn state(&self) -> Value {
        helpdesk::state(self)
    }

    fn inject(&self, request: &Request, path: &str) -> Option<Answer> {
        helpdesk::inject(self, request, path)
    }

    fn control(&self, request: &Request, path: &str) -> Option<Answer> {
        helpdesk::control(self, request, path)
    }
}

impl ZendeskService {
    fn call(&self, call: Call, request: &Request) -> Answer {
        let api = format!("{}/api/v2", request.origin());
        let mut account = self.account();
        let answer = match call {
            Call::Me => account.people.user_json(INTEGRATION, &api).map(|user| one("user", &user)),
            Call::GetUser(id) => account.people.user_json(id, &api).map(|user| one("user", &user)),
            Call::ListUsers => Some(paging::in_this_order(request, "users", account.people.all_users(&api))),
            Call::ListGroups => {
                Some(paging::in_this_order(request, "groups", account.people.all_groups(&api)))
            }
            Call::GetGroup(id) => account.people.group_json(id, &api).map(|group| one("group", &group)),
            Call::GetField(id) => wire::ticket_fields(account.room_field, &api)
                .iter()
                .find(|field| field["id"] == id)
                .map(|field| one("ticket_field", field)),
            Call::TicketFields => Some(all("ticket_fields", &wire::ticket_fields(account.room_field, &api))),
            Call::GetTicket(id) => account.live(id).map(|ticket| show(&account, ticket, request, &api)),
            Call::ShowMany => Some(show_many(&account, request, &api)),
            Call::Comments(id) => account.live(id).map(|ticket| {
                let comments = ticket.comments.iter().map(|comment| wire::comment(comment, ticket));
                paging::page(request, "comments", comments.collect(), account.heeds_order)
            }),
            Call::Audits(id) => account.live(id).map(|ticket| {
                let audits = ticket.audits.iter().map(|audit| wire::audit(audit, ticket));
                paging::page(request, "audits", audits.collect(), account.heeds_order)
            }),
            Call::Incremental | Call::IncrementalByTime if !account.people.integration_is_admin() => {
                Some(auth::forbidden())
            }
            Call::IncrementalByTime => {
                Some(export::page_by_time(&account, request, self.export_hold, self.clock.now()))
            }
            Call::Search => Some(self.search(&account, request)),
            Call::SearchExport => Some(self.search_export(&account, request)),
            Call::ListTickets => {
                let tickets = account.tickets.values().filter(|ticket| ticket.removed.is_none());
                let tickets = tickets.map(|ticket| wire::ticket(ticket, &api)).collect();
                Some(paging::in_this_order(request, "tickets", tickets))
            }
            Call::Incremental => Some(export::page(&account, request, self.export_hold, self.clock.now())),
            Call::Webhooks | Call::TestWebhook | Call::Triggers | Call::TriggerCategories
                if !account.people.integration_is_admin() =>
            {
                Some(auth::forbidden())
            }
            Call::Webhooks | Call::TestWebhook => self.webhook_call(&account, request, &below(&request.path)),
            Call::Triggers => self.trigger_call(&mut account, request, &below(&request.path)),
            Call::TriggerCategories => Some(trigger_api::categories(request)),
            Call::UpdateTicket(id) => Some(self.update_ticket(&mut account, id, request, &api)),
            Call::CreateTicket => Some(self.create_ticket(&mut account, request, &api)),
            Call::MergeTickets(id) => Some(self.merge_tickets(&mut account, id, request, &api)),
            Call::JobStatus => self.job_status(&account, request, &api),
            Call::DeletedTickets => Some(self.deleted_tickets(&account, request)),
            Call::RestoreTicket(id) => self.restore_ticket(&mut account, id),
            Call::UpdateTags(id) => Some(self.update_tags(&mut account, id, request)),
            Call::OauthToken | Call::Unknown => None,
        };
        answer.unwrap_or_else(wire::not_found)
    }

    fn update_ticket(&self, account: &mut Account, id: u64, request: &Request, api: &str) -> Answer {
        let Ok(Some(body)) = request.json() else { return unreadable() };
        let update = match body.get("ticket").map(update_of) {
            Some(Ok(update)) => update,
            Some(Err(refusal)) => return wire::refusal(&refusal),
            None => return unreadable(),
        };
        let done = match account.update(CLIENT, id, update, self.clock.now()) {
            Ok(done) => done,
            Err(refusal) => return wire::refusal(&refusal),
        };
        let Some(ticket) = account.live(id) else { return wire::not_found() };
        let audit = done.and_then(|done| ticket.audit(done.audit));
        let answer = json!({
            "ticket": wire::ticket(ticket, api),
            "audit": audit.map(|audit| wire::audit(audit, ticket)),
        });
        self.announce(account, done);
        Answer::json(StatusCode::OK, &answer)
    }

    /// PUT adds tags, POST replaces all, DELETE removes them. All answer with the resulting tags.
    fn update_tags(&self, account: &mut Account, id: u64, request: &Request) -> Answer {
        let Ok(Some(body)) = request.json() else { return unreadable() };
        let Some(ticket) = account.live(id) else { return wire::not_found() };
        let named = tags(strings(body.get("tags")));
        let wanted = match request.method {
            Method::POST => named,
            Method::DELETE => &ticket.tags - &named,
            _ => &ticket.tags | &named,
        };
        let update = Update { tags: Some(wanted), expected: expected(&body), ..Update::default() };
        match account.update(CLIENT, id, update, self.clock.now()) {
            Ok(done) => {
                let now = account.live(id).map(|ticket| &ticket.tags);
                let answer = Answer::json(StatusCode::OK, &json!({ "tags": now }));
                self.announce(account, done);
                answer
            }
            Err(refusal) => wire::refusal(&refusal),
        }
    }
}

/// What follows the first segment of a path of the API.
fn below(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("/api/v2/").unwrap_or_default();
    path.strip_suffix(".json").unwrap_or(path).split('/').skip(1).collect()
}

fn one(name: &str, item: &Value) -> Answer {
    Answer::json(StatusCode::OK, &json!({ name: item }))
}

/// A list that needs no second page.
fn all(name: &str, items: &[Value]) -> Answer {
    let count = items.len();
    let body = json!({ name: items, "next_page": null, "previous_page": null, "count": count });
    Answer::json(StatusCode::OK, &body)
}

/// The ticket with what the request includes.
fn show(account: &Account, ticket: &Ticket, request: &Request, api: &str) -> Answer {
    let mut body = json!({ "ticket": wire::ticket(ticket, api) });
    for name in request.query("include").unwrap_or_default().split(',') {
        let included: Value = match name {
            "users" => {
                let assignee = ticket.assignee.filter(|id| *id != ticket.requester);
                let users = [ticket.requester].into_iter().chain(assignee);
                users.filter_map(|id| account.people.user_json(id, api)).collect()
            }
            "groups" => ticket.group.iter().filter_map(|id| account.people.group_json(*id, api)).collect(),
            _ => continue,
        };
        body[name] = included;
    }
    Answer::json(StatusCode::OK, &body)
}

/// Those of the tickets asked for that exist.
fn show_many(account: &Account, request: &Request, api: &str) -> Answer {
    let ids: Vec<&str> = request.query("ids").unwrap_or_default().split(',').collect();
    if ids.len() > MOST_SHOWN {
        return wire::error(StatusCode::BAD_REQUEST, "TooManyValues", "At most 100 ids");
    }
    let tickets = ids.iter().filter_map(|id| account.live(id.trim().parse().ok()?));
    let tickets: Vec<Value> = tickets.map(|ticket| wire::ticket(ticket, api)).collect();
    all("tickets", &tickets)
}

fn unreadable() -> Answer {
    wire::error(StatusCode::BAD_REQUEST, "BadRequest", "The request could not be understood")
}

/// Reads the `ticket` of an update. Unknown members are ignored.
fn update_of(ticket: &Value) -> Result<Update, Refusal> {
    let text = |name: &str| ticket.get(name).and_then(Value::as_str);
    let status = match text("status") {
        Some(name) => Some(Status::from_name(name).ok_or_else(|| Refusal::Invalid {
            field: "status",
            why: "Status: is not included in the list".to_owned(),
        })?),
        None => None,
    };
    let fields = ticket.get("custom_fields").and_then(Value::as_array).into_iter().flatten();
    let fields = fields.filter_map(|field| Some((field.get("id")?.as_u64()?, field.get("value")?.clone())));
    Ok(Update {
        expected: expected(ticket),
        comment: ticket.get("comment").and_then(comment_of),
        subject: text("subject").map(str::to_owned),
        status,
        priority: ticket.get("priority").map(|value| value.as_str().map(str::to_owned)),
        requester: ticket.get("requester_id").and_then(Value::as_u64),
        assignee: ticket.get("assignee_id").map(Value::as_u64),
        group: ticket.get("group_id").map(Value::as_u64),
        brand: ticket.get("brand_id").and_then(Value::as_u64),
        tags: ticket.get("tags").map(|list| tags(strings(Some(list)))),
        fields: fields.collect(),
        metadata: ticket.get("metadata").cloned(),
    })
}

/// A comment is public unless it has `"public": false`. Without a text there is no comment.
fn comment_of(comment: &Value) -> Option<NewComment> {
    let public = comment.get("public") != Some(&Value::Bool(false));
    let text = |name: &str| comment.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let html = text("html_body").map(|html| NewComment::html(public, html));
    html.or_else(|| text("body").map(|body| NewComment::text(public, body)))
}

/// The version that the client wants to change, if it sends `safe_update` with any value.
fn expected(body: &Value) -> Option<String> {
    body.get("safe_update")?;
    body.get("updated_stamp")?.as_str().map(str::to_owned)
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
