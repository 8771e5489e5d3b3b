//! Evaluates an expression for a ticket.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::error::LanguageError;
use super::expr::{Comparison, Expr, Operator, Piece};
use super::name::Name;
use super::value::{LONGEST_TEXT, Value, day, equal, order, too_long};
use crate::ticket::{FieldValue, Person, Ticket, TicketKey};

/// The ticket that an expression is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'t> {
    pub(crate) key: &'t TicketKey,
    pub(crate) ticket: &'t Ticket,
}

impl Expr {
    /// Whether a condition holds.
    ///
    /// # Errors
    /// What can't be compared or calculated, for the person who wrote the condition.
    pub(crate) fn holds(&self, about: Subject<'_>) -> Result<bool, LanguageError> {
        self.value(about).map(|value| value.is_true())
    }

    fn value<'t>(&'t self, about: Subject<'t>) -> Result<Value<'t>, LanguageError> {
        let is_true = |expr: &'t Expr| expr.value(about).map(|value| value.is_true());
        Ok(match self {
            Self::Const(value) => value.clone(),
            Self::Name(name) => about.named(*name),
            Self::Field(name) => about.field(name),
            Self::List(items) => Value::List(all(items, about)?),
            Self::Not(of) => Value::Bool(!is_true(of)?),
            Self::Negative(of) => match of.value(about)?.number() {
                Some(Value::Int(number)) => Value::Int(number.saturating_neg()),
                Some(Value::Float(number)) => Value::Float(-number),
                _ => Value::Missing,
            },
            // As in Python, these give one of the two: `ticket.assignee.name or 'nobody'`.
            Self::And(one, other) => match one.value(about)? {
                value if value.is_true() => other.value(about)?,
                value => value,
            },
            Self::Or(one, other) => match one.value(about)? {
                value if value.is_true() => value,
                _ => other.value(about)?,
            },
            Self::Compare(how, one, other) => Value::Bool(self.compare(*how, one, other, about)?),
            Self::In(needle, haystack) => Value::Bool(is_in(needle, haystack, about)?),
            Self::Calculate(how, one, other) => calculate(*how, &one.value(about)?, &other.value(about)?)
                .map_err(|why| format!("{self}: {why}"))?,
            Self::If { test, then, otherwise } => match (is_true(test)?, otherwise) {
                (true, _) => then.value(about)?,
                (false, Some(otherwise)) => otherwise.value(about)?,
                (false, None) => Value::Missing,
            },
            Self::Filter(filter, of, arguments) => filter
                .apply(of.value(about)?, &all(arguments, about)?)
                .map_err(|why| format!("{self}: {why}"))?,
            Self::Is(test, of, arguments) => {
                Value::Bool(test.holds(&of.value(about)?, &all(arguments, about)?))
            }
            Self::Method(method, of, arguments) => {
                Value::Bool(method.holds(&of.value(about)?, &all(arguments, about)?))
            }
            Self::Item(of, index) => match of.value(about)? {
                Value::List(mut items) => match position(*index, items.len()) {
                    Some(at) if at < items.len() => items.swap_remove(at),
                    _ => Value::Missing,
                },
                Value::Missing => Value::Missing,
                other => {
                    return Err(
                        format!("{self}: only a list has entries, and this is {}", other.describe()).into()
                    );
                }
            },
            Self::Slice(of, start, stop) => slice(of.value(about)?, *start, *stop),
        })
    }

    fn compare(
        &self,
        how: Comparison,
        one: &Expr,
        other: &Expr,
        about: Subject<'_>,
    ) -> Result<bool, LanguageError> {
        let (left, right) = (one.value(about)?, other.value(about)?);
        let ordered = || {
            order(&left, &right).map_err(|()| {
                let (odd, number) =
                    if matches!(left, Value::Text(_)) { (one, &right) } else { (other, &left) };
                let odd_value = if std::ptr::eq(odd, one) { &left } else { &right };
                let help = match (odd_value, number) {
                    (Value::Text(_), Value::Int(_) | Value::Float(_)) => {
                        format!("compare it with a text, or write {odd} | int(0) to count every text as 0")
                    }
                    (_, Value::Time(_)) | (Value::Time(_), _) => {
                        "a time is compared with a date such as '2026-11-20'".to_owned()
                    }
                    _ => "only numbers, texts and times have an order".to_owned(),
                };
                format!(
                    "{self} can't be decided: {one} is {}, {other} is {}; {help}",
                    left.describe(),
                    right.describe()
                )
            })
        };
        Ok(match how {
            Comparison::Equal => equal(&left, &right),
            Comparison::Unequal => !equal(&left, &right),
            Comparison::Less => ordered()?.is_some_and(Ordering::is_lt),
            Comparison::AtMost => ordered()?.is_some_and(Ordering::is_le),
            Comparison::More => ordered()?.is_some_and(Ordering::is_gt),
            Comparison::AtLeast => ordered()?.is_some_and(Ordering::is_ge),
        })
    }
}

