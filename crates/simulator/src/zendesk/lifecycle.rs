//! How tickets end and come back: deletion, spam, restoring, merging, follow-ups.

use jiff::Timestamp;
use serde_json::Value;

use super::account::{Account, Actor, Done, NewComment, Refusal, Update};
use super::ticket::{Audit, Event, Removed, Status, Ticket, whole_second};

/// The tag of a ticket that was merged into another one.
const CLOSED_BY_MERGE: &str = "closed_by_merge";
/// What is in place of a subject and a description that were deleted for good.
const SCRUBBED: &str = "SCRUBBED";

/// What is written into the two tickets of a merge. Both may have nothing.
#[derive(Debug, Default)]
pub(super) struct MergeComments {
    pub(super) source: Option<NewComment>,
    pub(super) target: Option<NewComment>,
}

impl Account {
    /// The ticket with that number if it can be continued by another one: it is closed, and not
    /// deleted.
    pub(super) fn continued(&mut self, id: u64) -> Option<&mut Ticket> {
        let ticket = self.tickets.get_mut(&id)?;
        (ticket.removed.is_none() && ticket.status == Status::Closed).then_some(ticket)
    }

    /// Deletes a ticket by that event, so that it can be restored. `None` if it is deleted already.
    pub(super) fn delete(&mut self, by: Actor, id: u64, event: Event, now: Timestamp) -> Option<Done> {
        let ticket = self.tickets.get_mut(&id).filter(|ticket| ticket.removed.is_none())?;
        ticket.removed = Some(Removed { at: whole_second(now), by: by.user, scrubbed: false });
        self.noted(by, id, event, now)
    }

    /// Brings a deleted ticket back, with the status that it had.
    pub(super) fn restore(&mut self, by: Actor, id: u64, now: Timestamp) -> Option<Done> {
        let ticket = self.tickets.get_mut(&id)?;
        ticket.removed.take_if(|removed| !removed.scrubbed)?;
        self.noted(by, id, Event::Restored, now)
    }

    /// Deletes a ticket for good that was deleted before.
    pub(super) fn scrub(&mut self, by: Actor, id: u64, now: Timestamp) -> Option<Done> {
        let ticket = self.tickets.get_mut(&id)?;
        let removed = ticket.removed.as_mut().filter(|removed| !removed.scrubbed)?;
        removed.scrubbed = true;
        SCRUBBED.clone_into(&mut ticket.subject);
        SCRUBBED.clone_into(&mut ticket.description);
        ticket.comments.clear();
        ticket.fields.values_mut().for_each(|value| *value = Value::Null);
        self.noted(by, id, Event::Scrubbed, now)
    }

    fn noted(&mut self, by: Actor, id: u64, event: Event, now: Timestamp) -> Option<Done> {
        let (audit, number) = (self.next_id(), self.next_id());
        let events = vec![(number, event)];
        let ticket = self.tickets.get_mut(&id)?;
        ticket.record(Audit { id: audit, events, ..Audit::empty(by, whole_second(now), None) });
        Some(Done { ticket: id, audit })
    }

    /// What Zendesk's web pages suggest as comments of a merge. Agents may change them. They quote
    /// a subject and a comment.
    pub(super) fn usual_comments(&self, source: u64, target: u64) -> MergeComments {
        let subject = |id| self.live(id).map(|ticket| ticket.subject.as_str()).unwrap_or_default();
        let last = self.live(source).and_then(|ticket| ticket.comments.last());
        let last = last.map(|comment| comment.body.as_str()).unwrap_or_default();
        let into =
            format!("This request was closed and merged into request #{target} \"{}\".", subject(target));
        let from = format!(
            "Request #{source} \"{}\" was closed and merged into this request. Last comment in request \
             #{source}:\n\n{last}",
            subject(source)
        );
        let internal = |text: &str| Some(NewComment::text(false, text));
        MergeComments { source: internal(&into), target: internal(&from) }
    }

    /// Merges a ticket into another one: it is closed and gets a tag. No field says into which one.
    pub(super) fn merge(
        &mut self,
        by: Actor,
        source: u64,
        target: u64,
        comments: MergeComments,
        now: Timestamp,
    ) -> Result<Vec<Done>, Refusal> {
        for id in [source, target] {
            let ticket = self.live(id).ok_or(Refusal::NotFound)?;
            if ticket.status == Status::Closed {
                return Err(Refusal::Closed);
            }
        }
        if source == target {
            let why = "Ticket: can't be merged into itself".to_owned();
            return Err(Refusal::Invalid { field: "ticket", why });
        }
        let mut tags = self.live(source).map(|ticket| ticket.tags.clone()).unwrap_or_default();
        tags.insert(CLOSED_BY_MERGE.to_owned());
        let close = Update {
            status: Some(Status::Closed),
            tags: Some(tags),
            comment: comments.source,
            ..Update::default()
        };
        let closed = self.update(by, source, close, now)?;
        let merged = (self.next_id(), Event::Merged);
        if let Some(audit) = self.tickets.get_mut(&source).and_then(|ticket| ticket.audits.last_mut()) {
            audit.events.push(merged);
        }
        let noted = Update { comment: comments.target, ..Update::default() };
        let noted = self.update(by, target, noted, now)?;
        Ok(closed.into_iter().chain(noted).collect())
    }
}
