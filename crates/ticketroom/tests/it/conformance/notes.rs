//! Further internal notes: each is in its ticket once, stays text, ends where a ticket takes none,
//! and causes nothing.

use simulator::fault::{Fault, FaultKind};
use testbed::{Desk, Systems};
use ticketroom::call::{Cause, SideEffect};
use ticketroom::helpdesk::{InternalNote, NoteAdded, NoteId, NoteState, NoteText, RoomLink, Span};
use ticketroom::room::RoomId;

use super::{helpdesk_of, key};
use crate::world::World;

/// How many notes of the product a ticket has, with the link and further ones: those that only
/// agents see, and those that customers see.
pub(crate) fn all_notes(desk: Desk, systems: &Systems, id: &str) -> (usize, usize) {
    let (internal, public): (Vec<_>, Vec<_>) =
        desk.notes_with(systems, id).into_iter().partition(|note| note.internal);
    (internal.len(), public.len())
}

/// The text of a note in which somebody tries everything; with a link.
pub(crate) fn hostile_text(url: &str) -> NoteText {
    let words = "New files: \"><img src=x onerror=alert(1)></p><script>alert(2)</script> &amp;\n\
                 [x|javascript:alert(3)] {html}<b>y</b>{html} \u{202E}\u{7}🔥 [ticketroom:zendesk:1:other]";
    NoteText::default()
        .paragraph([Span::from(words)])
        .paragraph([])
        .paragraph([Span::Link { text: "</a><b>room</b>]".to_owned(), url: url.to_owned() }, Span::from("")])
        .paragraph([Span::Link { text: "click".to_owned(), url: "javascript:alert(4)".to_owned() }])
}

pub(crate) async fn a_note_added_again_is_one_note(desk: Desk) {
    let world = World::new().await;
    let id = desk.open(&world.systems, "noted");
    let (helpdesk, key) = (helpdesk_of(&world, desk), key(desk, &id));
    assert!(helpdesk.takes_notes());
    let url = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711&x='1'";
    let text = hostile_text(url);
    let (first, second) = (NoteId::new("files-1"), NoteId::new("files-2"));
    let add = async |id: &NoteId, state| {
        let note = InternalNote { key: &key, id, text: &text, state };
        assert_eq!(helpdesk.add_note(&note).await, Ok(NoteAdded::Written), "{id} {state:?}");
    };
    for state in [NoteState::Missing, NoteState::Uncertain, NoteState::Settling, NoteState::Uncertain] {
        add(&first, state).await;
        assert_eq!(all_notes(desk, &world.systems, &id), (1, 0), "{state:?}");
    }
    add(&second, NoteState::Uncertain).await;
    add(&first, NoteState::Uncertain).await;
    assert_eq!(all_notes(desk, &world.systems, &id), (2, 0), "another note is another one");
    // Neither of them is the link's.
    let link = RoomLink {
        key: &key,
        room: RoomId(4711),
        title: "Room",
        url,
        version: None,
        note: NoteState::Uncertain,
    };
    helpdesk.write_back(&link).await.unwrap();
    assert_eq!(all_notes(desk, &world.systems, &id), (3, 0));

    if desk == Desk::Generic {
        let reported = world.systems.callback.received().remove(0);
        assert_eq!(reported.body["note"]["id"], "files-1");
        let text = reported.body["note"]["text"].as_str().unwrap();
        assert!(text.contains("<img src=x onerror=alert(1)>") && text.contains("&x=%271%27)"), "{text}");
        assert!(!text.contains('\u{202E}') && !text.contains('\u{7}'), "{text}");
        return;
    }
    for (note, id) in desk.note_texts(&world.systems, &id).iter().zip([first, second]) {
        assert!(note.contains(&format!("[ticketroom:{key}:{id}]").replace('/', ":")), "{note}");
        assert!(!note.contains('\u{202E}') && !note.contains('\u{7}'), "{note}");
        // A document has no markup in its text; that it is one text with one link is what the
        // simulator checks.
        let harmful: &[&str] = if desk == Desk::Jira {
            &["|javascript:alert(4)"]
        } else {
            &["<img", "<script", "<b>", "\"javascript:"]
        };
        let found = harmful.iter().find(|harmful| note.contains(*harmful));
        assert_eq!(found, None, "{note}");
        assert_eq!(note.matches("https://docspace.example.com").count(), 1, "{note}");
    }
}

