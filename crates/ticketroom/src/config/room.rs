//! `[template.*]` and `[[rule]]`: what rooms look like and which ticket gets which.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::helpdesk::email_address;
use super::reader::{Section, Value};
use super::report::{Read, Report, all};
use super::value::duration;
use crate::room::{LinkKind, Role, RoomType};
use crate::rule::{Condition, Rule, Rules, Verdict};
use crate::template::{AccessRule, FolderTree, Template, TitleTemplate, Who, nearest};

/// The template for tickets that no rule matches.
const DEFAULT: &str = "default";
const DEFAULT_TITLE: &str = "Ticket #{{ ticket.key }} – {{ ticket.subject }}";
const DEFAULT_FOLDERS: [&str; 3] = ["Logs", "Attachments", "Findings"];
const DEFAULT_ARCHIVE_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);
/// Ten years: later is never.
const LONGEST_ARCHIVE_AFTER: Duration = Duration::from_secs(3650 * 24 * 3600);

/// More is no title and no condition, but would be compiled all the same.
const LONGEST_EXPRESSION: usize = 1000;
const MOST_FOLDERS: usize = 100;
const DEEPEST_FOLDER: usize = 10;

/// The templates by name. One that is wrong is there all the same, so that rules may name it.
type Templates<'t> = BTreeMap<&'t str, Read<Arc<Template>>>;

/// Reads every template and every rule.
pub(super) fn rules(top: &mut Section<'_>) -> Read<Rules> {
    let templates = top.section("template").and_then(|section| templates(&section));
    let rules = top
        .sections("rule")
        .and_then(|sections| all(sections.into_iter().map(|section| rule(section, &templates))));
    let mut templates = templates?;
    let default = templates.remove(DEFAULT).unwrap_or_else(|| built_in_default(top.place.report));
    Ok(Rules::new(rules?, default?, all(templates.into_values())?))
}

/// No rules, and the template that is built in.
pub(super) fn built_in_rules(report: &Report<'_>) -> Read<Rules> {
    Ok(Rules::new(Vec::new(), built_in_default(report)?, Vec::new()))
}

fn built_in_default(report: &Report<'_>) -> Read<Arc<Template>> {
    Ok(Arc::new(Template {
        name: DEFAULT.to_owned(),
        title: TitleTemplate::parse(DEFAULT_TITLE).map_err(|error| report.bug(error))?,
        room_type: RoomType::Collaboration,
        folders: FolderTree::parse(DEFAULT_FOLDERS).map_err(|error| report.bug(error))?,
        access: vec![AccessRule { who: Who::Assignee, role: Role::Editor }],
        link: LinkKind::auto(RoomType::Collaboration),
        archive_after: Some(DEFAULT_ARCHIVE_AFTER),
    }))
}

fn templates<'t>(section: &Section<'t>) -> Read<Templates<'t>> {
    let help = "a template has a name: write [template.default] above its keys";
    let mut templates: Templates<'t> = section
        .named_sections("template", help)
        .into_iter()
        .map(|(name, section)| (name, section.and_then(|section| template(name, section)).map(Arc::new)))
        .collect();
    templates.entry(DEFAULT).or_insert_with(|| built_in_default(section.place.report));
    Ok(templates)
}

fn template(name: &str, mut section: Section<'_>) -> Read<Template> {
    let report = section.place.report;
    let title = match section.find("title") {
        Some(value) => title(&value),
        None => TitleTemplate::parse(DEFAULT_TITLE).map_err(|error| report.bug(error)),
    };
    let room_type = section
        .or("room_type", RoomType::Collaboration, |value| choice(value, &RoomType::ALL, "a room type"));
    let folders = match section.find("folders") {
        Some(value) => folders(&value),
        None => FolderTree::parse(DEFAULT_FOLDERS).map_err(|error| report.bug(error)),
    };
    // What depends on the room type is checked as far as it is known.
    let known_type = room_type.as_ref().ok().copied();
    let says_access = section.find("access");
    let access = says_access.as_ref().map_or(Ok(Vec::new()), |value| access(value, known_type));
    let link = section.optional("link", |value| link(value, known_type));
    let archive_after = section.or("archive_after", Some(DEFAULT_ARCHIVE_AFTER), archive_after);
    let place = section.place.clone();
    section.close();

    let room_type = room_type?;
    let link = link?.flatten().unwrap_or(LinkKind::auto(room_type));
    if says_access.is_none() && link == LinkKind::Member {
        place.odd("lets nobody into its rooms; add access = [{ assignee = true, role = \"editor\" }]");
    }
    Ok(Template {
        name: name.to_owned(),
        title: title?,
        room_type,
        folders: folders?,
        access: access?,
        link,
        archive_after: archive_after?,
    })
}

fn title(value: &Value<'_>) -> Read<TitleTemplate> {
    let help = "write it like \"Ticket #{{ ticket.key }} – {{ ticket.subject }}\"";
    let source = expression(value, help)?;
    TitleTemplate::parse(source).map_err(|error| value.place.wrong(&format!("is wrong: {error}"), help))
}

/// The source of a title or a condition.
fn expression<'t>(value: &Value<'t>, help: &str) -> Read<&'t str> {
    let source = value.full_text(help)?;
    if source.len() > LONGEST_EXPRESSION {
        return Err(value.place.wrong("is too long", format!("it can have {LONGEST_EXPRESSION} bytes")));
    }
    Ok(source)
}

