//! Values, and what comparing them means.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use super::error::LanguageError;
use crate::clock::Timestamp;

/// The most bytes of a text that an expression makes.
pub(super) const LONGEST_TEXT: usize = 256 * 1024;
/// How many bytes of a ticket's own texts are read.
pub(super) const LONGEST_READ: usize = 64 * 1024;

/// A value, mostly borrowed from the ticket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'t> {
    /// What the ticket doesn't have.
    Missing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'t, str>),
    List(Vec<Value<'t>>),
    Time(Timestamp),
}

/// A time in conditions: a day, or a moment.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Day(jiff::civil::Date),
    Moment(Timestamp),
}

impl<'t> Value<'t> {
    /// A text of the ticket. What is blank is missing.
    pub(super) fn read(text: &'t str) -> Self {
        if text.trim().is_empty() { Self::Missing } else { Self::Text(Cow::Borrowed(cut(text))) }
    }

    /// A text that was made, if it is not too long.
    pub(super) fn made(text: String) -> Result<Self, LanguageError> {
        if text.len() > LONGEST_TEXT {
            return Err(too_long().into());
        }
        Ok(Self::Text(Cow::Owned(text)))
    }

    /// Whether the value counts as true. A switch that came as the text “false” is off.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Bool(bool) => *bool,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.trim().is_empty() && !text.trim().eq_ignore_ascii_case("false"),
            Self::List(items) => !items.is_empty(),
            Self::Time(_) => true,
        }
    }

    /// Whether the ticket has nothing here.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// What it is, for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Missing => "missing".to_owned(),
            Self::Bool(bool) => format!("the switch {bool}"),
            Self::Int(_) | Self::Float(_) => format!("the number {self}"),
            Self::Text(text) => {
                let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
                let short: String = printable.take(40).collect();
                let rest = if text.chars().nth(40).is_some() { "…" } else { "" };
                format!("the text “{short}{rest}”")
            }
            Self::List(_) => "a list".to_owned(),
            Self::Time(_) => format!("the time {self}"),
        }
    }

    /// The number that this is, or that its text says.
    pub(super) fn number(&self) -> Option<Self> {
        match self {
            Self::Int(number) => Some(Self::Int(*number)),
            Self::Float(number) => Some(Self::Float(*number)),
            Self::Text(text) => parse_number(text),
            _ => None,
        }
    }

    fn when(&self) -> Option<When> {
        match self {
            Self::Time(time) => Some(When::Moment(*time)),
            Self::Text(text) => parse_when(text),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    item.fmt(f)?;
                }
                Ok(())
            }
            Self::Time(time) => write!(f, "{}", day(*time)),
        }
    }
}

pub(super) fn too_long() -> String {
    format!("makes a text of more than {} KiB", LONGEST_TEXT / 1024)
}

/// The text, up to [`LONGEST_READ`].
fn cut(text: &str) -> &str {
    if text.len() <= LONGEST_READ { text } else { &text[..text.floor_char_boundary(LONGEST_READ)] }
}

/// The day of a time, in UTC.
pub(super) fn day(time: Timestamp) -> jiff::civil::Date {
    time.to_zoned_datetime(jiff::tz::TimeZone::UTC).date()
}

/// Reads a number, as people and programs write it.
fn parse_number<'t>(text: &str) -> Option<Value<'t>> {
    let text = text.trim();
    // “inf”, “nan” and “1e400” are floats to Rust.
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
}

/// Reads a day (`2026-11-20`) or a moment (`2026-11-20T08:14:03Z`).
pub(super) fn parse_when(text: &str) -> Option<When> {
    let text = text.trim();
    if text.len() == 10 { text.parse().ok().map(When::Day) } else { text.parse().ok().map(When::Moment) }
}

/// Whether two values are the same. A number equals the text that says it, a switch the text `true`
/// or `false`.
pub(super) fn equal(one: &Value<'_>, other: &Value<'_>) -> bool {
    use Value::{Bool, Float, Int, List, Missing, Text, Time};
    match (one, other) {
        (Missing, other) | (other, Missing) => other.is_blank(),
        (Text(one), Text(other)) => one == other,
        (Bool(one), Bool(other)) => one == other,
        (Bool(bool), Text(text)) | (Text(text), Bool(bool)) => {
            text.trim().eq_ignore_ascii_case(if *bool { "true" } else { "false" })
        }
        (List(one), List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Time(_), Time(_) | Text(_)) | (Text(_), Time(_)) => {
            one.when().zip(other.when()).is_some_and(|(one, other)| order_times(one, other).is_eq())
        }
        (Int(_) | Float(_), Int(_) | Float(_) | Text(_)) | (Text(_), Int(_) | Float(_)) => {
            let both = one.number().zip(other.number());
            both.is_some_and(|(one, other)| order_numbers(&one, &other).is_some_and(Ordering::is_eq))
        }
        _ => false,
    }
}

/// Which of two values is more. `None`: one of them is missing. `Err`: they can't be ordered.
pub(super) fn order(one: &Value<'_>, other: &Value<'_>) -> Result<Option<Ordering>, ()> {
    use Value::{Float, Int, Missing, Text, Time};
    match (one, other) {
        (Missing, _) | (_, Missing) => Ok(None),
        // A blank text is nothing, and nothing is neither more nor less.
        _ if one.is_blank() || other.is_blank() => Ok(None),
        (Int(_) | Float(_) | Text(_), Int(_) | Float(_) | Text(_)) => {
            match (one.number(), other.number(), one, other) {
                (Some(one), Some(other), ..) => Ok(order_numbers(&one, &other)),
                (.., Text(one), Text(other)) => Ok(Some(one.cmp(other))),
                _ => Err(()),
            }
        }
        (Time(_), Time(_) | Text(_)) | (Text(_), Time(_)) => {
            let both = one.when().zip(other.when());
            both.map(|(one, other)| Some(order_times(one, other))).ok_or(())
        }
        _ => Err(()),
    }
}

#[allow(clippy::cast_precision_loss, reason = "of numbers beyond 2^53, one of which has a fraction")]
fn order_numbers(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
        (Value::Int(one), Value::Float(other)) => (*one as f64).partial_cmp(other),
        (Value::Float(one), Value::Int(other)) => one.partial_cmp(&(*other as f64)),
        (Value::Float(one), Value::Float(other)) => one.partial_cmp(other),
        _ => None,
    }
}

/// Where one of the two is a day, only the days count.
fn order_times(one: When, other: When) -> Ordering {
    match (one, other) {
        (When::Moment(one), When::Moment(other)) => one.cmp(&other),
        (When::Day(one), When::Day(other)) => one.cmp(&other),
        (When::Day(one), When::Moment(other)) => one.cmp(&day(other)),
        (When::Moment(one), When::Day(other)) => day(one).cmp(&other),
    }
}
