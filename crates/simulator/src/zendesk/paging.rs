//! Pages of long lists: by cursor if the request has `page[size]` or `page[after]`, else by number.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::wire;
use crate::http::{Answer, Request};

const LARGEST_PAGE: usize = 100;
/// Further ones can only be read by cursor.
const LAST_NUMBERED_PAGE: usize = 100;

/// Answers with the page of `items` (each with an `id`, oldest first) that the request asks for.
/// `heeds_order` is false where the account always lists the oldest first.
pub(super) fn page(request: &Request, name: &str, mut items: Vec<Value>, heeds_order: bool) -> Answer {
    let by_cursor = is_by_cursor(request);
    // Each way of paging has its own parameter for the order, and ignores the other's.
    let newest_first = match by_cursor {
        true => request.query("sort") == Some("-created_at"),
        false => request.query("sort_order") == Some("desc"),
    };
    if newest_first && heeds_order {
        items.reverse();
    }
    in_this_order(request, name, items)
}

/// Answers with the page that the request asks for.
pub(super) fn in_this_order(request: &Request, name: &str, items: Vec<Value>) -> Answer {
    let by_cursor = is_by_cursor(request);
    let page = if by_cursor { by_cursor_page(request, items) } else { numbered_page(request, items) };
    answer(name, page)
}

/// The same for a list that is always paged by cursor.
pub(super) fn by_cursor(request: &Request, name: &str, items: Vec<Value>) -> Answer {
    answer(name, by_cursor_page(request, items))
}

fn answer(name: &str, page: Page) -> Answer {
    match page {
        Some((items, mut body)) => {
            body.insert(name.to_owned(), Value::from(items));
            Answer::json(StatusCode::OK, &body)
        }
        None => wire::error(StatusCode::BAD_REQUEST, "InvalidPaginationParameter", "Page is invalid"),
    }
}

fn is_by_cursor(request: &Request) -> bool {
    request.query("page[size]").is_some() || request.query("page[after]").is_some()
}

type Page = Option<(Vec<Value>, Map<String, Value>)>;

fn by_cursor_page(request: &Request, items: Vec<Value>) -> Page {
    let size = number(request, "page[size]", 1..=LARGEST_PAGE, LARGEST_PAGE)?;
    let from = match request.query("page[after]") {
        Some(cursor) => items.iter().position(|item| cursor_of(item) == cursor)? + 1,
        None => 0,
    };
    let has_more = items.len() > from + size;
    let items: Vec<Value> = items.into_iter().skip(from).take(size).collect();
    let (before, after) = (items.first().map(cursor_of), items.last().map(cursor_of));
    let next = after.as_ref().filter(|_| has_more).map(|after| {
        let (path, order) = (format!("{}{}", request.origin(), request.path), order(request));
        format!("{path}?page%5Bafter%5D={after}&page%5Bsize%5D={size}{order}")
    });
    let body = [
        ("meta", json!({ "has_more": has_more, "after_cursor": after, "before_cursor": before })),
        ("links", json!({ "next": next, "prev": null })),
    ];
    Some((items, object(body)))
}

fn numbered_page(request: &Request, items: Vec<Value>) -> Page {
    let size = number(request, "per_page", 1..=LARGEST_PAGE, LARGEST_PAGE)?;
    let number = number(request, "page", 1..=LAST_NUMBERED_PAGE, 1)?;
    let from = (number - 1) * size;
    let link = |page: usize| {
        let (path, order) = (format!("{}{}", request.origin(), request.path), order(request));
        format!("{path}?page={page}&per_page={size}{order}")
    };
    let body = [
        ("count", json!(items.len())),
        ("next_page", json!((items.len() > from + size).then(|| link(number + 1)))),
        ("previous_page", json!((number > 1).then(|| link(number - 1)))),
    ];
    let items = items.into_iter().skip(from).take(size).collect();
    Some((items, object(body)))
}

/// The parameters of the request that say in which order it wants the items, to be added to an
/// address.
fn order(request: &Request) -> String {
    let given = ["sort", "sort_by", "sort_order"].into_iter().filter_map(|name| {
        let value = url::form_urlencoded::byte_serialize(request.query(name)?.as_bytes());
        Some(format!("&{name}={}", value.collect::<String>()))
    });
    given.collect()
}

/// A number that is `allowed`; `default` if it is not given.
fn number(request: &Request, name: &str, allowed: RangeInclusive<usize>, default: usize) -> Option<usize> {
    match request.query(name) {
        Some(text) => text.parse().ok().filter(|number| allowed.contains(number)),
        None => Some(default),
    }
}

/// A cursor names the last item of a page, so that it stays good when items are added.
fn cursor_of(item: &Value) -> String {
    URL_SAFE_NO_PAD.encode(item["id"].to_string())
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