fn all<'t>(items: &'t [Expr], about: Subject<'t>) -> Result<Vec<Value<'t>>, LanguageError> {
    items.iter().map(|item| item.value(about)).collect()
}

/// Renders a title; what is missing is nothing.
///
/// # Errors
/// As of [`Expr::holds`], and when it gets too long.
pub(crate) fn render(pieces: &[Piece], about: Subject<'_>) -> Result<String, LanguageError> {
    let mut made = String::new();
    render_into(&mut made, pieces, about)?;
    Ok(made)
}

fn render_into(made: &mut String, pieces: &[Piece], about: Subject<'_>) -> Result<(), LanguageError> {
    for piece in pieces {
        match piece {
            Piece::Text(text) => made.push_str(text),
            // Writing to a string can't fail.
            Piece::Show(expr) => _ = write!(made, "{}", expr.value(about)?),
            Piece::If { test, then, otherwise } => {
                render_into(made, if test.holds(about)? { then } else { otherwise }, about)?;
            }
        }
        if made.len() > LONGEST_TEXT {
            return Err(too_long().into());
        }
    }
    Ok(())
}

fn is_in(needle: &Expr, haystack: &Expr, about: Subject<'_>) -> Result<bool, LanguageError> {
    let wanted = needle.value(about)?;
    Ok(match haystack.value(about)? {
        Value::Missing => false,
        Value::List(items) => items.iter().any(|item| equal(item, &wanted)),
        // Nothing is in every text, which nobody means.
        Value::Text(text) => !wanted.is_blank() && text.contains(&wanted.to_string()),
        other => {
            return Err(format!("“in” needs a list or a text, and {haystack} is {}", other.describe()).into());
        }
    })
}

fn calculate<'t>(how: Operator, one: &Value<'_>, other: &Value<'_>) -> Result<Value<'t>, LanguageError> {
    // As in Jinja, + joins texts; two numbers are added, also where one of them came as text.
    let is_text = |value: &Value<'_>| matches!(value, Value::Text(_)) && value.number().is_none();
    let both_text = [one, other].iter().all(|value| matches!(value, Value::Text(_)));
    if how == Operator::Join || (how == Operator::Add && (is_text(one) || is_text(other) || both_text)) {
        return Value::made(format!("{one}{other}"));
    }
    if [one, other].contains(&&Value::Missing) {
        return Ok(Value::Missing);
    }
    let (Some(left), Some(right)) = (one.number(), other.number()) else {
        return Err(format!("one can't calculate with {} and {}", one.describe(), other.describe()).into());
    };
    if let (Value::Int(left), Value::Int(right)) = (&left, &right) {
        let result = match how {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Remainder => left.checked_rem_euclid(*right),
            Operator::Divide | Operator::Join => None,
        };
        if let Some(result) = result {
            return Ok(Value::Int(result));
        }
    }
    let (left, right) = (float(&left), float(&right));
    let result = match how {
        Operator::Add | Operator::Join => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Remainder => left.rem_euclid(right),
    };
    if result.is_finite() { Ok(Value::Float(result)) } else { Err("the result is no number".into()) }
}

#[allow(clippy::cast_precision_loss, reason = "of numbers beyond 2^53 that are divided")]
fn float(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => f64::NAN,
    }
}

