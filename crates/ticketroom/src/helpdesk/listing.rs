//! The tickets of a helpdesk by when they last changed, for finding those whose deliveries never
//! came.
//!
//! A listing hands out references: whoever asks marks them as due, and the reconciler looks at each
//! as always. Only where a helpdesk can't be asked for a ticket, the ticket comes with its
//! reference, as it does with a delivery. A listing is read page by page. A caller keeps the cursor
//! of the next page once it has committed what it made of this one, and goes on from there, be it
//! after a crash or a week later.

use serde::{Deserialize, Serialize};

use crate::call::Failure;
use crate::clock::Timestamp;
use crate::ticket::{Ticket, TicketId};

/// A helpdesk that can list its tickets. An implementation promises:
///
/// * **Nothing is passed over.** Each ticket that changed at or after the time of
///   [`since`](Self::since), and that the helpdesk lists, is on a page after that cursor: also
///   where several changed in the same second or minute, where one changes while pages are read,
///   and where the helpdesk ends a list at some page or count. Tickets may come more than once, in
///   any order. Where the helpdesk lists deleted tickets, in whatever way, they come, too.
/// * **Times are the helpdesk's**, as are [`Reference::updated`] and [`Page::now`]; our clock is
///   not asked. Where the helpdesk takes times in a zone or with a precision of its own, they are
///   converted and rounded down.
/// * **A cursor does not expire.** If the helpdesk's own do, ours also holds the time from which to
///   begin again.
/// * **An entry that can't be read holds nothing up.** It is logged and counted
///   ([`Page::unreadable`]); the page has the others.
/// * **A page changes nothing**, is bounded, and costs a few calls at most. It keeps the helpdesk's
///   rate limits and leaves what it can of them to live work, so it may fail with a time to wait
///   until.
///
/// Overlap is the caller's: a helpdesk's index may lag behind its tickets, so what has changed in
/// the last minutes may come late. The caller begins again from a time that long before the last
/// one it has seen.
#[async_trait::async_trait]
pub trait Listing: Send + Sync {
    /// The cursor before everything that changed at or after a time of the helpdesk's clock.
    fn since(&self, time: Timestamp) -> Cursor;

    /// The page after a cursor. It may be empty though more follow, where the configuration wants
    /// only some tickets.
    ///
    /// # Errors
    /// When the helpdesk can't say. The cursor is as good as before.
    async fn page(&self, after: &Cursor) -> Result<Page, Failure>;
}

/// A place in a listing. What is in it is the helpdesk's affair; it is made to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub(super) String);

/// Some tickets of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The tickets.
    pub tickets: Vec<Reference>,
    /// After which cursor the next page is.
    pub next: Cursor,
    /// Whether that page has something already. If not, it will have what changes from now on.
    pub more: bool,
    /// When the helpdesk made this page, by its own clock.
    pub now: Timestamp,
    /// How many entries of the page had no id or time that could be read. They are left out.
    pub unreadable: usize,
}

/// A ticket in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which.
    pub id: TicketId,
    /// When it last changed.
    pub updated: Timestamp,
    /// The ticket itself, where the helpdesk can't be asked for it later: what a delivery would
    /// have carried. Boxed, since most helpdesks can be asked.
    pub snapshot: Option<Box<Ticket>>,
}
