//! Everything in one Jira site, and how issues change.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::issue::{
    Attachment, Category, Comment, Happening, Issue, Item, PRIORITIES, Resolution, Side, Status, What, plain,
};
use super::issue_links::{DUPLICATE, IssueLink};
use super::people::{People, RITA};
use super::view::{Change, IssueView, NewIssue};
use super::{Deployment, adf};

/// The number of no entry in any history: what has happened is not reported.
const UNREPORTED: u64 = 0;
/// The default project.
pub(super) const SUPPORT: &str = "SUP";

#[derive(Debug)]
pub(super) struct Site {
    pub(super) deployment: Deployment,
    pub(super) people: People,
    /// By key.
    pub(super) projects: BTreeMap<String, Project>,
    pub(super) issues: BTreeMap<u64, Issue>,
    pub(super) issue_links: Vec<IssueLink>,
    /// Whether issues may have links.
    pub(super) linking: bool,
    /// Whether comments are listed in the requested order.
    pub(super) heeds_order: bool,
    /// The integration has the permission "Administer Jira".
    pub(super) is_administrator: bool,
    /// The time zone in the integration's profile, in which JQL is read and times are shown.
    pub(super) zone: TimeZone,
    pub(super) ids: Ids,
}

#[derive(Debug)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) name: String,
    /// The integration may not browse it.
    pub(super) hidden: bool,
    last_number: u64,
}

/// The last ids that were assigned.
#[derive(Debug)]
pub(super) struct Ids {
    issue: u64,
    history: u64,
    comment: u64,
    attachment: u64,
    link: u64,
}

fn next(last: &mut u64) -> u64 {
    *last += 1;
    *last
}

impl Ids {
    pub(super) fn link(&mut self) -> u64 {
        next(&mut self.link)
    }
}

/// Something that has happened: to which issue, and which entry of its history it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) issue: u64,
    pub(super) happening: u64,
}

/// A comment to be written.
#[derive(Debug)]
pub(super) struct NewComment {
    pub(super) adf: Value,
    pub(super) wiki: String,
    pub(super) internal: bool,
    pub(super) properties: BTreeMap<String, Value>,
}

impl NewComment {
    pub(super) fn wiki(text: &str, internal: bool) -> Self {
        Self { adf: adf::from_wiki(text), wiki: text.to_owned(), internal, properties: BTreeMap::new() }
    }
}

/// What an edit changes: everything that is not `None`.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) summary: Option<String>,
    pub(super) description: Option<Option<String>>,
    pub(super) status: Option<Status>,
    /// Of the status that is set; `Done` by default.
    pub(super) resolution: Option<Resolution>,
    pub(super) priority: Option<&'static str>,
    pub(super) reporter: Option<Option<String>>,
    pub(super) assignee: Option<Option<String>>,
    pub(super) labels: Option<BTreeSet<String>>,
    pub(super) room: Option<Option<String>>,
}

impl Site {
    pub(super) fn new(deployment: Deployment) -> Self {
        let ids = Ids { issue: 10_041, history: 20_000, comment: 29_999, attachment: 10_020, link: 9_999 };
        let mut site = Self {
            deployment,
            people: People::new(deployment),
            projects: BTreeMap::new(),
            issues: BTreeMap::new(),
            issue_links: Vec::new(),
            linking: true,
            heeds_order: true,
            is_administrator: true,
            zone: TimeZone::UTC,
            ids,
        };
        site.add_project(SUPPORT, "Customer Support", 41);
        site.add_project("HR", "Human Resources", 0);
        site
    }

    pub(super) fn add_project(&mut self, key: &str, name: &str, last_number: u64) {
        let id = (10_001..).nth(self.projects.len()).unwrap_or(0);
        let project = Project { id, name: name.to_owned(), hidden: false, last_number };
        self.projects.entry(key.to_uppercase()).or_insert(project);
    }

    /// The issue with that id or key, if the integration may see it.
    pub(super) fn find(&self, id_or_key: &str) -> Option<&Issue> {
        let issue = match id_or_key.parse() {
            Ok(id) => self.issues.get(&id),
            Err(_) => self.issues.values().find(|issue| issue.has_key(id_or_key)),
        };
        issue.filter(|issue| self.is_visible(issue))
    }

