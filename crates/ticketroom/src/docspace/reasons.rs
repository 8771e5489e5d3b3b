//! What can be wrong in DocSpace, and what a person can do about it.

use crate::call::{Cause, Failure, FailureCodes, System, failure_codes};
use crate::ledger::{Missing, MissingWhy};
use crate::reason::{Code, Reason, codes};
use crate::template::{Grant, Subject};

/// DocSpace as a system that is called.
pub static DOCSPACE: System = System { name: "DocSpace", codes: FAILURES, can_be_asked: true, special };

const FAILURES: FailureCodes = failure_codes!(
    "docspace", "DocSpace",
    unauthorized:
        "was the API key revoked, or has it expired? Make one of the same user under Developer Tools, put it into [docspace] api_key and \
         reload the configuration; “ticketroom check” tells more",
    payment_required: "delete or archive rooms that are no longer needed, or raise the portal's quota",
    forbidden:
        "the key needs the scopes rooms:write, files:write and accounts:read, and its user must own or manage the room; \
         “ticketroom check” tells more",
    not_found: "was the room deleted meanwhile, or is [docspace] url not the portal's address?",
    rejected: "the reason quotes what it objects to: correct the template, then “ticketroom tickets retry”",
);

fn special(failure: &Failure) -> Option<&'static Code> {
    (failure.cause == Cause::Forbidden && failure.call == super::rooms::CREATE_ROOM)
        .then_some(&CREATE_FORBIDDEN)
}

