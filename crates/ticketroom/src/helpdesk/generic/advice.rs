//! What a person can do about a call to the callback of a generic helpdesk that failed for good.

use crate::call::{Cause, Failure};

/// What to do about a failure; nothing is known about those of other systems.
pub(in crate::helpdesk) fn help(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.service, &failure.cause) {
        ("callback", Cause::Unauthorized | Cause::Forbidden | Cause::NotFound | Cause::Rejected { .. }) => {
            "is callback_url right, and does the program behind it accept the signature?"
        }
        _ => return None,
    })
}
