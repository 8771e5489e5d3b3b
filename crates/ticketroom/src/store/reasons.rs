//! Why a ticket can't be shown or worked on as it stands in the store.

use crate::reason::codes;

codes! {
    TICKET_UNREADABLE = "waiting.store.ticket-unreadable", Soon,
        "The ticket's row in the store can't be read by this version: a newer one wrote it, or it is damaged. It is left to a \
         ticketroom that can read it.",
        "";
    WRITTEN_BY_A_LATER_VERSION = "waiting.store.written-by-a-later-version", Soon,
        "A part of the ticket's row in the store can't be shown: a newer version wrote it.",
        "";
}
