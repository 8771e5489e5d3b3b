//! Everything in one Zendesk account, and how tickets change.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::people::{BRANDS, MAIN_BRAND, People, RITA};
use super::text;
use super::ticket::{
    Audit, Comment, Event, PRIORITIES, Source, Status, Ticket, Via, What, tags, whole_second,
};
use super::trigger::Trigger;
use super::view::{Change, NewTicket};

/// The longest comment, in characters.
const LONGEST_COMMENT: usize = 65_535;
/// The most comments of a ticket.
const MOST_COMMENTS: usize = 5_000;
/// The number before that of the first ticket.
const BEFORE_FIRST_TICKET: u64 = 40_116;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) people: People,
    /// The one custom field of tickets, if there is one.
    pub(super) room_field: Option<u64>,
    pub(super) tickets: BTreeMap<u64, Ticket>,
    /// Whether comments, audits and deleted tickets are listed in the requested order.
    pub(super) heeds_order: bool,
    /// What background jobs have done, by their ids.
    pub(super) jobs: BTreeMap<String, Job>,
    /// In their order.
    pub(super) triggers: Vec<Trigger>,
    ids: Ids,
}

/// A background job that has ended.
#[derive(Debug)]
pub(super) struct Job {
    /// Whether each of its tickets was changed.
    pub(super) results: Vec<(u64, bool)>,
}

/// Numbers for everything but tickets.
#[derive(Debug)]
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Who changes something, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actor {
    pub(super) user: u64,
    pub(super) via: Via,
}

/// What an update changes: everything that is not `None`.
#[derive(Debug, Default)]
pub(super) struct Update {
    /// The `updated_at` that the ticket must still have. A value that is not a time never matches.
    pub(super) expected: Option<String>,
    pub(super) comment: Option<NewComment>,
    pub(super) subject: Option<String>,
    pub(super) status: Option<Status>,
    pub(super) priority: Option<Option<String>>,
    pub(super) requester: Option<u64>,
    pub(super) assignee: Option<Option<u64>>,
    pub(super) group: Option<Option<u64>>,
    pub(super) brand: Option<u64>,
    pub(super) tags: Option<BTreeSet<String>>,
    pub(super) fields: Vec<(u64, Value)>,
    pub(super) metadata: Option<Value>,
}

#[derive(Debug)]
pub(super) struct NewComment {
    pub(super) public: bool,
    pub(super) body: String,
    pub(super) html_body: String,
}

impl NewComment {
    pub(super) fn text(public: bool, body: &str) -> Self {
        Self { public, html_body: text::to_html(body), body: body.to_owned() }
    }

    pub(super) fn html(public: bool, html: &str) -> Self {
        let html_body = text::sanitised(html);
        Self { public, body: text::to_text(&html_body), html_body }
    }
}

/// Why a ticket was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    /// It is closed, and so read-only.
    Closed,
    /// It has changed since the client read it.
    Conflict,
    Invalid {
        field: &'static str,
        why: String,
    },
}

/// A change that was made: of which ticket, and its audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) ticket: u64,
    pub(super) audit: u64,
}

