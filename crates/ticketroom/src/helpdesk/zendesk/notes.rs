//! Our internal notes in a ticket: the link's, which comes with the custom field
//! ([`write_back`](super::write_back)), and further ones.
//!
//! Zendesk has no call that adds a comment, and no idempotency key for updates. So an update that
//! has a note carries a key in its metadata, where only programs write, and the note shows a
//! marker. By these it is found again when an answer was lost.
//!
//! A further note decides nothing by what the ticket is, so its update carries no version. A ticket
//! that is closed takes none any more, and one that is not shown to our user can't get one: both
//! are no failures.

use serde_json::{Value, json};

use super::super::html;
use super::super::mark::NoteMark;
use super::super::{InternalNote, NoteAdded, too_many_comments};
use super::api::{Api, name};
use super::wire::{CommentDto, UpdateAnswer};
use crate::call::{Cause, Failure};
use crate::source::salvage;

/// How many pages of a hundred comments are searched for a note. A ticket has 5,000 comments at
/// most; whichever order they come in, all of them are read, unless the note is found before.
const PAGES: usize = 100;

pub(super) const MADE_PUBLIC: &str =
    "Zendesk made the note public, and the requester may have been told of it";

/// Adds a further note.
pub(super) async fn add(api: &Api, note: &InternalNote<'_>) -> Result<NoteAdded, Failure> {
    let Some(id) = salvage::whole_number(note.key.id.as_str()) else {
        return Ok(NoteAdded::NotPossible("tickets of Zendesk have numbers".to_owned()));
    };
    match add_to(api, id, note).await {
        Ok(()) => Ok(NoteAdded::Written),
        Err(failure) => not_added(api, id, failure).await,
    }
}

async fn add_to(api: &Api, id: u64, note: &InternalNote<'_>) -> Result<(), Failure> {
    let mark = NoteMark::of_note(note);
    if !note.state.is_to_be_written(name("update_ticket"), is_there(api, id, &mark)).await? {
        return Ok(());
    }
    let ticket = with_note(&html::text(note.text, &mark.marker), &json!({ "op": "note", "key": mark.key }));
    match visibility(&write(api, id, &mark, &json!({ "ticket": ticket })).await?) {
        Some(Visibility::Internal) => {}
        Some(Visibility::Public) => tracing::warn!(ticket = %note.key, note = %note.id, "{MADE_PUBLIC}"),
        None => {
            let nothing = "the answer does not tell of the note".to_owned();
            return Err(name("update_ticket").failed(Cause::Unintelligible(nothing)));
        }
    }
    Ok(())
}

/// What a failure means. One that is about this ticket alone is the end of the note, and no reason
/// to block the ticket; one that passes, or is about us, stays a failure.
async fn not_added(api: &Api, id: u64, failure: Failure) -> Result<NoteAdded, Failure> {
    let why = match failure.cause {
        Cause::NotFound => "it was deleted, or our user can't see it",
        Cause::Rejected { status: 422, .. } => {
            "it is closed, has 5,000 comments, or lacks a field that Zendesk requires"
        }
        // Who may not even see the ticket lacks nothing that other tickets need, too.
        Cause::Forbidden => match api.ticket(id).await {
            Err(Failure { cause: Cause::Forbidden | Cause::NotFound, .. }) => "our user can't see it",
            Err(unclear) if unclear.is_transient() => return Err(unclear),
            _ => return Err(failure),
        },
        _ => return Err(failure),
    };
    Ok(NoteAdded::NotPossible(format!("Zendesk takes no note for this ticket: {why} ({failure})")))
}

/// What an update has that makes it a note of ours. `about` goes into its metadata, and has to hold
/// the note's key.
pub(super) fn with_note(html: &str, about: &Value) -> Value {
    json!({
        // Where `public` is missing, the ticket's default counts, and that may be to tell the
        // customer.
        "comment": { "html_body": html, "public": false },
        "metadata": { "ticketroom": about },
    })
}

