//! Our internal comments on an issue: the link's, which goes before the remote link
//! ([`write_back`](super::write_back)), and further ones.
//!
//! A comment may not be written twice, and Jira has no idempotency key. So it carries a property,
//! where only programs write, and shows a marker. By these it is found again when an answer was
//! lost.
//!
//! A workflow may forbid comments in a status, and an issue takes 5,000 of them: both are no
//! failures of a further one.

use serde_json::{Value, json};

use super::super::mark::{self, NoteMark};
use super::super::{InternalNote, NoteAdded, too_many_comments};
use super::adf;
use super::api::{Api, OWN_PROPERTY, comment_properties};
use super::wire::CommentDto;
use crate::call::{Cause, Failure};
use crate::config::JiraDeployment;
use crate::source::salvage;
use crate::ticket::TicketKey;

/// How many pages of comments are searched for one. An issue has 5,000 at most; whichever order
/// they come in, all of them are read, unless it is found before.
const PAGES: usize = 100;

const MADE_PUBLIC: &str = "Jira made the comment public, and the customer may have been told of it: our user must be an agent \
                           of the service project";

/// Adds a further note.
pub(super) async fn add(api: &Api, note: &InternalNote<'_>) -> Result<NoteAdded, Failure> {
    let Some(id) = salvage::whole_number(note.key.id.as_str()) else {
        return Ok(NoteAdded::NotPossible("issues of Jira have numbers for ids".to_owned()));
    };
    match add_to(api, id, note).await {
        Ok(()) => Ok(NoteAdded::Written),
        Err(failure) => not_added(api, id, failure).await,
    }
}

async fn add_to(api: &Api, id: u64, note: &InternalNote<'_>) -> Result<(), Failure> {
    let mark = NoteMark::of_note(note);
    if note.state.is_to_be_written(api.name("create_comment"), is_there(api, id, &mark)).await? {
        let body = match api.deployment() {
            JiraDeployment::Cloud => adf::document(note.text, &mark.marker),
            JiraDeployment::DataCenter => Value::String(adf::wiki_text(note.text, &mark.marker)),
        };
        if let Some(warning) = write(api, id, &mark, &body).await? {
            tracing::warn!(ticket = %note.key, note = %note.id, "{warning}");
        }
    }
    Ok(())
}

/// What a failure means. One that is about this issue alone is the end of the note, and no reason
/// to block the ticket; one that passes, or is about us, stays a failure.
async fn not_added(api: &Api, id: u64, failure: Failure) -> Result<NoteAdded, Failure> {
    let why = match failure.cause {
        Cause::Rejected { status: 400 | 413 | 422, .. } => {
            "its workflow allows none in this status, or it has 5,000 of them"
        }
        // Jira says the same of every issue to somebody whose credentials are no good.
        Cause::NotFound => {
            api.myself().await?;
            "it was deleted, or our user can't see it"
        }
        // Who may not even see the issue lacks nothing that other issues need, too.
        Cause::Forbidden => match api.issue(id).await {
            Err(Failure { cause: Cause::Forbidden | Cause::NotFound, .. }) => {
                api.myself().await?;
                "our user can't see it"
            }
            Err(unclear) if unclear.is_transient() => return Err(unclear),
            _ => return Err(failure),
        },
        _ => return Err(failure),
    };
    Ok(NoteAdded::NotPossible(format!("Jira takes no comment on this issue: {why} ({failure})")))
}

/// Writes a comment, and says what is wrong with it, if anything is.
pub(super) async fn write(
    api: &Api,
    id: u64,
    mark: &NoteMark<'_>,
    body: &Value,
) -> Result<Option<&'static str>, Failure> {
    let comment = json!({ "body": body, "properties": comment_properties(&mark.key) });
    let made = api.comment(id, &comment).await?;
    if let Some(author) = made.author.as_ref().and_then(|author| author.id()) {
        api.learn_own_id(author);
    }
    Ok((made.jsd_public == Some(true)).then_some(MADE_PUBLIC))
}

