//! `[template.*]`: what rooms look like. A template takes what it doesn't say from
//! `[template.default]`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::folder::folders;
use super::helpdesk::email_address;
use super::reader::{Section, Value};
use super::reasons::{ACCESS, INVALID, LINK, RANGE, ROLE, TITLE};
use super::report::{Place, Read, Report, all};
use super::rule::rule;
use super::value::choice;
use super::{HelpdeskConfig, HelpdeskKind, life};
use crate::language::Desks;
use crate::room::{LinkKind, Role, RoomType};
use crate::rule::Rules;
use crate::template::{AccessRule, FolderTree, Follow, GroupNames, Notify, Template, TitleTemplate, Who};

/// The template for tickets that no rule matches.
const DEFAULT: &str = "default";
const DEFAULT_TITLE: &str = "Ticket #{{ ticket.key }} – {{ ticket.subject }}";
const DEFAULT_FOLDERS: [&str; 3] = ["Logs", "Attachments", "Findings"];
const DEFAULT_ARCHIVE_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);

/// More is no title and no condition, but would be compiled all the same.
const LONGEST_EXPRESSION: usize = 1000;

/// The templates by name. One that is wrong is there all the same, so that rules may name it.
pub(super) type Templates<'t> = BTreeMap<&'t str, Read<Arc<Template>>>;

/// What a template says, or `[template.default]` for it.
#[derive(Clone)]
struct Settings {
    title: TitleTemplate,
    room_type: RoomType,
    folders: FolderTree,
    access: Vec<AccessRule>,
    /// `None` is `auto`.
    link: Option<LinkKind>,
    archive_after: Option<Duration>,
    follow: Follow,
    remove_former: bool,
    notify: Option<Notify>,
}

/// What all templates and rules are read with.
struct Surroundings {
    desks: Desks,
    group_names: Arc<GroupNames>,
    /// Where groups and users are named first.
    places: RefCell<BTreeMap<String, String>>,
}

/// Reads every template and every rule.
pub(super) fn rules(top: &mut Section<'_>, helpdesks: &[HelpdeskConfig]) -> Read<Rules> {
    let around = surroundings(helpdesks);
    let templates = top.section("template").and_then(|section| templates(&section, &around));
    let rules = top.sections("rule").and_then(|sections| {
        all(sections.into_iter().map(|section| rule(section, &templates, &around.desks)))
    });
    let report = top.place.report;
    let mut templates = templates?;
    let default = templates.remove(DEFAULT).unwrap_or_else(|| built_in_default(report));
    let rules = rules?;
    if let Some((first, after)) = rules.iter().enumerate().find_map(|(at, rule)| {
        rule.0.when.is_always().then(|| rules.get(at + 1).map(|after| (rule, after)))?
    }) {
        let line = first.0.line.map_or_else(String::new, |line| format!(" in line {line}"));
        after.1.odd(&format!("is never reached: the rule{line} matches every ticket"));
    }
    let rules = rules.into_iter().map(|(rule, _)| rule).collect();
    let rules = Rules::new(rules, default?, all(templates.into_values())?);
    Ok(rules.named_at(around.places.into_inner()))
}

fn surroundings(helpdesks: &[HelpdeskConfig]) -> Surroundings {
    let mut desks = Desks::default();
    let mut group_names = GroupNames::default();
    for helpdesk in helpdesks {
        desks.names.push(helpdesk.name.to_string());
        match helpdesk.kind {
            HelpdeskKind::Zendesk(_) => desks.zendesk = true,
            HelpdeskKind::Freshdesk(_) => desks.freshdesk = true,
            HelpdeskKind::Jira(_) => desks.jira = true,
            HelpdeskKind::Generic(_) => desks.generic = true,
        }
        for (theirs, ours) in &helpdesk.group_names {
            group_names.insert(helpdesk.name.clone(), theirs.clone(), ours.clone());
        }
    }
    Surroundings { desks, group_names: Arc::new(group_names), places: RefCell::default() }
}