codes! {
    CREATE_FORBIDDEN = "blocked.docspace.create-forbidden", Later,
        "DocSpace does not let our user create rooms (403).",
        "the user of the API key must be a DocSpace admin or room admin, and the key needs the scope rooms:write";
    GROUP_UNKNOWN = "blocked.docspace.group-unknown", Later,
        "A group that a template grants access to is not in DocSpace.",
        "make it under Accounts, or correct the template";
    USER_UNKNOWN = "blocked.docspace.user-unknown", Later,
        "A user that a template grants access to is not in DocSpace, or not active there.",
        "invite them, or correct the template";
    NOT_ADDED = "blocked.docspace.member-not-added", Later,
        "DocSpace answered that it added a member, and the member is not in the room.",
        "share the room with them by hand";
    HIDDEN = "blocked.docspace.account-hidden", Later,
        "DocSpace does not let our user look up a user or a group that a template grants access to.",
        "give the key the scope accounts:read, and make its user a DocSpace admin: a room admin may not see guests";
    ADDRESS_INVALID = "blocked.docspace.address-invalid", Later,
        "A user that a template grants access to is not named by an e-mail address.",
        "correct the address in the template";
    ROLE_FORBIDDEN = "blocked.docspace.role-forbidden", Later,
        "DocSpace does not allow a user or a group the role that the template gives them in this type of room.",
        "choose another role in the template; a manager has to be a room admin or DocSpace admin";
    TICKETS_GROUP_UNKNOWN = "ready.docspace.ticket-group-unknown", Never,
        "The room is ready, and the group that the ticket is in has no access: DocSpace has no group of this name.",
        "make it under Accounts, or say in group_names of the helpdesk what it is called there";
    PERSON_UNKNOWN = "ready.docspace.person-unknown", Never,
        "The room is ready, and the ticket's assignee or requester has no access: DocSpace has no active user with their \
         e-mail address.",
        "invite them, or correct the template";
    PERSON_NOT_ADDED = "ready.docspace.person-not-added", Never,
        "The room is ready, and the ticket's assignee, requester or group has no access: DocSpace answered that it added \
         them, and they are not in the room.",
        "share the room with them by hand";
    PERSON_HIDDEN = "ready.docspace.person-hidden", Never,
        "The room is ready, and the ticket's assignee, requester or group has no access: DocSpace does not let our user \
         look them up.",
        "give the key the scope accounts:read, and make its user a DocSpace admin: a room admin may not see guests";
    PERSON_ADDRESS_INVALID = "ready.docspace.person-address-invalid", Never,
        "The room is ready, and the ticket's assignee or requester has no access: what the helpdesk says is their e-mail \
         address is not one.",
        "correct the address in the helpdesk";
    PERSON_ROLE_FORBIDDEN = "ready.docspace.person-role-forbidden", Never,
        "The room is ready, and the ticket's assignee, requester or group has no access: DocSpace does not allow them the \
         role that the template gives them in this type of room.",
        "choose another role in the template";
    ROOM_UNSETTLED = "waiting.docspace.room-unsettled", Soon,
        "DocSpace was asked to create the room, and its answer does not tell whether it did: the room is looked for before it \
         is asked for again.",
        "";
    FOLDERS_UNSETTLED = "waiting.docspace.folders-unsettled", Soon,
        "DocSpace did not say whether it created all folders: they are looked for before they are asked for again.",
        "";
    ROOM_MAY_BE_GONE = "waiting.docspace.room-may-be-gone", Soon,
        "DocSpace denies access to the room. It answers the same about a room that does not exist, so it is asked which it is.",
        "";
    ROOM_DELETED = "blocked.docspace.room-deleted", OnRequest,
        "Somebody deleted the ticket's room in DocSpace.",
        "it may have been deleted on purpose, so nothing is done; “ticketroom tickets retry” creates a new, empty room";
    ROOM_OF_ANOTHER_OWNER = "blocked.docspace.room-of-another-owner", Later,
        "A room carries the ticket's tag, and another user owns it.",
        "if it is this ticket's room, make the user of the API key its owner; if not, remove the tag from it. Then “ticketroom \
         tickets retry”";
    ROOM_HIDDEN = "blocked.docspace.room-hidden", Later,
        "DocSpace does not let our user see the ticket's room.",
        "make our user the room's manager, or a DocSpace admin";
    ROOM_ARCHIVED = "archived.docspace.by-hand", Never,
        "Somebody archived the room in DocSpace, while its ticket was open: it stays there.",
        "“ticketroom tickets reopen” restores it";
    ROOM_ON_ITS_WAY = "waiting.docspace.room-on-its-way", Soon,
        "DocSpace was asked to archive or to restore the room. It answers before it does so, and does so a moment later, if its \
         queue has a place.",
        "";
    ROOM_NOT_ARCHIVED = "blocked.docspace.room-not-archived", Later,
        "DocSpace was asked several times to archive the room and did not do it.",
        "archive it by hand in DocSpace, or look whether its file service works";
    ROOM_NOT_RESTORED = "blocked.docspace.room-not-restored", Later,
        "DocSpace was asked to restore the room and did not do it. The reason most often is that the portal's quota of active \
         rooms is used up, which it does not tell.",
        "delete or archive rooms that are no longer needed, or raise the portal's quota; then “ticketroom tickets retry”";
    LINK_INTERNAL = "ready.docspace.link-internal", Never,
        "The room is ready, and its external link opens for users of the portal only: DocSpace's settings for external \
         links say so.",
        "change those settings in DocSpace, or choose another link in the template";
    WEBHOOK_NO_ADDRESS = "check.docspace.webhook-address-missing", Never,
        "[docspace] webhook_secret is set, and [server] public_url is not, so DocSpace can't be told where to send.",
        "set public_url to the https address at which ticketroom can be reached from outside";
    WEBHOOK_NOT_HTTPS = "check.docspace.webhook-address-not-https", Never,
        "[docspace] webhook_secret is set, and [server] public_url is not https.",
        "put a proxy with a certificate before ticketroom, and write its https address: DocSpace's webhooks tell what is in rooms";
    WEBHOOK_MISSING = "check.docspace.webhook-missing", Never,
        "[docspace] webhook_secret is set, and DocSpace has no webhook that sends to ticketroom.",
        "register it with “ticketroom webhook setup docspace”, or by hand as docs/docspace-webhook.md says";
    WEBHOOK_DISABLED = "check.docspace.webhook-disabled", Never,
        "DocSpace's webhook is disabled: somebody switched it off, or DocSpace did after three days without a success.",
        "“ticketroom webhook setup docspace” enables it; “ticketroom webhook status docspace” shows its last failure";
    WEBHOOK_INCOMPLETE = "check.docspace.webhook-incomplete", Never,
        "DocSpace's webhook does not tell of everything that ticketroom needs, or takes any certificate.",
        "“ticketroom webhook setup docspace” puts it right";
    WEBHOOK_DOUBLE = "check.docspace.webhook-double", Never,
        "Several webhooks of DocSpace send to ticketroom. Each has ids of its own, so what people do in rooms is told more than \
         once.",
        "remove all but one under Developer Tools > Webhooks";
    WEBHOOK_FAILS = "check.docspace.webhook-fails", Never,
        "The last delivery of DocSpace's webhook failed.",
        "after 401, the secrets differ: run “ticketroom webhook setup docspace --renew-secret”. After a timeout or another \
         status, see whether the address can be reached from where DocSpace runs";
    WEBHOOK_HIDDEN = "check.docspace.webhook-hidden", Never,
        "DocSpace does not let our key look at webhooks.",
        "use a key with full access (no scopes, or *) for “ticketroom check” and “ticketroom webhook”. The service itself does \
         not need it";
}

