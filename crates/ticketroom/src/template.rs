//! What a room for a ticket looks like: title, type, folders, access, link.
//!
//! A template is checked once, when the configuration is read: its title compiles and names only
//! what a ticket has, its roles are possible in its room type, its folders have valid titles. After
//! that, rendering it can't fail.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

pub use crate::language::LanguageError;
use crate::language::{self, Desks, Name, Piece, Subject as About};

use crate::room::{FOLDER_TITLE_LIMIT, LinkKind, ROOM_TITLE_LIMIT, Role, RoomType, sanitise_title};
use crate::ticket::{HelpdeskName, Person, Ticket, TicketKey};

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
    /// What of the room follows the ticket.
    pub follow: Follow,
    /// Whether access is revoked from people and groups that had it because of the ticket, once the
    /// ticket has others.
    pub remove_former: bool,
    /// When the ticket is told what people do in the room; `None` is never.
    pub notify: Option<Notify>,
}

/// What of a room follows its ticket after the room was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    /// The room's title.
    pub subject: bool,
    /// Access of the assignee.
    pub assignee: bool,
    /// Access of the ticket's group.
    pub group: bool,
    /// Access of the requester.
    pub requester: bool,
}

impl Follow {
    /// Everything follows.
    pub const ALL: Self = Self { subject: true, assignee: true, group: true, requester: true };
    /// Nothing does.
    pub const NONE: Self = Self { subject: false, assignee: false, group: false, requester: false };

    /// Whether access of this subject follows the ticket. What the configuration names has nothing
    /// to follow.
    #[must_use]
    pub fn follows(self, subject: &Subject) -> bool {
        match subject {
            Subject::Group(_) | Subject::User(_) => true,
            Subject::Assignee(_) => self.assignee,
            Subject::Requester(_) => self.requester,
            Subject::TicketGroup(_) => self.group,
        }
    }
}

/// When a ticket is told what people do in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    /// So long nothing may have happened in the room, so that many files are one note.
    pub quiet: Duration,
    /// Whether it is told of files.
    pub files: bool,
    /// Whether it is told of folders.
    pub folders: bool,
}

impl Default for Notify {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(5 * 60), files: true, folders: false }
    }
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
    /// Whoever opened the ticket.
    Requester,
    /// The group that the ticket is assigned to, by these names.
    TicketGroup(Arc<GroupNames>),
}

/// What DocSpace calls the groups of each helpdesk, where the names differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupNames(BTreeMap<HelpdeskName, Vec<(String, String)>>);

impl GroupNames {
    /// Remembers that `theirs` in `helpdesk` is `ours` in DocSpace.
    pub fn insert(&mut self, helpdesk: HelpdeskName, theirs: String, ours: String) {
        self.0.entry(helpdesk).or_default().push((theirs, ours));
    }

    /// What DocSpace calls a group of a helpdesk; names are compared without regard to case.
    #[must_use]
    pub fn in_docspace<'a>(&'a self, helpdesk: &HelpdeskName, group: &'a str) -> &'a str {
        let same = |theirs: &str| theirs.trim().to_lowercase() == group.trim().to_lowercase();
        let names = self.0.get(helpdesk).into_iter().flatten();
        names.into_iter().find(|(theirs, _)| same(theirs)).map_or(group.trim(), |(_, ours)| ours.as_str())
    }

    /// Every name in DocSpace that a helpdesk's group may lead to by configuration.
    pub fn all_in_docspace(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(|(_, ours)| ours.as_str())
    }
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
    /// Whoever opened the ticket, with this e-mail address.
    Requester(String),
    /// The ticket's own group, which has this name in DocSpace.
    TicketGroup(String),
}

impl Subject {
    /// Whether both are the ticket's assignee, or its group, or its requester, though not the same
    /// one.
    #[must_use]
    pub fn is_of_the_same_kind(&self, other: &Self) -> bool {
        self.is_of_the_ticket() && std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether both are people with the same e-mail address, or groups of the same name.
    #[must_use]
    pub fn is_named_like(&self, other: &Self) -> bool {
        let name = |subject: &Self| match subject {
            Self::Group(name) | Self::TicketGroup(name) => (true, name.clone()),
            Self::User(email) | Self::Assignee(email) | Self::Requester(email) => {
                (false, email.to_lowercase())
            }
        };
        name(self) == name(other)
    }

    /// Whether it comes from the ticket rather than from the configuration: that it is not in
    /// DocSpace is everyday life then, and nobody's mistake.
    #[must_use]
    pub fn is_of_the_ticket(&self) -> bool {
        matches!(self, Self::Assignee(_) | Self::Requester(_) | Self::TicketGroup(_))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group “{name}”"),
            Self::User(email) => write!(f, "user {email}"),
            Self::Assignee(email) => write!(f, "assignee {email}"),
            Self::Requester(email) => write!(f, "requester {email}"),
            Self::TicketGroup(name) => write!(f, "ticket's group “{name}”"),
        }
    }
}

impl Template {
    /// The title of a ticket's room, in DocSpace's form. A ticket without a subject is named after
    /// its description's first line; a title that comes out empty is the ticket's id.
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