/// No rules, and the template that is built in.
pub(super) fn built_in_rules(report: &Report<'_>) -> Read<Rules> {
    Ok(Rules::new(Vec::new(), built_in_default(report)?, Vec::new()))
}

fn built_in_default(report: &Report<'_>) -> Read<Arc<Template>> {
    built_in(report).map(|settings| Arc::new(made(DEFAULT, settings)))
}

fn built_in(report: &Report<'_>) -> Read<Settings> {
    Ok(Settings {
        title: TitleTemplate::parse(DEFAULT_TITLE).map_err(|error| report.bug(error))?,
        room_type: RoomType::Collaboration,
        folders: FolderTree::parse(DEFAULT_FOLDERS).map_err(|error| report.bug(error))?,
        access: vec![AccessRule { who: Who::Assignee, role: Role::Editor }],
        link: Some(LinkKind::Member),
        archive_after: Some(DEFAULT_ARCHIVE_AFTER),
        follow: Follow::ALL,
        remove_former: true,
        notify: Some(Notify::default()),
    })
}

fn made(name: &str, settings: Settings) -> Template {
    let Settings { title, room_type, folders, access, link, archive_after, follow, remove_former, notify } =
        settings;
    let link = link.unwrap_or(LinkKind::auto(room_type));
    Template {
        name: name.to_owned(),
        title,
        room_type,
        folders,
        access,
        link,
        archive_after,
        follow,
        remove_former,
        notify,
    }
}

fn templates<'t>(section: &Section<'t>, around: &Surroundings) -> Read<Templates<'t>> {
    let help = "a template has a name: write [template.default] above its keys";
    let mut sections = section.named_sections("template", help);
    let report = section.place.report;
    let default = match sections.iter().position(|(name, _)| *name == DEFAULT) {
        Some(at) => {
            // It takes from what is built in, but for access: whoever writes a template says who
            // gets in.
            let (_, section) = sections.swap_remove(at);
            let above = built_in(report).map(|settings| Settings { access: Vec::new(), ..settings });
            section.and_then(|section| settings(section, above?, None, around))
        }
        None => built_in(report),
    };
    let mut templates: Templates<'t> = sections
        .into_iter()
        .map(|(name, section)| {
            // What is wrong with the default is said once; what else the others say is read all the
            // same.
            let (above, is_wrong) = match &default {
                Ok(settings) => (Ok(settings.clone()), None),
                Err(reported) => (built_in(report), Some(*reported)),
            };
            let read = section.and_then(|section| settings(section, above?, Some(name), around));
            let template = read.map(|settings| Arc::new(made(name, settings)));
            (name, is_wrong.map_or(template, Err))
        })
        .collect();
    templates.insert(DEFAULT, default.map(|settings| Arc::new(made(DEFAULT, settings))));
    Ok(templates)
}

/// Reads a template that takes what it doesn't say from `above`. `[template.default]` has no `name`
/// here.
fn settings(
    mut section: Section<'_>,
    above: Settings,
    name: Option<&str>,
    around: &Surroundings,
) -> Read<Settings> {
    let title = section.or("title", above.title, |value| title(value, &around.desks));
    let says_type = section.find("room_type");
    let room_type =
        says_type.as_ref().map_or(Ok(above.room_type), |value| choice(value, &RoomType::ALL, "a room type"));
    let folders = section.or("folders", above.folders, folders);
    // What depends on the room type is checked as far as it is known.
    let known_type = room_type.as_ref().ok().copied();
    let says_access = section.find("access");
    let access = match &says_access {
        Some(value) => access(value, known_type, around),
        None => inherited_access(
            above.access,
            known_type,
            says_type.as_ref().map_or(&section.place, |value| &value.place),
        ),
    };
    let says_link = section.find("link");
    let link = match &says_link {
        Some(value) => link(value, known_type),
        None => inherited_link(
            above.link,
            known_type,
            says_type.as_ref().map_or(&section.place, |value| &value.place),
        ),
    };
    let archive_after = section.or("archive_after", above.archive_after, life::archive_after);
    let follow = section.or("follow", above.follow, life::follow);
    let remove_former = section.or("remove_former", above.remove_former, Value::boolean);
    let notify = section.or("notify", above.notify, |value| life::notify(value, above.notify));
    let place = section.place.clone();
    section.close();
    let (room_type, access, link) = (room_type?, access?, link?);
    if access.is_empty() && says_access.is_none() && link == Some(LinkKind::Member) && name.is_none() {
        place.odd("gives nobody access to its rooms; add access = [{ assignee = true, role = \"editor\" }]");
    }
    warn_of_links(says_link.as_ref().map_or(&place, |value| &value.place), &place.subject, room_type, link);
    Ok(Settings {
        title: title?,
        room_type,
        folders: folders?,
        access,
        link,
        archive_after: archive_after?,
        follow: follow?,
        remove_former: remove_former?,
        notify: notify?,
    })
}

