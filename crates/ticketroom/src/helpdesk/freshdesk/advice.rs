//! What a person can do about a call to Freshdesk that failed for good.

use crate::call::{Cause, Failure};

/// What to do about a failure; nothing is known about those of other systems.
pub(in crate::helpdesk) fn help(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.service, &failure.cause) {
        ("Freshdesk", Cause::Unauthorized) => {
            "was the API key replaced, or its agent deactivated? Put the new key into `api_key` and restart; \
             “ticketroom check” tells more"
        }
        ("Freshdesk", Cause::Forbidden) => {
            "the agent of the API key needs the ticket scope “global” and may not be a collaborator; does the plan \
             include the API?"
        }
        ("Freshdesk", Cause::NotFound) => {
            "was the ticket deleted for good, or is `url` not the account's address?"
        }
        ("Freshdesk", Cause::Rejected { status: 400, .. }) => {
            "does the ticket lack what is required of it? Open it as our agent and save it by hand. The room is ready"
        }
        _ => return None,
    })
}
