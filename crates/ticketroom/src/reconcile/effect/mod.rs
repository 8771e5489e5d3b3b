//! Effects: what a run does in other systems, one kind a file.
//!
//! Each is *intended* (written into the ledger and committed), then *run* (the calls are made), and
//! then either *recorded* or, if it failed, *taken back*: an intent that surely came to nothing is
//! removed, one that may have had its effect stays and is settled by looking.
//!
//! A further effect is one file with a type that implements [`Perform`], one line in the list at
//! the end, and its place in [`plan`](super::plan::plan).

mod access;
mod add_note;
mod archive_extra;
mod archive_room;
mod change_roles;
mod create_room;
mod folders;
mod link;
mod move_room;
mod rename_room;
mod report_room_events;
mod restore_room;
mod revoke_access;
mod tag_room;
mod write_back;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::call::Failure;
use crate::clock::{Clock, Timestamp};
use crate::docspace::DocSpace;
use crate::docspace::skeleton::Skeletons;
use crate::helpdesk::Helpdesk;
use crate::ledger::Ledger;
use crate::reason::Reason;
use crate::store::{EffectKind, EffectTarget, Event};
use crate::ticket::{Ticket, TicketKey};

pub use access::Access;
pub use add_note::{AddNote, name as note_name};
pub use archive_extra::{ArchiveExtra, used_text};
pub use archive_room::ArchiveRoom;
pub use change_roles::{ChangeRoles, NewRole};
pub use create_room::CreateRoom;
pub use folders::{Folders, FoldersStart};
pub use link::Link;
pub(super) use move_room::{failed as move_failed, on_its_way, reopened};
pub use rename_room::RenameRoom;
pub use report_room_events::ReportRoomEvents;
pub use restore_room::RestoreRoom;
pub use revoke_access::RevokeAccess;
pub use tag_room::TagRoom;
pub use write_back::WriteBack;

/// One kind of effect. Its type holds what the effect needs to know.
pub(super) trait Perform {
    /// Its kind, by the name in metrics, fault points and the store.
    const KIND: EffectKind;

    /// What a run brings about.
    type Outcome: fmt::Debug + Send;

    /// Which one of its kind it is, where a ticket has several. Each is begun at most once in a
    /// run.
    fn target(&self) -> Option<EffectTarget>;

    /// Writes the intent down; it is committed before [`run`](Self::run).
    fn intend(&self, records: &mut Records<'_>);

    /// Makes the calls.
    fn run(&self, context: Context<'_>) -> impl Future<Output = Result<Self::Outcome, Failure>> + Send;

    /// Writes the outcome down.
    fn record(&self, outcome: Self::Outcome, records: &mut Records<'_>) -> Recorded;

    /// Takes the intent back if it surely came to nothing. One that may have had its effect stays.
    fn take_back(&self, failure: &Failure, records: &mut Records<'_>);
}

/// The identity of an effect within its ticket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EffectId {
    /// Its kind.
    pub kind: EffectKind,
    /// Which one of its kind; none where a ticket has one only.
    pub target: Option<EffectTarget>,
}

/// What effects work with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) key: &'a TicketKey,
    pub(super) ticket: &'a Ticket,
    pub(super) docspace: &'a DocSpace,
    /// `None` where the portal is not to hold folder skeletons.
    pub(super) skeletons: Option<&'a Skeletons>,
    pub(super) helpdesk: &'a dyn Helpdesk,
    pub(super) clock: &'a dyn Clock,
}

/// Where intents and outcomes are written down.
#[derive(Debug)]
pub(super) struct Records<'a> {
    pub(super) ledger: &'a mut Ledger,
    /// The last event of the room that the ticket has been told of, if a note was recorded.
    pub(super) reported_through: &'a mut Option<i64>,
    pub(super) now: Timestamp,
    /// How long after its intent a call without an answer may still take effect.
    pub(super) settle: Duration,
}

/// What the recording of an outcome leaves to the run.
#[derive(Debug)]
pub(super) struct Recorded {
    /// For the timeline.
    pub(super) event: Option<Event>,
    /// Whether the ticket is further than before.
    pub(super) is_progress: bool,
    /// What the ticket waits for: the effect is not complete, and may become so by itself.
    pub(super) wait: Option<Wait>,
}

/// Something that may still come.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    /// When to look again.
    pub(super) until: Timestamp,
    /// What for.
    pub(super) reason: Reason,
}

impl Recorded {
    /// Something was done.
    fn done(records: &Records<'_>, kind: &'static str, text: impl Into<String>) -> Self {
        let event = Event { at: records.now, kind, text: text.into() };
        Self { event: Some(event), is_progress: true, wait: None }
    }
}

/// Makes the enumeration of effects from the list of their types; each variant has the name of its
/// type.
macro_rules! effects {
    ($($effect:ident),+ $(,)?) => {
        /// An effect: something that is done in another system.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "documented at the types")]
        pub enum Effect {
            $($effect($effect)),+
        }

        impl Effect {
            /// Its identity within its ticket.
            #[must_use]
            pub fn id(&self) -> EffectId {
                match self {
                    $(Self::$effect(effect) => {
                        EffectId { kind: <$effect as Perform>::KIND, target: effect.target() }
                    }),+
                }
            }

            /// Writes the intent down; it is committed before [`run`](Self::run).
            pub(super) fn intend(&self, records: &mut Records<'_>) {
                match self {
                    $(Self::$effect(effect) => effect.intend(records)),+
                }
            }

            /// Makes the calls.
            pub(super) fn run(self, context: Context<'_>) -> BoxFuture<'_, Ended> {
                match self {
                    $(Self::$effect(effect) => Box::pin(async move {
                        let result = effect.run(context).await;
                        Ended::$effect(effect, result)
                    })),+
                }
            }
        }

        /// An effect that was run, and what came of it.
        #[derive(Debug)]
        pub(super) enum Ended {
            $($effect($effect, Result<<$effect as Perform>::Outcome, Failure>)),+
        }

        impl Ended {
            /// The kind of the effect.
            pub(super) fn kind(&self) -> EffectKind {
                match self {
                    $(Self::$effect(..) => <$effect as Perform>::KIND),+
                }
            }

            /// Writes the outcome down, or takes the intent back.
            ///
            /// # Errors
            /// Why the effect did not come about.
            pub(super) fn record(self, records: &mut Records<'_>) -> Result<Recorded, Failure> {
                match self {
                    $(Self::$effect(effect, Ok(outcome)) => Ok(effect.record(outcome, records)),
                    Self::$effect(effect, Err(failure)) => {
                        effect.take_back(&failure, records);
                        Err(failure)
                    }),+
                }
            }
        }

        $(impl From<$effect> for Effect {
            fn from(effect: $effect) -> Self {
                Self::$effect(effect)
            }
        })+
    };
}

// The list.
effects! {
    CreateRoom, TagRoom, Folders, Access, RevokeAccess, ChangeRoles, Link, WriteBack, RenameRoom, ArchiveRoom,
    RestoreRoom, AddNote, ReportRoomEvents, ArchiveExtra,
}