/// Says where somebody gets in who was not named: by a link, which can be passed on.
fn warn_of_links(place: &Place<'_>, template: &str, room_type: RoomType, link: Option<LinkKind>) {
    let what = match link.unwrap_or(LinkKind::auto(room_type)) {
        LinkKind::External => {
            "puts a link into the ticket that needs no account: anybody who has it can read the room"
        }
        LinkKind::Invitation => {
            "puts a link into the ticket that makes whoever has it a member: anybody who has it can read the room"
        }
        LinkKind::Member if room_type == RoomType::Public => {
            "makes public rooms, to each of which DocSpace makes a link that needs no account: anybody who has it can \
             read the room"
        }
        LinkKind::Member => return,
    };
    place.report.warning(place.at, &format!("{template} {what}"));
}

/// Access that a template takes over must be possible in its own type of room.
fn inherited_access(
    access: Vec<AccessRule>,
    room_type: Option<RoomType>,
    place: &Place<'_>,
) -> Read<Vec<AccessRule>> {
    let Some(room_type) = room_type else { return Ok(access) };
    match access.iter().find(|rule| !room_type.roles().contains(&rule.role)) {
        None => Ok(access),
        Some(rule) => {
            let role = rule.role.as_str();
            let message = format!(
                "the role “{role}”, which [template.{DEFAULT}] gives, does not exist in a {} room",
                room_type.as_str()
            );
            let roles = role_names(room_type.roles());
            Err(place.problem(
                &ROLE,
                message,
                format!("add access = […] to this template, with one of the roles {roles}"),
            ))
        }
    }
}

/// So must its link.
fn inherited_link(
    link: Option<LinkKind>,
    room_type: Option<RoomType>,
    place: &Place<'_>,
) -> Read<Option<LinkKind>> {
    match room_type {
        Some(room_type) if link == Some(LinkKind::External) && !room_type.has_external_links() => {
            let message = format!(
                "a {} room has no external link, which [template.{DEFAULT}] asks for",
                room_type.as_str()
            );
            Err(place.problem(
                &LINK,
                message,
                "add link = \"member\" to this template, or choose another room_type",
            ))
        }
        _ => Ok(link),
    }
}

fn title(value: &Value<'_>, desks: &Desks) -> Read<TitleTemplate> {
    let help = "write it like \"Ticket #{{ ticket.key }} – {{ ticket.subject }}\"";
    let source = expression(value, help)?;
    let title = TitleTemplate::parse(source)
        .map_err(|error| value.place.wrong(&TITLE, &format!("is wrong: {error}"), help))?;
    for warning in title.warnings(desks) {
        value.place.odd(&format!("has a mistake: {warning}"));
    }
    Ok(title)
}

/// The source of a title or a condition.
pub(super) fn expression<'t>(value: &Value<'t>, help: &str) -> Read<&'t str> {
    let source = value.full_text(help)?;
    if source.len() > LONGEST_EXPRESSION {
        return Err(value.place.wrong(
            &RANGE,
            "is too long",
            format!("it can have {LONGEST_EXPRESSION} bytes"),
        ));
    }
    Ok(source)
}

