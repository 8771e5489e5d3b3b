//! The ledger of a ticket: what we meant to do in the world, and what we know became of it.
//!
//! An entry moves only forward: *not begun*, *intended* (committed before the call), then *done*,
//! or *unknown* when no answer tells. An intent that is found without an outcome (we crashed) is
//! unknown as well. Whatever is unknown is settled by looking, for as long as the call may still
//! land; only then it may be done again.
//!
//! Replicas of two versions may work on the same tickets. What a later version has written into a
//! ledger besides, and this one doesn't know, is kept and written back (`others`), as long as the
//! entry that it is in goes on.

mod late;
mod life;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::clock::{Timestamp, after};
use crate::reason::Reason;
use crate::room::{Role, Room};
use crate::template::Grant;

pub use late::{Late, LateAccess};
pub use life::{
    AppliedRequest, LifeEntry, Location, LocationEntry, Mover, Moving, NoteEntry, NoteWhat, ReportEntry,
    TitleEntry,
};

/// What is known about everything that a ticket needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// The template that the room is made by; fixed with the first intent to make it, so that a
    /// ticket that changes its priority doesn't change its room's type halfway.
    pub template: Option<String>,
    /// The room.
    pub room: RoomEntry,
    /// Its folders.
    pub folders: Entry,
    /// Who has been let in.
    pub access: AccessEntry,
    /// The address that goes into the ticket.
    pub link: LinkEntry,
    /// The link in the ticket.
    pub write_back: WriteBackEntry,
    /// The title that we gave the room.
    pub title: TitleEntry,
    /// Where the room is, and by whose doing.
    pub location: LocationEntry,
    /// What of the ticket's life decides where the room belongs.
    pub life: LifeEntry,
    /// The ticket's further notes, by their ids.
    pub notes: BTreeMap<String, NoteEntry>,
    /// The note that tells of the latest events in the room.
    pub report: ReportEntry,
    /// Who owned the room when it was last looked at.
    pub owner: Option<Uuid>,
    /// When to look for a second room, after a create whose answer was lost.
    pub audit_at: Option<Timestamp>,
    /// When the room was asked for, if that happened more than once: each of the calls may have
    /// made one.
    pub creates: Option<Creates>,
    /// A run is under way, or was cut off.
    pub unfinished: bool,
    /// Its ticket gets no internal note with the link, which only goes into its place.
    pub quiet: bool,
    /// What a later version has besides.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// The room of a ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomEntry {
    /// None was ever asked for.
    #[default]
    Absent,
    /// Asked for at `since`; no answer yet, or none that tells.
    Pending {
        /// The title that was sent, in DocSpace's form.
        title: String,
        /// When the intent was committed.
        since: Timestamp,
        /// How often a room has been asked for, this time included.
        attempt: u32,
        /// How often we have looked for it since.
        looks: u32,
        /// When the call was given up, which may be long after the intent: calls wait for the
        /// portal's limits before they are sent. From then on it is settled by looking.
        #[serde(default)]
        gave_up: Option<Timestamp>,
        /// When DocSpace first answered a look after that. The settle time counts from here: a
        /// portal that was away may still be working off what it was asked.
        #[serde(default)]
        first_look: Option<Timestamp>,
        /// What DocSpace answered, if it was a refusal that does not prove that there is no room.
        #[serde(default)]
        refusal: Option<Refusal>,
    },
    /// It exists.
    Made {
        /// The room.
        room: Room,
        /// Whether it carries the ticket's tag.
        tagged: bool,
        /// Whether we found it rather than got it as an answer: others may have worked in it
        /// already.
        adopted: bool,
    },
    /// It existed; somebody deleted it.
    Deleted {
        /// What it was.
        room: Room,
    },
}

/// A refusal that does not prove that nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What DocSpace answered, and what to do about it.
    pub reason: Reason,
    /// Whether the looks are over and found no room: the refusal was meant.
    pub confirmed: bool,
}

/// When a room was asked for, by several calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creates {
    /// The intent of the first call.
    pub first: Timestamp,
    /// The intent of the last call.
    pub last: Timestamp,
}

/// The longest time after its intent within which a call may still make a room: the server retries
/// its database for 5.5 minutes and waits 5 minutes for the lock of the tags.
const LATEST_LANDING: Duration = Duration::from_secs(6 * 60);
/// One more look long after everything must have come to an end.
const LAST_AUDIT: Duration = Duration::from_secs(60 * 60);

