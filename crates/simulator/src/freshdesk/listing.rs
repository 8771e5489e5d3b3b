//! The list of tickets.
//!
//! * Without `updated_since` it has only what was created in the last 30 days. It leaves out the
//!   trash and spam, unless a `filter` asks for one of them, and the archive always.
//! * It is in the order of creation, the newest first, unless it is asked for another one. Tickets
//!   that are equal in that order come with the newest first.
//! * Pages are counted, so a ticket that changes while pages are read moves those between its old
//!   and its new place onto other pages. There are 300 pages of at most 100 tickets.
//! * Texts of tickets are only there if they are asked for.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::{Account, Invalid, Ticket};
use super::api::{ok, validation_failed};
use crate::http::{Answer, Request};
use crate::selection;

/// What counts as recent where the client doesn't say since when.
const RECENT: SignedDuration = SignedDuration::from_hours(30 * 24);
const LARGEST_PAGE: usize = 100;
const LAST_PAGE: usize = 300;
const DEFAULT_PAGE: usize = 30;

/// What a list is to have.
struct Wish<'a> {
    filter: Option<&'a str>,
    since: Option<Timestamp>,
    order: Order,
    ascending: bool,
    include: Vec<&'a str>,
    page: usize,
    size: usize,
}

#[derive(Clone, Copy)]
enum Order {
    Created,
    Updated,
    Due,
    Status,
}

impl<'a> Wish<'a> {
    fn of(request: &'a Request) -> Result<Self, Invalid> {
        let order = match request.query("order_by") {
            None | Some("created_at") => Order::Created,
            Some("updated_at") => Order::Updated,
            Some("due_by") => Order::Due,
            Some("status") => Order::Status,
            Some(_) => {
                return Err(invalid(
                    "order_by",
                    "It should be one of these values: created_at,due_by,updated_at,status",
                ));
            }
        };
        let ascending = match request.query("order_type") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(invalid("order_type", "It should be one of these values: asc,desc")),
        };
        let since = match request.query("updated_since").map(str::parse) {
            None => None,
            Some(Ok(since)) => Some(since),
            Some(Err(_)) => {
                return Err(invalid(
                    "updated_since",
                    "It should be in the combined date and time ISO8601 format",
                ));
            }
        };
        let filter = request.query("filter");
        if filter.is_some_and(|it| !["deleted", "spam", "new_and_my_open", "watching"].contains(&it)) {
            let why = "It should be one of these values: new_and_my_open,watching,spam,deleted";
            return Err(invalid("filter", why));
        }
        let include: Vec<&str> = request.query("include").into_iter().flat_map(|it| it.split(',')).collect();
        if include.iter().any(|it| !["requester", "stats", "description", "company"].contains(it)) {
            let why = "It should be one of these values: requester,stats,company,description";
            return Err(invalid("include", why));
        }
        let page = number(
            request,
            "page",
            1,
            LAST_PAGE,
            "It should be a Positive Integer less than or equal to 300",
        )?;
        let size = number(
            request,
            "per_page",
            DEFAULT_PAGE,
            LARGEST_PAGE,
            "It should be a Positive Integer less than or equal to 100",
        )?;
        Ok(Self { filter, since, order, ascending, include, page, size })
    }

    fn is_for(&self, ticket: &Ticket, now: Timestamp) -> bool {
        let is_shown = match self.filter {
            Some("deleted") => ticket.deleted,
            Some("spam") => ticket.spam && !ticket.deleted,
            // The integration's agent watches nothing, and has no tickets of its own.
            Some("watching") => false,
            Some("new_and_my_open") => {
                !ticket.deleted
                    && !ticket.spam
                    && ticket.responder.is_none()
                    && ticket.status == super::account::OPEN
            }
            _ => !ticket.deleted && !ticket.spam,
        };
        let recent = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
        is_shown
            && !ticket.purged
            && !ticket.archived
            && self.since.map_or(ticket.created >= recent, |since| ticket.updated >= since)
    }

    fn compare(&self, one: &Ticket, other: &Ticket) -> Ordering {
        let seconds = |at: Timestamp| at.as_second();
        let order = match self.order {
            // Times have whole seconds.
            Order::Created | Order::Due => seconds(one.created).cmp(&seconds(other.created)),
            Order::Updated => seconds(one.updated).cmp(&seconds(other.updated)),
            Order::Status => one.status.cmp(&other.status),
        };
        let order = if self.ascending { order } else { order.reverse() };
        order.then(other.id.cmp(&one.id))
    }

    fn shown(&self, account: &Account, ticket: &Ticket) -> Value {
        let mut shown = ticket.json();
        if let Some(fields) = shown.as_object_mut() {
            fields.remove("attachments");
            if !self.include.contains(&"description") {
                fields.remove("description");
                fields.remove("description_text");
            }
        }
        for include in &self.include {
            match *include {
                "requester" => shown["requester"] = account.people.requester_json(ticket.requester),
                "stats" => shown["stats"] = ticket.stats_json(),
                "company" => shown["company"] = json!({}),
                _ => {}
            }
        }
        shown
    }
}

pub(super) fn answer(account: &Account, request: &Request, now: Timestamp) -> Answer {
    let wish = match Wish::of(request) {
        Ok(wish) => wish,
        Err(invalid) => return validation_failed(&[invalid]),
    };
    let found: Vec<&Ticket> = account
        .tickets
        .values()
        .filter(|ticket| wish.is_for(ticket, now) && !account.restricted.contains(&ticket.id))
        .collect();
    let more = found.len() > wish.page * wish.size;
    let page =
        selection::page(found, (wish.page - 1) * wish.size, wish.size, |one, other| wish.compare(one, other));
    let shown: Vec<Value> = page.into_iter().map(|ticket| wish.shown(account, ticket)).collect();
    let answer = ok(&shown);
    // The last page that there may be names a next one all the same.
    if more { answer.with("link", &link(request, wish.page + 1)) } else { answer }
}

/// The address of another page, with all parameters of the request.
pub(super) fn link(request: &Request, page: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in request.parameters().filter(|(name, _)| !name.eq_ignore_ascii_case("page")) {
        query.append_pair(name, value);
    }
    query.append_pair("page", &page.to_string());
    format!("<{}{}?{}>; rel=\"next\"", request.origin(), request.path, query.finish())
}

/// A number from 1.
pub(super) fn number(
    request: &Request,
    name: &str,
    default: usize,
    most: usize,
    why: &'static str,
) -> Result<usize, Invalid> {
    match request.query(name).map(str::parse::<usize>) {
        None => Ok(default),
        Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(invalid(name, why)),
    }
}

pub(super) fn invalid(field: &str, why: &'static str) -> Invalid {
    (field.to_owned(), why, "invalid_value")
}
