//! The tickets of a helpdesk by when they last changed, for finding those whose deliveries never
//! came.
//!
//! A listing hands out references: whoever asks marks them as due, and the reconciler looks at each
//! as always. Only where a helpdesk can't be asked for a ticket, the ticket comes with its
//! reference, as it does with a delivery. A listing is read page by page. A caller keeps the cursor
//! of the next page once it has committed what it made of this one, and goes on from there, be it
//! after a crash or a week later.

use reqwest::header::{DATE, HeaderMap};
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{CallName, Cause, Failure};
use crate::clock::{Timestamp, parse_date};
use crate::source::salvage::whole_number;
use crate::ticket::{HelpdeskName, Ticket, TicketId};

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
    /// How many entries of the page had no id that could be read. They are left out.
    pub unreadable: usize,
}

/// A ticket in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which.
    pub id: TicketId,
    /// When it last changed; of an entry without a time, the time after which the list begins.
    pub updated: Timestamp,
    /// The ticket itself, where the helpdesk can't be asked for it later: what a delivery would
    /// have carried. Boxed, since most helpdesks can be asked.
    pub snapshot: Option<Box<Ticket>>,
}

/// The form of what is in a cursor. A cursor of another one begins again from its time.
const VERSION: u64 = 1;

impl Cursor {
    /// A cursor of a kind of helpdesk. `from` is the time to begin again from, should the place be
    /// none any more.
    pub(super) fn new(kind: &str, from: Timestamp, place: &impl Serialize) -> Self {
        let place = serde_json::to_value(place).unwrap_or(Value::Null);
        Self(json!({ "v": VERSION, "kind": kind, "from": from, "place": place }).to_string())
    }

    /// The time to begin again from, and the place; `None` for a place of another kind of helpdesk,
    /// or of another version of this program.
    ///
    /// # Errors
    /// When not even the time can be read.
    pub(super) fn read<P: DeserializeOwned>(
        &self,
        kind: &str,
        name: CallName,
    ) -> Result<(Timestamp, Option<P>), Failure> {
        #[derive(Deserialize)]
        struct Written {
            v: u64,
            kind: String,
            from: Timestamp,
            place: Value,
        }
        let written: Written = serde_json::from_str(&self.0).map_err(|_| {
            let why = "the stored place in the list of tickets is none; begin again from a time";
            name.failed(Cause::Unusable(why.to_owned()))
        })?;
        let is_ours = written.v == VERSION && written.kind == kind;
        let place = if is_ours { serde_json::from_value(written.place).ok() } else { None };
        if place.is_none() {
            tracing::warn!(kind, from = %written.from, "the place in a list can't be read; beginning again");
        }
        Ok((written.from, place))
    }
}

/// What is gathered of a page.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) tickets: Vec<Reference>,
    pub(super) unreadable: usize,
}

impl Gathered {
    /// Takes an entry, if its id can be read.
    pub(super) fn take(&mut self, id: Option<u64>, updated: Timestamp) {
        match id {
            Some(id) => self.tickets.push(Reference { id: id.into(), updated, snapshot: None }),
            None => self.unreadable += 1,
        }
    }

    /// The page. `now` is the time of the answer; without one, it is that of the newest ticket,
    /// which can only be earlier.
    pub(super) fn page(
        self,
        helpdesk: &HelpdeskName,
        now: Option<Timestamp>,
        from: Timestamp,
        next: Cursor,
        more: bool,
    ) -> Page {
        let Self { tickets, unreadable } = self;
        if unreadable > 0 {
            tracing::warn!(%helpdesk, unreadable, "entries in the list of tickets have no id that can be read");
        }
        let newest = tickets.iter().map(|ticket| ticket.updated).max();
        Page { tickets, next, more, now: now.or(newest).unwrap_or(from), unreadable }
    }
}

/// The other side's clock, by an answer of it.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    parse_date(headers.get(DATE)?.to_str().ok()?)
}

/// Something in a list; nothing if it is not what it should be, which says nothing against the rest
/// of the list.
#[derive(Debug)]
pub(super) struct Lenient<T>(pub(super) Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, bound = "T: DeserializeOwned")]
        enum Entry<T> {
            Is(T),
            IsNot(IgnoredAny),
        }
        Ok(match Entry::deserialize(deserializer)? {
            Entry::Is(it) => Self(Some(it)),
            Entry::IsNot(_) => Self(None),
        })
    }
}

/// The number of a ticket, as a number or in digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => whole_number(&digits),
            _ => None,
        };
        number.map(Self).ok_or_else(|| serde::de::Error::custom("no number"))
    }
}

/// A second earlier: where it is not said whether a time is included, it is.
pub(super) fn a_second_before(time: Timestamp) -> Timestamp {
    time.saturating_sub(std::time::Duration::from_secs(1)).unwrap_or(Timestamp::MIN)
}
