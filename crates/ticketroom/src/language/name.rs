//! What titles and conditions can name of a ticket, and what each of these names holds.

use super::error::LanguageError;
use super::nearest;

/// A part of a ticket, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Id,
    Key,
    Helpdesk,
    Project,
    Subject,
    Description,
    Requester,
    RequesterEmail,
    RequesterDomain,
    Assignee,
    AssigneeEmail,
    AssigneeDomain,
    Group,
    Organization,
    Brand,
    Type,
    Form,
    Channel,
    Priority,
    Status,
    Tags,
    Created,
    CreatedYear,
    CreatedMonth,
    CreatedDay,
    CreatedHour,
    CreatedWeekday,
}

/// What a name holds, as far as that is known without a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text that may be anything.
    Text,
    /// Text that may well be a number.
    Id,
    /// Text that is always in lower case.
    Lower,
    Number,
    List,
    Time,
    Bool,
    /// Not known before there is a ticket: a custom field.
    Any,
}

impl Name {
    pub(super) const ALL: [(&'static str, Self, Kind); 27] = [
        ("ticket.id", Self::Id, Kind::Id),
        ("ticket.key", Self::Key, Kind::Id),
        ("ticket.helpdesk", Self::Helpdesk, Kind::Lower),
        ("ticket.project", Self::Project, Kind::Text),
        ("ticket.subject", Self::Subject, Kind::Text),
        ("ticket.description", Self::Description, Kind::Text),
        ("ticket.requester.name", Self::Requester, Kind::Text),
        ("ticket.requester.email", Self::RequesterEmail, Kind::Lower),
        ("ticket.requester.domain", Self::RequesterDomain, Kind::Lower),
        ("ticket.assignee.name", Self::Assignee, Kind::Text),
        ("ticket.assignee.email", Self::AssigneeEmail, Kind::Lower),
        ("ticket.assignee.domain", Self::AssigneeDomain, Kind::Lower),
        ("ticket.group", Self::Group, Kind::Text),
        ("ticket.organization", Self::Organization, Kind::Text),
        ("ticket.brand", Self::Brand, Kind::Id),
        ("ticket.type", Self::Type, Kind::Lower),
        ("ticket.form", Self::Form, Kind::Id),
        ("ticket.channel", Self::Channel, Kind::Lower),
        ("ticket.priority", Self::Priority, Kind::Lower),
        ("ticket.status", Self::Status, Kind::Lower),
        ("ticket.tags", Self::Tags, Kind::List),
        ("ticket.created", Self::Created, Kind::Time),
        ("ticket.created.year", Self::CreatedYear, Kind::Number),
        ("ticket.created.month", Self::CreatedMonth, Kind::Number),
        ("ticket.created.day", Self::CreatedDay, Kind::Number),
        ("ticket.created.hour", Self::CreatedHour, Kind::Number),
        ("ticket.created.weekday", Self::CreatedWeekday, Kind::Lower),
    ];

    fn entry(self) -> (&'static str, Kind) {
        let entry = Self::ALL.iter().find(|(_, name, _)| *name == self);
        entry.map_or(("", Kind::Any), |(path, _, kind)| (path, *kind))
    }

    pub(super) fn path(self) -> &'static str {
        self.entry().0
    }

    pub(super) fn kind(self) -> Kind {
        self.entry().1
    }
}

/// What a path such as `ticket.group` leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Name(Name),
    /// `ticket`, `ticket.fields`, `ticket.requester`: has parts, but is no value.
    Whole,
}

/// Words of other systems for what has another name here.
const ALIASES: [(&str, &str); 40] = [
    ("title", "subject"),
    ("summary", "subject"),
    ("name", "subject"),
    ("body", "description"),
    ("text", "description"),
    ("number", "id"),
    ("ticket_id", "id"),
    ("state", "status"),
    ("severity", "priority"),
    ("urgency", "priority"),
    ("tag", "tags"),
    ("label", "tags"),
    ("labels", "tags"),
    ("organisation", "organization"),
    ("company", "organization"),
    ("customer", "organization"),
    ("account", "organization"),
    ("team", "group"),
    ("queue", "group"),
    ("department", "group"),
    ("agent", "assignee"),
    ("owner", "assignee"),
    ("responder", "assignee"),
    ("reporter", "requester"),
    ("user", "requester"),
    ("contact", "requester"),
    ("email", "requester.email"),
    ("domain", "requester.domain"),
    ("from", "requester.email"),
    ("via", "channel"),
    ("source", "channel"),
    ("product", "brand"),
    ("kind", "type"),
    ("ticket_type", "type"),
    ("issue_type", "type"),
    ("issuetype", "type"),
    ("request_type", "form"),
    ("created_at", "created"),
    ("date", "created"),
    ("custom_fields", "fields"),
];

const WHOLES: [&str; 4] = ["ticket", "ticket.fields", "ticket.requester", "ticket.assignee"];

/// Finds a path, or says what was meant.
pub(super) fn find(path: &str) -> Result<Found, LanguageError> {
    if let Some((_, name, _)) = Name::ALL.iter().find(|(known, ..)| *known == path) {
        return Ok(Found::Name(*name));
    }
    if WHOLES.contains(&path) {
        return Ok(Found::Whole);
    }
    let (of, part) = path.rsplit_once('.').unwrap_or(("", path));
    if of.is_empty() {
        return Err(unknown_root(path).into());
    }
    let parts = parts(of);
    if parts.is_empty() {
        return Err(format!("{of} has no parts, and so no “{part}”").into());
    }
    let alias = ALIASES.iter().find(|(other, _)| of == "ticket" && other.eq_ignore_ascii_case(part));
    let near = alias.map(|(_, ours)| *ours).or_else(|| nearest(&part.to_lowercase(), parts.iter().copied()));
    Err(match near {
        Some(near) => format!("{of} has no “{part}”; did you mean {of}.{near}?"),
        None => format!("{of} has no “{part}”; it has {}", parts.join(", ")),
    }
    .into())
}

/// The parts of `ticket`, `ticket.requester` ...
pub(super) fn parts(of: &str) -> Vec<&'static str> {
    let known = Name::ALL.iter().map(|(path, ..)| *path).chain(WHOLES);
    let rests = known.filter_map(|path| path.strip_prefix(of)?.strip_prefix('.'));
    let mut parts: Vec<&str> = rests.filter(|rest| !rest.contains('.')).collect();
    parts.sort_unstable();
    parts
}

fn unknown_root(name: &str) -> String {
    let word = match name {
        "AND" | "And" => Some("and"),
        "OR" | "Or" => Some("or"),
        "NOT" | "Not" => Some("not"),
        "null" | "nil" | "NULL" | "undefined" => Some("none"),
        _ => None,
    };
    if let Some(word) = word {
        return format!("unknown name “{name}”; did you mean {word}?");
    }
    let own = parts("ticket");
    let alias = ALIASES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, ours)| *ours);
    let same = own.iter().copied().find(|part| part.eq_ignore_ascii_case(name));
    match same.or(alias) {
        Some(part) => format!("unknown name “{name}”; did you mean ticket.{part}?"),
        None => format!(
            "unknown name “{name}”: everything is in “ticket”, such as ticket.subject; a text needs quotes: '{name}'"
        ),
    }
}
