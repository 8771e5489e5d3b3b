//! The room's link in an issue: an internal comment, which everybody who opens the issue reads, and
//! a remote link, which stays in view.
//!
//! The remote link has a `globalId` of its own, one for each ticket, and Jira changes the link with
//! that id rather than making another. A comment has nothing like that, and is looked for first
//! when an answer was lost ([`notes`]). The comment goes first, so that where the link is, the
//! comment is, too.

use serde_json::{Value, json};

use super::super::mark::NoteMark;
use super::super::{NOT_TAKEN, NoteState, RoomLink, WrittenBack};
use super::api::Api;
use super::{adf, notes};
use crate::call::{Cause, Failure};
use crate::config::JiraDeployment;
use crate::source::salvage;
use crate::ticket::TicketKey;

/// Longer summaries are refused.
const LONGEST_TITLE: usize = 250;

/// Puts the link into the issue.
pub(super) async fn write_back(api: &Api, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
    let id = salvage::whole_number(link.key.id.as_str())
        .ok_or_else(|| api.name("create_comment").failed(Cause::NotFound))?;
    let mark = NoteMark::of_link(link);
    let is_due =
        link.note.is_to_be_written(api.name("create_comment"), notes::is_there(api, id, &mark)).await?;
    let warning = if is_due { notes::write(api, id, &mark, &comment(api, link)).await? } else { None };
    let is_quiet = link.note == NoteState::Unwanted;
    match api.put_remote_link(id, &remote_link(link)).await {
        Ok(()) => Ok(WrittenBack {
            place: if is_quiet { "remote link" } else { "remote link and internal comment" }.to_owned(),
            warning: warning.map(str::to_owned),
        }),
        // The comment is enough to work with, and the link has no other place.
        Err(Failure { cause: Cause::Forbidden | Cause::Rejected { .. }, .. }) => {
            let no_link = "Jira does not take the remote link: switch issue linking on (System > Issue linking) and \
                           give our user the permission “Link issues”";
            let warning = [warning, Some(no_link)].into_iter().flatten().collect::<Vec<_>>();
            let place = if is_quiet { NOT_TAKEN } else { "internal comment" };
            Ok(WrittenBack { place: place.to_owned(), warning: Some(warning.join("; ")) })
        }
        Err(failure) if is_due => Err(failure.after_an_effect()),
        Err(failure) => Err(failure),
    }
}

/// By what Jira knows the ticket's link: one for each ticket, so that a link to another room
/// replaces it.
pub(super) fn global_id(key: &TicketKey) -> String {
    // Ids of issues are numbers, and names are short: this stays far below the 255 characters that
    // are allowed.
    format!("ticketroom={}&issue={}", key.helpdesk, key.id)
}

/// Everything that the link has: what is left out of an update, Jira takes away.
fn remote_link(link: &RoomLink<'_>) -> Value {
    let title = link.title.chars().map(|c| if c.is_control() { ' ' } else { c });
    let title: String = title.take(LONGEST_TITLE).collect();
    let title = if title.trim().is_empty() { "DocSpace room".to_owned() } else { title };
    let mut object = json!({
        "url": link.url,
        "title": title,
        "summary": "",
        "status": { "resolved": false },
    });
    if let Some(icon) = url::Url::parse(link.url).ok().and_then(|url| url.join("/favicon.ico").ok()) {
        object["icon"] = json!({ "url16x16": icon.as_str(), "title": "DocSpace" });
    }
    json!({
        "globalId": global_id(link.key),
        "application": { "type": "com.onlyoffice.docspace", "name": "ONLYOFFICE DocSpace" },
        "relationship": "DocSpace room",
        "object": object,
    })
}

/// The comment's body.
fn comment(api: &Api, link: &RoomLink<'_>) -> Value {
    match api.deployment() {
        JiraDeployment::Cloud => adf::note(link),
        JiraDeployment::DataCenter => Value::String(adf::wiki_note(link)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::RoomId;

    const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711";

    fn key() -> TicketKey {
        TicketKey { helpdesk: "jira-eu".parse().unwrap(), id: "10042".parse().unwrap() }
    }

    fn link<'a>(key: &'a TicketKey, title: &'a str) -> RoomLink<'a> {
        RoomLink { key, room: RoomId(4711), title, url: URL, version: None, note: NoteState::Missing }
    }

    #[test]
    fn the_remote_link_is_whole_and_the_same_for_the_ticket() {
        let key = key();
        let body = remote_link(&link(&key, "Room\nfor\u{202E} <b>"));
        assert_eq!(body["globalId"], "ticketroom=jira-eu&issue=10042");
        assert_eq!(body["object"]["url"], URL);
        assert_eq!(body["object"]["title"], "Room for\u{202E} <b>");
        assert_eq!(body["object"]["icon"]["url16x16"], "https://docspace.example.com/favicon.ico");
        assert_eq!(remote_link(&link(&key, "  "))["object"]["title"], "DocSpace room");
        let long = "x".repeat(1000);
        assert!(remote_link(&link(&key, &long))["object"]["title"].as_str().unwrap().len() <= 254);
    }
}