impl Creates {
    /// When to look for a second room next, after a look at `looked`; `None` once the last look is
    /// over.
    #[must_use]
    pub fn next_audit(&self, looked: Timestamp, settle: Duration) -> Option<Timestamp> {
        let audits = [settle, settle * 8, LATEST_LANDING, LAST_AUDIT];
        audits.into_iter().map(|wait| after(self.last, wait)).filter(|at| *at > looked).min()
    }
}

/// How long looks go on for a room that was asked for `attempt` times. Each further call without an
/// answer doubles it: a portal whose rooms land late is given more time before it is asked again.
#[must_use]
pub fn settle_time(settle: Duration, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(8);
    (settle * (1 << doublings)).min(LATEST_LANDING.max(settle))
}

impl RoomEntry {
    /// When the looks for a room without an answer are over, if any look has succeeded yet.
    #[must_use]
    pub fn settled_at(&self, settle: Duration) -> Option<Timestamp> {
        match self {
            Self::Pending { attempt, first_look: Some(first), .. } => {
                Some(after(*first, settle_time(settle, *attempt)))
            }
            _ => None,
        }
    }

    /// DocSpace answered a look at `looked`.
    pub fn note_look(&mut self, looked: Timestamp) {
        if let Self::Pending { since, gave_up, looks, first_look, .. } = self {
            *looks += 1;
            // A look from before the call was given up says nothing about it.
            if looked >= gave_up.unwrap_or(*since) {
                first_look.get_or_insert(looked);
            }
        }
    }

    /// The call was given up at `now`, or may have been sent until then.
    pub fn give_up(&mut self, now: Timestamp) {
        if let Self::Pending { gave_up, first_look, .. } = self {
            *gave_up = Some(now);
            *first_look = None;
        }
    }

    /// What DocSpace answered to a create, if it was a refusal that does not prove that there is no
    /// room.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Pending { refusal, .. } => refusal.as_ref(),
            _ => None,
        }
    }

    /// The room, if it exists.
    #[must_use]
    pub fn made(&self) -> Option<&Room> {
        match self {
            Self::Made { room, .. } => Some(room),
            _ => None,
        }
    }
}

/// Something that is done in calls that can be repeated after a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Nothing was asked for.
    #[default]
    NotBegun,
    /// Asked for at `since`; no answer yet, or none that tells.
    Pending {
        /// When the last intent was committed.
        since: Timestamp,
    },
    /// It is as it should be.
    Done,
}

impl Entry {
    /// When it was last asked for without an answer that tells.
    #[must_use]
    pub fn pending_since(self) -> Option<Timestamp> {
        match self {
            Self::Pending { since } => Some(since),
            _ => None,
        }
    }
}

/// Who has been let into the room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessEntry {
    /// Whom the server confirmed.
    pub granted: Vec<Granted>,
    /// Whom it has not, at the last attempt, and why.
    pub missing: Vec<Missing>,
    /// Who had access and was removed by a person, and so is not added again.
    pub removed_by_hand: Vec<Grant>,
    /// Whether a call is under way or was cut off.
    pub state: Entry,
    /// Whom calls without an answer may have granted access.
    pub asked: Vec<Grant>,
    /// From whom calls without an answer may have revoked access.
    pub revoking: Vec<Uuid>,
    /// What calls without an answer asked for, which may take effect later.
    pub late: Vec<Late<LateAccess>>,
    /// Until then, those whom DocSpace refused are not asked for again: each time costs a write,
    /// and a ticket may bring many deliveries.
    pub refused_until: Option<Timestamp>,
    /// What a later version has besides.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Somebody who is in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// What the template asked for.
    pub grant: Grant,
    /// Who that is in DocSpace.
    pub id: Uuid,
    /// The role that they have there; may be another than asked for, if a person changed it since.
    pub role: Role,
    /// Whether a person added them or gave them another role: then it stays as it is.
    #[serde(default)]
    pub by_hand: bool,
}

/// Somebody who could not be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What the template asked for.
    pub grant: Grant,
    /// Why not.
    pub why: MissingWhy,
}

/// Why somebody could not be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingWhy {
    /// DocSpace knows no such group or (active) user.
    Unknown,
    /// DocSpace said yes, but the room's members don't have them.
    NotAdded,
    /// DocSpace does not allow the role for them.
    Forbidden,
    /// DocSpace does not let our user look them up.
    Hidden,
    /// What should be their e-mail address is none.
    NotAnAddress,
}

