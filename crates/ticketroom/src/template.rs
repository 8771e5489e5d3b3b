//! What a room for a ticket looks like: title, type, folders, access, link.
//!
//! A template is checked once, when the configuration is read: its title compiles and names only what
//! a ticket has, its roles are possible in its room type, its folders have valid titles. After that,
//! rendering it can't fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};

use crate::room::{FOLDER_TITLE_LIMIT, LinkKind, ROOM_TITLE_LIMIT, Role, RoomType, sanitise_title};
use crate::ticket::{FieldValue, Ticket, TicketKey};

/// How a ticket's room is to be.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its name in the configuration.
    pub name: String,
    /// The title's source, as configured.
    pub title: TitleTemplate,
    /// The type of the room.
    pub room_type: RoomType,
    /// The folders.
    pub folders: FolderTree,
    /// Who gets in.
    pub access: Vec<AccessRule>,
    /// Which address goes into the ticket.
    pub link: LinkKind,
    /// How long after the ticket is solved the room is archived; `None` is never.
    pub archive_after: Option<Duration>,
}

/// One line of `access`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// Who.
    pub who: Who,
    /// As what.
    pub role: Role,
}

/// Whom an access rule means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A DocSpace group, by its exact name.
    Group(String),
    /// A DocSpace user, by e-mail.
    User(String),
    /// Whoever the ticket is assigned to.
    Assignee,
}

/// Somebody who is to have a role in a room, once the ticket is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// Who.
    pub subject: Subject,
    /// As what.
    pub role: Role,
}

/// Whom a grant means, in words that DocSpace can be asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The group with this name.
    Group(String),
    /// The configured user with this e-mail address.
    User(String),
    /// The ticket's assignee, who has this e-mail address.
    Assignee(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group “{name}”"),
            Self::User(email) => write!(f, "user {email}"),
            Self::Assignee(email) => write!(f, "assignee {email}"),
        }
    }
}

impl Template {
    /// The title of a ticket's room, in DocSpace's form. A ticket without a subject is named after its
    /// description's first line; a title that comes out empty is the ticket's id.
    #[must_use]
    pub fn room_title(&self, key: &TicketKey, ticket: &Ticket) -> String {
        let rendered = self.title.render(key, ticket);
        let title = sanitise_title(&rendered, ROOM_TITLE_LIMIT);
        if title.is_empty() {
            sanitise_title(
                &format!("Ticket {}", ticket.key.as_deref().unwrap_or(key.id.as_str())),
                ROOM_TITLE_LIMIT,
            )
        } else {
            title
        }
    }

    /// Who is to be in a ticket's room, each once; of two roles for the same subject the one that the
    /// configuration names first counts.
    #[must_use]
    pub fn grants(&self, ticket: &Ticket) -> Vec<Grant> {
        let mut grants: Vec<Grant> = Vec::new();
        for rule in &self.access {
            let subject = match &rule.who {
                Who::Group(name) => Subject::Group(name.clone()),
                Who::User(email) => Subject::User(email.clone()),
                Who::Assignee => match ticket.assignee.as_ref().and_then(|person| person.email.clone()) {
                    Some(email) => Subject::Assignee(email),
                    None => continue,
                },
            };
            if !grants.iter().any(|grant| grant.subject == subject) {
                grants.push(Grant { subject, role: rule.role });
            }
        }
        grants
    }
}

/// A title with placeholders such as `{{ ticket.subject }}` (Jinja).
#[derive(Debug, Clone)]
pub struct TitleTemplate {
    environment: std::sync::Arc<Environment<'static>>,
}

const TITLE: &str = "title";

impl TitleTemplate {
    /// Compiles a title.
    ///
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut environment = ticket_environment();
        environment.add_template_owned(TITLE, source.to_owned()).map_err(|error| describe(&error))?;
        let template = environment.get_template(TITLE).map_err(|error| describe(&error))?;
        check_names(&template.undeclared_variables(true))?;
        // What compiles may still fail when it runs (a filter on the wrong type): try it.
        template.render(sample_context()).map_err(|error| describe(&error))?;
        Ok(Self { environment: std::sync::Arc::new(environment) })
    }

    fn render(&self, key: &TicketKey, ticket: &Ticket) -> String {
        self.environment
            .get_template(TITLE)
            .and_then(|template| template.render(context(key, ticket)))
            // Compiled and tried when it was configured; an odd ticket may still break a filter, and
            // a plain title beats no room.
            .unwrap_or_else(|_| format!("Ticket #{} – {}", key.id, ticket.subject))
    }
}

/// The language of titles and rules: unknown names are errors, values are not HTML.
pub(crate) fn ticket_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
}