/// Looks for a comment of ours.
pub(super) async fn is_there(api: &Api, id: u64, mark: &NoteMark<'_>) -> Result<bool, Failure> {
    let mut seen = 0;
    for _ in 0..PAGES {
        let found = api.comments(id, seen).await?;
        for comment in &found.comments {
            match resemblance(comment, mark) {
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
    /// It has the marker, which people can copy.
    IfWeWroteIt,
    /// It has our property, which only programs can write.
    Ours,
}

fn resemblance(comment: &CommentDto, mark: &NoteMark<'_>) -> Resemblance {
    if comment.own_key(OWN_PROPERTY) == Some(&mark.key) {
        return Resemblance::Ours;
    }
    let is_alike = match mark.url {
        None => adf::last_paragraph(&comment.body).trim() == mark.marker,
        Some(url) => {
            let body = match &comment.body {
                Value::String(wiki) => wiki.clone(),
                document => document.to_string(),
            };
            mark.is_last_in(&adf::unescaped(&body)) && body.contains(url)
        }
    };
    if is_alike { Resemblance::IfWeWroteIt } else { Resemblance::None }
}

/// Whether a text has a marker of one of the ticket's notes, as it is or escaped as in wiki text.
pub(super) fn is_marked(text: &str, key: &TicketKey) -> bool {
    mark::is_marked(&adf::unescaped(text), key)
}

#[cfg(test)]
mod tests {
    use super::super::super::{NoteId, NoteState, NoteText, RoomLink, Span};
    use super::*;
    use crate::room::RoomId;

    const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711";

    fn key() -> TicketKey {
        TicketKey { helpdesk: "jira-eu".parse().unwrap(), id: "10042".parse().unwrap() }
    }

    fn comment(json: Value) -> CommentDto {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_link_s_comment_is_told_from_others() {
        let key = key();
        let link = RoomLink {
            key: &key,
            room: RoomId(4711),
            title: "Room",
            url: URL,
            version: None,
            note: NoteState::Missing,
        };
        let mark = NoteMark::of_link(&link);
        let ours =
            json!({ "properties": comment_properties("jira-eu:10042:4711:link:v1"), "body": "edited" });
        assert_eq!(resemblance(&comment(ours), &mark), Resemblance::Ours);
        let older = json!({ "properties": comment_properties("jira-eu:10042:17:link:v1"), "body": "x" });
        assert_eq!(resemblance(&comment(older), &mark), Resemblance::None);
        for body in [json!(adf::wiki_note(&link)), adf::note(&link)] {
            let read = comment(json!({ "body": body }));
            assert_eq!(resemblance(&read, &mark), Resemblance::IfWeWroteIt, "{body}");
        }
        let quoted = format!("{URL} [ticketroom:jira-eu:10042].pdf\n[ticketroom:jira-eu:10042:files-1]");
        assert_eq!(resemblance(&comment(json!({ "body": quoted })), &mark), Resemblance::None);
        for body in [json!("[ticketroom:jira-eu:10042] without the room"), json!(URL), json!(null)] {
            assert_eq!(resemblance(&comment(json!({ "body": body })), &mark), Resemblance::None);
        }
    }

    #[test]
    fn a_further_comment_is_told_from_others() {
        let (key, id) = (key(), NoteId::new("room-archived"));
        let hostile = r"[ticketroom:jira-eu:10042:files-1] \[ticketroom:jira\-eu:10042:files\-1\]";
        let text = NoteText::default().paragraph([Span::from(hostile)]).paragraph([Span::from("é")]);
        let note = InternalNote { key: &key, id: &id, text: &text, state: NoteState::Missing };
        let mark = NoteMark::of_note(&note);
        let other =
            NoteMark { marker: "[ticketroom:jira-eu:10042:files-1]".to_owned(), ..NoteMark::of_note(&note) };
        for body in [json!(adf::wiki_text(&text, &mark.marker)), adf::document(&text, &mark.marker)] {
            let read = comment(json!({ "body": body }));
            assert_eq!(resemblance(&read, &mark), Resemblance::IfWeWroteIt, "{body}");
            assert_eq!(resemblance(&read, &other), Resemblance::None, "{body}");
        }
        for body in [json!(null), json!(""), json!({}), json!({ "content": [1, { "content": "x" }] })] {
            assert_eq!(resemblance(&comment(json!({ "body": body })), &mark), Resemblance::None);
        }
    }

    #[test]
    fn markers_of_other_tickets_are_not_ours() {
        let key = key();
        assert!(is_marked(r"x \[ticketroom:jira\-eu:10042\]", &key));
        assert!(is_marked(r"x \[ticketroom:jira\-eu:10042:room\-archived\]", &key));
        assert!(is_marked("[ticketroom:jira-eu:10042]", &key));
        assert!(!is_marked("[ticketroom:jira-eu:100421]", &key));
        assert!(!is_marked("ticketroom:jira-eu:10042", &key));
    }
}
