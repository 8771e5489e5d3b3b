//! What a person can do about a call to DocSpace that failed for good.

use crate::call::{Cause, Failure};

/// The failure and what to do about it, in a sentence or two.
pub(super) fn advice(failure: &Failure) -> String {
    failure.with_help(help(failure))
}

/// What to do about a failure; nothing is known about those of other systems.
pub(crate) fn help(failure: &Failure) -> Option<&'static str> {
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
        _ => return None,
    })
}