fn folders(value: &Value<'_>) -> Read<FolderTree> {
    let help = "write a list of names, such as [\"Logs\", \"Logs/Server\"]";
    let entries = value.list(help)?;
    if entries.len() > MOST_FOLDERS {
        return Err(value.place.wrong("is too long", format!("a room can have {MOST_FOLDERS} folders")));
    }
    let paths = all(entries.iter().map(|entry| folder(entry, help)))?;
    FolderTree::parse(paths).map_err(|error| value.place.wrong(&format!("is wrong: {error}"), help))
}

/// Checks one folder by itself, so that the message can name its line.
fn folder<'t>(entry: &Value<'t>, help: &str) -> Read<&'t str> {
    let path = entry.full_text(help)?;
    if path.split('/').nth(DEEPEST_FOLDER).is_some() {
        return Err(entry.place.wrong("is too deep", format!("folders can nest {DEEPEST_FOLDER} deep")));
    }
    FolderTree::parse([path]).map_err(|error| entry.place.wrong(&format!("is wrong: {error}"), help))?;
    Ok(path)
}

fn access(value: &Value<'_>, room_type: Option<RoomType>) -> Read<Vec<AccessRule>> {
    let help = "write a list, such as [{ group = \"Support\", role = \"editor\" }]";
    let entries = value.list(help)?;
    all(entries.iter().map(|entry| access_rule(entry.section(entry.place.subject.clone(), help)?, room_type)))
}

fn access_rule(mut section: Section<'_>, room_type: Option<RoomType>) -> Read<AccessRule> {
    let group = section.optional("group", |value| value.full_text("write the group's name as in DocSpace"));
    let user = section.optional("user", email_address);
    let assignee = section.optional("assignee", |value| match value.boolean()? {
        true => Ok(()),
        false => Err(value.place.wrong("can only be true", "leave it out, and name a group or a user")),
    });
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
                Err(value.place.problem(message, format!("its roles are {possible}")))
            }
        }
    });
    let place = section.place.clone();
    section.close();
    let who = match (group?, user?, assignee?) {
        (Some(group), None, None) => Who::Group(group.to_owned()),
        (None, Some(user), None) => Who::User(user),
        (None, None, Some(())) => Who::Assignee,
        (None, None, None) => {
            let help = "add group = \"…\", user = \"e-mail\" or assignee = true";
            return Err(place.wrong("says nobody", help));
        }
        _ => {
            let help = "write an entry of its own for each group, user and assignee";
            return Err(place.wrong("says more than one of group, user and assignee", help));
        }
    };
    let (role, role_place) = role?;
    if role == Role::Manager && matches!(who, Who::Group(_)) {
        let help = "DocSpace lets only people manage a room; give the group another role";
        return Err(role_place.problem("a group can't be “manager”", help));
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
        return Err(value.place.problem(message, format!("the room types that have: {}", names.join(", "))));
    }
    Ok(link)
}

fn archive_after(value: &Value<'_>) -> Read<Option<Duration>> {
    if value.full_text("write a duration such as \"3d\", or \"never\"")? == "never" {
        return Ok(None);
    }
    duration(value, Duration::ZERO..=LONGEST_ARCHIVE_AFTER).map(Some)
}

/// Reads one of several words; `what` is what they are, with its article.
fn choice<T: Copy>(value: &Value<'_>, choices: &[(&str, T)], what: &str) -> Read<T> {
    let names = || choices.iter().map(|(name, _)| *name);
    let known = format!("write one of {}", names().collect::<Vec<_>>().join(", "));
    let text = value.full_text(&known)?;
    match choices.iter().find(|(name, _)| *name == text) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let help = nearest(text, names()).map_or(known, |near| format!("did you mean “{near}”?"));
            Err(value.place.problem(format!("“{text}” is not {what}"), help))
        }
    }
}

fn rule(mut section: Section<'_>, templates: &Read<Templates<'_>>) -> Read<Rule> {
    let help = "write a condition, such as when = \"ticket.priority == 'urgent'\"";
    let when = section.required("when", help, |value| {
        let source = expression(value, help)?;
        Condition::parse(source).map_err(|error| {
            let help = "see https://docs.rs/minijinja/latest/minijinja/syntax for what a condition can say";
            value.place.wrong(&format!("is wrong: {error}"), help)
        })
    });
    let skip = section.optional("skip", |value| match value.boolean()? {
        true => Ok(value.place.clone()),
        false => Err(value.place.wrong("can only be true", "leave it out, and name a template")),
    });
    let template = section.optional("template", |value| {
        let name = value.full_text("write the template's name in quotes")?;
        let templates = templates.as_ref().map_err(|reported| *reported)?;
        templates.get(name).cloned().unwrap_or_else(|| {
            let names = templates.keys().copied();
            let help = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean “{near}”?"),
                None => {
                    format!("add [template.{name}], or use one of {}", names.collect::<Vec<_>>().join(", "))
                }
            };
            Err(value.place.problem(format!("there is no template “{name}”"), help))
        })
    });
    let place = section.place.clone();
    section.close();
    let then = match (skip?, template?) {
        (Some(_), None) => Verdict::Skip,
        (None, Some(template)) => Verdict::Use(template),
        (Some(skip), Some(_)) => {
            return Err(skip.wrong("contradicts “template”", "leave one of them"));
        }
        (None, None) => {
            let help = "add template = \"default\", or skip = true for no room";
            return Err(place.wrong("does not say what follows", help));
        }
    };
    Ok(Rule { when: when?, then })
}