/// An answer was lost a moment ago: what is not there yet may come.
pub(crate) async fn a_note_that_may_still_land_is_not_written(desk: Desk) {
    let world = World::new().await;
    let ticket = desk.open(&world.systems, "settling");
    let (helpdesk, key) = (helpdesk_of(&world, desk), key(desk, &ticket));
    let (id, text) = (NoteId::new("archived"), NoteText::default().paragraph([Span::from("x")]));
    let note = |state| InternalNote { key: &key, id: &id, text: &text, state };
    let failure = helpdesk.add_note(&note(NoteState::Settling)).await.unwrap_err();
    assert_eq!(failure.cause, Cause::Unsettled);
    assert_eq!(all_notes(desk, &world.systems, &ticket), (0, 0));
    let (write, look) = desk.note_calls();
    desk.faults(&world.systems).add(Fault::once(look, FaultKind::StatusBefore(503)));
    let failure = helpdesk.add_note(&note(NoteState::Uncertain)).await.unwrap_err();
    assert_eq!(failure.call, look);
    assert_eq!(all_notes(desk, &world.systems, &ticket), (0, 0), "a look that fails writes nothing");
    desk.faults(&world.systems).add(Fault::once(write, FaultKind::AnswerLost));
    let failure = helpdesk.add_note(&note(NoteState::Uncertain)).await.unwrap_err();
    assert_eq!(failure.side_effect(), SideEffect::Unknown);
    for state in [NoteState::Settling, NoteState::Uncertain] {
        assert_eq!(helpdesk.add_note(&note(state)).await, Ok(NoteAdded::Written));
        assert_eq!(all_notes(desk, &world.systems, &ticket), (1, 0), "{state:?}");
    }
}

/// What is closed may take no notes any more; what does not exist takes none.
pub(crate) async fn a_note_of_an_ended_ticket_is_no_failure(desk: Desk) {
    let world = World::new().await;
    let ended = desk.open(&world.systems, "ended");
    desk.end(&world.systems, &ended);
    let helpdesk = helpdesk_of(&world, desk);
    let (id, text) = (NoteId::new("merged"), NoteText::default().paragraph([Span::from("x")]));
    // Jira takes comments on a closed issue.
    for (ticket, takes_none) in [(ended.as_str(), desk != Desk::Jira), ("987654321", true), ("SUP-1/x", true)]
    {
        for state in [NoteState::Missing, NoteState::Uncertain] {
            let key = key(desk, ticket);
            let note = InternalNote { key: &key, id: &id, text: &text, state };
            let added = helpdesk.add_note(&note).await.unwrap();
            assert_eq!(
                matches!(added, NoteAdded::NotPossible(_)),
                takes_none,
                "{ticket} {state:?}: {added:?}"
            );
        }
    }
}

/// A further note raises events like the link's, and nothing comes of them.
pub(crate) async fn a_further_note_ends_there(desk: Desk) {
    let world = World::new().await;
    desk.send_all_to(&world.systems, &world.url(&desk.endpoint()));
    let id = desk.open(&world.systems, "echo of a note");
    world.wait_for_state(&format!("{}/{id}", desk.name()), &["ready"]).await;
    desk.deliveries_settled(&world.systems).await;
    world.wait_until_all_rest().await;
    let before = desk.counters(&world.systems);
    let (key, note_id) = (key(desk, &id), NoteId::new("files-1"));
    let text = NoteText::default().paragraph([Span::from("2 new files")]);
    let note = InternalNote { key: &key, id: &note_id, text: &text, state: NoteState::Missing };
    assert_eq!(helpdesk_of(&world, desk).add_note(&note).await, Ok(NoteAdded::Written));
    desk.deliveries_settled(&world.systems).await;
    world.wait_until_all_rest().await;
    let after = desk.counters(&world.systems);
    for call in desk.writing_calls() {
        let notes = u64::from(*call == desk.note_calls().0);
        assert_eq!(after.of(call), before.of(call) + notes, "{call}: {after:?}");
    }
    // A rule of Freshdesk's tells nothing beyond doubt, so its echo is looked into.
    if desk != Desk::Freshdesk {
        let call = desk.reading_call();
        assert_eq!(after.of(call), before.of(call), "{after:?}");
    }
    assert_eq!(all_notes(desk, &world.systems, &id), (2, 0));
}
