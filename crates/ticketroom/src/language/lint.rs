//! Finds what can be read but can't be meant: texts that stand where a condition belongs, and
//! comparisons that can never be true. What depends on the configured helpdesks is a warning
//! ([`warnings`]); the rest is an error.

use super::error::LanguageError;
use super::eval::{Subject, render};
use super::expr::{Comparison, Expr, Piece};
use super::filter::Filter;
use super::name::{Kind, Name};
use super::nearest;
use super::value::{Value, parse_when};
use crate::ticket::{Person, Ticket, TicketId, TicketKey};

const STATUSES: [&str; 7] = ["new", "open", "pending", "hold", "solved", "closed", "deleted"];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Checks a condition.
pub(super) fn condition(expr: &Expr) -> Result<(), LanguageError> {
    operand(expr, None)?;
    walk(expr)?;
    tried(|about| expr.holds(about).map(|_| ()))
}

/// Checks a title.
pub(super) fn title(pieces: &[Piece]) -> Result<(), LanguageError> {
    walk_pieces(pieces)?;
    tried(|about| render(pieces, about).map(|_| ()))
}

/// What can be read may still fail whatever the ticket is (a filter on the wrong type).
fn tried(attempt: impl Fn(Subject<'_>) -> Result<(), LanguageError>) -> Result<(), LanguageError> {
    let helpdesk = "helpdesk".parse().map_err(|error| format!("{error}"))?;
    let key = TicketKey { helpdesk, id: TicketId::from(1) };
    let text = || Some("Text".to_owned());
    let person = || Some(Person { name: text(), email: Some("anna@example.com".to_owned()) });
    let full = Ticket {
        subject: "Subject".to_owned(),
        description: text(),
        requester: person(),
        assignee: person(),
        group: text(),
        organization: text(),
        brand: Some("1".to_owned()),
        kind: text(),
        form: Some("1".to_owned()),
        channel: text(),
        created: Some(crate::clock::Timestamp::UNIX_EPOCH),
        priority: text(),
        project: text(),
        tags: vec!["tag".to_owned()],
        ..Ticket::default()
    };
    for ticket in [Ticket::default(), full] {
        attempt(Subject { key: &key, ticket: &ticket })?;
    }
    Ok(())
}

fn walk_pieces(pieces: &[Piece]) -> Result<(), LanguageError> {
    for piece in pieces {
        match piece {
            Piece::Text(_) => {}
            Piece::Show(expr) => walk(expr)?,
            Piece::If { test, then, otherwise } => {
                operand(test, None)?;
                walk(test)?;
                walk_pieces(then)?;
                walk_pieces(otherwise)?;
            }
        }
    }
    Ok(())
}

/// What is true or false has to be a condition: a text by itself is always true.
fn operand(expr: &Expr, before: Option<&Expr>) -> Result<(), LanguageError> {
    match expr {
        Expr::And(one, other) | Expr::Or(one, other) => {
            operand(one, before)?;
            operand(other, Some(one))
        }
        Expr::Not(of) => operand(of, None),
        Expr::Const(Value::Bool(_)) => Ok(()),
        Expr::Const(Value::Text(text)) if text.starts_with("ticket.") => {
            Err(format!("{expr} is a text, and so always true; a name stands without quotes: {text}").into())
        }
        Expr::Const(_) | Expr::List(_) => {
            let what = match expr {
                Expr::List(_) => "a list",
                _ if expr.kind() == Kind::Text => "a text",
                _ => "a fixed value",
            };
            let meant = match before.and_then(last_compared) {
                Some(name) if matches!(expr, Expr::List(_)) => format!("did you mean {name} in {expr}?"),
                Some(name) => format!("did you mean {name} == {expr}?"),
                None => format!("compare it with something, such as ticket.priority == {expr}"),
            };
            Err(format!("{expr} is {what}, not a condition: it is the same for every ticket; {meant}").into())
        }
        _ => Ok(()),
    }
}

/// What the nearest comparison before is about.
fn last_compared(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Compare(_, one, other) => {
            Some(if matches!(**one, Expr::Const(_)) { other.as_ref() } else { one.as_ref() })
        }
        Expr::In(needle, haystack) => {
            Some(if matches!(**needle, Expr::Const(_)) { haystack.as_ref() } else { needle.as_ref() })
        }
        Expr::And(_, other) | Expr::Or(_, other) => last_compared(other),
        Expr::Not(of) => last_compared(of),
        _ => None,
    }
}

