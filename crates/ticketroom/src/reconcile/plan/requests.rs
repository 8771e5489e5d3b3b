//! What a person asks for the room, regardless of the ticket's status: it counts until the ticket
//! changes.
//!
//! A ticket that can't be seen when the request is applied has no digest yet; it gets one when it
//! is seen, and only a change after that ends the request.

use super::Situation;
use crate::helpdesk::{Absence, Observed};
use crate::ledger::{Ledger, Location};
use crate::reconcile::note::Note;
use crate::store::{PendingRequest, RoomRequest};
use crate::ticket::Ticket;

/// The digest of a ticket that can't be seen.
const UNSEEN: &str = "absent";

/// A person's request that is not in the ledger yet.
pub(super) fn apply(s: &Situation<'_>) -> Option<Note> {
    let requested = s.request.filter(|requested| !is_applied(*requested, s.ledger))?;
    let wants = match requested.request {
        RoomRequest::Archive => Location::Archived,
        RoomRequest::Reopen => Location::Active,
    };
    Some(Note::RequestApplied { wants, nth: requested.nth, ticket: digest(s) })
}

/// Whether a request was written into the ledger, also if it has expired since.
pub(in crate::reconcile) fn is_applied(requested: PendingRequest, ledger: &Ledger) -> bool {
    let in_force = ledger.life.request.as_ref().map(|applied| applied.nth);
    ledger.life.last_request.max(in_force).is_some_and(|nth| nth >= requested.nth)
}

/// Whether the ticket has changed since the request was applied, or is seen for the first time.
pub(super) fn changed(s: &Situation<'_>) -> Option<Note> {
    let applied = s.ledger.life.request.as_ref()?;
    let now = digest(s);
    if applied.ticket == now {
        return None;
    }
    Some(if applied.ticket == UNSEEN { Note::RequestSeen { ticket: now } } else { Note::RequestExpired })
}

/// What people change in a ticket, as a short text. What we write into it ourselves is left out.
fn digest(s: &Situation<'_>) -> String {
    let ticket = match &s.seen.ticket {
        Observed::Present { ticket, .. } => ticket,
        Observed::Absent(Absence::Deleted) => return "deleted".to_owned(),
        Observed::Absent(Absence::NotShown | Absence::NotWanted(_)) => return UNSEEN.to_owned(),
    };
    let Ticket { subject, status, priority, assignee, group, requester, merged_into, .. } = ticket.as_ref();
    let what = format!("{subject:?}{status:?}{priority:?}{assignee:?}{group:?}{requester:?}{merged_into:?}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, what.as_bytes()).to_string()
}