/// What titles and rules can say about a ticket.
#[derive(Serialize)]
struct TicketContext<'a> {
    id: &'a str,
    key: &'a str,
    project: &'a str,
    fields: minijinja::Value,
    helpdesk: &'a str,
    subject: &'a str,
    description: &'a str,
    requester: PersonContext<'a>,
    assignee: PersonContext<'a>,
    group: &'a str,
    priority: &'a str,
    status: &'a str,
    tags: &'a [String],
}

#[derive(Serialize)]
struct PersonContext<'a> {
    name: &'a str,
    email: &'a str,
}

/// The custom fields. One that the ticket doesn't have is empty text, like everything else that it doesn't have.
#[derive(Debug)]
struct Fields(BTreeMap<String, FieldValue>);

impl minijinja::value::Object for Fields {
    fn get_value(self: &std::sync::Arc<Self>, name: &minijinja::Value) -> Option<minijinja::Value> {
        // Zendesk's fields have numbers for names.
        let name = name.to_string();
        Some(match self.0.get(&name) {
            Some(value) => minijinja::Value::from(minijinja::value::Serde(value)),
            None => minijinja::Value::from(""),
        })
    }
}

const TICKET_NAMES: [&str; 13] = [
    "id",
    "key",
    "project",
    "fields",
    "helpdesk",
    "subject",
    "description",
    "requester",
    "assignee",
    "group",
    "priority",
    "status",
    "tags",
];
const PERSON_NAMES: [&str; 2] = ["name", "email"];

/// The values for a title or a rule. What a ticket doesn't have is empty text, never an error.
pub(crate) fn context(key: &TicketKey, ticket: &Ticket) -> minijinja::Value {
    fn person(person: Option<&crate::ticket::Person>) -> PersonContext<'_> {
        PersonContext {
            name: person.and_then(|p| p.name.as_deref()).unwrap_or_default(),
            email: person.and_then(|p| p.email.as_deref()).unwrap_or_default(),
        }
    }
    let description = ticket.description.as_deref().unwrap_or_default();
    let first_line = description.lines().map(str::trim).find(|line| !line.is_empty());
    let subject = match ticket.subject.trim() {
        "" => first_line.unwrap_or_default(),
        subject => subject,
    };
    let ticket = TicketContext {
        id: key.id.as_str(),
        key: ticket.key.as_deref().unwrap_or(key.id.as_str()),
        project: ticket.project.as_deref().unwrap_or_default(),
        fields: minijinja::Value::from_object(Fields(ticket.fields.clone())),
        helpdesk: key.helpdesk.as_str(),
        subject,
        description,
        requester: person(ticket.requester.as_ref()),
        assignee: person(ticket.assignee.as_ref()),
        group: ticket.group.as_deref().unwrap_or_default(),
        priority: ticket.priority.as_deref().unwrap_or_default(),
        status: ticket.status.as_str(),
        tags: &ticket.tags,
    };
    minijinja::context! { ticket => minijinja::Value::from(minijinja::value::Serde(&ticket)) }
}

fn sample_context() -> minijinja::Value {
    let key = TicketKey {
        helpdesk: "helpdesk".parse().unwrap_or_else(|_| unreachable!("a valid name")),
        id: crate::ticket::TicketId::from(1),
    };
    context(&key, &Ticket { subject: "Subject".to_owned(), ..Ticket::default() })
}

/// Refuses names that a ticket doesn't have, with the nearest one that it has.
pub(crate) fn check_names(names: &std::collections::HashSet<String>) -> Result<(), String> {
    for name in names.iter().collect::<BTreeSet<_>>() {
        let mut parts = name.split('.');
        let (root, field, inner) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        if root != "ticket" {
            // Loop variables and functions are minijinja's own affair; plain unknown names are not.
            return Err(format!("unknown name “{root}”; everything is in “ticket”, such as ticket.subject"));
        }
        let Some(field) = field else { continue };
        if !TICKET_NAMES.contains(&field) {
            return Err(unknown_field("ticket", field, &TICKET_NAMES));
        }
        if let Some(inner) = inner
            && matches!(field, "requester" | "assignee")
            && !PERSON_NAMES.contains(&inner)
        {
            return Err(unknown_field(&format!("ticket.{field}"), inner, &PERSON_NAMES));
        }
    }
    Ok(())
}

fn unknown_field(of: &str, field: &str, known: &[&str]) -> String {
    match nearest(field, known.iter().copied()) {
        Some(near) => format!("{of} has no “{field}”; did you mean {of}.{near}?"),
        None => format!("{of} has no “{field}”; it has {}", known.join(", ")),
    }
}