fn walk(expr: &Expr) -> Result<(), LanguageError> {
    match expr {
        Expr::Not(of) => operand(of, None)?,
        Expr::If { test, .. } => operand(test, None)?,
        Expr::And(one, _) | Expr::Or(one, _)
            if is_fixed(one) && !matches!(**one, Expr::Const(Value::Bool(_))) =>
        {
            return Err(format!(
                "in {expr}, {one} is the same for every ticket; a list is written ['a', 'b']"
            )
            .into());
        }
        Expr::Compare(how, one, other) => {
            compared(*how, one, other).map_err(|why| format!("{expr}: {why}"))?;
        }
        Expr::In(needle, haystack) => looked_for(needle, haystack).map_err(|why| format!("{expr}: {why}"))?,
        Expr::Method(_, of, words) => {
            if matches!(of.kind(), Kind::Number | Kind::Time | Kind::Bool) {
                return Err(
                    format!("{expr}: only texts and lists contain something, and {of} is neither").into()
                );
            }
            if let Some(blank) =
                words.iter().find(|word| matches!(word, Expr::Const(word) if word.is_blank()))
            {
                return Err(format!("{expr}: {blank} is in no text").into());
            }
        }
        _ => {}
    }
    expr.parts().into_iter().try_for_each(walk)
}

/// Whether it is the same for every ticket.
fn is_fixed(expr: &Expr) -> bool {
    match expr {
        Expr::Const(_) => true,
        Expr::List(items) => items.iter().all(is_fixed),
        _ => false,
    }
}

fn compared(how: Comparison, one: &Expr, other: &Expr) -> Result<(), LanguageError> {
    let (about, fixed) = match (is_fixed(one), is_fixed(other)) {
        (true, true) => {
            let quoted = [one, other].into_iter().find_map(|side| match side {
                Expr::Const(Value::Text(text)) if text.starts_with("ticket.") => Some(text),
                _ => None,
            });
            return Err(match quoted {
                Some(name) => format!("a name stands without quotes: {name}"),
                None => "both sides are the same for every ticket".to_owned(),
            }
            .into());
        }
        (false, true) => (one, other),
        (true, false) => (other, one),
        (false, false) => return Ok(()),
    };
    if how.is_order() { ordered(about, fixed) } else { equal_to(about, fixed) }
}

/// Whether something can ever be more or less than a fixed value.
fn ordered(about: &Expr, fixed: &Expr) -> Result<(), LanguageError> {
    if let Expr::Name(name) = about
        && name.kind() == Kind::Lower
    {
        return Err(format!("{about} has no order; name the values: {about} in ['…', '…']").into());
    }
    let is_number = matches!(fixed, Expr::Const(value) if value.number().is_some());
    match (about.kind(), fixed) {
        (Kind::Time, Expr::Const(Value::Text(text))) if parse_when(text).is_some() => Ok(()),
        (Kind::Time, _) => {
            Err(format!("{about} is a time; compare it with a date such as '2026-11-20'").into())
        }
        (Kind::List | Kind::Bool, _) => {
            Err(format!("{about} is neither a number nor a text, and has no order").into())
        }
        (_, Expr::Const(Value::Missing)) => {
            Err(format!("nothing is more or less than none; write {about} is defined").into())
        }
        (_, Expr::List(_) | Expr::Const(Value::Bool(_))) => Err(format!("{fixed} has no order").into()),
        (Kind::Number, _) if !is_number => Err(format!("{about} is a number, and {fixed} is not").into()),
        (Kind::Text, Expr::Const(Value::Int(_) | Value::Float(_))) => {
            Err(format!("{about} is a text, which is neither more nor less than a number").into())
        }
        _ => Ok(()),
    }
}

/// Whether something can ever be the same as a fixed value.
fn equal_to(about: &Expr, fixed: &Expr) -> Result<(), LanguageError> {
    let never = |why: String| Err(LanguageError::from(format!("this can never be so: {why}")));
    let Expr::Const(value) = fixed else {
        return match about.kind() {
            Kind::List | Kind::Any => Ok(()),
            _ => never(format!("{about} is no list; write {about} in {fixed}")),
        };
    };
    match (about.kind(), value) {
        (_, Value::Missing) => Ok(()),
        (Kind::List, _) => never(format!("{about} is a list; write {fixed} in {about}")),
        (Kind::Time, Value::Text(text)) if parse_when(text).is_some() => Ok(()),
        (Kind::Time, _) => never(format!("{about} is a time; compare it with a date such as '2026-11-20'")),
        (Kind::Number, value) if value.number().is_none() => {
            never(format!("{about} is a number, and {fixed} is not"))
        }
        (Kind::Bool, value) if !matches!(value, Value::Bool(_)) => never(format!("{about} is true or false")),
        (Kind::Text | Kind::Id | Kind::Lower, Value::Bool(_)) => {
            never(format!("{about} is a text; write {about} is defined to ask whether there is one"))
        }
        (Kind::Lower, Value::Int(_) | Value::Float(_)) => never(format!("{about} is a text, never a number")),
        (Kind::Lower, Value::Text(text)) => known_text(about, text),
        (_, Value::Text(text))
            if matches!(about, Expr::Filter(Filter::Upper, ..)) && text.to_uppercase() != **text =>
        {
            never(format!("{about} is in upper case: '{}'", text.to_uppercase()))
        }
        _ => Ok(()),
    }
}

