//! Where a ticket is in its life, and where its room belongs for that.
//!
//! This needs no template but for the grace: the room of a ticket whose template the configuration
//! no longer has is archived and restored by what the template `default` says.

use std::time::Duration;

use super::notes::AfterMerge;
use super::{MadeRoom, Situation, first_room, template};
use crate::clock::{Timestamp, after};
use crate::docspace::links::member_address;
use crate::helpdesk::{Absence, LinkInTicket, Observed};
use crate::ledger::Location;
use crate::reconcile::relations::Merged;
use crate::reconcile::rest::Rest;
use crate::room::LinkKind;
use crate::template::Template;
use crate::ticket::{Status, Ticket};

/// The template that counts where a room's own one is not there.
const DEFAULT: &str = "default";
/// When to look first whether the ticket that this one was merged into has its room. It may never
/// get one, so each wait is as long as all before it.
const SURVIVOR_AGAIN: Duration = Duration::from_secs(60);

/// What a ticket that has a room is like.
pub(super) struct Life<'a> {
    pub(super) ticket: Option<(&'a Ticket, &'a LinkInTicket)>,
    /// The template of the room, if the configuration has it.
    pub(super) template: Option<&'a Template>,
    /// The one whose grace counts if it has not.
    pub(super) default: Option<&'a Template>,
    /// How the ticket rests while its room can't be furnished for want of a template.
    pub(super) template_missing: Option<Rest>,
    /// Which address the ticket has.
    pub(super) link: LinkKind,
    pub(super) standing: Standing,
}

impl Life<'_> {
    /// How long after the ticket is over its room is archived; `None` is never.
    pub(super) fn archive_after(&self) -> Option<Duration> {
        self.template.or(self.default).and_then(|template| template.archive_after)
    }
}

/// Where the ticket is in its life.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    /// Nobody works on it any more.
    Over {
        /// Whether its room is archived without waiting.
        at_once: bool,
        /// Whether it was deleted.
        deleted: bool,
        why: String,
    },
    /// It can't be seen, or is none of ours any more: its room stays as it is.
    Unknown(String),
}

pub(super) fn life<'a>(s: &Situation<'a>, made: &MadeRoom<'_>) -> Life<'a> {
    let named = |name: &str| s.rules.template(name).map(AsRef::as_ref);
    let (ticket, template, template_missing, standing) = match &s.seen.ticket {
        Observed::Present { ticket, link } => {
            let (template, missing) = match template(s, ticket) {
                Ok(template) => (Some(template), None),
                Err(rest) => (None, Some(rest)),
            };
            (Some((ticket.as_ref(), link)), template, missing, standing(s, ticket))
        }
        Observed::Absent(absence) => {
            let why = first_room::why(absence).to_owned();
            let standing = match absence {
                Absence::Deleted => Standing::Over { at_once: true, deleted: true, why },
                Absence::NotShown | Absence::NotWanted(_) => Standing::Unknown(why),
            };
            (None, s.ledger.template.as_deref().and_then(named), None, standing)
        }
    };
    let link = template.map_or_else(|| link_of(s, made), |template| template.link);
    Life { ticket, template, default: named(DEFAULT), template_missing, link, standing }
}

/// Which address the ticket has, as far as the address itself tells.
fn link_of(s: &Situation<'_>, made: &MadeRoom<'_>) -> LinkKind {
    let member = member_address(s.portal, made.room.id);
    match s.ledger.link.url() {
        Some(url) if url != member.as_str() => LinkKind::External,
        _ => LinkKind::Member,
    }
}

fn standing(s: &Situation<'_>, ticket: &Ticket) -> Standing {
    let over = |why: &str| Standing::Over { at_once: false, deleted: false, why: why.to_owned() };
    if ticket.status == Status::Deleted {
        let why = "the ticket was deleted or marked as spam".to_owned();
        return Standing::Over { at_once: true, deleted: true, why };
    }
    if let Merged::Into(other) = &s.seen.relations.merged {
        let why = format!("the ticket was merged into {}", other.called);
        // Without another room there would be none to work in.
        let at_once = other.url.is_some() && files(s) == Some(0);
        return Standing::Over { at_once, deleted: false, why };
    }
    match ticket.status {
        Status::Solved => over("the ticket is solved"),
        Status::Closed => over("the ticket is closed"),
        _ => Standing::Open,
    }
}

/// How many files are in the room; `None` if it was not looked at, since it was found only now.
pub(super) fn files(s: &Situation<'_>) -> Option<u64> {
    s.seen.details.as_ref().map(|details| details.files)
}

/// Where the room belongs.
pub(super) struct Wants {
    pub(super) location: Location,
    /// Why, for the timeline.
    pub(super) why: String,
    /// Whether a person said so.
    pub(super) asked: bool,
    /// When that may change by itself.
    pub(super) next: Option<Timestamp>,
}

pub(super) fn wants(s: &Situation<'_>, life: &Life<'_>) -> Wants {
    if let Some(word) = &s.ledger.life.request {
        return Wants {
            location: word.wants,
            why: "somebody asked for it".to_owned(),
            asked: true,
            next: None,
        };
    }
    let wants = |location, why: &str, next| Wants { location, why: why.to_owned(), asked: false, next };
    match &life.standing {
        Standing::Open => wants(Location::Active, "the ticket is open", None),
        Standing::Unknown(why) => wants(s.ledger.location.now, why, None),
        Standing::Over { at_once: true, why, .. } => {
            // The other ticket may have been merged into this one in the same moment, which is
            // known a moment later.
            let look = s.ledger.life.over_since.map(|since| after(since, SURVIVOR_AGAIN));
            let is_merged = matches!(s.seen.relations.merged, Merged::Into(_));
            wants(Location::Archived, why, look.filter(|look| is_merged && s.now < *look))
        }
        // However the grace is counted now: what is in the archive stays there until the ticket is
        // open again.
        Standing::Over { why, .. }
            if s.ledger.location.now == Location::Archived
                && !s.ledger.life.undeleted
                // It was archived as merged before it was known that no ticket survives.
                && s.seen.relations.merged != Merged::InACircle =>
        {
            wants(Location::Archived, why, None)
        }
        Standing::Over { at_once: false, why, .. } => {
            let since = s.ledger.life.over_since.unwrap_or(s.now);
            let due = life.archive_after().map(|grace| after(since, grace));
            let look = match &s.seen.relations.merged {
                // The ticket that this one was merged into may get its room yet.
                Merged::Into(other) if other.url.is_none() => {
                    let waited = Duration::try_from(s.now.duration_since(since)).unwrap_or_default();
                    Some(after(s.now, waited.max(SURVIVOR_AGAIN)))
                }
                Merged::Into(_) => files(s).is_none().then(|| after(s.now, SURVIVOR_AGAIN)),
                Merged::No | Merged::InACircle => None,
            };
            match due {
                Some(due) if due <= s.now => wants(Location::Archived, why, None),
                due => wants(Location::Active, why, due.into_iter().chain(look).min()),
            }
        }
    }
}

pub(super) fn after_merge(s: &Situation<'_>, life: &Life<'_>, wants: &Wants) -> AfterMerge {
    let grace = life.archive_after();
    match (files(s), grace) {
        (Some(0), _) => AfterMerge::Archived,
        _ if wants.location == Location::Archived => AfterMerge::Archived,
        (_, Some(grace)) => AfterMerge::OpenUntil(after(s.ledger.life.over_since.unwrap_or(s.now), grace)),
        (_, None) => AfterMerge::Open,
    }
}