/// What an operator reads of an external link that is none.
pub const INTERNAL_LINK: &str =
    "it opens for users of the portal only: DocSpace's settings for external links say so";

/// Why somebody has no access, and what to do about it.
#[must_use]
pub fn missing(missing: &Missing) -> Reason {
    let Missing { grant: Grant { subject, role }, why } = missing;
    // That a group or a user of the configuration is not there is somebody's mistake; that an
    // assignee has no account in DocSpace is everyday life.
    let code = |of_the_template, of_the_ticket| -> &'static Code {
        if subject.is_of_the_ticket() { of_the_ticket } else { of_the_template }
    };
    match (why, subject) {
        (MissingWhy::Unknown, Subject::Group(name)) => GROUP_UNKNOWN.reason(format!("DocSpace has no group “{name}”")),
        (MissingWhy::Unknown, Subject::TicketGroup(name)) => {
            TICKETS_GROUP_UNKNOWN.reason(format!("DocSpace has no group “{name}”, which the ticket is in"))
        }
        (MissingWhy::Unknown, Subject::User(email) | Subject::Assignee(email) | Subject::Requester(email)) => {
            code(&USER_UNKNOWN, &PERSON_UNKNOWN).reason(format!("DocSpace has no active user {email}"))
        }
        (MissingWhy::NotAdded, _) => code(&NOT_ADDED, &PERSON_NOT_ADDED)
            .reason(format!("DocSpace did not add the {subject} though it said so")),
        (MissingWhy::Hidden, Subject::Group(name)) => HIDDEN.with_help(
            format!("DocSpace does not let our key look up the group “{name}”"),
            "the key needs the scope accounts:read, which accounts:write does not include",
        ),
        (MissingWhy::Hidden, _) => code(&HIDDEN, &PERSON_HIDDEN).with_help(
            format!("DocSpace does not let our user look up the {subject}"),
            "a room admin may not see guests, so make our user a DocSpace admin; the key needs the scope accounts:read",
        ),
        (MissingWhy::NotAnAddress, _) => code(&ADDRESS_INVALID, &PERSON_ADDRESS_INVALID).with_help(
            format!("the {subject} has no valid e-mail address"),
            "correct it in the template or the helpdesk",
        ),
        (MissingWhy::Forbidden, _) => code(&ROLE_FORBIDDEN, &PERSON_ROLE_FORBIDDEN)
            .reason(format!("DocSpace does not let the {subject} be {} in this room", role.as_str())),
    }
}