impl Account {
    pub(super) fn new(room_field: Option<u64>) -> Self {
        let (people, tickets) = (People::default(), BTreeMap::new());
        Self {
            people,
            room_field,
            tickets,
            heeds_order: true,
            jobs: BTreeMap::new(),
            triggers: Vec::new(),
            ids: Ids(30_064_060_776_999),
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.ids.next()
    }

    /// A ticket that is not deleted.
    pub(super) fn live(&self, id: u64) -> Option<&Ticket> {
        self.tickets.get(&id).filter(|ticket| ticket.removed.is_none())
    }

    pub(super) fn create(&mut self, new: NewTicket, now: Timestamp) -> Done {
        let after_last = self.tickets.keys().last().copied().unwrap_or(0).max(BEFORE_FIRST_TICKET) + 1;
        let id = new.id.filter(|id| !self.tickets.contains_key(id)).unwrap_or(after_last);
        let requester = new.requester.unwrap_or(RITA);
        let unattended = if new.assignee.is_some() { Status::Open } else { Status::New };
        let now = whole_second(now);
        let (audit, comment) = (self.ids.next(), self.ids.next());
        let first = NewComment::text(true, &new.description);
        let mut all_tags = tags(new.tags.iter().map(String::as_str));
        let mut fields: BTreeMap<u64, Value> =
            self.room_field.iter().map(|field| (*field, Value::Null)).collect();
        let mut follow_up_of = None;
        if let Some(old) = new.follow_up_of.and_then(|old| self.continued(old)) {
            // It begins with what the old one had: the link in our field, too.
            all_tags.extend(old.tags.iter().cloned());
            fields.clone_from(&old.fields);
            old.follow_ups.push(id);
            follow_up_of = Some(Source { id: old.id, subject: old.subject.clone() });
        }
        let ticket = Ticket {
            id,
            subject: new.subject,
            description: new.description,
            status: new.status.as_deref().and_then(Status::from_name).unwrap_or(unattended),
            removed: None,
            priority: new.priority,
            requester,
            assignee: new.assignee,
            group: new.group,
            brand: new.brand.filter(|brand| BRANDS.contains(brand)).unwrap_or(MAIN_BRAND),
            follow_up_of,
            follow_ups: Vec::new(),
            tags: all_tags,
            fields,
            comments: vec![first.kept(comment, audit, requester, now)],
            audits: vec![Audit {
                id: audit,
                author: requester,
                via: Via::Web,
                created_at: now,
                custom_metadata: json!({}),
                events: vec![(self.ids.next(), Event::Created), (comment, Event::Commented(comment))],
            }],
            created_at: now,
            updated_at: now,
            generated_at: now,
        };
        self.tickets.insert(id, ticket);
        Done { ticket: id, audit }
    }

    /// Changes a ticket, all or nothing. `None`: it was like that already, and no audit is written.
    pub(super) fn update(
        &mut self,
        by: Actor,
        id: u64,
        update: Update,
        now: Timestamp,
    ) -> Result<Option<Done>, Refusal> {
        let ticket = self.tickets.get_mut(&id).filter(|ticket| ticket.removed.is_none());
        let ticket = ticket.ok_or(Refusal::NotFound)?;
        if ticket.status == Status::Closed {
            return Err(Refusal::Closed);
        }
        update.check(ticket, &self.people)?;
        let status = update.status.or_else(|| update.consequent_status(ticket, by, &self.people));
        let audit = self.ids.next();
        let now = whole_second(now);
        let mut edit = Edit { ticket, ids: &mut self.ids, events: Vec::new() };
        edit.set_fields(update.fields);
        edit.set_tags(update.tags);
        if let Some(comment) = update.comment {
            let id = edit.ids.next();
            edit.ticket.comments.push(comment.kept(id, audit, by.user, now));
            edit.events.push((id, Event::Commented(id)));
        }
        edit.set(What::Subject, |ticket| &mut ticket.subject, update.subject);
        edit.set(What::Status, |ticket| &mut ticket.status, status);
        edit.set(What::Assignee, |ticket| &mut ticket.assignee, update.assignee);
        edit.set(What::Group, |ticket| &mut ticket.group, update.group);
        edit.set(What::Brand, |ticket| &mut ticket.brand, update.brand);
        edit.set(What::Requester, |ticket| &mut ticket.requester, update.requester);
        edit.set(What::Priority, |ticket| &mut ticket.priority, update.priority);
        let events = mem::take(&mut edit.events);
        if events.is_empty() {
            return Ok(None);
        }
        ticket.record(Audit { id: audit, events, ..Audit::empty(by, now, update.metadata) });
        Ok(Some(Done { ticket: id, audit }))
    }

    /// Changes a ticket as a person does. Nothing happens if that isn't possible.
    pub(super) fn change(&mut self, by: Actor, id: u64, change: Change, now: Timestamp) -> Vec<Done> {
        let update = match change {
            Change::Delete => return self.delete(by, id, Event::Deleted, now).into_iter().collect(),
            Change::Spam => return self.delete(by, id, Event::Spam, now).into_iter().collect(),
            Change::Restore => return self.restore(by, id, now).into_iter().collect(),
            Change::DeletePermanently => return self.scrub(by, id, now).into_iter().collect(),
            Change::Merge(target) => {
                let comments = self.usual_comments(id, target);
                return self.merge(by, id, target, comments, now).unwrap_or_default();
            }
            Change::Status(name) => match Status::from_name(&name) {
                Some(status) => Update { status: Some(status), ..Update::default() },
                None => return Vec::new(),
            },
            Change::Assignee(user) => Update { assignee: Some(user), ..Update::default() },
            Change::Brand(brand) => Update { brand: Some(brand), ..Update::default() },
            Change::Group(group) => Update { group: Some(group), ..Update::default() },
            Change::Requester(user) => Update { requester: Some(user), ..Update::default() },
            Change::Priority(priority) => Update { priority: Some(priority), ..Update::default() },
            Change::Subject(subject) => Update { subject: Some(subject), ..Update::default() },
            Change::Tags(all) => {
                Update { tags: Some(tags(all.iter().map(String::as_str))), ..Update::default() }
            }
            Change::Field(field, value) => Update { fields: vec![(field, value)], ..Update::default() },
            Change::PublicComment(text) => Update::comment(true, &text),
            Change::PrivateComment(text) => Update::comment(false, &text),
        };
        self.update(by, id, update, now).ok().flatten().into_iter().collect()
    }
}

impl Update {
    pub(super) fn comment(public: bool, text: &str) -> Self {
        Self { comment: Some(NewComment::text(public, text)), ..Self::default() }
    }

