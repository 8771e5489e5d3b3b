//! Which tickets become due again without a delivery, and why.
//!
//! However many there are, no transaction marks more than [`BATCH`] of them: to mark all at once
//! takes as long as there are many, and holds up everybody who is at one of them. Whoever stops in
//! between has marked some; to ask again marks the rest.

use std::fmt;

use super::RoomRequest;
use crate::ticket::TicketKey;

/// How many tickets one transaction marks.
pub(super) const BATCH: u32 = 500;

/// Which tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One, if there is such a ticket.
    One(TicketKey),
    /// Those that are blocked now.
    Blocked,
    /// All that there are now.
    All,
}

/// Why they are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A person asks for these tickets: what only a person may ask for is done as well.
    Asked,
    /// A person wants something of their rooms.
    Requested(RoomRequest),
    /// A person asks for whatever is blocked. Nobody asks for new rooms by that.
    AskedForBlocked,
    /// A system accepts our credentials again, so what it blocked may go on.
    Accepted {
        /// Which one.
        system: String,
    },
    /// The configuration is another one.
    Configured,
    /// The store was restored from a backup, so any ledger may be behind the world.
    Restored,
}

impl Why {
    /// What kind of thing that is in a timeline.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Asked | Self::AskedForBlocked | Self::Accepted { .. } | Self::Configured => "retry",
            Self::Requested(request) => request.as_str(),
            Self::Restored => "recover",
        }
    }

    /// How often a person has asked for the tickets by that.
    pub(super) fn asks(&self) -> u32 {
        u32::from(*self == Self::Asked)
    }

    /// What a person wants of their rooms by that, in place of what was wanted before.
    pub(super) fn request(&self) -> Option<RoomRequest> {
        match self {
            Self::Requested(request) => Some(*request),
            _ => None,
        }
    }

    /// Whether they are only looked at: after those that are new, and in the state that they have
    /// until then. Others are tried as if they were new, and are not blocked any more.
    pub(super) fn is_look(&self) -> bool {
        *self == Self::Restored
    }
}

/// As timelines and the log have it.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("somebody asked to try again"),
            Self::Requested(RoomRequest::Archive) => f.write_str("somebody asked to archive the room"),
            Self::Requested(RoomRequest::Reopen) => f.write_str("somebody asked to restore the room"),
            Self::AskedForBlocked => f.write_str("somebody asked to try all blocked tickets again"),
            Self::Accepted { system } => write!(f, "{system} accepts our credentials again"),
            Self::Configured => f.write_str("the configuration has changed"),
            Self::Restored => {
                f.write_str("the store was restored from a backup: looking at everything again")
            }
        }
    }
}
