//! Helpdesks: what they send us, what a ticket is there now, and how the room's link gets into it.
//!
//! A helpdesk is a [`Source`] of deliveries, and a delivery only says that a ticket may have
//! changed. The truth is asked for with [`Helpdesk::observe`], and the link is written with
//! [`Helpdesk::write_back`], which is repeatable: however often it is called, the ticket has one
//! link and one note.
//!
//! A further helpdesk is one file beside these and one line in [`build`].

mod caps;
mod fields;
pub(crate) mod freshdesk;
pub(crate) mod generic;
mod html;
pub(crate) mod jira;
pub mod listing;
mod mark;
mod mention;
mod note;
mod pace;
mod rest;
#[cfg(test)]
mod scripted;
pub mod setup;
pub(crate) mod zendesk;

use std::sync::Arc;

use crate::call::{CallName, Cause, Failure};
use crate::clock::Clock;
use crate::config::{HelpdeskConfig, HelpdeskKind};
use crate::finding::Finding;
use crate::http::Http;
use crate::room::RoomId;
use crate::source::Source;
use crate::ticket::{HelpdeskName, Ticket, TicketId, TicketKey};

pub use listing::Listing;
pub use note::{InternalNote, NoteAdded, NoteId, NoteText, Span};
pub use pace::Paces;
pub use setup::WebhookSetup;

/// One configured helpdesk.
#[async_trait::async_trait]
pub trait Helpdesk: Source {
    /// Its name in the configuration.
    fn helpdesk_name(&self) -> &HelpdeskName;

    /// The ticket as it is now. `reported` is the last snapshot a delivery carried; for a helpdesk
    /// that can't be asked, that is the ticket.
    ///
    /// # Errors
    /// When the helpdesk can't say. A ticket that is not there is no error.
    async fn observe(&self, id: &TicketId, reported: Option<&Ticket>) -> Result<Observed, Failure>;

    /// Whether there is a place for the link at all.
    fn writes_back(&self) -> bool;

    /// Puts the room's link into the ticket. Repeatable.
    ///
    /// # Errors
    /// When the link may not be there; [`Failure::side_effect`] tells whether it may.
    async fn write_back(&self, link: &RoomLink<'_>) -> Result<WrittenBack, Failure>;

    /// Whether notes can be added to its tickets.
    fn takes_notes(&self) -> bool;

    /// Adds an internal note to a ticket. Repeatable: the ticket has each note once, however often
    /// it is added.
    ///
    /// # Errors
    /// When the note may not be there; [`Failure::side_effect`] tells whether it may.
    async fn add_note(&self, note: &InternalNote<'_>) -> Result<NoteAdded, Failure>;

    /// Its tickets by when they changed, if it can list them.
    fn listing(&self) -> Option<&dyn Listing> {
        None
    }

    /// What makes it send us its deliveries.
    fn webhook_setup(&self) -> &dyn WebhookSetup;

    /// Tries everything that the service will need of the helpdesk, without changing anything.
    async fn check(&self, clock: &dyn Clock) -> Vec<Finding>;
}

/// What a helpdesk says about a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// It is there.
    Present {
        /// As it is now.
        ticket: Box<Ticket>,
        /// What is in the place where the link belongs.
        link: LinkInTicket,
    },
    /// There is nothing that could get a room.
    Absent(Absence),
}

/// What is in the place where a ticket has its link. A write-back fills that place last, so where
/// the link is, the note is, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkInTicket {
    /// There is no such place, or none that can be read.
    Unreadable,
    /// Nothing.
    Missing,
    /// This address.
    Is(String),
}

impl LinkInTicket {
    /// What a place that can be read holds.
    pub(crate) fn read(link: Option<&str>) -> Self {
        match link.map(str::trim) {
            None | Some("") => Self::Missing,
            Some(link) => Self::Is(link.to_owned()),
        }
    }
}

/// Why a ticket is not there for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// The helpdesk does not show it: it is not there (yet, or any more), or our user may not see
    /// it.
    NotShown,
    /// It was deleted: the helpdesk told us so, and does not show it any more.
    Deleted,
    /// It is there, but the configuration does not want such tickets; why, for the operator.
    NotWanted(String),
}

/// The link that goes into a ticket.
#[derive(Debug, Clone, Copy)]
pub struct RoomLink<'a> {
    /// Which ticket.
    pub key: &'a TicketKey,
    /// The room.
    pub room: RoomId,
    /// The room's title.
    pub title: &'a str,
    /// Where it leads.
    pub url: &'a str,
    /// [`Ticket::version`] of the ticket that we decided on.
    pub version: Option<&'a str>,
    /// What is known of our note.
    pub note: NoteState,
}

/// What is known of our note in a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteState {
    /// Surely not there: write it.
    Missing,
    /// May be there, or come yet: an answer was lost a short while ago. Look, and write nothing if
    /// it is not there ([`Cause::Unsettled`]).
    Settling,
    /// May be there (an answer was lost, or the room was found rather than made): look, and write
    /// it if it is not.
    Uncertain,
    /// There: only the field is to be put right.
    Written,
    /// None is wanted: only the place of the link is filled, if the ticket has one.
    Unwanted,
}

impl NoteState {
    /// Whether the note is to be written now. `look` finds out whether it is there, and is only
    /// awaited where that matters.
    async fn is_to_be_written(
        self,
        call: CallName,
        look: impl Future<Output = Result<bool, Failure>>,
    ) -> Result<bool, Failure> {
        match self {
            Self::Missing => Ok(true),
            Self::Uncertain => look.await.map(|is_there| !is_there),
            Self::Settling if look.await? => Ok(false),
            Self::Settling => Err(call.failed(Cause::Unsettled)),
            Self::Written | Self::Unwanted => Ok(false),
        }
    }
}

/// Where the link is that has no place but a note, when no note is wanted.
const NOWHERE: &str = "nowhere: no note is wanted, and no field is configured";
/// Where the link is that its place did not take, when no note is wanted.
const NOT_TAKEN: &str = "nowhere: no note is wanted";

/// What became of a write-back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBack {
    /// Where the link is now, for the timeline: `field and internal note`.
    pub place: String,
    /// What did not go as configured, though the link is there: the custom field does not exist ...
    pub warning: Option<String>,
}

/// Why a note is not written that may be there already: the comments that may hold it have no end.
/// More than any of the helpdesks allows were read.
fn too_many_comments() -> Cause {
    Cause::Unintelligible(
        "the ticket has more comments than we read, and none of those is our note; so none is written"
            .to_owned(),
    )
}

/// Makes the helpdesks of a configuration. The one list of kinds.
#[must_use]
pub fn build(
    configs: &[HelpdeskConfig],
    http: &Http,
    clock: &Arc<dyn Clock>,
    paces: &Paces,
) -> Vec<Arc<dyn Helpdesk>> {
    configs
        .iter()
        .map(|HelpdeskConfig { name, kind, .. }| -> Arc<dyn Helpdesk> {
            let (name, http, clock) = (name.clone(), http.to(name.as_str()), Arc::clone(clock));
            match kind {
                HelpdeskKind::Zendesk(config) => {
                    Arc::new(zendesk::Zendesk::new(name, config, http, clock, paces))
                }
                HelpdeskKind::Freshdesk(config) => {
                    Arc::new(freshdesk::Freshdesk::new(name, config, http, paces))
                }
                HelpdeskKind::Jira(config) => Arc::new(jira::Jira::new(name, config, http, paces)),
                HelpdeskKind::Generic(config) => Arc::new(generic::Generic::new(name, config, http, clock)),
            }
        })
        .collect()
}
