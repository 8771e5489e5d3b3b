//! Our private notes in a ticket: the link's, which goes before the custom field
//! ([`write_back`](super::write_back)), and further ones.
//!
//! A note may not be written twice, and Freshdesk has neither an idempotency key nor a place for
//! metadata. So a note shows a marker, by which it is found again when an answer was lost: it
//! counts as ours if it is private, has the marker, and was written by our agent.
//!
//! A ticket in the archive or in the trash takes no notes: that is no failure.

use super::super::html;
use super::super::mark::NoteMark;
use super::super::{InternalNote, NoteAdded, too_many_comments};
use super::api::Api;
use super::wire::ConversationDto;
use crate::call::{Cause, Failure};
use crate::source::salvage;

/// How many pages of a hundred conversations are searched for a note: all that there are, whichever
/// order they come in, unless the note is found before. They come oldest first, and the link's note
/// is seldom far behind the first.
const PAGES: usize = 100;

pub(super) const MADE_PUBLIC: &str =
    "Freshdesk made the note public, and the requester may have been told of it";

/// Adds a further note.
pub(super) async fn add(api: &Api, note: &InternalNote<'_>) -> Result<NoteAdded, Failure> {
    let Some(id) = salvage::whole_number(note.key.id.as_str()) else {
        return Ok(NoteAdded::NotPossible("tickets of Freshdesk have numbers".to_owned()));
    };
    match add_to(api, id, note).await {
        Ok(()) => Ok(NoteAdded::Written),
        Err(failure) => not_added(api, id, failure).await,
    }
}

async fn add_to(api: &Api, id: u64, note: &InternalNote<'_>) -> Result<(), Failure> {
    let mark = NoteMark::of_note(note);
    if note.state.is_to_be_written(api.name("create_note"), is_there(api, id, &mark)).await? {
        let posted = api.post_note(id, &html::text(note.text, &mark.marker)).await?;
        if is_public(&posted) {
            tracing::warn!(ticket = %note.key, note = %note.id, "{MADE_PUBLIC}");
        }
    }
    Ok(())
}

/// What a failure means. One that is about this ticket alone is the end of the note, and no reason
/// to block the ticket; one that passes, or is about us, stays a failure.
async fn not_added(api: &Api, id: u64, failure: Failure) -> Result<NoteAdded, Failure> {
    let why = match failure.cause {
        Cause::NotFound => "it is in the archive, or was deleted",
        Cause::Rejected { status: 400 | 405 | 422, .. } => "its state does not allow one",
        // Who may not even see the ticket lacks nothing that other tickets need, too.
        Cause::Forbidden => match api.ticket(id).await {
            Err(Failure { cause: Cause::Forbidden | Cause::NotFound, .. }) => "our agent can't see it",
            Err(unclear) if unclear.is_transient() => return Err(unclear),
            _ => return Err(failure),
        },
        _ => return Err(failure),
    };
    Ok(NoteAdded::NotPossible(format!("Freshdesk takes no note for this ticket: {why} ({failure})")))
}

/// Whether a note that we posted can be read by the requester.
pub(super) fn is_public(posted: &ConversationDto) -> bool {
    posted.private == Some(false)
}

/// Looks for a note among the ticket's conversations.
pub(super) async fn is_there(api: &Api, id: u64, mark: &NoteMark<'_>) -> Result<bool, Failure> {
    for page in 1..=PAGES {
        let (conversations, has_more) = api.conversations(id, page).await?;
        for conversation in &conversations {
            // Whoever we are is only asked for where it matters.
            if resembles(conversation, mark) && is_by(conversation, api.own_id().await?) {
                return Ok(true);
            }
        }
        if !has_more {
            return Ok(false);
        }
    }
    Err(api.failed("conversations", too_many_comments()))
}

/// Whether a conversation looks like the note. People can copy a marker.
fn resembles(conversation: &ConversationDto, mark: &NoteMark<'_>) -> bool {
    conversation.private == Some(true)
        && mark.is_in(conversation.body_text.as_deref(), conversation.body.as_deref())
}

/// Whether our agent wrote it, as far as that can be told.
fn is_by(conversation: &ConversationDto, own_id: Option<u64>) -> bool {
    own_id.is_none() || conversation.user_id == own_id
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::html::escaped;
    use super::*;

    const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711&x='1'";

    fn read(json: &Value) -> ConversationDto {
        serde_json::from_value(json.clone()).unwrap()
    }

    #[test]
    fn our_note_is_told_from_others() {
        let mark = |url| NoteMark { marker: "[ticketroom:m]".to_owned(), key: String::new(), url };
        let html = |url: &str| format!("<p><a href=\"{url}\">Room</a></p><p>[ticketroom:m]</p>");
        let cases = [
            (
                json!({ "private": true, "body": html(&escaped(URL)), "body_text": "Room [ticketroom:m]" }),
                true,
                true,
            ),
            (
                json!({ "private": true, "body": html(&URL.replace('&', "&amp;")), "body_text": "Room [ticketroom:m]" }),
                true,
                true,
            ),
            (json!({ "private": true, "body": html(URL) }), true, true),
            (json!({ "private": true, "body_text": format!("{URL} [ticketroom:m]") }), true, true),
            (json!({ "private": false, "body": html(URL) }), false, false),
            (json!({ "body": html(URL) }), false, false),
            (json!({ "private": true, "body": html("https://docspace.example.com/rooms/1") }), false, true),
            (
                json!({ "private": true, "body": format!("{}<p>more</p>", html(URL)), "body_text": "Room [ticketroom:m] more" }),
                true,
                false,
            ),
            (json!({ "private": true, "body": URL }), false, false),
            (json!({ "private": true }), false, false),
            (json!({}), false, false),
        ];
        for (conversation, as_link, as_note) in cases {
            assert_eq!(resembles(&read(&conversation), &mark(Some(URL))), as_link, "{conversation}");
            assert_eq!(resembles(&read(&conversation), &mark(None)), as_note, "{conversation}");
        }
    }

    #[test]
    fn a_marker_that_somebody_copied_does_not_count() {
        let by = |id: Option<u64>| ConversationDto { user_id: id, ..ConversationDto::default() };
        assert!(is_by(&by(Some(7)), Some(7)));
        assert!(!is_by(&by(Some(8)), Some(7)));
        assert!(!is_by(&by(None), Some(7)));
        assert!(is_by(&by(Some(8)), None), "where Freshdesk does not tell who we are");
    }
}
