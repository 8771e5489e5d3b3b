//! What the world looks like at the beginning of a run: the ticket in its helpdesk, and in DocSpace
//! whatever the ledger leaves open. All of it is read side by side.

use std::time::Duration;

use uuid::Uuid;

use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::docspace::DocSpace;
use crate::docspace::operations::{OperationId, Report};
use crate::docspace::rooms::FoundRoom;
use crate::docspace::share::Member;
use crate::helpdesk::{Helpdesk, Observed};
use crate::room::RoomId;
use crate::store::{Claim, UnreportedEvents};
use crate::ticket::Ticket;

use super::relations::Relations;
use crate::ledger::{Ledger, Location, Moving, RoomEntry};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The ticket.
    pub ticket: Observed,
    /// The rooms of ours that carry the ticket's tag; looked for only while that matters.
    pub tagged: Vec<FoundRoom>,
    /// Rooms with the ticket's tag that other users own.
    pub tagged_by_others: Vec<FoundRoom>,
    /// When they were looked for, if they were.
    pub looked: Option<Timestamp>,
    /// Rooms of ours without any tag, made since the intent, that no other ticket owns; looked for
    /// only after a create without an answer.
    pub untagged: Vec<FoundRoom>,
    /// The room in the ledger, if it was there before this run.
    pub room: Option<RoomNow>,
    /// What that room is like, if it can be seen.
    pub details: Option<RoomDetails>,
    /// Whether DocSpace reports that the room's move has failed.
    pub move_failed: bool,
    /// Our own user, where DocSpace tells.
    pub own: Option<Uuid>,
    /// Other tickets that matter to this one.
    pub relations: Relations,
    /// What people did in the room that the ticket was not told of.
    pub unreported: Option<UnreportedEvents>,
    /// The last event of all, if there is more than a note that may be written already tells, to
    /// which the look was limited.
    pub more_unreported: Option<i64>,
}

/// What a room is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomDetails {
    /// Its title.
    pub title: String,
    /// Its owner.
    pub owner: Option<Uuid>,
    /// Files anywhere in it.
    pub files: u64,
    /// Who is in it with a role; `None` where that can't be read.
    pub members: Option<Vec<Member>>,
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

/// Not all that a plan needs to know could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Why not.
    pub failure: Failure,
    /// The ticket, if that could be read.
    pub ticket: Option<Box<Ticket>>,
}

impl From<Failure> for Unseen {
    fn from(failure: Failure) -> Self {
        Self { failure, ticket: None }
    }
}

/// Reads what a plan needs to know.
///
/// # Errors
/// The first answer that could not be had.
pub async fn observe(
    claim: &Claim,
    ledger: &Ledger,
    now: Timestamp,
    settle: Duration,
    helpdesk: &dyn Helpdesk,
    docspace: &DocSpace,
) -> Result<Observation, Unseen> {
    let tag = claim.key.tag();
    let wants_tagged = match ledger.room {
        // A room may be there even when we know of none: the store may be new, or a backup's.
        RoomEntry::Absent | RoomEntry::Pending { .. } => true,
        RoomEntry::Made { .. } => ledger.audit_at.is_some_and(|at| at <= now),
        // A deletion may have been an error of the portal's that has passed.
        RoomEntry::Deleted { .. } => true,
    };
    let deleted = match &ledger.room {
        RoomEntry::Deleted { room } => Some(room.id),
        _ => None,
    };
    let tagged = async {
        match wants_tagged {
            true => rooms_with_tag(docspace, &tag, deleted).await,
            false => Ok((Vec::new(), Vec::new())),
        }
    };
    let untagged = async {
        let since = match &ledger.room {
            // Before that, they don't count.
            RoomEntry::Pending { since, .. }
                if ledger.room.settled_at(settle).is_some_and(|at| at <= now) =>
            {
                Some(*since)
            }
            RoomEntry::Made { .. } if wants_tagged => ledger.creates.map(|creates| creates.first),
            _ => None,
        };
        match since {
            Some(since) => untagged(docspace, since).await,
            None => Ok(Vec::new()),
        }
    };
    let room = async {
        let Some(room) = ledger.room.made() else { return Ok((None, None, Report::Nothing)) };
        let (found, details) = look_at(docspace, ledger, room.id, &tag).await?;
        let report = match &ledger.location.moving {
            Some(moving) => report_of(docspace, moving, found).await,
            None => Report::Nothing,
        };
        Ok((found, details, report))
    };
    let own = async {
        match ledger.room.made() {
            Some(_) => docspace.own_id_if_told().await,
            None => Ok(None),
        }
    };
    // A portal that can't be asked must not hide what the ticket is about from those who look for
    // it.
    let rooms = async { Ok::<_, Failure>(futures_util::try_join!(tagged, untagged, room, own)) };
    let (ticket, rooms) =
        futures_util::try_join!(helpdesk.observe(&claim.key.id, claim.reported.as_ref()), rooms)?;
    let ((tagged, tagged_by_others), untagged, (room, details, report), own) = match (rooms, &ticket) {
        (Ok(rooms), _) => rooms,
        (Err(failure), Observed::Present { ticket, .. }) => {
            return Err(Unseen { failure, ticket: Some(ticket.clone()) });
        }
        (Err(failure), Observed::Absent(_)) => return Err(failure.into()),
    };
    let looked = wants_tagged.then_some(now);
    Ok(Observation {
        ticket,
        tagged,
        tagged_by_others,
        looked,
        untagged,
        room,
        details,
        move_failed: report == Report::Failed,
        own,
        relations: Relations::default(),
        unreported: None,
        more_unreported: None,
    })
}

