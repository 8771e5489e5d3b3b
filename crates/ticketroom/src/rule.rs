//! Rules pick a template for a ticket, or say that it gets no room. The first that matches wins; if
//! none does, the template `default` is used.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::language::LanguageError;
use crate::language::{self, Desks, Expr, Name, Subject};
use crate::template::Template;
use crate::ticket::{Ticket, TicketKey};

/// One `[[rule]]`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it stands in the configuration, from 1.
    pub line: Option<usize>,
    /// When it matches.
    pub when: Condition,
    /// What follows.
    pub then: Verdict,
}

impl Rule {
    /// How people call it: by its name, or else by its condition.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.when.source())
    }
}

/// What a rule decides.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The ticket gets a room like this.
    Use(Arc<Template>),
    /// The ticket gets no room.
    Skip,
}

/// What all rules together decide about a ticket.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The decision.
    pub verdict: &'a Verdict,
    /// The name of the rule that decided, or its condition; `None` when no rule matched.
    pub because: Option<&'a str>,
}

/// A condition on a ticket, such as `ticket.priority == 'urgent' and 'outage' in ticket.tags`.
#[derive(Debug, Clone)]
pub struct Condition {
    source: String,
    expr: Arc<Expr>,
}

impl Condition {
    /// Compiles a condition.
    ///
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn parse(source: &str) -> Result<Self, LanguageError> {
        let expr = language::condition(source)?;
        Ok(Self { source: source.to_owned(), expr: Arc::new(expr) })
    }

    /// The condition as configured.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the ticket meets the condition.
    ///
    /// # Errors
    /// When the condition can't be evaluated for this ticket.
    pub fn holds(&self, key: &TicketKey, ticket: &Ticket) -> Result<bool, LanguageError> {
        self.expr.holds(Subject { key, ticket })
    }

    /// Whether it holds for every ticket.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(*self.expr, Expr::Const(_)) && self.source.trim() == "true"
    }

    /// What none of the configured helpdesks can make true, or what they name otherwise.
    pub(crate) fn warnings(&self, desks: &Desks) -> Vec<String> {
        language::warnings(&self.expr, desks)
    }

    /// Whether it depends on a part of the ticket.
    pub(crate) fn reads(&self, name: Name) -> bool {
        language::reads(&self.expr, name)
    }
}

/// Why the rules can't decide about a ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}: {error}")]
pub struct RuleError {
    /// Which rule can't be evaluated: its name or number, and its line.
    pub rule: String,
    /// Why.
    pub error: LanguageError,
}

/// All rules, and what holds for tickets that none of them matches.
#[derive(Debug, Clone)]
pub struct Rules {
    /// In the order of the configuration.
    pub rules: Vec<Rule>,
    otherwise: Verdict,
    templates: Vec<Arc<Template>>,
    places: BTreeMap<String, String>,
}

impl Rules {
    /// Rules over these templates. `default` is for tickets that no rule matches.
    #[must_use]
    pub fn new(rules: Vec<Rule>, default: Arc<Template>, mut templates: Vec<Arc<Template>>) -> Self {
        if !templates.iter().any(|template| template.name == default.name) {
            templates.push(Arc::clone(&default));
        }
        Self { rules, otherwise: Verdict::Use(default), templates, places: BTreeMap::new() }
    }

    /// The same, with file and line of the groups and users that the templates name.
    #[must_use]
    pub fn named_at(self, places: BTreeMap<String, String>) -> Self {
        Self { places, ..self }
    }

    /// Where a group or user is named: file and line.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Option<&str> {
        self.places.get(name).map(String::as_str)
    }

    /// Decides about a ticket.
    ///
    /// # Errors
    /// When a rule can't be evaluated for this ticket: guessing could put a ticket's room where the
    /// wrong people see it.
    pub fn decide(&self, key: &TicketKey, ticket: &Ticket) -> Result<Decision<'_>, RuleError> {
        for (index, rule) in self.rules.iter().enumerate() {
            let holds = rule.when.holds(key, ticket).map_err(|error| {
                let line = rule.line.map_or_else(String::new, |line| format!(" (line {line})"));
                let rule = match &rule.name {
                    Some(name) => format!("“{name}”{line}"),
                    None => format!("{}{line}", index + 1),
                };
                RuleError { rule, error }
            })?;
            if holds {
                return Ok(Decision { verdict: &rule.then, because: Some(rule.label()) });
            }
        }
        Ok(Decision { verdict: &self.otherwise, because: None })
    }

    /// Whether any rule or title depends on a part of the ticket.
    pub(crate) fn reads(&self, name: Name) -> bool {
        self.rules.iter().any(|rule| rule.when.reads(name))
            || self.templates.iter().any(|template| template.title.reads(name))
    }

    /// Every configured template.
    #[must_use]
    pub fn templates(&self) -> &[Arc<Template>] {
        &self.templates
    }

    /// The template with this name.
    #[must_use]
    pub fn template(&self, name: &str) -> Option<&Arc<Template>> {
        self.templates.iter().find(|template| template.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::FieldValue;

    fn holds(condition: &str, ticket: &Ticket) -> bool {
        let key = TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "1".parse().unwrap() };
        Condition::parse(condition).unwrap().holds(&key, ticket).unwrap()
    }

    #[test]
    fn conditions_of_the_contract_hold() {
        let ticket = Ticket {
            priority: Some("urgent".to_owned()),
            tags: vec!["outage".to_owned()],
            group: Some("Sales".to_owned()),
            ..Ticket::default()
        };
        assert!(holds("ticket.priority == 'urgent' and 'outage' in ticket.tags", &ticket));
        assert!(holds("ticket.group == 'Sales'", &ticket));
        assert!(!holds("ticket.group == 'Sales'", &Ticket::default()));
        assert!(holds("ticket.helpdesk == 'zendesk'", &ticket));
    }

    #[test]
    fn custom_fields_can_be_asked_for() {
        let ticket = Ticket {
            project: Some("SUP".to_owned()),
            fields: [
                ("cf_region".to_owned(), FieldValue::Text("EU".to_owned())),
                ("360012345".to_owned(), FieldValue::Number(7)),
                ("cf_products".to_owned(), FieldValue::List(vec!["a".to_owned()])),
                ("cf_vip".to_owned(), FieldValue::Bool(true)),
            ]
            .into(),
            ..Ticket::default()
        };
        for condition in [
            "ticket.fields.cf_region == 'EU' and ticket.project == 'SUP'",
            "ticket.fields['360012345'] == 7",
            "'a' in ticket.fields.cf_products",
            "ticket.fields.cf_vip",
            "ticket.key == '1'",
        ] {
            assert!(holds(condition, &ticket), "{condition}");
        }
        for condition in
            ["ticket.fields.cf_region == 'EU'", "ticket.fields.cf_vip", "'a' in ticket.fields.cf_products"]
        {
            assert!(!holds(condition, &Ticket::default()), "{condition}");
        }
    }

    #[test]
    fn a_wrong_condition_says_what_is_wrong() {
        let error = Condition::parse("ticket.priorty == 'urgent'").unwrap_err().to_string();
        assert_eq!(error, "ticket has no “priorty”; did you mean ticket.priority?");
        assert!(Condition::parse("ticket.priority = 'urgent'").is_err());
        assert!(Condition::parse("").is_err());
    }
}
