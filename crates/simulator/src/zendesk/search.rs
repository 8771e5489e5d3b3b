//! The search for tickets, in two forms:
//!
//! | call | has |
//! | --- | --- |
//! | `GET search/export` | everything, in the order of creation, by a cursor that is good for an hour; tickets may come twice |
//! | `GET search` | the newest 1,000, by pages of at most 100 |
//!
//! Both miss deleted tickets and what was changed in the last minutes. A query is a list of
//! restrictions that all have to hold: `type:ticket updated>2026-11-20T08:00:00Z status<solved`.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::Account;
use super::ticket::{Status, Ticket};
use super::{ZendeskService, wire};
use crate::http::{Answer, Request};
use crate::selection;

const LARGEST_EXPORT_PAGE: usize = 1_000;
const LARGEST_PAGE: usize = 100;
const MOST_FOUND: usize = 1_000;
/// How long the cursor of an export can be used.
const CURSOR_LIFE: SignedDuration = SignedDuration::from_hours(1);

impl ZendeskService {
    pub(super) fn search(&self, account: &Account, request: &Request) -> Answer {
        let api = format!("{}/api/v2", request.origin());
        let found = match self.found(account, request) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let number = |name, default: usize| request.query(name).map_or(Ok(default), str::parse);
        let (Ok(page @ 1..), Ok(size @ 1..=LARGEST_PAGE)) =
            (number("page", 1), number("per_page", LARGEST_PAGE))
        else {
            return invalid("page and per_page have to be numbers from 1, per_page up to 100");
        };
        if page.saturating_mul(size) > MOST_FOUND {
            let why = "Requested response size was greater than Search Response Limits";
            return wire::error(StatusCode::UNPROCESSABLE_ENTITY, "invalid", why);
        }
        let count = found.len();
        let newest_first = |one: &&Ticket, other: &&Ticket| place(other).cmp(&place(one));
        let shown = selection::page(found, (page - 1) * size, size, newest_first);
        let next = (count > page * size).then(|| {
            let query: String =
                url::form_urlencoded::byte_serialize(request.query("query").unwrap_or_default().as_bytes())
                    .collect();
            format!("{api}/search.json?page={}&per_page={size}&query={query}", page + 1)
        });
        let body = json!({
            "results": results(&shown, &api),
            "facets": null,
            "next_page": next,
            "previous_page": null,
            "count": count,
        });
        Answer::json(StatusCode::OK, &body)
    }

    pub(super) fn search_export(&self, account: &Account, request: &Request) -> Answer {
        let (api, now) = (format!("{}/api/v2", request.origin()), self.clock.now());
        if request.query("filter[type]") != Some("ticket") {
            return invalid("filter[type] is missing");
        }
        let size = request.query("page[size]").map_or(Ok(LARGEST_PAGE), str::parse).unwrap_or(0);
        if !(1..=LARGEST_EXPORT_PAGE).contains(&size) {
            return invalid("page[size] has to be a number from 1 to 1000");
        }
        let begin = match request.query("page[after]").map(|cursor| place_of(cursor, now)) {
            Some(None) => return invalid("The cursor is invalid or has expired"),
            Some(Some(begin)) => Some(begin),
            None => None,
        };
        let mut found = match self.found(account, request) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        // A page begins with the ticket that the last one ended with.
        let is_left = |ticket: &&Ticket| match begin {
            Some(begin) if size > 1 => place(ticket) >= begin,
            Some(begin) => place(ticket) > begin,
            None => true,
        };
        found.retain(is_left);
        let has_more = found.len() > size;
        let shown = selection::page(found, 0, size, |one, other| place(one).cmp(&place(other)));
        let after = shown.last().map(|ticket| cursor(place(ticket), now));
        let query: String =
            url::form_urlencoded::byte_serialize(request.query("query").unwrap_or_default().as_bytes())
                .collect();
        let next = after.as_ref().filter(|_| has_more).map(|after| {
            format!(
                "{api}/search/export.json?filter%5Btype%5D=ticket&page%5Bafter%5D={after}&page%5Bsize%5D={size}&query={query}"
            )
        });
        let body = json!({
            "results": results(&shown, &api),
            "facets": null,
            "meta": { "has_more": has_more, "after_cursor": after, "before_cursor": null },
            "links": { "next": next, "prev": null },
        });
        Answer::json(StatusCode::OK, &body)
    }