/// What DocSpace reports of a room's move. An operation that has ended and was not read keeps its
/// place in the queue for a minute, so it is read after the look at the room: the last time is when
/// the room has arrived. The room itself tells more, so that a report that can't be had is no
/// failure.
async fn report_of(docspace: &DocSpace, moving: &Moving, found: Option<RoomNow>) -> Report {
    let has_arrived = found
        == Some(match moving.to {
            Location::Active => RoomNow::Active,
            Location::Archived => RoomNow::Archived,
        });
    match &moving.operation {
        Some(id) => docspace.operation(&OperationId::from(id.clone())).await.unwrap_or(Report::Nothing),
        // The answer that named it was lost: all that have ended are read, this one among them.
        None if has_arrived => {
            let _ = docspace.read_moves().await;
            Report::Nothing
        }
        None => Report::Nothing,
    }
}

/// Looks at the room in the ledger, and at who is in it.
async fn look_at(
    docspace: &DocSpace,
    ledger: &Ledger,
    room: RoomId,
    tag: &str,
) -> Result<(Option<RoomNow>, Option<RoomDetails>), Failure> {
    let members = async {
        // Nothing is done about the members of an archived room.
        if ledger.location.now == Location::Archived {
            return Ok(None);
        }
        match docspace.members(room).await {
            Ok(members) => Ok(Some(members.into_iter().filter(|m| m.access != 0 || m.is_owner).collect())),
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
            // The look at the room itself tells more.
            Err(_) => Ok(None),
        }
    };
    let found = async {
        match docspace.room(room).await {
            Ok(found) => Ok(Ok(found)),
            // A portal that is suspended or misaddressed says 404 to everything. One that still
            // answers a search, and doesn't find the room, means it.
            Err(Failure { cause: Cause::NotFound, .. }) => {
                let mut rooms = docspace.rooms_with_tag(tag).await?;
                rooms.retain(|found| found.room.id == room);
                Ok(rooms.pop().ok_or(RoomNow::Deleted))
            }
            Err(Failure { cause: Cause::Forbidden, .. }) => Ok(Err(RoomNow::Hidden)),
            Err(failure) => Err(failure),
        }
    };
    let (found, members) = futures_util::try_join!(found, members)?;
    Ok(match found {
        Err(now) => (Some(now), None),
        Ok(found) => {
            let now = if found.archived { RoomNow::Archived } else { RoomNow::Active };
            let details =
                RoomDetails { title: found.room.title, owner: found.owner, files: found.files, members };
            (Some(now), Some(details))
        }
    })
}

/// The rooms with the ticket's tag: those that our own user owns (and the one that is `known` to be
/// the ticket's), and those of others. A tag is a word that anybody may put on a room of theirs,
/// and DocSpace tells the owner of a room but not who made it.
async fn rooms_with_tag(
    docspace: &DocSpace,
    tag: &str,
    known: Option<RoomId>,
) -> Result<(Vec<FoundRoom>, Vec<FoundRoom>), Failure> {
    let rooms = docspace.rooms_with_tag(tag).await?;
    if rooms.is_empty() {
        return Ok((rooms, Vec::new()));
    }
    let Some(own) = docspace.own_id_if_told().await? else { return Ok((rooms, Vec::new())) };
    let is_ours =
        |found: &FoundRoom| found.owner.is_none_or(|owner| owner == own) || known == Some(found.room.id);
    Ok(rooms.into_iter().partition(is_ours))
}

/// Our clock and DocSpace's may differ; a room from so long before the intent can't be its fruit.
const CLOCK_SKEW: Duration = Duration::from_secs(120);

async fn untagged(docspace: &DocSpace, since: Timestamp) -> Result<Vec<FoundRoom>, Failure> {
    let earliest = since.saturating_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN);
    // Without knowing who we are, none of them can be told to be ours.
    let Some(own) = docspace.own_id_if_told().await? else { return Ok(Vec::new()) };
    let mut rooms = docspace.rooms_without_tags(own).await?;
    rooms.retain(|found| !found.archived && found.created.is_some_and(|created| created >= earliest));
    Ok(rooms)
}