    pub(super) fn is_visible(&self, issue: &Issue) -> bool {
        !issue.deleted && self.projects.get(&issue.project).is_some_and(|project| !project.hidden)
    }

    pub(super) fn issue_mut(&mut self, id: u64) -> Option<&mut Issue> {
        self.issues.get_mut(&id).filter(|issue| !issue.deleted)
    }

    fn next_key(&mut self, project: &str) -> Option<String> {
        let number = next(&mut self.projects.get_mut(project)?.last_number);
        Some(format!("{project}-{number}"))
    }

    pub(super) fn create(&mut self, new: NewIssue, now: Timestamp) -> Done {
        let id = new.id.filter(|id| !self.issues.contains_key(id)).unwrap_or_else(|| {
            self.ids.issue = self.issues.keys().last().copied().unwrap_or(0).max(self.ids.issue);
            next(&mut self.ids.issue)
        });
        let project = new.project.map(|key| key.to_uppercase()).filter(|key| self.projects.contains_key(key));
        let project = project.unwrap_or_else(|| SUPPORT.to_owned());
        let reporter = new.reporter.unwrap_or_else(|| RITA.to_owned());
        let status = new.status.as_deref().and_then(Status::named).unwrap_or(Status::WaitingForSupport);
        let ids = &mut self.ids;
        let attachments = new.attachments.into_iter().map(|file| Attachment {
            id: next(&mut ids.attachment),
            mime_type: mime_type(&file.filename).to_owned(),
            filename: file.filename,
            content: file.content,
            author: reporter.clone(),
            created: now,
        });
        let attachments: Vec<Attachment> = attachments.collect();
        let mut items = vec![changed("status", (None, None), status_side(status))];
        items.extend(attachments.iter().map(|file| Item {
            field: "Attachment",
            field_id: "attachment",
            from: (None, None),
            to: (Some(file.id.to_string()), Some(file.filename.clone())),
        }));
        let happening = next(&mut self.ids.history);
        let history =
            vec![Happening { id: happening, by: reporter.clone(), at: now, what: What::Created(items) }];
        let issue = Issue {
            id,
            key: self.next_key(&project).unwrap_or_default(),
            former_keys: Vec::new(),
            project,
            summary: new.summary,
            description: new.description,
            status,
            deleted: false,
            priority: new.priority.as_deref().and_then(priority_named).unwrap_or("Medium"),
            resolved: (status.category() == Category::Done).then_some((Resolution::Done, now)),
            creator: reporter.clone(),
            reporter: Some(reporter),
            assignee: new.assignee,
            labels: new.labels.into_iter().collect(),
            room: None,
            attachments,
            comments: Vec::new(),
            links: Vec::new(),
            properties: BTreeMap::new(),
            history,
            notified: 0,
            created: now,
            updated: now,
        };
        self.issues.insert(id, issue);
        if let Some(original) = new.duplicates {
            self.link(&DUPLICATE, id, original);
        }
        Done { issue: id, happening }
    }

    /// Changes an issue. `None`: it was like that already, and no history is written.
    pub(super) fn edit(&mut self, by: &str, id: u64, edit: Edit, now: Timestamp) -> Option<Done> {
        let people = &self.people;
        let person = |id: &Option<String>| match id {
            Some(id) => (Some(people.reference(id)), Some(people.display_name(id).to_owned())),
            None => (None, None),
        };
        let issue = self.issues.get_mut(&id).filter(|issue| !issue.deleted)?;
        let mut items = Vec::new();
        if let Some(status) = edit.status {
            set_status(issue, status, edit.resolution, now, &mut items);
        }
        set("assignee", &mut issue.assignee, edit.assignee, person, &mut items);
        set("reporter", &mut issue.reporter, edit.reporter, person, &mut items);
        let urgency = |name: &&'static str| (Some(priority_id(name)), Some((*name).to_owned()));
        set("priority", &mut issue.priority, edit.priority, urgency, &mut items);
        set("summary", &mut issue.summary, edit.summary, |text| plain(text), &mut items);
        let text = |text: &Option<String>| (None, text.clone());
        set("description", &mut issue.description, edit.description, text, &mut items);
        let words = |labels: &BTreeSet<String>| {
            let words: Vec<&str> = labels.iter().map(String::as_str).collect();
            plain(&words.join(" "))
        };
        set("labels", &mut issue.labels, edit.labels, words, &mut items);
        if let Some(room) = edit.room.filter(|room| *room != issue.room) {
            let before = mem::replace(&mut issue.room, room);
            items.push(Item {
                field: "DocSpace room",
                field_id: super::ROOM_FIELD,
                from: (None, before),
                to: (None, issue.room.clone()),
            });
        }
        let kind = event_type(&items)?;
        Some(record(&mut self.ids, issue, by, now, What::Updated(kind, items)))
    }

