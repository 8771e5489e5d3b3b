//! The room's link in an issue: an internal comment, which everybody who opens the issue reads, and a remote link,
//! which stays in view.
//!
//! The remote link has a `globalId` of its own, one for each ticket, and Jira changes the link with that id rather
//! than making another. A comment has nothing like that: it carries a property by which it is found again when an
//! answer was lost. The comment goes first, so that where the link is, the comment is, too.

use serde_json::{Value, json};

use super::super::{NoteState, RoomLink, WrittenBack, too_many_comments};
use super::adf;
use super::api::{Api, OWN_PROPERTY, comment_properties};
use super::wire::CommentDto;
use crate::call::{Cause, Failure};
use crate::config::JiraDeployment;
use crate::source::salvage;
use crate::ticket::TicketKey;

/// How many pages of comments are searched for ours. An issue has 5,000 at most; whichever order they come in, all of
/// them are read, unless ours is found before.
const PAGES: usize = 100;
/// Longer summaries are refused.
const LONGEST_TITLE: usize = 250;

/// Puts the link into the issue.
pub(super) async fn write_back(api: &Api, link: &RoomLink<'_>) -> Result<WrittenBack, Failure> {
    let id = salvage::whole_number(link.key.id.as_str())
        .ok_or_else(|| api.name("create_comment").failed(Cause::NotFound))?;
    let (warning, commented) = match link.note {
        NoteState::Missing => (comment(api, id, link).await?, true),
        NoteState::Uncertain if !has_comment(api, id, link).await? => (comment(api, id, link).await?, true),
        NoteState::Settling if !has_comment(api, id, link).await? => {
            return Err(api.name("create_comment").failed(Cause::Unsettled));
        }
        NoteState::Settling | NoteState::Uncertain | NoteState::Written => (None, false),
    };
    match api.put_remote_link(id, &remote_link(link)).await {
        Ok(()) => Ok(WrittenBack { place: "remote link and internal comment".to_owned(), warning }),
        // The comment is enough to work with, and the link has no other place.
        Err(Failure { cause: Cause::Forbidden | Cause::Rejected { .. }, .. }) => {
            let no_link = "Jira does not take the remote link: switch issue linking on (System > Issue linking) and \
                           give our user the permission “Link issues”";
            let warning = [warning.as_deref(), Some(no_link)].into_iter().flatten().collect::<Vec<_>>();
            Ok(WrittenBack { place: "internal comment".to_owned(), warning: Some(warning.join("; ")) })
        }
        Err(failure) if commented => Err(failure.after_an_effect()),
        Err(failure) => Err(failure),
    }
}

/// By what Jira knows the ticket's link: one for each ticket, so that a link to another room replaces it.
pub(super) fn global_id(key: &TicketKey) -> String {
    // Ids of issues are numbers, and names are short: this stays far below the 255 characters that are allowed.
    format!("ticketroom={}&issue={}", key.helpdesk, key.id)
}

/// By what our comment is known again.
fn own_key(link: &RoomLink<'_>) -> String {
    // With the room: an issue whose room was deleted gets a comment about the new one.
    format!("{}:{}:{}:link:v1", link.key.helpdesk, link.key.id, link.room)
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

/// Writes the comment, and says what is wrong with it, if anything is.
async fn comment(api: &Api, id: u64, link: &RoomLink<'_>) -> Result<Option<String>, Failure> {
    let body = match api.deployment() {
        JiraDeployment::Cloud => adf::note(link),
        JiraDeployment::DataCenter => Value::String(adf::wiki_note(link)),
    };
    let comment = json!({ "body": body, "properties": comment_properties(&own_key(link)) });
    let made = api.comment(id, &comment).await?;
    if let Some(author) = made.author.as_ref().and_then(|author| author.id()) {
        api.learn_own_id(author);
    }
    let public = "Jira made the comment public, and the customer may have been told of it: our user must be an agent \
                  of the service project";
    Ok((made.jsd_public == Some(true)).then(|| public.to_owned()))
}

/// Looks for our comment.
async fn has_comment(api: &Api, id: u64, link: &RoomLink<'_>) -> Result<bool, Failure> {
    let own_key = own_key(link);
    let mut seen = 0;
    for _ in 0..PAGES {
        let found = api.comments(id, seen).await?;
        for comment in &found.comments {
            match resemblance(comment, &own_key, link) {
                Resemblance::Ours => return Ok(true),
                Resemblance::IfWeWroteIt => {
                    let author = comment.author.as_ref().and_then(|author| author.id());
                    if author.is_some() && author == Some(api.own_id().await?.as_str()) {
                        return Ok(true);
                    }
                }
                Resemblance::None => {}
            }
        }
        // A site may give fewer at once than it is asked for, and need not say how many there are.
        seen += found.comments.len();
        if found.comments.is_empty() || found.total.is_some_and(|total| seen >= total) {
            return Ok(false);
        }
    }
    Err(api.name("comments").failed(too_many_comments()))
}

#[derive(Debug, PartialEq, Eq)]
enum Resemblance {
    None,
    /// It has our marker and leads to the room, which people can copy.
    IfWeWroteIt,
    /// It has our property, which only programs can write.
    Ours,
}

fn resemblance(comment: &CommentDto, own_key: &str, link: &RoomLink<'_>) -> Resemblance {
    if comment.own_key(OWN_PROPERTY) == Some(own_key) {
        return Resemblance::Ours;
    }
    let body = match &comment.body {
        Value::String(wiki) => wiki.clone(),
        document => document.to_string(),
    };
    if is_marked(&body, link.key) && body.contains(link.url) {
        Resemblance::IfWeWroteIt
    } else {
        Resemblance::None
    }
}

/// Whether a text has the ticket's marker, as it is or with its brackets escaped.
pub(super) fn is_marked(text: &str, key: &TicketKey) -> bool {
    let marker = key.marker();
    let inner = marker.trim_start_matches('[').trim_end_matches(']');
    // In wiki text the hyphens of a helpdesk's name are escaped, too.
    let text = text.replace('\\', "");
    text.contains(&format!("[{inner}]"))
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

    #[test]
    fn our_comment_is_told_from_others() {
        let key = key();
        let link = link(&key, "Room");
        let comment = |json: Value| serde_json::from_value::<CommentDto>(json).unwrap();
        let ours = json!({ "properties": comment_properties(&own_key(&link)), "body": "edited" });
        assert_eq!(resemblance(&comment(ours), &own_key(&link), &link), Resemblance::Ours);
        let older = json!({ "properties": comment_properties("jira-eu:10042:17:link:v1"), "body": "x" });
        assert_eq!(resemblance(&comment(older), &own_key(&link), &link), Resemblance::None);
        for body in [json!(adf::wiki_note(&link)), adf::note(&link)] {
            let read = comment(json!({ "body": body }));
            assert_eq!(resemblance(&read, &own_key(&link), &link), Resemblance::IfWeWroteIt, "{body}");
        }
        for body in [json!("[ticketroom:jira-eu:10042] without the room"), json!(URL), json!(null)] {
            assert_eq!(resemblance(&comment(json!({ "body": body })), "k", &link), Resemblance::None);
        }
    }

    #[test]
    fn markers_of_other_tickets_are_not_ours() {
        let key = key();
        assert!(is_marked(r"x \[ticketroom:jira\-eu:10042\]", &key));
        assert!(is_marked("[ticketroom:jira-eu:10042]", &key));
        assert!(!is_marked("[ticketroom:jira-eu:100421]", &key));
        assert!(!is_marked("ticketroom:jira-eu:10042", &key));
    }
}