    /// All tickets that the query is for, in any order.
    fn found<'a>(&self, account: &'a Account, request: &Request) -> Result<Vec<&'a Ticket>, Answer> {
        let query = request.query("query").unwrap_or_default();
        let wanted: Option<Vec<Condition>> = query.split_whitespace().map(Condition::parse).collect();
        let wanted = wanted.ok_or_else(|| invalid("The query could not be understood"))?;
        let newest = self.clock.now().saturating_sub(self.search_lag).unwrap_or(Timestamp::MIN);
        let tickets = account.tickets.values().filter(|ticket| ticket.removed.is_none());
        let indexed = tickets.filter(|ticket| ticket.updated_at <= newest);
        Ok(indexed.filter(|ticket| wanted.iter().all(|condition| condition.holds(ticket))).collect())
    }
}

fn results(tickets: &[&Ticket], api: &str) -> Vec<Value> {
    let shown = tickets.iter().map(|ticket| {
        let mut shown = wire::ticket(ticket, api);
        shown["result_type"] = json!("ticket");
        shown
    });
    shown.collect()
}

fn invalid(why: &str) -> Answer {
    wire::error(StatusCode::UNPROCESSABLE_ENTITY, "invalid", why)
}

/// A place in the order of creation.
type Place = (i64, u64);

fn place(ticket: &Ticket) -> Place {
    (ticket.created_at.as_second(), ticket.id)
}

fn cursor((second, id): Place, now: Timestamp) -> String {
    let expires = now.saturating_add(CURSOR_LIFE).unwrap_or(Timestamp::MAX).as_second();
    URL_SAFE_NO_PAD.encode(format!("{second}.{id}.{expires}"))
}

fn place_of(cursor: &str, now: Timestamp) -> Option<Place> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let mut parts = text.split('.');
    let (second, id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let expires: i64 = parts.next()?.parse().ok()?;
    (now.as_second() < expires).then_some((second, id))
}

#[derive(Debug)]
enum Condition {
    /// `type:ticket`; nothing else is found.
    Type(bool),
    Time(fn(&Ticket) -> Timestamp, Vec<Ordering>, Timestamp),
    Status(Vec<Ordering>, Status),
    Tag(String, bool),
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        use Ordering::{Equal, Greater, Less};
        let (text, negated) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
        let end = text.find([':', '<', '>'])?;
        let (field, rest) = text.split_at(end);
        let operators = [
            (">=", vec![Greater, Equal]),
            ("<=", vec![Less, Equal]),
            (">", vec![Greater]),
            ("<", vec![Less]),
            (":", vec![Equal]),
        ];
        let (allowed, value) =
            operators.into_iter().find_map(|(sign, allowed)| Some((allowed, rest.strip_prefix(sign)?)))?;
        Some(match field {
            "type" => Self::Type(value == "ticket"),
            "created" => Self::Time(|ticket| ticket.created_at, allowed, time(value)?),
            "updated" => Self::Time(|ticket| ticket.updated_at, allowed, time(value)?),
            "status" => Self::Status(allowed, Status::from_name(value)?),
            "tags" => Self::Tag(value.to_lowercase(), !negated),
            _ => return None,
        })
    }

    fn holds(&self, ticket: &Ticket) -> bool {
        match self {
            Self::Type(of_tickets) => *of_tickets,
            Self::Time(of, allowed, limit) => allowed.contains(&of(ticket).cmp(limit)),
            Self::Status(allowed, limit) => allowed.contains(&(ticket.status as u8).cmp(&(*limit as u8))),
            Self::Tag(tag, wanted) => ticket.tags.contains(tag) == *wanted,
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let day = || Date::strptime("%Y-%m-%d", text).ok();
    text.parse().ok().or_else(|| TimeZone::UTC.to_timestamp(day()?.at(0, 0, 0, 0)).ok())
}