    /// Who is to be in a ticket's room, each once; of two roles for the same subject the one that
    /// the configuration names first counts.
    #[must_use]
    pub fn grants(&self, key: &TicketKey, ticket: &Ticket) -> Vec<Grant> {
        let mut grants: Vec<Grant> = Vec::new();
        let email = |person: &Option<Person>| person.as_ref().and_then(|person| person.email.clone());
        for rule in &self.access {
            let subject = match &rule.who {
                Who::Group(name) => Some(Subject::Group(name.clone())),
                Who::User(email) => Some(Subject::User(email.clone())),
                Who::Assignee => email(&ticket.assignee).map(Subject::Assignee),
                Who::Requester => email(&ticket.requester).map(Subject::Requester),
                Who::TicketGroup(names) => {
                    let group = ticket.group.as_deref().filter(|group| !group.trim().is_empty());
                    group
                        .map(|group| Subject::TicketGroup(names.in_docspace(&key.helpdesk, group).to_owned()))
                }
            };
            let Some(subject) = subject else { continue };
            if !grants.iter().any(|grant| grant.subject == subject) {
                grants.push(Grant { subject, role: rule.role });
            }
        }
        grants
    }
}

/// A title with placeholders such as `{{ ticket.subject }}` (Jinja).
#[derive(Debug, Clone)]
pub struct TitleTemplate(std::sync::Arc<[Piece]>);

impl TitleTemplate {
    /// Compiles a title.
    ///
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn parse(source: &str) -> Result<Self, LanguageError> {
        language::title(source).map(|pieces| Self(pieces.into()))
    }

    fn render(&self, key: &TicketKey, ticket: &Ticket) -> String {
        // Read and tried when it was configured; an odd ticket may still break a filter, and a
        // plain title beats no room.
        language::render(&self.0, About { key, ticket })
            .unwrap_or_else(|_| format!("Ticket #{} – {}", key.id, ticket.subject))
    }

    /// What none of the configured helpdesks can make true, or what they name otherwise.
    pub(crate) fn warnings(&self, desks: &Desks) -> Vec<String> {
        language::title_warnings(&self.0, desks)
    }

    /// Whether it depends on a part of the ticket.
    pub(crate) fn reads(&self, name: Name) -> bool {
        language::title_reads(&self.0, name)
    }
}

/// The folders of a room as paths (`Logs/Server`), parents before children, each once.
///
/// Titles are in DocSpace's form. Two folders of one parent that differ only in case are one, since
/// DocSpace merges such folders when it copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FolderTree(Vec<Vec<String>>);

/// A folder's path that has a part without a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the folder “{0}” has a part without a name")]
pub struct NamelessFolder(pub String);

impl FolderTree {
    /// Reads folders as configured.
    ///
    /// # Errors
    /// Which path is wrong, and why.
    pub fn parse<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Self, NamelessFolder> {
        let mut tree: Vec<Vec<String>> = Vec::new();
        for path in paths {
            let mut prefix: Vec<String> = Vec::new();
            for part in path.split('/') {
                let title = sanitise_title(part, FOLDER_TITLE_LIMIT);
                if title.is_empty() {
                    return Err(NamelessFolder(path.to_owned()));
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

/// Whether DocSpace takes two folder titles for the same when it merges: its database's collation
/// knows no case, no accents and no blanks at the end.
#[must_use]
pub fn same_folder_title(a: &str, b: &str) -> bool {
    let plain = |title: &str| -> String {
        title.trim_end().nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
    };
    a == b || plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            follow: Follow::ALL,
            remove_former: true,
            notify: None,
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
        let error = TitleTemplate::parse("{{ ticket.subjet }}").unwrap_err().to_string();
        assert_eq!(error, "ticket has no “subjet”; did you mean ticket.subject?");
        assert!(TitleTemplate::parse("{{ subject }}").unwrap_err().to_string().contains("ticket.subject"));
        assert!(
            TitleTemplate::parse("{{ ticket.assignee.mail }}")
                .unwrap_err()
                .to_string()
                .contains("assignee.email")
        );
        assert!(TitleTemplate::parse("{{ ticket.subject").is_err());
        assert!(TitleTemplate::parse("{{ ticket.subject | nonsense }}").is_err());
    }

    #[test]
    fn folders_nest_and_stand_once() {
        let tree = FolderTree::parse(["Logs/Server", "Logs", "logs/Client", "A: b"]).unwrap();
        let paths: Vec<String> = tree.paths().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["Logs", "A_ b", "Logs/Server", "Logs/Client"]);
        assert!(FolderTree::parse(["Logs//x"]).unwrap_err().to_string().contains("Logs//x"));
    }

    #[test]
    fn the_assignee_is_a_grant_once_there_is_one() {
        let mut template = template("x");
        template.access = vec![
            AccessRule { who: Who::Group("Support".to_owned()), role: Role::Editor },
            AccessRule { who: Who::Assignee, role: Role::Editor },
        ];
        assert_eq!(template.grants(&key(), &Ticket::default()).len(), 1);
        let person = Person { name: None, email: Some("anna@example.com".to_owned()) };
        let grants = template.grants(&key(), &Ticket { assignee: Some(person), ..Ticket::default() });
        assert_eq!(grants[1].subject, Subject::Assignee("anna@example.com".to_owned()));
    }
}
