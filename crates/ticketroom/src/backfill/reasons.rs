//! Why a backfill does not go on, or a request about one is refused.

use crate::reason::codes;

codes! {
    HELPDESK_UNKNOWN = "request.backfill.helpdesk-unknown", Never,
        "The backfill names a helpdesk that the configuration does not have, or one that can't list its tickets (422, exit \
         status 2).",
        "name a helpdesk of the configuration. One of kind “generic” can list its tickets if it has a list_url";
    CHOICE_INVALID = "request.backfill.choice-invalid", Never,
        "The backfill's span of time or its condition can't be read (422, exit status 2).",
        "write times like 2026-01-31 or 2026-01-31T08:00:00Z, and conditions as in [[rule]] when: docs/rules.md";
    BODY_INVALID = "request.backfill.body-invalid", Never,
        "The body of the request is no description of a backfill (400).",
        "send JSON such as {\"helpdesk\": \"zendesk\", \"since\": \"2026-01-01\"}";
    UNKNOWN = "request.backfill.unknown", Never,
        "There is no backfill with this id (404).",
        "“ticketroom backfill list” shows all";
    OVER = "request.backfill.over", Never,
        "The backfill is done or was cancelled, so it can't be paused, resumed or cancelled any more (409).",
        "begin another one: tickets that are known are left alone";
    GONE = "waiting.backfill.helpdesk-removed", Soon,
        "The configuration has the backfill's helpdesk no more, or not one that can list its tickets. The backfill waits.",
        "put the helpdesk back, or cancel the backfill";
    UNREADABLE = "waiting.backfill.unreadable", Soon,
        "What the store holds of a backfill can't be read: a later version wrote it. It is left to a ticketroom that can.",
        "";
}