/// Whether a part that has only certain values can have this one.
fn known_text(about: &Expr, text: &str) -> Result<(), LanguageError> {
    let never = |why: String| Err(LanguageError::from(format!("this can never be so: {why}")));
    // The empty text is how “has none” is written.
    if text.is_empty() {
        return Ok(());
    }
    let plain = text.trim().to_lowercase();
    let Expr::Name(name) = about else {
        return if plain == text.to_lowercase() && text == text.to_lowercase() {
            Ok(())
        } else {
            never(format!("{about} is in lower case: '{plain}'"))
        };
    };
    let one_of = |known: &[&str], meant: Option<&str>| {
        if known.contains(&plain.as_str()) {
            return Ok(());
        }
        let near = meant.or_else(|| nearest(&plain, known.iter().copied()));
        let meant = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
        Err(LanguageError::from(format!(
            "this can never be so: {about} is one of {}{meant}",
            known.join(", ")
        )))
    };
    match name {
        Name::Status => {
            let meant = match plain.as_str() {
                "resolved" | "done" | "fixed" => Some("solved"),
                "in progress" | "active" => Some("open"),
                "on-hold" | "on hold" | "waiting" => Some("hold"),
                "spam" | "trash" => Some("deleted"),
                _ => None,
            };
            one_of(&STATUSES, meant)?;
        }
        Name::CreatedWeekday => one_of(&WEEKDAYS, None)?,
        Name::RequesterDomain | Name::AssigneeDomain if plain.contains('@') => {
            let domain = plain.rsplit('@').next().unwrap_or_default();
            return never(format!("the domain is what stands after the @: '{domain}'"));
        }
        Name::RequesterEmail | Name::AssigneeEmail if !plain.contains('@') => {
            let domain = about.to_string().replace(".email", ".domain");
            return never(format!(
                "'{text}' is no e-mail address; for all of a domain, write {domain} == '{plain}'"
            ));
        }
        _ => {}
    }
    if plain == text { Ok(()) } else { never(format!("{about} is always in lower case: '{plain}'")) }
}

fn looked_for(needle: &Expr, haystack: &Expr) -> Result<(), LanguageError> {
    match (needle, haystack) {
        (_, Expr::List(items)) if items.is_empty() => Err("nothing is in an empty list".into()),
        (needle, haystack) if is_fixed(needle) && is_fixed(haystack) => {
            compared(Comparison::Equal, needle, haystack)
        }
        (Expr::List(items), _) => {
            let each: Vec<String> = items.iter().map(|item| format!("{item} in {haystack}")).collect();
            Err(format!("a list is in nothing; write {}", each.join(" or ")).into())
        }
        (needle, Expr::List(items)) => {
            if needle.kind() == Kind::List {
                return Err(format!(
                    "{needle} is a list; write {} in {needle}",
                    items.first().unwrap_or(haystack)
                )
                .into());
            }
            items.iter().filter(|item| is_fixed(item)).try_for_each(|item| equal_to(needle, item))
        }
        (needle, Expr::Const(Value::Text(text))) => {
            let words: Vec<String> = text
                .split(|c: char| c == ',' || c.is_whitespace())
                .filter(|word| !word.is_empty())
                .map(|word| format!("'{word}'"))
                .collect();
            Err(format!("looks for any part of a text; write a list: {needle} in [{}]", words.join(", "))
                .into())
        }
        (needle, haystack) => match haystack.kind() {
            Kind::Number | Kind::Time | Kind::Bool => {
                Err(format!("{haystack} is neither a list nor a text").into())
            }
            Kind::Lower => match needle {
                Expr::Const(Value::Text(text)) if text.to_lowercase() != **text => Err(format!(
                    "this can never be so: {haystack} is always in lower case: '{}'",
                    text.to_lowercase()
                )
                .into()),
                _ => Ok(()),
            },
            _ => Ok(()),
        },
    }
}

/// The configured helpdesks, as far as conditions depend on them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desks {
    pub(crate) names: Vec<String>,
    pub(crate) zendesk: bool,
    pub(crate) freshdesk: bool,
    pub(crate) jira: bool,
    pub(crate) generic: bool,
}