fn access(value: &Value<'_>, room_type: Option<RoomType>, around: &Surroundings) -> Read<Vec<AccessRule>> {
    let help = "write a list, such as [{ group = \"Support\", role = \"editor\" }]";
    let entries = value.list(help)?;
    all(entries
        .iter()
        .map(|entry| access_rule(entry.section(entry.place.subject.clone(), help)?, room_type, around)))
}

fn access_rule(
    mut section: Section<'_>,
    room_type: Option<RoomType>,
    around: &Surroundings,
) -> Read<AccessRule> {
    let group = section.optional("group", |value| value.full_text("write the group's name as in DocSpace"));
    let user = section.optional("user", email_address);
    let mut switch = |key| {
        section.optional(key, |value| match value.boolean()? {
            true => Ok(()),
            false => Err(value.place.wrong(
                &INVALID,
                "can only be true",
                "leave it out, and name a group or a user",
            )),
        })
    };
    let (assignee, requester, ticket_group) =
        (switch("assignee"), switch("requester"), switch("ticket_group"));
    let possible = room_type.map_or_else(
        || Role::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        |room_type| role_names(room_type.roles()),
    );
    let help = format!("add role = …, one of {possible}");
    let role = section.required("role", &help, |value| {
        let role = choice(value, &Role::ALL, "a role")?;
        match room_type.filter(|room_type| !room_type.roles().contains(&role)) {
            None => Ok((role, value.place.clone())),
            Some(room_type) => {
                let message =
                    format!("the role “{}” does not exist in a {} room", role.as_str(), room_type.as_str());
                Err(value.place.problem(&ROLE, message, format!("its roles are {possible}")))
            }
        }
    });
    let place = section.place.clone();
    section.close();
    let mut named = [
        group?.map(|name| Who::Group(name.to_owned())),
        user?.map(Who::User),
        assignee?.map(|()| Who::Assignee),
        requester?.map(|()| Who::Requester),
        ticket_group?.map(|()| Who::TicketGroup(Arc::clone(&around.group_names))),
    ]
    .into_iter()
    .flatten();
    let who = match (named.next(), named.next()) {
        (Some(who), None) => who,
        (None, _) => {
            let help = "add group = \"…\", user = \"e-mail\", assignee = true, requester = true or ticket_group = true";
            return Err(place.wrong(&ACCESS, "says nobody", help));
        }
        (Some(_), Some(_)) => {
            let help = "write an entry of its own for each group, user, assignee, requester and ticket_group";
            return Err(place.wrong(
                &ACCESS,
                "says more than one of group, user, assignee, requester and ticket_group",
                help,
            ));
        }
    };
    if let (Who::Group(name) | Who::User(name), Some(shown)) = (&who, place.shown()) {
        around.places.borrow_mut().entry(name.clone()).or_insert(shown);
    }
    let (role, role_place) = role?;
    if role == Role::Manager && matches!(who, Who::Group(_) | Who::TicketGroup(_)) {
        let help = "DocSpace lets only people manage a room; give the group another role";
        return Err(role_place.problem(&ROLE, "a group can't be “manager”", help));
    }
    Ok(AccessRule { who, role })
}

fn role_names(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

/// Reads `link`; `None` is `auto`.
fn link(value: &Value<'_>, room_type: Option<RoomType>) -> Read<Option<LinkKind>> {
    let kinds = [
        ("auto", None),
        ("member", Some(LinkKind::Member)),
        ("external", Some(LinkKind::External)),
        ("invitation", Some(LinkKind::Invitation)),
    ];
    let link = choice(value, &kinds, "a kind of link")?;
    if link == Some(LinkKind::External)
        && let Some(room_type) = room_type.filter(|room_type| !room_type.has_external_links())
    {
        let with_links = RoomType::ALL.iter().filter(|(_, room_type)| room_type.has_external_links());
        let names: Vec<&str> = with_links.map(|(name, _)| *name).collect();
        let message = format!("a {} room has no external link", room_type.as_str());
        return Err(value.place.problem(
            &LINK,
            message,
            format!("the room types that have: {}", names.join(", ")),
        ));
    }
    Ok(link)
}
