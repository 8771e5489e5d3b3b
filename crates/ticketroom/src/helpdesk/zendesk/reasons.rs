//! What can be wrong at Zendesk, and what a person can do about it.

use crate::call::{Cause, Failure, System, failure_codes};
use crate::reason::{Code, codes};

/// Zendesk as a system that is called.
pub(crate) static ZENDESK: System = System {
    name: "Zendesk",
    codes: failure_codes!(
        "zendesk", "Zendesk",
        unauthorized: "are client_id and client_secret (or the API token) still valid? “ticketroom check” tells more",
        payment_required: "is the account paid for?",
        forbidden: "the integration's user must be an agent who may edit this ticket, and the OAuth client needs the scopes read and \
            tickets:write",
        not_found: "was the ticket deleted, or is it in a group that our user can't see?",
        rejected: "the reason quotes what it objects to: correct the ticket or `url`, then “ticketroom tickets retry”",
    ),
    can_be_asked: true,
    special,
};

fn special(failure: &Failure) -> Option<&'static Code> {
    matches!(failure.cause, Cause::Rejected { status: 422, .. }).then_some(&INVALID)
}

codes! {
    INVALID = "blocked.zendesk.update-invalid", OnRequest,
        "Zendesk does not take the update of the ticket (422): the ticket is closed, or lacks a required field.",
        "fill the required fields, then “ticketroom tickets retry”; a closed ticket can't be changed any more. The room is ready";
}
