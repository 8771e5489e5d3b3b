//! Adds the note that tells what people did in the room. What it tells is in the ledger before the
//! call, and its id follows from that: however often it is tried, the ticket is told once. The
//! commit that records it deletes the events.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::try_join_all;
use url::Url;
use uuid::Uuid;

use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::clock::Timestamp;
use crate::docspace::DocSpace;
use crate::docspace::links::folder_address;
use crate::helpdesk::{InternalNote, NoteAdded, NoteId, NoteState, NoteText, Span};
use crate::ledger::Entry;
use crate::room::RoomId;
use crate::store::{EffectKind, EffectTarget, RoomEvent, RoomEventKind};

/// So many files are named; of the others there is a number.
const MOST_NAMED: usize = 20;
/// So many people are named.
const MOST_PEOPLE: usize = 10;

/// Tells the ticket what people did in its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRoomEvents {
    /// The room.
    pub room: RoomId,
    /// The events, oldest first, as many as are named.
    pub events: Vec<RoomEvent>,
    /// How many there are in all.
    pub total: u64,
    /// Up to where they go, as the store has it.
    pub through: i64,
    /// When the first of all of them happened. A store that was restored from a backup counts the
    /// same numbers again.
    pub since: Timestamp,
    /// What the members of the room are called, as far as that is known.
    pub names: Vec<(Uuid, String)>,
    /// What is known of the note.
    pub state: NoteState,
}

impl Perform for ReportRoomEvents {
    const KIND: EffectKind = EffectKind::new("report_room_events");
    type Outcome = NoteAdded;

    fn target(&self) -> Option<EffectTarget> {
        Some(self.through.to_string().as_str().into())
    }

    fn intend(&self, records: &mut Records<'_>) {
        if self.state != NoteState::Settling {
            records.ledger.report.through = Some(self.through);
            records.ledger.report.state = Entry::Pending { since: records.now };
        }
    }

    async fn run(&self, context: Context<'_>) -> Result<NoteAdded, Failure> {
        let names = self.names(context.docspace).await?;
        let text = text(self, &names, context.docspace.portal());
        let id = NoteId::new(&format!("files-{}-{}", self.through, self.since.as_second()));
        let note = InternalNote { key: context.key, id: &id, text: &text, state: self.state };
        context.helpdesk.add_note(&note).await
    }

    fn record(&self, added: NoteAdded, records: &mut Records<'_>) -> Recorded {
        records.ledger.report.state = Entry::Done;
        records.ledger.report.told_at = Some(records.now);
        *records.reported_through = Some(self.through);
        let what = if self.total == 1 { "one event".to_owned() } else { format!("{} events", self.total) };
        match added {
            NoteAdded::Written => {
                Recorded::done(records, "noted", format!("added a note: {what} in the room"))
            }
            NoteAdded::NotPossible(why) => {
                Recorded::done(records, "not_noted", format!("no note about {what} in the room: {why}"))
            }
        }
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        if self.state == NoteState::Settling {
            return;
        }
        records.ledger.report.state = match failure.side_effect() {
            SideEffect::None => Entry::NotBegun,
            SideEffect::Unknown => Entry::Pending { since: records.now },
        };
    }
}

impl ReportRoomEvents {
    /// What those who did something are called.
    async fn names(&self, docspace: &DocSpace) -> Result<HashMap<Uuid, String>, Failure> {
        let mut names: HashMap<Uuid, String> = self.names.iter().cloned().collect();
        let mut unknown: Vec<Uuid> = self.events.iter().map(|event| event.by).collect();
        unknown.retain(|id| !names.contains_key(id));
        unknown.sort_unstable();
        unknown.dedup();
        unknown.truncate(MOST_PEOPLE);
        let found = try_join_all(unknown.into_iter().map(|id| async move {
            let name = docspace.name_of(id).await?;
            Ok::<_, Failure>(name.map(|name| (id, name)))
        }));
        names.extend(found.await?.into_iter().flatten());
        Ok(names)
    }
}

/// The note: one paragraph for each kind of event and person, with the titles as links to their
/// folders.
fn text(unreported: &ReportRoomEvents, names: &HashMap<Uuid, String>, portal: &Url) -> NoteText {
    let mut groups: BTreeMap<(RoomEventKind, &str), Vec<&RoomEvent>> = BTreeMap::new();
    // Of several events of the same kind about a file, the last one tells.
    let mut named: Vec<&RoomEvent> = Vec::new();
    for event in unreported.events.iter().rev() {
        let is_told = |told: &&RoomEvent| told.what == event.what && told.entry == event.entry;
        if !named.iter().any(is_told) {
            named.push(event);
        }
    }
    let more = named.len().saturating_sub(MOST_NAMED);
    named.truncate(MOST_NAMED);
    for event in named.into_iter().rev() {
        let who = names.get(&event.by).map_or("somebody", String::as_str);
        groups.entry((event.what, who)).or_default().push(event);
    }
    let mut text = NoteText::default();
    for ((what, who), events) in groups {
        let mut spans = vec![Span::Text(format!("{who} {} ", verb(what, events.len() > 1)))];
        for (nth, event) in events.iter().enumerate() {
            if nth > 0 {
                spans.push(", ".into());
            }
            let url = folder_address(portal, unreported.room, event.folder).to_string();
            spans.push(Span::Link { text: event.title.clone(), url });
        }
        text = text.paragraph(spans);
    }
    let untold = unreported.total.saturating_sub(unreported.events.len() as u64) + more as u64;
    if untold > 0 {
        text = text.paragraph([Span::Text(format!("… and {untold} further events in the room"))]);
    }
    text
}

fn verb(what: RoomEventKind, several: bool) -> &'static str {
    match (what, several) {
        (RoomEventKind::FileAdded, false) => "added the file",
        (RoomEventKind::FileAdded, true) => "added the files",
        (RoomEventKind::FileChanged, false) => "changed the file",
        (RoomEventKind::FileChanged, true) => "changed the files",
        (RoomEventKind::FileRemoved, false) => "removed the file",
        (RoomEventKind::FileRemoved, true) => "removed the files",
        (RoomEventKind::FolderAdded, false) => "added the folder",
        (RoomEventKind::FolderAdded, true) => "added the folders",
        (RoomEventKind::FolderChanged, false) => "renamed the folder",
        (RoomEventKind::FolderChanged, true) => "renamed the folders",
        (RoomEventKind::FolderRemoved, false) => "removed the folder",
        (RoomEventKind::FolderRemoved, true) => "removed the folders",
    }
}
