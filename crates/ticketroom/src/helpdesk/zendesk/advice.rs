//! What a person can do about a call to Zendesk that failed for good.

use crate::call::{Cause, Failure};

/// What to do about a failure; nothing is known about those of other systems.
pub(in crate::helpdesk) fn help(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.service, &failure.cause) {
        ("Zendesk", Cause::Unauthorized) => {
            "are client_id and client_secret (or the API token) still valid? “ticketroom check” tells more"
        }
        ("Zendesk", Cause::Forbidden) => {
            "the integration's user must be an agent who may edit this ticket, and the OAuth client needs the scopes read and tickets:write"
        }
        ("Zendesk", Cause::NotFound) => {
            "was the ticket deleted, or is it in a group that our user can't see?"
        }
        ("Zendesk", Cause::Rejected { status: 422, .. }) => {
            "a closed ticket can't be changed any more; otherwise a required field is empty. The room is ready"
        }
        _ => return None,
    })
}