impl MissingWhy {
    /// Whether asking again costs one of the day's writes.
    #[must_use]
    pub fn costs_a_write(self) -> bool {
        match self {
            Self::NotAdded | Self::Forbidden => true,
            Self::Unknown | Self::Hidden | Self::NotAnAddress => false,
        }
    }
}

/// The address that goes into the ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkEntry {
    /// Not asked for.
    #[default]
    NotBegun,
    /// Asked for. Making a link with the same id again is harmless.
    Pending {
        /// When the last intent was committed.
        since: Timestamp,
    },
    /// Here it is.
    Done {
        /// The address.
        url: String,
        /// Whether it opens for users of the portal only, though an external link was asked for.
        #[serde(default)]
        internal: bool,
    },
}

impl LinkEntry {
    /// The address, once there is one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Done { url, .. } => Some(url),
            _ => None,
        }
    }
}

/// The link in the ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteBackEntry {
    /// The address that is in the ticket.
    pub url: Option<String>,
    /// Whether our note is in the ticket.
    pub noted: bool,
    /// Whether it did not go as configured: the link is in the note only, most often.
    pub refused: bool,
    /// When the link was last put right after somebody had changed or removed it.
    pub repaired_at: Option<Timestamp>,
    /// Whether a call is under way or was cut off.
    pub state: Entry,
    /// What a later version has besides.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl Ledger {
    /// When to look for a second room next; `None` once that is over.
    pub fn set_next_audit(&mut self, next: Option<Timestamp>) {
        self.audit_at = next;
        if next.is_none() {
            self.creates = None;
        }
    }

    /// A ledger for a ticket whose room was deleted and is to be made anew. What a later version
    /// has besides was about that room.
    #[must_use]
    pub fn begin_again(&self) -> Self {
        Self {
            audit_at: self.audit_at,
            creates: self.creates,
            life: self.life.clone(),
            notes: self.notes.clone(),
            report: self.report.clone(),
            quiet: self.quiet,
            title: TitleEntry { created_as: self.title.created_as.clone(), ..TitleEntry::default() },
            ..Self::default()
        }
    }

    /// A run begins. If the one before was cut off, whatever it had asked for may have been sent
    /// until just now.
    pub fn begin_run(&mut self, now: Timestamp) {
        self.forget_late(now);
        if !self.unfinished {
            return;
        }
        self.note_late(now);
        self.room.give_up(now);
        let notes = self.notes.values_mut().map(|note| &mut note.state);
        for entry in
            [&mut self.folders, &mut self.write_back.state, &mut self.report.state].into_iter().chain(notes)
        {
            if let Entry::Pending { since } = entry {
                *since = now;
            }
        }
        if let Some(moving) = &mut self.location.moving {
            moving.since = now;
        }
    }

    /// What was asked for and not answered may take effect later.
    fn note_late(&mut self, now: Timestamp) {
        if let (Entry::Pending { .. }, Some(asked)) = (self.title.state, &self.title.asked) {
            Late::note(&mut self.title.late, asked.clone(), now);
        }
        let access = &mut self.access;
        for late in access.late.iter_mut().filter(|late| matches!(late.what, LateAccess::Role { .. })) {
            late.since = now;
        }
        for grant in access.asked.iter().filter(|_| access.state.pending_since().is_some()) {
            Late::note(&mut access.late, LateAccess::Grant(grant.clone()), now);
        }
        for id in &access.revoking {
            Late::note(&mut access.late, LateAccess::Revoke(*id), now);
        }
    }

    /// What was looked for long after its call is not remembered any more, nor is what has come
    /// about since by another call.
    fn forget_late(&mut self, now: Timestamp) {
        self.title.late.retain(|late| !late.is_over());
        let AccessEntry { late, granted, .. } = &mut self.access;
        late.retain(|late| {
            let is_granted = |grant: &Grant| granted.iter().any(|granted| granted.grant == *grant);
            let has_come = matches!(&late.what, LateAccess::Grant(grant) if is_granted(grant));
            let is_over = late.is_over() || (has_come && late.is_past(now));
            !is_over
        });
    }

    /// The room was looked at `now`, and also who is in it if `members` is true.
    pub fn looked(&mut self, now: Timestamp, members: bool) {
        for late in &mut self.title.late {
            late.looked = now;
        }
        // Whom a grant is about has to be asked for.
        let is_told = |late: &&mut Late<LateAccess>| members && !matches!(late.what, LateAccess::Grant(_));
        for late in self.access.late.iter_mut().filter(is_told) {
            late.looked = now;
        }
    }
}
