//! Which tickets a backfill wants: those that were created within a span of time and meet a
//! condition.
//!
//! A helpdesk lists its tickets by when they *changed*, and people think of when they were
//! *created*. Whatever was created since a time has changed since then as well, so the listing is
//! read from that time on, to its end, and the ticket itself tells when it was created. A ticket
//! whose helpdesk does not tell that counts by its latest change.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::reason::Reason;
use crate::rule::{Condition, LanguageError};
use crate::ticket::{Ticket, TicketKey};

use super::reasons::CHOICE_INVALID;

/// A choice as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Tickets that were created at or after this time.
    pub since: Timestamp,
    /// And before this one.
    pub until: Option<Timestamp>,
}

impl Span {
    /// Reads two times as people write them: a date, which is a day in UTC, or a time with its
    /// offset. A date as the end means that day, too.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(since: &str, until: Option<&str>) -> Result<Self, Reason> {
        let since = beginning(since).ok_or_else(|| not_a_time("since", since))?;
        let until = until.map(|until| end(until).ok_or_else(|| not_a_time("until", until))).transpose()?;
        if until.is_some_and(|until| until <= since) {
            return Err(CHOICE_INVALID.with_help(
                "“until” is not after “since”, so no ticket can be meant",
                "a date as “until” means that whole day, in UTC",
            ));
        }
        Ok(Self { since, until })
    }

    /// Whether a time is within it.
    #[must_use]
    pub fn has(&self, time: Timestamp) -> bool {
        self.since <= time && self.until.is_none_or(|until| time < until)
    }
}

fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    (text.len() == 10).then(|| text.parse().ok())?
}

fn start_of(day: Date) -> Option<Timestamp> {
    format!("{day}T00:00:00Z").parse().ok()
}

fn beginning(text: &str) -> Option<Timestamp> {
    match day(text) {
        Some(day) => start_of(day),
        None => text.trim().parse().ok(),
    }
}

fn end(text: &str) -> Option<Timestamp> {
    match day(text) {
        Some(day) => start_of(day.tomorrow().ok()?),
        None => text.trim().parse().ok(),
    }
}

fn not_a_time(name: &str, text: &str) -> Reason {
    CHOICE_INVALID.with_help(
        format!("“{name}” is no date and no time: {text}"),
        "write a day such as 2026-01-31, or a time with its offset such as 2026-01-31T08:00:00+01:00",
    )
}

/// Which tickets are wanted.
#[derive(Debug, Clone)]
pub struct Choice {
    span: Span,
    condition: Option<Condition>,
}

impl Choice {
    /// Compiles a choice.
    ///
    /// # Errors
    /// What is wrong with the condition.
    pub fn new(span: Span, condition: Option<&str>) -> Result<Self, Reason> {
        let condition = condition.map(Condition::parse).transpose().map_err(|error: LanguageError| {
            CHOICE_INVALID.with_help(
                format!("the condition is wrong: {error}"),
                "docs/rules.md says what a condition can say, with examples",
            )
        })?;
        Ok(Self { span, condition })
    }

    /// Whether a ticket whose latest change is that long ago can't be wanted, whatever it is like.
    #[must_use]
    pub fn is_surely_not(&self, updated: Timestamp) -> bool {
        updated < self.span.since
    }

    /// Whether a ticket is wanted.
    ///
    /// # Errors
    /// When the condition can't be evaluated for it.
    pub fn wants(&self, key: &TicketKey, ticket: &Ticket, updated: Timestamp) -> Result<bool, LanguageError> {
        if !self.span.has(ticket.created.unwrap_or(updated)) {
            return Ok(false);
        }
        self.condition.as_ref().map_or(Ok(true), |condition| condition.holds(key, ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn wants(span: &Span, condition: Option<&str>, created: Option<&str>, updated: &str) -> bool {
        let key = TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "1".parse().unwrap() };
        let created = created.map(at);
        let ticket = Ticket { created, priority: Some("urgent".to_owned()), ..Ticket::default() };
        let choice = Choice::new(span.clone(), condition).unwrap();
        choice.wants(&key, &ticket, at(updated)).unwrap()
    }

    #[test]
    fn days_are_whole_days_in_utc_and_times_have_offsets() {
        let span = Span::parse("2026-03-29", Some("2026-03-29")).unwrap();
        assert_eq!(span.since, at("2026-03-29T00:00:00Z"));
        assert_eq!(span.until, Some(at("2026-03-30T00:00:00Z")));
        let span = Span::parse("2026-03-29T02:30:00+01:00", Some("2026-03-29T03:00:00Z")).unwrap();
        assert_eq!((span.since, span.until), (at("2026-03-29T01:30:00Z"), Some(at("2026-03-29T03:00:00Z"))));
        for (since, until, expected) in [
            ("yesterday", None, "“since” is no date and no time: yesterday"),
            ("2026-02-30", None, "“since” is no date"),
            ("2026-01-01T00:00:00", None, "“since” is no date"),
            ("2026-01-02", Some("2026-01-01"), "“until” is not after “since”"),
            ("2026-01-02", Some("soon"), "“until” is no date"),
        ] {
            let error = Span::parse(since, until).unwrap_err();
            assert!(error.text.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_time_of_creation_counts_and_else_the_latest_change() {
        let span = Span::parse("2026-01-01", Some("2026-01-31")).unwrap();
        let late = "2026-06-01T00:00:00Z";
        assert!(
            wants(&span, None, Some("2026-01-31T23:59:59Z"), late),
            "it changed later, and was made then"
        );
        assert!(wants(&span, None, Some("2026-01-01T00:00:00Z"), late));
        assert!(!wants(&span, None, Some("2025-12-31T23:59:59Z"), "2026-01-15T00:00:00Z"));
        assert!(!wants(&span, None, Some("2026-02-01T00:00:00Z"), late));
        assert!(wants(&span, None, None, "2026-01-15T00:00:00Z"));
        assert!(!wants(&span, None, None, late));
        let all = Choice::new(span, None).unwrap();
        assert!(all.is_surely_not(at("2025-12-31T23:59:59Z")) && !all.is_surely_not(at(late)));
    }

    #[test]
    fn a_condition_is_that_of_a_rule() {
        let span = Span::parse("2026-01-01", None).unwrap();
        let created = Some("2026-01-02T00:00:00Z");
        let late = "2026-06-01T00:00:00Z";
        assert!(wants(&span, Some("ticket.priority == 'urgent'"), created, late));
        assert!(!wants(&span, Some("'vip' in ticket.tags"), created, late));
        let error = Choice::new(span, Some("ticket.priorty == 'urgent'")).unwrap_err();
        assert!(error.text.contains("did you mean ticket.priority?"), "{error}");
    }
}
