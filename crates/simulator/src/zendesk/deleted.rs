//! Deleted tickets: listing and restoring them. The list has what was deleted or marked as spam in
//! the last 30 days, unless it was deleted for good. It begins with the oldest ticket, unless
//! another order is asked for.

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::Account;
use super::api::CLIENT;
use super::ticket::{Removed, Ticket};
use super::{ZendeskService, paging, wire};
use crate::http::{Answer, Request};

/// After that time, Zendesk deletes it for good by itself.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl ZendeskService {
    /// The order is by `sort_by` (`id`, `subject` or `deleted_at`) and `sort_order` with both ways
    /// of paging.
    pub(super) fn deleted_tickets(&self, account: &Account, request: &Request) -> Answer {
        let oldest = self.clock.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let kept = |ticket| restorable(ticket).filter(|removed| removed.at >= oldest);
        let mut deleted: Vec<(&Ticket, Removed)> =
            account.tickets.values().filter_map(|ticket| Some((ticket, kept(ticket)?))).collect();
        if account.heeds_order {
            match request.query("sort_by") {
                None => deleted.sort_by_key(|(ticket, _)| (ticket.created_at, ticket.id)),
                Some("id") => {}
                Some("subject") => deleted.sort_by_key(|(ticket, _)| &ticket.subject),
                Some("deleted_at") => deleted.sort_by_key(|(ticket, removed)| (removed.at, ticket.id)),
                Some(_) => {
                    return wire::error(StatusCode::BAD_REQUEST, "InvalidValue", "sort_by is invalid");
                }
            }
            if request.query("sort_order") == Some("desc") {
                deleted.reverse();
            }
        }
        let shown = deleted.into_iter().map(|(ticket, removed)| shown(account, ticket, removed));
        paging::in_this_order(request, "deleted_tickets", shown.collect())
    }

    /// A ticket that can't be restored is not there.
    pub(super) fn restore_ticket(&self, account: &mut Account, id: u64) -> Option<Answer> {
        let done = account.restore(CLIENT, id, self.clock.now())?;
        self.announce(account, [done]);
        Some(Answer::json(StatusCode::OK, &json!({})))
    }
}

fn restorable(ticket: &Ticket) -> Option<Removed> {
    ticket.removed.filter(|removed| !removed.scrubbed)
}

fn shown(account: &Account, ticket: &Ticket, removed: Removed) -> Value {
    json!({
        "id": ticket.id,
        "subject": ticket.subject,
        "description": ticket.description,
        "actor": { "id": removed.by, "name": account.people.name(removed.by) },
        "deleted_at": removed.at,
        "previous_state": ticket.status.name(),
    })
}
