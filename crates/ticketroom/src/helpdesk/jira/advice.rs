//! What a person can do about a call to Jira that failed for good.

use crate::call::{Cause, Failure};

/// What to do about a failure; nothing is known about those of other systems.
pub(in crate::helpdesk) fn help(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.service, &failure.cause) {
        ("Jira", Cause::Unauthorized) => {
            "has the API token expired, or was it revoked? Make one, put it into `api_token` and restart; “ticketroom \
             check” tells more"
        }
        ("Jira", Cause::Forbidden) => {
            "our user needs the permissions Browse projects, Add comments and Link issues, and has to be an agent of \
             the service project"
        }
        ("Jira", Cause::NotFound) => {
            "was the issue deleted, or is it in a project or security level that our user can't see?"
        }
        ("Jira", Cause::Rejected { status: 400, .. }) => {
            "does the project's workflow forbid comments in this status? Open the issue as our user and try it. The \
             room is ready"
        }
        _ => return None,
    })
}