    /// Writes a comment and returns its id.
    pub(super) fn comment(
        &mut self,
        by: &str,
        id: u64,
        comment: NewComment,
        now: Timestamp,
    ) -> Option<(u64, Done)> {
        let issue = self.issues.get_mut(&id).filter(|issue| !issue.deleted)?;
        let NewComment { adf, wiki, internal, properties } = comment;
        let number = next(&mut self.ids.comment);
        if !internal && issue.reporter.as_deref().is_some_and(|reporter| reporter != by) {
            issue.notified += 1;
        }
        issue.comments.push(Comment {
            id: number,
            author: by.to_owned(),
            adf,
            wiki,
            internal,
            properties,
            created: now,
        });
        Some((number, record(&mut self.ids, issue, by, now, What::Commented(number))))
    }

    /// Changes an issue as a person does. `None` if that isn't possible.
    pub(super) fn change(&mut self, by: &str, id: u64, change: Change, now: Timestamp) -> Option<Done> {
        let edit = match change {
            Change::Status(name) => Edit { status: Some(Status::named(&name)?), ..Edit::default() },
            Change::Assignee(user) => {
                let known = user.as_ref().is_none_or(|user| self.people.is_agent(user));
                Edit { assignee: Some(known.then_some(user)?), ..Edit::default() }
            }
            Change::Reporter(user) => {
                let known = user.as_ref().is_none_or(|user| self.people.has(user));
                Edit { reporter: Some(known.then_some(user)?), ..Edit::default() }
            }
            Change::Priority(name) => Edit { priority: Some(priority_named(&name)?), ..Edit::default() },
            Change::Labels(labels) => Edit { labels: Some(labels.into_iter().collect()), ..Edit::default() },
            Change::Summary(summary) => Edit { summary: Some(summary), ..Edit::default() },
            Change::Move(project) => return self.move_to(by, id, &project.to_uppercase(), now),
            Change::PublicComment(text) => {
                return Some(self.comment(by, id, NewComment::wiki(&text, false), now)?.1);
            }
            Change::InternalComment(text) => {
                return Some(self.comment(by, id, NewComment::wiki(&text, true), now)?.1);
            }
            Change::Duplicates(original) => {
                return self
                    .link(&DUPLICATE, id, original)
                    .then_some(Done { issue: id, happening: UNREPORTED });
            }
            Change::Merge(target) => return self.merge(by, id, target, now),
            Change::Delete => {
                let issue = self.issues.get_mut(&id).filter(|issue| !issue.deleted)?;
                issue.deleted = true;
                self.issue_links.retain(|link| link.source != id && link.destination != id);
                return Some(record(&mut self.ids, issue, by, now, What::Deleted));
            }
        };
        self.edit(by, id, edit, now)
    }

    /// Resolves an issue as a duplicate of another one, and links it to that. Only the first is
    /// reported.
    fn merge(&mut self, by: &str, source: u64, target: u64, now: Timestamp) -> Option<Done> {
        if source == target || self.issue_mut(source).is_none() || self.issue_mut(target).is_none() {
            return None;
        }
        let resolve = Edit {
            status: Some(Status::Resolved),
            resolution: Some(Resolution::Duplicate),
            ..Edit::default()
        };
        let resolved = self.edit(by, source, resolve, now);
        let linked = self.link(&DUPLICATE, source, target);
        resolved.or_else(|| linked.then_some(Done { issue: source, happening: UNREPORTED }))
    }

