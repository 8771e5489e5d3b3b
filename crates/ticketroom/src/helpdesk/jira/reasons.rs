//! What can be wrong at Jira, and what a person can do about it.

use crate::call::{Cause, Failure, System, failure_codes};
use crate::reason::{Code, codes};

/// Jira as a system that is called.
pub(crate) static JIRA: System = System {
    name: "Jira",
    codes: failure_codes!(
        "jira", "Jira",
        unauthorized: "has the API token expired, or was it revoked? Make one, put it into `api_token` and reload the configuration; \
            “ticketroom check” tells more",
        payment_required: "is the site paid for?",
        forbidden: "our user needs the permissions Browse projects, Add comments and Link issues, and has to be an agent of the service \
            project",
        not_found: "was the issue deleted, or is it in a project or security level that our user can't see?",
        rejected: "the reason quotes what it objects to: correct the issue or `url`, then “ticketroom tickets retry”",
    ),
    can_be_asked: true,
    special,
};

fn special(failure: &Failure) -> Option<&'static Code> {
    matches!(failure.cause, Cause::Rejected { status: 400, .. }).then_some(&INVALID)
}

codes! {
    INVALID = "blocked.jira.update-invalid", OnRequest,
        "Jira does not take the comment or the link (400).",
        "does the project's workflow forbid comments in this status? Open the issue as our user and try one, then “ticketroom \
         tickets retry”. The room is ready";
}
