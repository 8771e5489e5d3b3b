//! Puts the link into the ticket; how is the helpdesk's business.

use super::{Context, Outcome};
use crate::call::Failure;
use crate::clock::Timestamp;
use crate::helpdesk::{Note, RoomLink, WrittenBack};
use crate::ledger::{Entry, Ledger};
use crate::room::Room;
use crate::store::Event;

pub(super) async fn run(
    context: Context<'_>,
    room: &Room,
    url: &str,
    note: Note,
) -> Result<Outcome, Failure> {
    let link = RoomLink {
        key: context.key,
        room: room.id,
        title: &room.title,
        url,
        version: context.ticket.version.as_deref(),
        note,
    };
    let done = context.helpdesk.write_back(&link).await?;
    Ok(Outcome::WrittenBack { url: url.to_owned(), done })
}

pub(super) fn record(url: String, done: &WrittenBack, ledger: &mut Ledger, now: Timestamp) -> Option<Event> {
    let entry = &mut ledger.write_back;
    if entry.noted {
        entry.repaired_at = Some(now);
    }
    entry.url = Some(url);
    entry.noted = true;
    entry.refused = done.warning.is_some();
    entry.state = Entry::Done;
    let text = match &done.warning {
        None => format!("put the link into the ticket ({})", done.place),
        Some(warning) => format!("put the link into the ticket ({}); {warning}", done.place),
    };
    Some(Event { at: now, kind: "written_back", text })
}