/// Where an index leads, counted from the end if it is negative.
fn position(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn slice(of: Value<'_>, start: Option<i64>, stop: Option<i64>) -> Value<'_> {
    let range = |length: usize| {
        let start = start.map_or(0, |start| position(start, length).unwrap_or(0)).min(length);
        let stop = stop.map_or(length, |stop| position(stop, length).unwrap_or(0)).min(length);
        (start, stop.saturating_sub(start))
    };
    match of {
        Value::Missing => Value::Missing,
        Value::List(items) => {
            let (start, length) = range(items.len());
            Value::List(items.into_iter().skip(start).take(length).collect())
        }
        other => {
            let text = other.to_string();
            let (start, length) = range(text.chars().count());
            Value::Text(text.chars().skip(start).take(length).collect::<String>().into())
        }
    }
}

impl<'t> Subject<'t> {
    fn named(self, name: Name) -> Value<'t> {
        let Self { key, ticket } = self;
        let text = |text: &'t Option<String>| text.as_deref().map_or(Value::Missing, Value::read);
        let created = |part: fn(jiff::ZonedDateTime) -> i64| {
            let time = ticket.created.map(|time| time.to_zoned_datetime(jiff::tz::TimeZone::UTC));
            time.map_or(Value::Missing, |time| Value::Int(part(time)))
        };
        match name {
            Name::Id => Value::read(key.id.as_str()),
            Name::Key => Value::read(ticket.key.as_deref().unwrap_or(key.id.as_str())),
            Name::Helpdesk => Value::read(key.helpdesk.as_str()),
            Name::Project => text(&ticket.project),
            Name::Subject => Value::read(self.subject()),
            Name::Description => text(&ticket.description),
            Name::Requester => person(ticket.requester.as_ref()),
            Name::RequesterEmail => email(ticket.requester.as_ref()),
            Name::RequesterDomain => domain(ticket.requester.as_ref()),
            Name::Assignee => person(ticket.assignee.as_ref()),
            Name::AssigneeEmail => email(ticket.assignee.as_ref()),
            Name::AssigneeDomain => domain(ticket.assignee.as_ref()),
            Name::Group => text(&ticket.group),
            Name::Organization => text(&ticket.organization),
            Name::Brand => text(&ticket.brand),
            Name::Type => lower(ticket.kind.as_deref()),
            Name::Form => text(&ticket.form),
            Name::Channel => lower(ticket.channel.as_deref()),
            Name::Priority => lower(ticket.priority.as_deref()),
            Name::Status => Value::read(ticket.status.as_str()),
            Name::Tags => {
                Value::List(ticket.tags.iter().map(|tag| Value::Text(tag.as_str().into())).collect())
            }
            Name::Created => ticket.created.map_or(Value::Missing, Value::Time),
            Name::CreatedYear => created(|time| time.year().into()),
            Name::CreatedMonth => created(|time| time.month().into()),
            Name::CreatedDay => created(|time| time.day().into()),
            Name::CreatedHour => created(|time| time.hour().into()),
            Name::CreatedWeekday => {
                ticket.created.map_or(Value::Missing, |time| Value::read(weekday(day(time).weekday())))
            }
        }
    }

    /// A ticket without a subject is named after its description's first line.
    fn subject(self) -> &'t str {
        match self.ticket.subject.trim() {
            "" => {
                let mut lines = self.ticket.description.as_deref().unwrap_or_default().lines().map(str::trim);
                lines.find(|line| !line.is_empty()).unwrap_or_default()
            }
            subject => subject,
        }
    }

    fn field(self, name: &str) -> Value<'t> {
        match self.ticket.fields.get(name) {
            None => Value::Missing,
            Some(FieldValue::Bool(bool)) => Value::Bool(*bool),
            Some(FieldValue::Number(number)) => Value::Int(*number),
            Some(FieldValue::Text(text)) => Value::read(text),
            Some(FieldValue::List(items)) => {
                Value::List(items.iter().map(|item| Value::Text(item.as_str().into())).collect())
            }
        }
    }
}

fn lower(text: Option<&str>) -> Value<'_> {
    match text.map_or(Value::Missing, Value::read) {
        Value::Text(text) if text.chars().any(char::is_uppercase) => Value::Text(text.to_lowercase().into()),
        value => value,
    }
}

fn person(person: Option<&Person>) -> Value<'_> {
    person.and_then(|person| person.name.as_deref()).map_or(Value::Missing, Value::read)
}

fn email(person: Option<&Person>) -> Value<'_> {
    lower(person.and_then(|person| person.email.as_deref()).map(str::trim))
}

fn domain(person: Option<&Person>) -> Value<'_> {
    let email = person.and_then(|person| person.email.as_deref());
    lower(email.and_then(|email| email.trim().rsplit_once('@')).map(|(_, domain)| domain))
}

fn weekday(day: jiff::civil::Weekday) -> &'static str {
    use jiff::civil::Weekday;
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}
