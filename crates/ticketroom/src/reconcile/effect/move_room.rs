//! What archiving a room and restoring it have in common: the move is asked for, followed for a
//! short while, and confirmed by a look at the room. One that takes longer is looked for by later
//! runs.

use std::time::Duration;

use super::{Recorded, Records, Wait};
use crate::call::{Failure, SideEffect};
use crate::clock::after;
use crate::docspace::DocSpace;
use crate::docspace::operations::{OperationId, Report};
use crate::docspace::reasons::{ROOM_NOT_ARCHIVED, ROOM_NOT_RESTORED, ROOM_ON_ITS_WAY};
use crate::ledger::{LinkEntry, Location, Mover};
use crate::reason::Reason;
use crate::room::{LinkKind, RoomId};

/// Waits between looks at a room that was asked to be moved.
const POLLS: [u64; 4] = [60, 150, 400, 1000];
/// When the next run looks for a move that has not ended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How far a move has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::reconcile) enum Moved {
    /// A look has confirmed it.
    Confirmed,
    /// DocSpace reports that it failed.
    Failed,
    /// Neither, of the operation with this id.
    NotYet(Option<OperationId>),
}

/// Follows a move that was asked for.
pub(super) async fn follow(
    docspace: &DocSpace,
    room: RoomId,
    to: Location,
    operation: Option<OperationId>,
) -> Moved {
    for pause in POLLS.into_iter().map(Duration::from_millis) {
        tokio::time::sleep(pause).await;
        // The move goes on, whatever becomes of a look at it. The operation is read after the room:
        // one that has ended and was not read would keep its place in DocSpace's queue for a
        // minute.
        let is_there =
            docspace.room(room).await.is_ok_and(|found| found.archived == (to == Location::Archived));
        let report = match &operation {
            Some(operation) => docspace.operation(operation).await.unwrap_or(Report::Nothing),
            None => Report::Nothing,
        };
        match report {
            _ if is_there => return Moved::Confirmed,
            Report::Failed => return Moved::Failed,
            Report::Nothing | Report::Finished => {}
        }
    }
    Moved::NotYet(operation)
}

/// Writes down how far the move has come. `why` the room is moved is told in the timeline.
pub(super) fn record(
    moved: Moved,
    to: Location,
    link: LinkKind,
    why: &str,
    records: &mut Records<'_>,
) -> Recorded {
    match moved {
        Moved::Confirmed => {
            arrive(to, link, records);
            match to {
                Location::Archived => {
                    Recorded::done(records, "room_archived", format!("archived the room: {why}"))
                }
                Location::Active => {
                    Recorded::done(records, "room_unarchived", format!("restored the room: {why}"))
                }
            }
        }
        Moved::Failed => {
            let reason = failed(to);
            let text = reason.text.clone();
            if let Some(moving) = &mut records.ledger.location.moving {
                moving.failed = Some(reason);
            }
            Recorded { is_progress: false, ..Recorded::done(records, "failed", text) }
        }
        Moved::NotYet(operation) => {
            if let Some(moving) = &mut records.ledger.location.moving {
                moving.operation = operation.map(String::from);
            }
            let wait = Wait { until: after(records.now, LOOK_AGAIN), reason: on_its_way(to) };
            Recorded { event: None, is_progress: true, wait: Some(wait) }
        }
    }
}

fn arrive(to: Location, link: LinkKind, records: &mut Records<'_>) {
    records.ledger.location.arrive(to, Mover::Us);
    if to == Location::Active {
        reopened(records.ledger, link);
    }
}

/// A room that came out of the archive has its link and its place in the ticket checked: archiving
/// disables links.
pub(in crate::reconcile) fn reopened(ledger: &mut crate::ledger::Ledger, link: LinkKind) {
    if link != LinkKind::Member {
        ledger.link = LinkEntry::NotBegun;
    }
    ledger.write_back.repaired_at = None;
    ledger.write_back.refused = false;
}

/// Takes back or keeps what was intended.
pub(super) fn take_back(failure: &Failure, records: &mut Records<'_>) {
    match failure.side_effect() {
        SideEffect::None => records.ledger.location.take_back_move(),
        // It is looked for.
        SideEffect::Unknown => {
            if let Some(moving) = &mut records.ledger.location.moving {
                moving.since = records.now;
            }
        }
    }
}

/// Why a room is waited for.
pub(in crate::reconcile) fn on_its_way(to: Location) -> Reason {
    ROOM_ON_ITS_WAY.reason(match to {
        Location::Archived => "DocSpace was asked to archive the room; looking for it",
        Location::Active => "DocSpace was asked to restore the room; looking for it",
    })
}

/// DocSpace took the order and did not carry it out.
pub(in crate::reconcile) fn failed(to: Location) -> Reason {
    match to {
        Location::Archived => {
            ROOM_NOT_ARCHIVED.reason("DocSpace was asked to archive the room and did not do it")
        }
        Location::Active => {
            ROOM_NOT_RESTORED.reason("DocSpace was asked to restore the room and did not do it")
        }
    }
}
