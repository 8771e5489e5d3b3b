//! Why a ticket waits, is blocked, gets no room or is not quite as configured, where that is about
//! the ticket, its rules or its run. What is about another system is declared in the folder of that
//! system.

use crate::reason::codes;

codes! {
    NOT_SHOWN_YET = "waiting.ticket.not-shown", Soon,
        "The helpdesk reported the ticket and does not show it when it is asked: it may just have been created.",
        "";
    NOT_SHOWN = "blocked.ticket.not-shown", OnRequest,
        "The helpdesk does not show the ticket to our user.",
        "if it was deleted, nothing; otherwise give our user access to its group, brand or project, then “ticketroom tickets \
         retry”";
    GONE_ROOM_MAY_COME = "waiting.ticket.gone", Soon,
        "The ticket is not there any more, and a room that was asked for may still come.",
        "";
    DELETED = "skipped.ticket.deleted", Never,
        "The ticket was deleted before it had a room.",
        "";
    NOT_WANTED = "skipped.ticket.not-wanted", Never,
        "The configuration leaves out tickets like this one.",
        "";
    OVER = "skipped.ticket.over", Never,
        "The ticket was closed or deleted when it was first seen.",
        "";
    GONE = "ready.ticket.gone", Never,
        "The ticket is not there any more; its room stays.",
        "";
    MERGED = "skipped.ticket.merged", Never,
        "The ticket was already merged into another one when it was first seen.",
        "";
    ARCHIVED = "archived.ticket.over", Never,
        "The ticket is solved, closed, deleted or merged, so its room is in the archive. It comes back once the ticket is open \
         again.",
        "";
    ARCHIVED_AS_ASKED = "archived.ticket.asked", Never,
        "Somebody asked to archive the room. It stays in the archive until the ticket changes, or somebody asks to restore it.",
        "“ticketroom tickets reopen” restores it";
    RULE_SKIPS = "skipped.rule.no-room", Never,
        "A rule says that the ticket gets no room.",
        "";
    RULE_FAILED = "blocked.rule.failed", OnRequest,
        "A rule can't be evaluated for this ticket.",
        "correct the rule and reload the configuration, then “ticketroom tickets retry”";
    TEMPLATE_REMOVED = "blocked.template.removed", Later,
        "The configuration no longer has the template that the ticket's room was created by.",
        "put it back and reload the configuration";
    HELPDESK_REMOVED = "blocked.helpdesk.removed", Later,
        "The configuration no longer has the ticket's helpdesk.",
        "put it back and reload the configuration";
    RUN_TOO_LONG = "waiting.run.too-long", Soon,
        "A run for the ticket took longer than five minutes and was aborted. The next one finds out first what it did.",
        "";
    ROOM_OF_ANOTHER_TICKET = "waiting.room.of-another-ticket", Soon,
        "The room that was found or created belongs to another ticket, so another one is looked for.",
        "";
    STORE_UNAVAILABLE = "waiting.store.unavailable", Soon,
        "The store can't be asked which rooms belong to other tickets.",
        "";
    ROOM_UNDER_WAY = "waiting.room.under-way", Soon,
        "The room is being created.",
        "";
}
