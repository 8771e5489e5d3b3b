//! `[[rule]]`: which ticket gets a room of which template.

use super::reader::Section;
use super::reasons::{INVALID, KEY_CONFLICT, RULE_CONDITION, RULE_CONSEQUENCE, TEMPLATE_UNKNOWN};
use super::report::{Place, Read};
use super::room::{Templates, expression};
use crate::language::{Desks, nearest};
use crate::rule::{Condition, Rule, Verdict};

/// A name is shown in lists.
const LONGEST_NAME: usize = 80;

/// Reads a rule; its place is for what is odd about it among the others.
pub(super) fn rule<'t>(
    mut section: Section<'t>,
    templates: &Read<Templates<'_>>,
    desks: &Desks,
) -> Read<(Rule, Place<'t>)> {
    let name = section.optional("name", |value| {
        let help = "write a short name in quotes, such as name = \"VIP\"";
        let name = value.full_text(help)?;
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(value.place.wrong(
                &INVALID,
                "is no name: too long, or with control characters",
                help,
            ));
        }
        Ok(name.to_owned())
    });
    let help = "write a condition, such as when = \"ticket.priority == 'urgent'\"";
    let when = section.required("when", help, |value| {
        let source = expression(value, help)?;
        let condition = Condition::parse(source).map_err(|error| {
            value.place.wrong(
                &RULE_CONDITION,
                &format!("is wrong: {error}"),
                "docs/rules.md says what a condition can say, with examples",
            )
        })?;
        for warning in condition.warnings(desks) {
            value.place.odd(&format!("has a mistake: {warning}"));
        }
        Ok(condition)
    });
    let skip = section.optional("skip", |value| match value.boolean()? {
        true => Ok(value.place.clone()),
        false => Err(value.place.wrong(&INVALID, "can only be true", "leave it out, and name a template")),
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
            Err(value.place.problem(&TEMPLATE_UNKNOWN, format!("there is no template “{name}”"), help))
        })
    });
    let place = section.place.clone();
    section.close();
    let then = match (skip?, template?) {
        (Some(_), None) => Verdict::Skip,
        (None, Some(template)) => Verdict::Use(template),
        (Some(skip), Some(_)) => {
            return Err(skip.wrong(&KEY_CONFLICT, "contradicts “template”", "leave one of them"));
        }
        (None, None) => {
            let help = "add template = \"default\", or skip = true for no room";
            return Err(place.wrong(&RULE_CONSEQUENCE, "does not say what follows", help));
        }
    };
    let line = place.line();
    Ok((Rule { name: name?, line, when: when?, then }, place))
}
