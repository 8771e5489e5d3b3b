//! Into which ticket another one was merged.
//!
//! Zendesk closes a ticket that is merged, and gives it the tag `closed_by_merge`. Only the comment
//! that it writes at the same time says into which ticket, in the account's language, and whoever
//! merges may change its words and let the requester read it. Nothing can be added to a closed
//! ticket, so it is among the newest comments. What counts is the newest comment that names another
//! ticket ([`mention`]), and that only if
//!
//! * it is internal, or
//! * it is the newest of all, and not by the requester.
//!
//! Our own notes don't count: they tell what members of a room named their files. Where nothing
//! counts, the ticket is one that is closed, and no more.

use super::super::mark::MARKER;
use super::super::mention;
use super::api::Api;
use super::wire::{CommentDto, TicketDto};
use crate::call::{Cause, Failure};

/// The tag of tickets that were merged into others.
const TAG: &str = "closed_by_merge";

/// How many pages of a hundred comments are read where Zendesk gives the oldest ones first: all
/// that there can be.
const PAGES: usize = 50;

/// The ticket into which this one was merged, if it was.
pub(super) async fn target(api: &Api, id: u64, ticket: &TicketDto) -> Result<Option<u64>, Failure> {
    let is_closed = ticket.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("closed"));
    if !is_closed || !ticket.tags.iter().any(|tag| tag == TAG) {
        return Ok(None);
    }
    match newest_comments(api, id).await {
        Ok(comments) => Ok(named(&comments, id, ticket.requester_id, api.host())),
        Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
        // It is closed, whatever its comments would tell.
        Err(_) => Ok(None),
    }
}

/// The page with the newest comments, these first.
async fn newest_comments(api: &Api, id: u64) -> Result<Vec<CommentDto>, Failure> {
    let mut page = api.comments(id, None).await?;
    for _ in 1..PAGES {
        let is_oldest_first = oldest_first(&page.comments);
        match page.meta.after_cursor.take() {
            Some(cursor) if page.meta.has_more && is_oldest_first => {
                page = api.comments(id, Some(&cursor)).await?;
            }
            _ => break,
        }
    }
    if oldest_first(&page.comments) {
        page.comments.reverse();
    }
    Ok(page.comments)
}

/// Whether Zendesk did not heed the order that we asked for. Its times sort as text.
fn oldest_first(comments: &[CommentDto]) -> bool {
    let (first, last) = (comments.first(), comments.last());
    matches!((first, last), (Some(first), Some(last)) if first.created_at < last.created_at)
}

/// What the newest comment that names another ticket names, if it counts.
fn named(newest_first: &[CommentDto], id: u64, requester: Option<u64>, host: &str) -> Option<u64> {
    let comments = newest_first.iter().filter(|comment| {
        let texts = [&comment.body, &comment.html_body].into_iter().flatten();
        !texts.into_iter().any(|text| text.contains(MARKER))
    });
    let (place, comment, number) = comments.enumerate().find_map(|(place, comment)| {
        let in_text = comment.body.as_deref().and_then(|text| mention::ticket_in(text, host));
        let in_html = || mention::ticket_of_address_in(comment.html_body.as_deref()?, host);
        let number = in_text.or_else(in_html).filter(|number| *number != id)?;
        Some((place, comment, number))
    })?;
    let by_requester = comment.author_id.is_none() || comment.author_id == requester;
    let counts = comment.public == Some(false) || (place == 0 && !by_requester);
    counts.then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn target_of(comments: &Value) -> Option<u64> {
        let comments: Vec<CommentDto> = serde_json::from_value(comments.clone()).unwrap();
        named(&comments, 40_117, Some(7), "acme.zendesk.com")
    }

    fn comment(public: bool, author: u64, body: &str) -> Value {
        json!({ "public": public, "author_id": author, "body": body })
    }

    #[test]
    fn the_newest_comment_that_names_a_ticket_decides() {
        let merged = "This request was closed and merged into request #50 \"Order #9\".";
        let target = comment(false, 1, "Request #12 \"x\" was closed and merged into this request.");
        for (comments, expected) in [
            (json!([comment(false, 1, merged), target]), Some(50)),
            (json!([comment(true, 1, merged), target]), Some(50)),
            (json!([comment(false, 1, "a trigger's note"), comment(false, 1, merged)]), Some(50)),
            (
                json!([comment(false, 1, "Files: #3.pdf [ticketroom:z:40117:f]"), comment(true, 1, merged)]),
                Some(50),
            ),
            (json!([comment(true, 7, "my order #9"), comment(false, 1, "like #12")]), None),
            (json!([comment(false, 1, "no number"), comment(true, 1, "see #12")]), None),
            (json!([comment(false, 1, "#40117")]), None),
            (json!([{ "public": true, "body": "#9" }]), None),
            (json!([{ "body": "#9", "author_id": 7 }]), None),
            (
                json!([{ "public": false, "html_body": "<a href=\"/agent/tickets/50\">Zusammengeführt</a>" }]),
                Some(50),
            ),
            (json!([]), None),
        ] {
            assert_eq!(target_of(&comments), expected, "{comments:#}");
        }
    }

    #[test]
    fn the_order_of_comments_is_seen() {
        let at = |times: [&str; 2]| -> Vec<CommentDto> {
            serde_json::from_value(json!(times.map(|time| json!({ "created_at": time })))).unwrap()
        };
        assert!(oldest_first(&at(["2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z"])));
        assert!(!oldest_first(&at(["2026-11-21T08:00:00Z", "2026-11-20T08:00:00Z"])));
        assert!(!oldest_first(&at(["2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"])));
        assert!(!oldest_first(&[]));
    }
}