/// The candidate that `word` is most likely a misspelling of.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A template error without its internal name and line, which is always 1.
pub(crate) fn describe(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// The folders of a room as paths (`Logs/Server`), parents before children, each once.
///
/// Titles are in DocSpace's form. Two folders of one parent that differ only in case are one, since
/// DocSpace merges such folders when it copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FolderTree(Vec<Vec<String>>);

impl FolderTree {
    /// Reads folders as configured.
    ///
    /// # Errors
    /// Which path is wrong, and why.
    pub fn parse<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut tree: Vec<Vec<String>> = Vec::new();
        for path in paths {
            let mut prefix: Vec<String> = Vec::new();
            for part in path.split('/') {
                let title = sanitise_title(part, FOLDER_TITLE_LIMIT);
                if title.is_empty() {
                    return Err(format!("the folder “{path}” has a part without a name"));
                }
                prefix.push(title);
                if let Some(known) = tree.iter().find(|known| same_path(known, &prefix)) {
                    prefix.clone_from(known);
                } else {
                    tree.push(prefix.clone());
                }
            }
        }
        tree.sort_by_key(Vec::len);
        Ok(Self(tree))
    }

    /// Every folder's path, parents before children.
    pub fn paths(&self) -> impl Iterator<Item = &[String]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// How many folders there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the room has no folders.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn same_path(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_folder_title(a, b))
}

/// Whether DocSpace takes two folder titles for the same when it merges.
#[must_use]
pub fn same_folder_title(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Person;

    fn key() -> TicketKey {
        TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "4711".parse().unwrap() }
    }

    fn template(title: &str) -> Template {
        Template {
            name: "default".to_owned(),
            title: TitleTemplate::parse(title).unwrap(),
            room_type: RoomType::Collaboration,
            folders: FolderTree::default(),
            access: vec![],
            link: LinkKind::Member,
            archive_after: None,
        }
    }

    fn ticket(subject: &str) -> Ticket {
        Ticket { subject: subject.to_owned(), ..Ticket::default() }
    }

    #[test]
    fn titles_are_rendered_and_sanitised() {
        let template = template("Ticket #{{ ticket.id }} – {{ ticket.subject }}");
        assert_eq!(template.room_title(&key(), &ticket("VPN: \"down\"")), "Ticket #4711 – VPN_ _down_");
        assert_eq!(template.room_title(&key(), &ticket("{{ 7*7 }}")), "Ticket #4711 – {{ 7_7 }}");
    }

    #[test]
    fn a_ticket_without_a_subject_still_gets_a_title() {
        let ticket = Ticket { description: Some("\n first line \nsecond".to_owned()), ..Ticket::default() };
        assert_eq!(template("{{ ticket.subject }}").room_title(&key(), &ticket), "first line");
        assert_eq!(template("{{ ticket.subject }}").room_title(&key(), &Ticket::default()), "Ticket 4711");
    }

    #[test]
    fn a_title_that_names_what_a_ticket_has_not_is_refused() {
        let error = TitleTemplate::parse("{{ ticket.subjet }}").unwrap_err();
        assert_eq!(error, "ticket has no “subjet”; did you mean ticket.subject?");
        assert!(TitleTemplate::parse("{{ subject }}").unwrap_err().contains("ticket.subject"));
        assert!(TitleTemplate::parse("{{ ticket.assignee.mail }}").unwrap_err().contains("assignee.email"));
        assert!(TitleTemplate::parse("{{ ticket.subject").is_err());
        assert!(TitleTemplate::parse("{{ ticket.subject | nonsense }}").is_err());
    }

    #[test]
    fn folders_nest_and_stand_once() {
        let tree = FolderTree::parse(["Logs/Server", "Logs", "logs/Client", "A: b"]).unwrap();
        let paths: Vec<String> = tree.paths().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["Logs", "A_ b", "Logs/Server", "Logs/Client"]);
        assert!(FolderTree::parse(["Logs//x"]).unwrap_err().contains("Logs//x"));
    }

    #[test]
    fn the_assignee_is_a_grant_once_there_is_one() {
        let mut template = template("x");
        template.access = vec![
            AccessRule { who: Who::Group("Support".to_owned()), role: Role::Editor },
            AccessRule { who: Who::Assignee, role: Role::Editor },
        ];
        assert_eq!(template.grants(&Ticket::default()).len(), 1);
        let person = Person { name: None, email: Some("anna@example.com".to_owned()) };
        let grants = template.grants(&Ticket { assignee: Some(person), ..Ticket::default() });
        assert_eq!(grants[1].subject, Subject::Assignee("anna@example.com".to_owned()));
    }
}
