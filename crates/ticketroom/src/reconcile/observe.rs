//! What the world looks like at the beginning of a run: the ticket in its helpdesk, and in DocSpace whatever the
//! ledger leaves open. All of it is read side by side.

use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::docspace::DocSpace;
use crate::docspace::rooms::FoundRoom;
use crate::helpdesk::{Helpdesk, Observed};
use crate::ticket::{Ticket, TicketKey};

use super::ledger::{Ledger, RoomEntry};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The ticket.
    pub ticket: Observed,
    /// The rooms that carry the ticket's tag, lowest number first; looked for only while that matters.
    pub tagged: Vec<FoundRoom>,
    /// Rooms of ours without any tag, made since the intent, that no other ticket owns; looked for only after
    /// a create without an answer.
    pub untagged: Vec<FoundRoom>,
    /// The room in the ledger, if it was there before this run.
    pub room: Option<RoomNow>,
}

/// How a room stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomNow {
    /// People can work in it.
    Active,
    /// In the archive: nothing can be changed in it.
    Archived,
    /// Gone.
    Deleted,
    /// There, but not for us.
    Hidden,
}

/// Reads what a plan needs to know.
///
/// # Errors
/// The first answer that could not be had.
pub async fn observe(
    key: &TicketKey,
    told: Option<&Ticket>,
    ledger: &Ledger,
    now: Timestamp,
    helpdesk: &dyn Helpdesk,
    docspace: &DocSpace,
) -> Result<Observation, Failure> {
    let tag = key.tag();
    let wants_tagged = match ledger.room {
        // A room may be there even when we know of none: the store may be new, or a backup's.
        RoomEntry::Absent | RoomEntry::Pending { .. } => true,
        RoomEntry::Made { .. } => ledger.audit_at.is_some_and(|at| at <= now),
        RoomEntry::Deleted { .. } => false,
    };
    let tagged = async { if wants_tagged { docspace.rooms_with_tag(&tag).await } else { Ok(Vec::new()) } };
    let untagged = async {
        match &ledger.room {
            RoomEntry::Pending { since, .. } => untagged(docspace, *since).await,
            _ => Ok(Vec::new()),
        }
    };
    let room = async {
        match ledger.room.made() {
            None => Ok(None),
            Some(room) => match docspace.room(room.id).await {
                Ok(found) if found.archived => Ok(Some(RoomNow::Archived)),
                Ok(_) => Ok(Some(RoomNow::Active)),
                Err(Failure { cause: Cause::NotFound, .. }) => Ok(Some(RoomNow::Deleted)),
                Err(Failure { cause: Cause::Forbidden, .. }) => Ok(Some(RoomNow::Hidden)),
                Err(failure) => Err(failure),
            },
        }
    };
    let (ticket, tagged, untagged, room) =
        futures_util::try_join!(helpdesk.observe(&key.id, told), tagged, untagged, room)?;
    Ok(Observation { ticket, tagged, untagged, room })
}

/// Our clock and DocSpace's may differ; a room from so long before the intent can't be its fruit.
const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_secs(120);

async fn untagged(docspace: &DocSpace, since: Timestamp) -> Result<Vec<FoundRoom>, Failure> {
    let earliest = since.saturating_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN);
    let own = docspace.own_id().await?;
    let mut rooms = docspace.rooms_without_tags(own).await?;
    rooms.retain(|found| !found.archived && found.created.is_some_and(|created| created >= earliest));
    Ok(rooms)
}