/// What none of the configured helpdesks can make true.
pub(crate) fn warnings(expr: &Expr, desks: &Desks) -> Vec<String> {
    let mut found = Vec::new();
    visit(expr, &mut |part| match part {
        Expr::Compare(Comparison::Equal | Comparison::Unequal, one, other) => {
            for (about, fixed) in [(one, other), (other, one)] {
                found.extend(unknown_value(about, fixed, desks));
            }
        }
        Expr::In(needle, haystack) => match haystack.as_ref() {
            Expr::List(items) => {
                found.extend(items.iter().filter_map(|item| unknown_value(needle, item, desks)));
            }
            Expr::Name(Name::Tags) => found.extend(odd_tag(needle, desks)),
            _ => {}
        },
        Expr::Field(name) => found.extend(odd_field(name, desks)),
        _ => {}
    });
    found.sort_unstable();
    found.dedup();
    found
}

fn visit(expr: &Expr, see: &mut dyn FnMut(&Expr)) {
    see(expr);
    for part in expr.parts() {
        visit(part, see);
    }
}

fn unknown_value(about: &Expr, fixed: &Expr, desks: &Desks) -> Option<String> {
    let (Expr::Name(name), Expr::Const(Value::Text(text))) = (about, fixed) else { return None };
    let mut known: Vec<&str> = Vec::new();
    match name {
        Name::Helpdesk => known.extend(desks.names.iter().map(String::as_str)),
        // Everybody's own in Jira and elsewhere.
        Name::Priority | Name::Type if desks.jira || desks.generic => return None,
        Name::Type if desks.freshdesk => return None,
        Name::Priority => {
            known.extend(desks.zendesk.then_some(["low", "normal", "high", "urgent"]).into_iter().flatten());
            known
                .extend(desks.freshdesk.then_some(["low", "medium", "high", "urgent"]).into_iter().flatten());
        }
        Name::Type => known.extend(["question", "incident", "problem", "task"]),
        _ => return None,
    }
    if known.is_empty() || text.is_empty() || known.contains(&text.as_ref()) {
        return None;
    }
    known.sort_unstable();
    known.dedup();
    let meant = nearest(text, known.iter().copied())
        .map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    Some(format!("no ticket has {about} == '{text}': it is one of {}{meant}", known.join(", ")))
}

fn odd_tag(needle: &Expr, desks: &Desks) -> Option<String> {
    let Expr::Const(Value::Text(text)) = needle else { return None };
    let only_zendesk = desks.zendesk && !(desks.freshdesk || desks.jira || desks.generic);
    let plain = text.to_lowercase();
    (only_zendesk && plain != **text)
        .then(|| format!("tags in Zendesk are in lower case: '{plain}' in ticket.tags"))
}

/// Each kind of helpdesk has its own names for custom fields.
fn odd_field(name: &str, desks: &Desks) -> Option<String> {
    let fits = desks.generic
        || (desks.zendesk && name.chars().all(|c| c.is_ascii_digit()))
        || (desks.freshdesk && name.starts_with("cf_"))
        || (desks.jira && name.starts_with("customfield_"));
    if fits || desks.names.is_empty() {
        return None;
    }
    let mut forms = Vec::new();
    if desks.zendesk {
        forms.push("in Zendesk by its number, ticket.fields['360012345']");
    }
    if desks.freshdesk {
        forms.push("in Freshdesk by its API name, ticket.fields.cf_region");
    }
    if desks.jira {
        forms.push("in Jira by its id, ticket.fields.customfield_10050");
    }
    Some(format!("no ticket has the custom field “{name}”: a field is named {}", forms.join("; ")))
}

/// Whether an expression depends on a part of the ticket.
pub(crate) fn reads(expr: &Expr, name: Name) -> bool {
    let mut found = false;
    visit(expr, &mut |part| found = found || matches!(part, Expr::Name(other) if *other == name));
    found
}

/// As of [`warnings`], for a title.
pub(crate) fn title_warnings(pieces: &[Piece], desks: &Desks) -> Vec<String> {
    shown(pieces).into_iter().flat_map(|expr| warnings(expr, desks)).collect()
}

/// As of [`reads`], for a title.
pub(crate) fn title_reads(pieces: &[Piece], name: Name) -> bool {
    shown(pieces).into_iter().any(|expr| reads(expr, name))
}

/// Every expression of a title.
fn shown(pieces: &[Piece]) -> Vec<&Expr> {
    pieces
        .iter()
        .flat_map(|piece| match piece {
            Piece::Text(_) => Vec::new(),
            Piece::Show(expr) => vec![expr],
            Piece::If { test, then, otherwise } => [vec![test], shown(then), shown(otherwise)].concat(),
        })
        .collect()
}
