//! Into which ticket another one was merged.
//!
//! Freshdesk closes a ticket that is merged, and moves its conversations to the other one. No field
//! of it tells, only the private note that the merge leaves in it: “This ticket is closed and
//! merged into ticket 123”. It is taken for one if
//!
//! * the ticket is closed, and it is the newest of its conversations,
//! * it is private, and did not come in from outside, so an agent wrote it,
//! * it says “merged into”, after a few words at most, none of them a number: a note in the *other*
//!   ticket begins with “Merged from ticket 123”, and then quotes what a customer wrote,
//! * right after that it names another ticket: by its number, by `#` and its number, or by its
//!   address.
//!
//! Our own notes don't count: they tell what members of a room named their files. Of an account
//! that speaks another language, a merged ticket is one that is closed, and no more: other words
//! would be a guess, and a wrong guess would point people at the room of another customer.

use super::super::mark::MARKER;
use super::super::mention;
use super::api::Api;
use super::wire::ConversationDto;
use crate::call::{Cause, Failure};

/// What the note of a merge says before it names the ticket.
const INTO: &str = "merged into";

/// The most characters before that.
const MOST_BEFORE: usize = 40;

/// How many pages of a hundred conversations are read to come to the newest. A ticket that was
/// merged has few.
const PAGES: usize = 5;

/// The ticket into which a closed one was merged, if it was.
pub(super) async fn target(api: &Api, id: u64) -> Result<Option<u64>, Failure> {
    match newest_page(api, id).await {
        Ok(conversations) => Ok(named(&conversations, id, api.host())),
        Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
        // It is closed, whatever its conversations would tell.
        Err(_) => Ok(None),
    }
}

/// The page with the newest conversations; empty if it is far behind the first, which is the
/// oldest.
async fn newest_page(api: &Api, id: u64) -> Result<Vec<ConversationDto>, Failure> {
    for page in 1..=PAGES {
        let (conversations, has_more) = api.conversations(id, page).await?;
        if !has_more {
            return Ok(conversations);
        }
    }
    Ok(Vec::new())
}

fn named(conversations: &[ConversationDto], id: u64, host: &str) -> Option<u64> {
    let texts = |one: &ConversationDto| {
        format!("{}{}", one.body_text.as_deref().unwrap_or_default(), one.body.as_deref().unwrap_or_default())
    };
    let others = conversations.iter().filter(|conversation| !texts(conversation).contains(MARKER));
    // Times sort as text; of those of one second, the last was written last.
    let newest = others.max_by_key(|conversation| &conversation.created_at)?;
    let is_internal = newest.private == Some(true) && newest.incoming != Some(true);
    let text = newest.body_text.as_deref().filter(|_| is_internal)?;
    let (before, mut after) = around(text)?;
    if before.chars().count() > MOST_BEFORE || before.contains(|c: char| c.is_numeric() || c == ':') {
        return None;
    }
    for word in ["the ", "primary ", "ticket", "#"] {
        after = after.strip_prefix(word).unwrap_or(after).trim_start();
    }
    let of_address = || {
        let (_, html) = around(newest.body.as_deref()?)?;
        mention::ticket_of_address_in(html, host).filter(|_| !after.starts_with("this "))
    };
    mention::number_at(after).or_else(of_address).filter(|number| *number != id)
}

/// What is before and what is after the words, without white space around them.
fn around(text: &str) -> Option<(&str, &str)> {
    // Lower case of ASCII changes no place.
    let at = text.to_ascii_lowercase().find(INTO)?;
    Some((text.get(..at)?.trim(), text.get(at + INTO.len()..)?.trim_start()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn target_of(conversations: &Value) -> Option<u64> {
        let conversations: Vec<ConversationDto> = serde_json::from_value(conversations.clone()).unwrap();
        named(&conversations, 8123, "acme.freshdesk.com")
    }

    fn note(text: &str) -> Value {
        json!({ "private": true, "incoming": false, "created_at": "2026-11-20T08:14:03Z", "body": format!("<div>{text}</div>"),
                "body_text": text })
    }

    #[test]
    fn the_note_of_a_merge_names_the_other_ticket() {
        for (text, expected) in [
            ("This ticket is closed and merged into ticket 8200", Some(8200)),
            ("This ticket is closed and merged into ticket #8200 \"Order #9\"", Some(8200)),
            ("Merged into #8200.", Some(8200)),
            ("This ticket is closed and merged into ticket 8123", None),
            ("Merged from ticket 5 Subject: x Description: merged into ticket 8200", None),
            ("Subject: merged into ticket 8200", None),
            ("Tickets were merged into this ticket: #5", None),
            ("We talked at length about what it would take to have this merged into ticket 8200", None),
            ("same as #8200", None),
            ("", None),
        ] {
            assert_eq!(target_of(&json!([note(text)])), expected, "{text}");
        }
        let linked = |href: &str| {
            let body = format!(
                "<div>This ticket is closed and merged into ticket <a href=\"{href}\">Order</a></div>"
            );
            let text = "This ticket is closed and merged into ticket Order";
            json!([{ "private": true, "body": body, "body_text": text }])
        };
        assert_eq!(target_of(&linked("/a/tickets/8200")), Some(8200));
        assert_eq!(target_of(&linked("https://acme.freshdesk.com/helpdesk/tickets/8200")), Some(8200));
        assert_eq!(target_of(&linked("https://evil.example/a/tickets/8200")), None);
    }

    #[test]
    fn only_the_newest_note_of_an_agent_counts() {
        let merged = || note("This ticket is closed and merged into ticket 8200");
        let with = |name: &str, value: Value| {
            let mut note = merged();
            note[name] = value;
            json!([note])
        };
        assert_eq!(target_of(&with("private", json!(false))), None);
        assert_eq!(target_of(&with("private", json!(null))), None);
        assert_eq!(target_of(&with("incoming", json!(true))), None);
        assert_eq!(target_of(&with("body_text", json!(null))), None);
        let later =
            json!({ "private": false, "created_at": "2026-11-21T08:14:03Z", "body_text": "Thank you" });
        assert_eq!(target_of(&json!([merged(), later.clone()])), None, "it was opened again");
        assert_eq!(target_of(&json!([later, merged()])), None, "whatever the order");
        let mut ours = note("merged into ticket 1 [ticketroom:freshdesk:8123:files]");
        ours["created_at"] = json!("2026-11-22T08:14:03Z");
        assert_eq!(target_of(&json!([merged(), ours])), Some(8200));
        assert_eq!(target_of(&json!([])), None);
    }
}