    /// An issue as it is.
    pub(super) fn view(&self, issue: &Issue) -> IssueView {
        let duplicates = self.issue_links.iter().filter(|link| link.kind == &DUPLICATE);
        let (from, to): (Vec<_>, Vec<_>) = duplicates
            .filter(|link| link.source == issue.id || link.destination == issue.id)
            .partition(|link| link.source == issue.id);
        IssueView {
            duplicates: from.into_iter().map(|link| link.destination).collect(),
            duplicated_by: to.into_iter().map(|link| link.source).collect(),
            ..issue.view()
        }
    }

    fn move_to(&mut self, by: &str, id: u64, project: &str, now: Timestamp) -> Option<Done> {
        self.issues.get(&id).filter(|issue| !issue.deleted && issue.project != project)?;
        let side = |site: &Self, key: &str| {
            let project = site.projects.get(key)?;
            Some((Some(project.id.to_string()), Some(project.name.clone())))
        };
        let to = side(self, project)?;
        let key = self.next_key(project)?;
        let from = side(self, &self.issues.get(&id)?.project)?;
        let issue = self.issues.get_mut(&id)?;
        project.clone_into(&mut issue.project);
        let former = mem::replace(&mut issue.key, key);
        let items = vec![
            changed("project", from, to),
            Item { field: "Key", field_id: "issuekey", from: plain(&former), to: plain(&issue.key) },
        ];
        issue.former_keys.push(former);
        Some(record(&mut self.ids, issue, by, now, What::Updated("issue_moved", items)))
    }
}

fn record(ids: &mut Ids, issue: &mut Issue, by: &str, now: Timestamp, what: What) -> Done {
    let happening = next(&mut ids.history);
    if !matches!(what, What::Deleted) {
        issue.updated = now;
    }
    issue.history.push(Happening { id: happening, by: by.to_owned(), at: now, what });
    Done { issue: issue.id, happening }
}

fn set<T: PartialEq>(
    field: &'static str,
    slot: &mut T,
    wanted: Option<T>,
    side: impl Fn(&T) -> Side,
    items: &mut Vec<Item>,
) {
    if let Some(after) = wanted.filter(|wanted| wanted != slot) {
        items.push(changed(field, side(slot), side(&after)));
        *slot = after;
    }
}

/// The resolution comes and goes with the category; going from one done status to another keeps it,
/// unless another one is `wanted`.
fn set_status(
    issue: &mut Issue,
    status: Status,
    wanted: Option<Resolution>,
    now: Timestamp,
    items: &mut Vec<Item>,
) {
    let before = issue.resolved.map(|(resolution, _)| resolution);
    let after = (status.category() == Category::Done).then(|| wanted.or(before).unwrap_or(Resolution::Done));
    if before != after {
        issue.resolved = after.map(|resolution| (resolution, now));
        let side = |resolution: Option<Resolution>| match resolution {
            Some(resolution) => (Some(resolution.id().to_owned()), Some(resolution.name().to_owned())),
            None => (None, None),
        };
        items.push(changed("resolution", side(before), side(after)));
    }
    if status != issue.status {
        items.push(changed("status", status_side(issue.status), status_side(status)));
        issue.status = status;
    }
}

fn changed(field: &'static str, from: Side, to: Side) -> Item {
    Item { field, field_id: field, from, to }
}

fn status_side(status: Status) -> Side {
    (Some(status.id().to_string()), Some(status.name().to_owned()))
}

/// The event type for such changes; `None` if nothing changed.
fn event_type(items: &[Item]) -> Option<&'static str> {
    let has = |field: &str| items.iter().any(|item| item.field == field);
    let first = items.first()?;
    Some(match first.field {
        _ if has("status") => "issue_generic",
        "assignee" if items.len() == 1 => "issue_assigned",
        _ => "issue_updated",
    })
}

pub(super) fn priority_named(name: &str) -> Option<&'static str> {
    PRIORITIES
        .into_iter()
        .find(|priority| priority.eq_ignore_ascii_case(name) || priority_id(priority) == name)
}

/// Their places, from 1.
pub(super) fn priority_id(name: &str) -> String {
    let place = PRIORITIES.iter().position(|priority| *priority == name);
    place.map_or(0, |place| place + 1).to_string()
}

fn mime_type(filename: &str) -> &'static str {
    match filename.rsplit_once('.').map(|(_, extension)| extension) {
        Some("txt" | "log" | "csv") => "text/plain",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