    fn check(&self, ticket: &Ticket, people: &People) -> Result<(), Refusal> {
        let invalid = |field, why: &str| Err(Refusal::Invalid { field, why: why.to_owned() });
        if let Some(stamp) = &self.expected
            && stamp.parse::<Timestamp>().ok() != Some(ticket.updated_at)
        {
            return Err(Refusal::Conflict);
        }
        if let Some(comment) = &self.comment {
            let length = comment.body.chars().count().max(comment.html_body.chars().count());
            if length > LONGEST_COMMENT {
                return invalid("comment", "Comment: is too long (maximum is 65535 characters)");
            }
            if ticket.comments.len() >= MOST_COMMENTS {
                return invalid("comment", "Comment: this ticket has reached the limit of 5000 comments");
            }
        }
        if self.assignee.flatten().is_some_and(|id| !people.is_staff(id)) {
            return invalid("assignee", "Assignee: is invalid");
        }
        if self.group.flatten().is_some_and(|id| !people.has_group(id)) {
            return invalid("group", "Group: is invalid");
        }
        if self.brand.is_some_and(|id| !BRANDS.contains(&id)) {
            return invalid("brand", "Brand: is invalid");
        }
        if self.requester.is_some_and(|id| !people.has_user(id)) {
            return invalid("requester", "Requester: is invalid");
        }
        if let Some(Some(priority)) = &self.priority
            && !PRIORITIES.contains(&priority.as_str())
        {
            return invalid("priority", "Priority: is invalid");
        }
        Ok(())
    }

    /// The status that follows from the update: the requester's reply opens a pending or solved
    /// ticket, and an assignee opens a new one.
    fn consequent_status(&self, ticket: &Ticket, by: Actor, people: &People) -> Option<Status> {
        let replied =
            self.comment.as_ref().is_some_and(|comment| comment.public) && !people.is_staff(by.user);
        let assigned = self.assignee.flatten().is_some();
        match ticket.status {
            Status::Pending | Status::Hold | Status::Solved if replied => Some(Status::Open),
            Status::New if assigned => Some(Status::Open),
            _ => None,
        }
    }
}

impl NewComment {
    fn kept(self, id: u64, audit: u64, author: u64, created_at: Timestamp) -> Comment {
        let Self { public, body, html_body } = self;
        Comment { id, audit, author, public, body, html_body, created_at }
    }
}

impl Audit {
    /// Still without a number and without events.
    pub(super) fn empty(by: Actor, created_at: Timestamp, metadata: Option<Value>) -> Self {
        let custom_metadata = metadata.unwrap_or_else(|| json!({}));
        Self { id: 0, author: by.user, via: by.via, created_at, custom_metadata, events: Vec::new() }
    }
}

impl Ticket {
    pub(super) fn record(&mut self, audit: Audit) {
        self.updated_at = audit.created_at;
        self.generated_at = self.generated_at.max(audit.created_at);
        self.audits.push(audit);
    }
}

/// A ticket being changed, and what has changed so far.
struct Edit<'a> {
    ticket: &'a mut Ticket,
    ids: &'a mut Ids,
    events: Vec<(u64, Event)>,
}

impl Edit<'_> {
    fn happened(&mut self, event: Event) {
        self.events.push((self.ids.next(), event));
    }

    fn set<T: PartialEq + Clone + Into<Value>>(
        &mut self,
        what: What,
        slot: impl FnOnce(&mut Ticket) -> &mut T,
        wanted: Option<T>,
    ) {
        let slot = slot(self.ticket);
        if let Some(after) = wanted.filter(|wanted| wanted != slot) {
            let before = mem::replace(slot, after.clone());
            self.happened(Event::Changed(what, before.into(), after.into()));
        }
    }

    /// Fields that don't exist are ignored silently.
    fn set_fields(&mut self, wanted: Vec<(u64, Value)>) {
        for (field, after) in wanted {
            let after = if after == "" { Value::Null } else { after };
            if let Some(slot) = self.ticket.fields.get_mut(&field)
                && *slot != after
            {
                let before = mem::replace(slot, after.clone());
                self.happened(Event::FieldChanged(field, before, after));
            }
        }
    }

    fn set_tags(&mut self, wanted: Option<BTreeSet<String>>) {
        if let Some(after) = wanted.filter(|wanted| *wanted != self.ticket.tags) {
            let before = mem::replace(&mut self.ticket.tags, after.clone());
            self.happened(Event::TagsChanged { before, after });
        }
    }
}

impl From<Status> for Value {
    fn from(status: Status) -> Self {
        Self::from(status.name())
    }
}
