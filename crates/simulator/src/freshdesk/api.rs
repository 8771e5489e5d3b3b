//! The calls of the REST API, version 2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::FreshdeskService;
use super::account::{Account, Invalid, Ticket};
use super::people::{INTEGRATION, dated};
use super::view::Change;
use super::{limits, listing, search};
use crate::fault::TooMany;
use crate::helpdesk;
use crate::http::{Answer, Request};
use crate::service::{Admission, Service};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    GetTicket(u64),
    UpdateTicket(u64),
    DeleteTicket(u64),
    RestoreTicket(u64),
    MergeTickets,
    ArchivedTicket(u64),
    ListTickets,
    SearchTickets,
    CreateNote(u64),
    Conversations(u64),
    EditConversation(u64),
    DeleteConversation(u64),
    Me,
    GetAgent(u64),
    GetContact(u64),
    GetGroup(u64),
    ListGroups,
    TicketFields,
    AdminFields,
    Automations,
    Other,
}

impl Call {
    fn of(method: &Method, path: &str) -> Self {
        let Some(path) = path.strip_prefix("/api/v2/") else { return Self::Other };
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let id = |text: &str| text.parse::<u64>().ok();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["search", "tickets"]) => Some(Self::SearchTickets),
            ("GET", ["tickets"]) => Some(Self::ListTickets),
            ("GET", ["tickets", "archived", ticket]) => id(ticket).map(Self::ArchivedTicket),
            ("GET", ["tickets", ticket]) => id(ticket).map(Self::GetTicket),
            ("PUT", ["tickets", "merge"]) => Some(Self::MergeTickets),
            ("PUT", ["tickets", ticket]) => id(ticket).map(Self::UpdateTicket),
            ("DELETE", ["tickets", ticket]) => id(ticket).map(Self::DeleteTicket),
            ("PUT", ["tickets", ticket, "restore"]) => id(ticket).map(Self::RestoreTicket),
            ("POST", ["tickets", ticket, "notes"]) => id(ticket).map(Self::CreateNote),
            ("GET", ["tickets", ticket, "conversations"]) => id(ticket).map(Self::Conversations),
            ("PUT", ["conversations", note]) => id(note).map(Self::EditConversation),
            ("DELETE", ["conversations", note]) => id(note).map(Self::DeleteConversation),
            ("GET", ["agents", "me"]) => Some(Self::Me),
            ("GET", ["agents", agent]) => id(agent).map(Self::GetAgent),
            ("GET", ["contacts", contact]) => id(contact).map(Self::GetContact),
            ("GET", ["groups"]) => Some(Self::ListGroups),
            ("GET", ["groups", group]) => id(group).map(Self::GetGroup),
            ("GET" | "POST", ["admin", "ticket_fields"]) => Some(Self::AdminFields),
            (_, ["automations", ..]) => Some(Self::Automations),
            ("GET", ["ticket_fields"]) => Some(Self::TicketFields),
            _ => None,
        }
        .unwrap_or(Self::Other)
    }

    fn name(self) -> &'static str {
        match self {
            Self::GetTicket(_) => "get_ticket",
            Self::UpdateTicket(_) => "update_ticket",
            Self::DeleteTicket(_) => "delete_ticket",
            Self::RestoreTicket(_) => "restore_ticket",
            Self::MergeTickets => "merge_tickets",
            Self::ArchivedTicket(_) => "archived_ticket",
            Self::ListTickets => "list_tickets",
            Self::SearchTickets => "search_tickets",
            Self::CreateNote(_) => "create_note",
            Self::Conversations(_) => "conversations",
            Self::EditConversation(_) => "edit_conversation",
            Self::DeleteConversation(_) => "delete_conversation",
            Self::Me => "me",
            Self::GetAgent(_) => "get_agent",
            Self::GetContact(_) => "get_contact",
            Self::GetGroup(_) => "get_group",
            Self::ListGroups => "list_groups",
            Self::TicketFields => "ticket_fields",
            Self::AdminFields => "admin_fields",
            Self::Automations => "automations",
            Self::Other => "other",
        }
    }

    fn ticket(self) -> Option<u64> {
        match self {
            Self::GetTicket(id)
            | Self::UpdateTicket(id)
            | Self::DeleteTicket(id)
            | Self::RestoreTicket(id)
            | Self::ArchivedTicket(id)
            | Self::CreateNote(id)
            | Self::Conversations(id) => Some(id),
            _ => None,
        }
    }
}

