//! What a person can do about a call that failed for good.

use crate::call::{Cause, Failure};

/// The failure and what to do about it, in a sentence or two.
#[must_use]
pub fn advice(failure: &Failure) -> String {
    match help(failure) {
        Some(help) => format!("{failure}: {help}"),
        None => failure.to_string(),
    }
}

fn help(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.service, &failure.cause) {
        ("DocSpace", Cause::Unauthorized) => {
            "was the API key revoked, or has it expired? Make one under Developer Tools, put it into [docspace] \
             api_key and restart; “ticketroom check” tells more"
        }
        ("DocSpace", Cause::PaymentRequired) => {
            "delete or archive rooms that are no longer needed, or raise the portal's quota"
        }
        ("DocSpace", Cause::Forbidden) if failure.call == "create_room" => {
            "the user of the API key must be a DocSpace admin or room admin, and the key needs the scope rooms:write"
        }
        ("DocSpace", Cause::Forbidden) => {
            "the key needs the scopes rooms:write, files:write and accounts:read, and its user must own or manage \
             the room; “ticketroom check” tells more"
        }
        ("DocSpace", Cause::NotFound) => {
            "was the room deleted meanwhile, or is [docspace] url not the portal's address?"
        }
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
        ("callback", Cause::Unauthorized | Cause::Forbidden | Cause::NotFound | Cause::Rejected { .. }) => {
            "is callback_url right, and does the program behind it accept the signature?"
        }
        _ => return None,
    })
}
