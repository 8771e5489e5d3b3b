//! What to do next for a ticket. Pure: the ticket as it is, the rules, the ledger, what was seen in
//! DocSpace and the time go in; the next steps come out, or what to wait for. All product behaviour
//! is decided here.
//!
//! A step is either a [`Note`], which changes the ledger only, or an [`Effect`], which calls
//! something. [`first_room`] is about tickets that have no room yet; [`life`] about the room's
//! whole life after that: whether it belongs into the archive ([`standing`]), how it gets there
//! ([`moves`]), what people ask for ([`requests`]), and what they did with it by hand.
//! An active room is [`furnish`]ed: folders, [`access`], link and (with the link) the write-back
//! are independent of each other and are all handed out at once; the run runs them side by side and
//! plans again as each one ends. [`notes`] are what else the ticket is told.

mod access;
mod first_room;
mod furnish;
mod life;
mod moves;
mod notes;
pub(super) mod requests;
mod standing;

use std::time::Duration;

use url::Url;

use super::effect::{Effect, EffectId};
use super::note::Note;
use super::observe::Observation;
use super::reasons;
use super::rest::Rest;
use crate::clock::Timestamp;
use crate::docspace::reasons as docspace_reasons;
use crate::docspace::rooms::FoundRoom;
use crate::helpdesk::Observed;
use crate::ledger::{Ledger, RoomEntry};
use crate::room::Room;
use crate::rule::{Rules, Verdict};
use crate::store::{EffectKind, PendingRequest};
use crate::template::Template;
use crate::ticket::{Ticket, TicketKey};

/// Everything that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Which ticket.
    pub key: &'a TicketKey,
    /// What was seen at the beginning of this run.
    pub seen: &'a Observation,
    /// What we know of our own effects.
    pub ledger: &'a Ledger,
    /// The rules and templates of the configuration.
    pub rules: &'a Rules,
    /// DocSpace's address, ending in `/`.
    pub portal: &'a Url,
    /// Whether the helpdesk has a place for the link.
    pub writes_back: bool,
    /// Whether the helpdesk takes further notes.
    pub takes_notes: bool,
    /// Whether a person asked for this run.
    pub asked: bool,
    /// What a person wants of the room.
    pub request: Option<PendingRequest>,
    /// How many runs in a row brought the ticket no further.
    pub attempts: u32,
    /// Effects that are under way or have ended in this run.
    pub begun: &'a [EffectId],
    /// Notes of this run.
    pub noted: &'a [Note],
    /// The time.
    pub now: Timestamp,
    /// How long after its intent a call without an answer may still take effect.
    pub settle: Duration,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to write into the ledger first. Then there is another plan, and the effects of this one
    /// don't count.
    pub notes: Vec<Note>,
    /// What to do now, side by side.
    pub effects: Vec<Effect>,
    /// How the ticket stands when nothing is to be done or under way.
    pub rest: Rest,
}

impl From<Rest> for Plan {
    /// Nothing is to be done.
    fn from(rest: Rest) -> Self {
        Self { notes: Vec::new(), effects: Vec::new(), rest }
    }
}

// There is another plan after a step, so how the ticket rests meanwhile doesn't matter.
const MEANWHILE: Rest = Rest::Ready { next: None, remark: None };

fn note(note: Note) -> Plan {
    Plan { notes: vec![note], effects: Vec::new(), rest: MEANWHILE }
}

fn run(effect: impl Into<Effect>) -> Plan {
    Plan { notes: Vec::new(), effects: vec![effect.into()], rest: MEANWHILE }
}

impl Situation<'_> {
    /// Whether an effect of this kind is under way or has ended in this run.
    fn has_begun(&self, kind: EffectKind) -> bool {
        self.begun.iter().any(|begun| begun.kind == kind)
    }
}

/// Decides what to do next.
#[must_use]
pub fn plan(s: &Situation<'_>) -> Plan {
    if let Some(applied) = requests::apply(s) {
        return note(applied);
    }
    let mut plan = match &s.ledger.room {
        RoomEntry::Made { room, tagged, adopted } => {
            life::with_room(s, &MadeRoom { room, tagged: *tagged, adopted: *adopted })
        }
        _ => without_room(s),
    };
    plan.effects.retain(|effect| !s.begun.contains(&effect.id()));
    plan
}

/// A room that exists.
#[derive(Clone, Copy)]
struct MadeRoom<'a> {
    room: &'a Room,
    tagged: bool,
    adopted: bool,
}

fn without_room(s: &Situation<'_>) -> Plan {
    let (ticket, link) = match &s.seen.ticket {
        Observed::Present { ticket, link } => (ticket, link),
        Observed::Absent(absence) => return first_room::without_ticket(s, absence),
    };
    let template = match template(s, ticket) {
        Ok(template) => template,
        Err(rest) => return rest.into(),
    };
    match &s.ledger.room {
        RoomEntry::Absent | RoomEntry::Made { .. } => first_room::first_room(s, ticket, link, template),
        RoomEntry::Pending { title, attempt, looks, refusal, .. } => {
            let refusal = refusal.as_ref();
            let pending = first_room::PendingRoom { title, attempt: *attempt, looks: *looks, refusal };
            first_room::settle_room(s, template, &pending)
        }
        RoomEntry::Deleted { room } if tagged(s).iter().any(|found| found.room.id == room.id) => {
            note(Note::Restored)
        }
        RoomEntry::Deleted { .. } if s.asked => note(Note::BeginAgain),
        RoomEntry::Deleted { room } => Plan {
            effects: notes::by_hand(s, ticket),
            ..Rest::Blocked {
                reason: docspace_reasons::ROOM_DELETED.with_help(
                    format!("room {} was deleted in DocSpace", room.id),
                    format!("“ticketroom tickets retry {}” creates a new one", s.key),
                ),
                again: None,
            }
            .into()
        },
    }
}

/// The template that the room is or was made by; for a ticket without a room, the one that the
/// rules pick.
fn template<'a>(s: &Situation<'a>, ticket: &Ticket) -> Result<&'a Template, Rest> {
    if let Some(name) = &s.ledger.template {
        return s.rules.template(name).map(AsRef::as_ref).ok_or_else(|| {
            let reason = reasons::TEMPLATE_REMOVED.reason(format!(
                "the room was created by the template “{name}”, which the configuration no longer has"
            ));
            Rest::blocked(reason, s.attempts, s.now)
        });
    }
    let decision = s.rules.decide(s.key, ticket).map_err(|error| {
        let help = format!(
            "correct the rule and reload the configuration, then “ticketroom tickets retry {}”",
            s.key
        );
        let reason = reasons::RULE_FAILED.with_help(error.to_string(), help);
        Rest::Blocked { reason, again: None }
    })?;
    match decision.verdict {
        Verdict::Use(template) => Ok(template),
        Verdict::Skip => Err(Rest::Skipped {
            reason: reasons::RULE_SKIPS.reason(format!(
                "the rule “{}” says that it gets no room",
                decision.because.unwrap_or_default()
            )),
        }),
    }
}

/// Of several rooms with the ticket's tag the oldest, and rather one that people can work in.
fn ours<'a>(s: &Situation<'a>) -> Option<&'a FoundRoom> {
    tagged(s).iter().min_by_key(|found| (found.archived, found.room.id))
}

fn tagged<'a>(s: &Situation<'a>) -> &'a [FoundRoom] {
    &s.seen.tagged
}

#[cfg(test)]
mod tests;