/// Sends an update that has a note.
pub(super) async fn write(
    api: &Api,
    id: u64,
    mark: &NoteMark<'_>,
    update: &Value,
) -> Result<UpdateAnswer, Failure> {
    let answer = api.update(id, update).await?;
    // An update that carries our key was made by us; anything else would be a guess.
    if let Some(audit) = &answer.audit
        && audit.metadata.key() == Some(&mark.key)
        && let Some(author) = audit.author_id
    {
        api.learn_own_id(author);
    }
    Ok(answer)
}

/// Who can read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// Agents.
    Internal,
    /// The requester, too.
    Public,
}

/// What an update says of its note; nothing if it does not say that there is one.
pub(super) fn visibility(answer: &UpdateAnswer) -> Option<Visibility> {
    let mut events = answer.audit.iter().flat_map(|audit| &audit.events);
    let comment = events.find(|event| event.kind.as_deref() == Some("Comment"))?;
    Some(if comment.public == Some(true) { Visibility::Public } else { Visibility::Internal })
}

/// Looks for a note among the ticket's comments.
pub(super) async fn is_there(api: &Api, id: u64, mark: &NoteMark<'_>) -> Result<bool, Failure> {
    let mut after: Option<String> = None;
    for _ in 0..PAGES {
        let page = api.comments(id, after.as_deref()).await?;
        for comment in &page.comments {
            match resemblance(comment, mark) {
                Resemblance::Ours => return Ok(true),
                Resemblance::IfWeWroteIt if comment.author_id == Some(api.own_id().await?) => {
                    return Ok(true);
                }
                _ => {}
            }
        }
        match page.meta.after_cursor {
            Some(cursor) if page.meta.has_more && after.as_ref() != Some(&cursor) => after = Some(cursor),
            _ => return Ok(false),
        }
    }
    Err(name("comments").failed(too_many_comments()))
}

#[derive(Debug, PartialEq, Eq)]
enum Resemblance {
    None,
    /// It has the marker, which people can copy.
    IfWeWroteIt,
    /// It has the key in its metadata, where only programs can write.
    Ours,
}

fn resemblance(comment: &CommentDto, mark: &NoteMark<'_>) -> Resemblance {
    if comment.public != Some(false) {
        Resemblance::None
    } else if comment.metadata.key() == Some(&mark.key) {
        Resemblance::Ours
    } else if mark.is_in(comment.body.as_deref(), comment.html_body.as_deref()) {
        Resemblance::IfWeWroteIt
    } else {
        Resemblance::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_note_is_told_from_others() {
        let mark = |url| NoteMark { marker: "[ticketroom:m]".to_owned(), key: "k".to_owned(), url };
        let (link, note) = (mark(Some("https://d/?a&b")), mark(None));
        use Resemblance::{IfWeWroteIt, None as No, Ours};
        let cases = [
            (r#"{"public":false,"metadata":{"custom":{"ticketroom":{"key":"k"}}}}"#, Ours, Ours),
            (r#"{"public":false,"body":"Room https://d/?a&b [ticketroom:m]"}"#, IfWeWroteIt, IfWeWroteIt),
            (
                r#"{"public":false,"html_body":"<a href=\"https://d/?a&amp;b\">[ticketroom:m]</a>","metadata":null}"#,
                IfWeWroteIt,
                IfWeWroteIt,
            ),
            (r#"{"public":false,"body":"An earlier room https://d/?old [ticketroom:m]"}"#, No, IfWeWroteIt),
            (r#"{"public":false,"body":"https://d/?a&b [ticketroom:m] and more"}"#, IfWeWroteIt, No),
            (
                r#"{"public":true,"body":"[ticketroom:m]","metadata":{"custom":{"ticketroom":{"key":"k"}}}}"#,
                No,
                No,
            ),
            (
                r#"{"public":false,"body":"hello","metadata":{"custom":{"ticketroom":{"key":"other"}}}}"#,
                No,
                No,
            ),
            (r#"{"public":false,"metadata":{"custom":["k"],"system":{}}}"#, No, No),
            ("{}", No, No),
        ];
        for (comment, as_link, as_note) in cases {
            let read = serde_json::from_str(comment).unwrap();
            assert_eq!(resemblance(&read, &link), as_link, "{comment}");
            assert_eq!(resemblance(&read, &note), as_note, "{comment}");
        }
    }
}
