//! What can be wrong at Freshdesk, and what a person can do about it.

use crate::call::{Cause, Failure, System, failure_codes};
use crate::reason::{Code, codes};

/// Freshdesk as a system that is called.
pub(crate) static FRESHDESK: System = System {
    name: "Freshdesk",
    codes: failure_codes!(
        "freshdesk", "Freshdesk",
        unauthorized: "was the API key replaced, or its agent deactivated? Put the new key into `api_key` and reload the \
            configuration; “ticketroom check” tells more",
        payment_required: "is the account paid for?",
        forbidden: "the agent of the API key needs the ticket scope “global” and may not be a collaborator; does the plan include the \
            API?",
        not_found: "was the ticket deleted for good, or is `url` not the account's address?",
        rejected: "the reason quotes what it objects to: correct the ticket or `url`, then “ticketroom tickets retry”",
    ),
    can_be_asked: true,
    special,
};

fn special(failure: &Failure) -> Option<&'static Code> {
    matches!(failure.cause, Cause::Rejected { status: 400, .. }).then_some(&INVALID)
}

codes! {
    INVALID = "blocked.freshdesk.update-invalid", OnRequest,
        "Freshdesk does not take the update of the ticket (400).",
        "the ticket probably lacks a field that Freshdesk requires: open it as our agent, complete it and save it, then “ticketroom \
         tickets retry”. The room is ready";
}
