//! The incremental export of tickets, by cursor: every ticket that changed, deleted ones included,
//! in the order of its last change, those that Zendesk itself made included. The newest changes are
//! held back for a while, and a page begins with the ticket that the last one ended with: clients
//! must expect to see tickets twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::Account;
use super::ticket::Ticket;
use super::wire;
use crate::http::{Answer, Request};
use crate::selection;

const LARGEST_PAGE: usize = 1_000;

/// A place in the order: when a ticket changed, in seconds, and its number.
type Place = (i64, u64);

pub(super) fn page(account: &Account, request: &Request, hold: SignedDuration, now: Timestamp) -> Answer {
    let newest = now.saturating_sub(hold).unwrap_or(Timestamp::MIN);
    let size = request.query("per_page").map_or(Ok(LARGEST_PAGE), str::parse).unwrap_or(LARGEST_PAGE);
    let size = size.clamp(1, LARGEST_PAGE);
    let resumed = request.query("cursor");
    let begin = match (resumed, request.query("start_time").map(str::parse::<i64>)) {
        (Some(cursor), _) => place_of(cursor),
        (None, Some(Ok(start))) if start > newest.as_second() => {
            let why = "Too recent start_time. Use a start_time older than 60 seconds";
            return wire::error(StatusCode::UNPROCESSABLE_ENTITY, "StartTimeTooRecent", why);
        }
        (None, Some(Ok(start))) => Some((start, 0)),
        (None, _) => None,
    };
    let Some(begin) = begin else {
        return wire::error(
            StatusCode::BAD_REQUEST,
            "InvalidValue",
            "start_time or cursor is missing or invalid",
        );
    };
    // A page of one would only repeat itself. With a cursor, the last ticket comes once more.
    let is_left = |ticket: &&Ticket| match resumed {
        Some(_) if size > 1 => place(ticket) >= begin,
        _ => place(ticket) > begin,
    };
    let done = |ticket: &&Ticket| ticket.generated_at <= newest;
    let tickets: Vec<&Ticket> = account.tickets.values().filter(done).filter(is_left).collect();
    let is_end = tickets.len() <= size;
    let page = selection::page(tickets, 0, size, |one, other| place(one).cmp(&place(other)));
    let after = cursor(page.last().map_or(begin, |ticket| place(ticket)));
    let before = page.first().map(|ticket| cursor(place(ticket)));

    let api = format!("{}/api/v2", request.origin());
    let url = |cursor: &str| format!("{api}/incremental/tickets/cursor.json?cursor={cursor}&per_page={size}");
    let shown: Vec<Value> = page.iter().map(|ticket| wire::ticket(ticket, &api)).collect();
    let body = json!({
        "tickets": shown,
        "after_url": url(&after),
        "after_cursor": after,
        "before_url": before.as_deref().map(url),
        "before_cursor": before,
        "end_of_stream": is_end,
    });
    Answer::json(StatusCode::OK, &body)
}

fn place(ticket: &Ticket) -> Place {
    (ticket.generated_at.as_second(), ticket.id)
}

fn cursor((second, id): Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{second}.{id}"))
}

fn place_of(cursor: &str) -> Option<Place> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (second, id) = text.split_once('.')?;
    Some((second.parse().ok()?, id.parse().ok()?))
}

/// The older form of the export, by time: pages of what changed since a second, the last of which
/// is the begin of the next page. Where more tickets than a page has have changed in one second,
/// the page is longer.
pub(super) fn page_by_time(
    account: &Account,
    request: &Request,
    hold: SignedDuration,
    now: Timestamp,
) -> Answer {
    let newest = now.saturating_sub(hold).unwrap_or(Timestamp::MIN);
    let Some(start) = request.query("start_time").and_then(|start| start.parse::<i64>().ok()) else {
        return wire::error(StatusCode::BAD_REQUEST, "InvalidValue", "start_time is missing or invalid");
    };
    if start > newest.as_second() {
        let why = "Too recent start_time. Use a start_time older than 60 seconds";
        return wire::error(StatusCode::UNPROCESSABLE_ENTITY, "StartTimeTooRecent", why);
    }
    let size = request.query("per_page").and_then(|size| size.parse().ok()).unwrap_or(LARGEST_PAGE);
    let size = size.clamp(1, LARGEST_PAGE);
    let mut tickets: Vec<&Ticket> = account
        .tickets
        .values()
        .filter(|ticket| ticket.generated_at <= newest && ticket.generated_at.as_second() >= start)
        .collect();
    tickets.sort_by_key(|ticket| place(ticket));
    let last = tickets.get(size.min(tickets.len()).saturating_sub(1)).map(|ticket| place(ticket).0);
    let shown: Vec<&Ticket> =
        tickets.iter().copied().take_while(|ticket| Some(place(ticket).0) <= last).collect();
    let (api, is_end) = (format!("{}/api/v2", request.origin()), shown.len() == tickets.len());
    let body = json!({
        "tickets": shown.iter().map(|ticket| wire::ticket(ticket, &api)).collect::<Vec<Value>>(),
        "count": shown.len(),
        "end_time": last,
        "end_of_stream": is_end,
        "next_page": last.map(|last| format!("{api}/incremental/tickets.json?start_time={last}&per_page={size}")),
    });
    Answer::json(StatusCode::OK, &body)
}