/// Each `include` costs as much as a call, or as two in the list of tickets.
fn cost(request: &Request) -> u32 {
    let includes = request.query("include").map_or(0, |include| include.split(',').count());
    let each = if request.path.trim_end_matches('/') == "/api/v2/tickets" { 2 } else { 1 };
    u32::try_from(includes).unwrap_or(u32::MAX).saturating_mul(each).saturating_add(1)
}

impl Service for FreshdeskService {
    fn name(&self, method: &Method, path: &str) -> &'static str {
        Call::of(method, path).name()
    }

    fn admit(&self, request: &Request, call: &'static str) -> Result<Admission, Answer> {
        // Calls that fail count as well.
        self.quota.admit(call, cost(request), self.clock.now())?;
        Ok(Admission::default())
    }

    fn answer(&self, request: &Request, _call: &'static str) -> Answer {
        self.quota.tell(self.call(Call::of(&request.method, &request.path), request), cost(request))
    }

    fn refusal(&self, status: StatusCode) -> Answer {
        match status {
            StatusCode::UNAUTHORIZED => unauthorized(),
            StatusCode::FORBIDDEN => denied(),
            StatusCode::NOT_FOUND => Answer::empty(status),
            StatusCode::TOO_MANY_REQUESTS => limits::too_many(30),
            _ => {
                Answer::json(status, &json!({ "code": "internal_error", "message": "Something went wrong" }))
            }
        }
    }

    fn too_many(&self, kind: TooMany) -> Answer {
        limits::too_many(kind.retry_after_s().unwrap_or(1))
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

impl FreshdeskService {
    fn call(&self, call: Call, request: &Request) -> Answer {
        if !self.knows(request) {
            return unauthorized();
        }
        if matches!(request.method.as_str(), "POST" | "PUT") && !request.has_json_content() {
            let body = json!({ "code": "invalid_content_type", "message": "Content-Type should be application/json" });
            return Answer::json(StatusCode::UNSUPPORTED_MEDIA_TYPE, &body);
        }
        let mut account = self.account();
        if call.ticket().is_some_and(|id| account.restricted.contains(&id)) {
            return denied();
        }
        let is_there = |ticket: &&Ticket| !ticket.purged && !ticket.archived;
        let answer = match call {
            Call::GetTicket(id) => {
                account.tickets.get(&id).filter(is_there).map(|ticket| show(&account, ticket, request))
            }
            Call::ArchivedTicket(id) => account
                .tickets
                .get(&id)
                .filter(|ticket| ticket.archived && !ticket.purged)
                .map(|ticket| Answer::json(StatusCode::OK, &ticket.json())),
            Call::ListTickets => Some(listing::answer(&account, request, self.clock.now())),
            Call::SearchTickets => Some(search::answer(&account, request, self.search_lag, self.clock.now())),
            Call::Conversations(id) => {
                account.tickets.get(&id).filter(is_there).map(|ticket| conversations(ticket, request))
            }
            Call::UpdateTicket(id) | Call::CreateNote(id)
                if account.tickets.get(&id).filter(is_there).is_some_and(|ticket| ticket.deleted) =>
            {
                // Freshdesk's exact answer for tickets in the trash is not documented.
                Some(Answer::json(
                    StatusCode::METHOD_NOT_ALLOWED,
                    &json!({ "message": "GET method(s) allowed" }),
                ))
            }
            Call::UpdateTicket(id)
            | Call::CreateNote(id)
            | Call::DeleteTicket(id)
            | Call::RestoreTicket(id)
                if account.tickets.get(&id).filter(is_there).is_none() =>
            {
                None
            }
            Call::UpdateTicket(id) => Some(self.update(&mut account, id, request)),
            Call::CreateNote(id) => Some(self.note(&mut account, id, request)),
            Call::DeleteTicket(id) => Some(self.done(&mut account, id, Change::Delete)),
            Call::RestoreTicket(id) => Some(self.done(&mut account, id, Change::Restore)),
            Call::MergeTickets => self.merge(&mut account, request),
            Call::EditConversation(id) => edit(&mut account, id, request),
            Call::DeleteConversation(id) => remove(&mut account, id),
            Call::Me => account.people.agent_json(INTEGRATION).map(|agent| ok(&agent)),
            Call::GetAgent(_) | Call::GetGroup(_) | Call::ListGroups if !account.people.readable => {
                Some(denied())
            }
            Call::GetAgent(id) => account.people.agent_json(id).map(|agent| ok(&agent)),
            Call::GetContact(id) => account.people.contact_json(id).map(|contact| ok(&contact)),
            Call::GetGroup(id) => account.people.group_json(id).map(|group| ok(&group)),
            Call::ListGroups => {
                let ids = account.people.groups.keys();
                Some(paged(request, ids.filter_map(|id| account.people.group_json(*id)).collect()))
            }
            Call::AdminFields | Call::Automations if !account.people.own_is_administrator => Some(denied()),
            Call::AdminFields => Some(self.admin_fields(&mut account, request)),
            Call::Automations => {
                let path: Vec<&str> = request.path.trim_end_matches('/').split('/').skip(4).collect();
                self.rules_call(&mut account, request, &path)
            }
            Call::TicketFields => Some(ok(&fields(&account))),
            Call::Other => None,
        };
        // Freshdesk's 404 has no body.
        answer.unwrap_or_else(|| Answer::empty(StatusCode::NOT_FOUND))
    }

    /// The user name is the API key; the password doesn't matter.
    fn knows(&self, request: &Request) -> bool {
        let given = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        let pair =
            given.and_then(|given| STANDARD.decode(given).ok()).and_then(|pair| String::from_utf8(pair).ok());
        pair.is_some_and(|pair| pair.split_once(':').is_some_and(|(user, _)| self.is_api_key(user)))
    }

    fn update(&self, account: &mut Account, id: u64, request: &Request) -> Answer {
        let Ok(Some(update)) = request.json() else { return invalid_json() };
        match account.update(INTEGRATION, id, &update, self.clock.now()) {
            Ok(happened) => {
                self.announce(account, happened);
                account.tickets.get(&id).map_or_else(invalid_json, |ticket| ok(&ticket.json()))
            }
            Err(invalid) => validation_failed(&invalid),
        }
    }

    fn note(&self, account: &mut Account, id: u64, request: &Request) -> Answer {
        let Ok(Some(note)) = request.json() else { return invalid_json() };
        let Some(html) = note["body"].as_str().filter(|body| !body.is_empty()) else {
            return validation_failed(&[missing("body")]);
        };
        let private = note["private"].as_bool().unwrap_or(true);
        let now = self.clock.now();
        let Some(made) = account.note(INTEGRATION, id, html, private, now) else { return invalid_json() };
        let triggered = if private { "{note_type:private}" } else { "{note_type:public}" };
        self.announce(
            account,
            [super::account::Happened { ticket: id, triggered: triggered.to_owned(), by: INTEGRATION }],
        );
        let notes = account.tickets.get(&id).into_iter().flat_map(|ticket| &ticket.conversations);
        let note = notes.into_iter().find(|note| note.id == made).map(|note| note.json(id));
        Answer::json(StatusCode::CREATED, &note)
    }

    fn done(&self, account: &mut Account, id: u64, change: Change) -> Answer {
        let happened = account.change(INTEGRATION, id, change, self.clock.now());
        self.announce(account, happened.unwrap_or_default());
        Answer::empty(StatusCode::NO_CONTENT)
    }

    /// Merges the secondary tickets, each for itself, into the primary one.
    fn merge(&self, account: &mut Account, request: &Request) -> Option<Answer> {
        let Ok(Some(body)) = request.json() else { return Some(invalid_json()) };
        let secondaries: Vec<u64> =
            body["ticket_ids"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let Some(primary) = body["primary_id"].as_u64().filter(|_| !secondaries.is_empty()) else {
            return Some(validation_failed(&[missing("primary_id")]));
        };
        for secondary in secondaries {
            let happened = account.merge(INTEGRATION, primary, secondary, self.clock.now())?;
            self.announce(account, happened);
        }
        Some(Answer::empty(StatusCode::NO_CONTENT))
    }
}

fn missing(field: &str) -> Invalid {
    (field.to_owned(), "It should not be blank", "missing_field")
}

fn show(account: &Account, ticket: &Ticket, request: &Request) -> Answer {
    let mut shown = ticket.json();
    for include in request.query("include").into_iter().flat_map(|include| include.split(',')) {
        match include.trim() {
            "requester" => shown["requester"] = account.people.requester_json(ticket.requester),
            "company" => shown["company"] = json!({}),
            "stats" => shown["stats"] = ticket.stats_json(),
            "conversations" => {
                let first = ticket.conversations.iter().take(10);
                shown["conversations"] = first.map(|conversation| conversation.json(ticket.id)).collect();
            }
            _ => {
                return validation_failed(&[(
                    "include".to_owned(),
                    "It should be one of these values",
                    "invalid_value",
                )]);
            }
        }
    }
    ok(&shown)
}

/// Page and size of a list, from 1 and up to 100.
fn page<T>(request: &Request, all: Vec<T>) -> (Vec<T>, Option<String>) {
    let number =
        |name, default| request.query(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(default);
    let (per_page, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let more = all.len() > page * per_page;
    let shown = all.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let next = more.then(|| {
        format!("<{}{}?per_page={per_page}&page={}>; rel=\"next\"", request.origin(), request.path, page + 1)
    });
    (shown, next)
}

fn paged(request: &Request, all: Vec<Value>) -> Answer {
    let (shown, next) = page(request, all);
    let answer = ok(&shown);
    match next {
        Some(next) => answer.with("link", &next),
        None => answer,
    }
}

fn conversations(ticket: &Ticket, request: &Request) -> Answer {
    paged(request, ticket.conversations.iter().map(|conversation| conversation.json(ticket.id)).collect())
}

fn edit(account: &mut Account, id: u64, request: &Request) -> Option<Answer> {
    let body = request.json().ok().flatten()?;
    let html = body["body"].as_str()?;
    let ticket =
        account.tickets.values_mut().find(|ticket| ticket.conversations.iter().any(|note| note.id == id))?;
    let number = ticket.id;
    let note = ticket.conversations.iter_mut().find(|note| note.id == id)?;
    note.body = super::html::sanitised(html);
    Some(ok(&note.json(number)))
}

fn remove(account: &mut Account, id: u64) -> Option<Answer> {
    let ticket =
        account.tickets.values_mut().find(|ticket| ticket.conversations.iter().any(|note| note.id == id))?;
    ticket.conversations.retain(|note| note.id != id);
    Some(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn fields(account: &Account) -> Vec<Value> {
    let field = |id: u64, name: &str, label: &str, kind: &str| {
        dated(
            json!({ "id": id, "name": name, "label": label, "type": kind, "default": !name.starts_with("cf_"),
            "required_for_closure": false, "choices": null }),
        )
    };
    let mut fields = vec![
        field(103_000_001_001, "subject", "Subject", "default_subject"),
        field(103_000_001_002, "status", "Status", "default_status"),
    ];
    fields.extend(account.room_field.iter().map(|name| field(103_000_001_009, name, "Room", "custom_text")));
    fields.extend(
        account.required_field.iter().map(|name| field(103_000_001_010, name, "Needed", "custom_text")),
    );
    let more = account.more_fields().iter().zip(103_000_001_011..);
    fields.extend(more.map(|(name, id)| field(id, name, name, "custom_text")));
    fields
}

pub(super) fn ok(body: &impl serde::Serialize) -> Answer {
    Answer::json(StatusCode::OK, body)
}

fn unauthorized() -> Answer {
    let body = json!({ "code": "invalid_credentials", "message": "You have to be logged in to perform this action." });
    Answer::json(StatusCode::UNAUTHORIZED, &body)
}

fn denied() -> Answer {
    let body =
        json!({ "code": "access_denied", "message": "You are not authorized to perform this action." });
    Answer::json(StatusCode::FORBIDDEN, &body)
}

pub(super) fn invalid_json() -> Answer {
    let body = json!({ "code": "invalid_json", "message": "Request body has invalid json format" });
    Answer::json(StatusCode::BAD_REQUEST, &body)
}

pub(super) fn validation_failed(invalid: &[Invalid]) -> Answer {
    let errors: Vec<Value> = invalid
        .iter()
        .map(|(field, message, code)| json!({ "field": field, "message": message, "code": code }))
        .collect();
    Answer::json(StatusCode::BAD_REQUEST, &json!({ "description": "Validation failed", "errors": errors }))
}
