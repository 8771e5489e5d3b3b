//! The filters, tests and methods that there are: `ticket.subject | lower`, `ticket.group is
//! defined`, `ticket.subject.contains('outage')`. What makes texts is bounded by
//! [`value::LONGEST_TEXT`](super::value).

use super::error::LanguageError;
use super::name::Kind;
use super::nearest;
use super::value::{LONGEST_TEXT, Value, day, equal, too_long};

/// A filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Default,
    Lower,
    Upper,
    Title,
    Capitalize,
    Trim,
    Replace,
    Truncate,
    First,
    Last,
    Join,
    Length,
    Int,
    Float,
    Round,
    Abs,
    Date,
    Text,
}

impl Filter {
    /// Each with its name, and the least and the most arguments that it takes. A second name comes
    /// after the first.
    const ALL: [(&'static str, Self, usize, usize); 20] = [
        ("default", Self::Default, 1, 2),
        ("d", Self::Default, 1, 2),
        ("lower", Self::Lower, 0, 0),
        ("upper", Self::Upper, 0, 0),
        ("title", Self::Title, 0, 0),
        ("capitalize", Self::Capitalize, 0, 0),
        ("trim", Self::Trim, 0, 0),
        ("replace", Self::Replace, 2, 2),
        ("truncate", Self::Truncate, 1, 1),
        ("first", Self::First, 0, 0),
        ("last", Self::Last, 0, 0),
        ("join", Self::Join, 0, 1),
        ("length", Self::Length, 0, 0),
        ("count", Self::Length, 0, 0),
        ("int", Self::Int, 0, 1),
        ("float", Self::Float, 0, 1),
        ("round", Self::Round, 0, 1),
        ("abs", Self::Abs, 0, 0),
        ("date", Self::Date, 0, 1),
        ("string", Self::Text, 0, 0),
    ];

    pub(super) fn find(name: &str, arguments: usize) -> Result<Self, LanguageError> {
        let Some((_, filter, least, most)) = Self::ALL.iter().find(|(known, ..)| *known == name) else {
            let known = names(Self::ALL.iter().map(|(name, filter, ..)| (*name, *filter)));
            return Err(unknown("filter", name, &known).into());
        };
        arity(&format!("the filter “{name}”"), arguments, *least, *most)?;
        Ok(*filter)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, filter, ..)| *filter == self).map_or("", |(name, ..)| name)
    }

    /// What it makes.
    pub(super) fn gives(self) -> Kind {
        match self {
            Self::Lower => Kind::Lower,
            Self::Upper | Self::Title | Self::Capitalize | Self::Trim | Self::Replace | Self::Truncate => {
                Kind::Text
            }
            Self::Join | Self::Date | Self::Text => Kind::Text,
            Self::Length | Self::Int | Self::Float | Self::Round | Self::Abs => Kind::Number,
            Self::Default | Self::First | Self::Last => Kind::Any,
        }
    }

    /// Applies it. What is missing stays so, but for those filters that are about it.
    pub(super) fn apply<'t>(
        self,
        of: Value<'t>,
        arguments: &[Value<'t>],
    ) -> Result<Value<'t>, LanguageError> {
        let first = arguments.first();
        match self {
            Self::Default => {
                // The second argument of Jinja's: also what counts as false.
                let wide = arguments.get(1).is_some_and(Value::is_true) && !of.is_true();
                return Ok(if of.is_blank() || wide { first.cloned().unwrap_or(Value::Missing) } else { of });
            }
            Self::Length => {
                let length = match &of {
                    Value::Missing => 0,
                    Value::List(items) => items.len(),
                    other => other.to_string().chars().count(),
                };
                return Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)));
            }
            _ if of == Value::Missing => return Ok(of),
            _ => {}
        }
        match self {
            Self::Default | Self::Length => Ok(of),
            Self::Lower => Value::made(text(self, &of)?.to_lowercase()),
            Self::Upper => Value::made(text(self, &of)?.to_uppercase()),
            Self::Title => Value::made(capitalised(&text(self, &of)?, true)),
            Self::Capitalize => Value::made(capitalised(&text(self, &of)?, false)),
            Self::Trim => Value::made(text(self, &of)?.trim().to_owned()),
            Self::Text => Value::made(text(self, &of)?),
            Self::Replace => {
                let (from, to) = (argument(first), argument(arguments.get(1)));
                replaced(&text(self, &of)?, &from, &to)
            }
            Self::Truncate => truncated(&text(self, &of)?, first),
            Self::First => match of {
                Value::List(items) => Ok(items.into_iter().next().unwrap_or(Value::Missing)),
                of => Err(wrong(self, &of, "a list").into()),
            },
            Self::Last => match of {
                Value::List(items) => Ok(items.into_iter().next_back().unwrap_or(Value::Missing)),
                of => Err(wrong(self, &of, "a list").into()),
            },
            Self::Join => match of {
                Value::List(items) => joined(&items, &argument(first)),
                of => Err(wrong(self, &of, "a list").into()),
            },
            Self::Int | Self::Float => match (number(self, &of), first) {
                (Some(number), _) => Ok(number),
                (None, Some(instead)) => Ok(instead.clone()),
                (None, None) => Err(wrong(self, &of, "a number").into()),
            },
            Self::Round => rounded(&of, first).ok_or_else(|| wrong(self, &of, "a number").into()),
            Self::Abs => match of.number() {
                Some(Value::Int(number)) => Ok(Value::Int(number.saturating_abs())),
                Some(Value::Float(number)) => Ok(Value::Float(number.abs())),
                _ => Err(wrong(self, &of, "a number").into()),
            },
            Self::Date => match (&of, first) {
                (Value::Time(time), None) => Value::made(day(*time).to_string()),
                (Value::Time(time), Some(format)) => formatted(*time, &format.to_string()),
                _ => Err(wrong(self, &of, "a time").into()),
            },
        }
    }
}

/// A test: `is defined`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Defined,
    Undefined,
    None,
    Number,
    Text,
    Containing,
    StartingWith,
    EndingWith,
}

impl Test {
    const ALL: [(&'static str, Self, usize, usize); 10] = [
        ("defined", Self::Defined, 0, 0),
        ("undefined", Self::Undefined, 0, 0),
        ("none", Self::None, 0, 0),
        ("number", Self::Number, 0, 0),
        ("string", Self::Text, 0, 0),
        ("containing", Self::Containing, 1, MOST_WORDS),
        ("startingwith", Self::StartingWith, 1, MOST_WORDS),
        ("starting_with", Self::StartingWith, 1, MOST_WORDS),
        ("endingwith", Self::EndingWith, 1, MOST_WORDS),
        ("ending_with", Self::EndingWith, 1, MOST_WORDS),
    ];

    pub(super) fn find(name: &str, arguments: usize) -> Result<Self, LanguageError> {
        let Some((_, test, least, most)) = Self::ALL.iter().find(|(known, ..)| *known == name) else {
            let known = names(Self::ALL.iter().map(|(name, test, ..)| (*name, *test)));
            return Err(unknown("test", name, &known).into());
        };
        arity(&format!("the test “{name}”"), arguments, *least, *most)?;
        Ok(*test)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, test, ..)| *test == self).map_or("", |(name, ..)| name)
    }

    pub(super) fn holds(self, of: &Value<'_>, arguments: &[Value<'_>]) -> bool {
        match self {
            Self::Defined => !of.is_blank(),
            Self::Undefined | Self::None => of.is_blank(),
            Self::Number => matches!(of, Value::Int(_) | Value::Float(_)),
            Self::Text => matches!(of, Value::Text(_)),
            Self::Containing => Method::Contains.holds(of, arguments),
            Self::StartingWith => Method::StartsWith.holds(of, arguments),
            Self::EndingWith => Method::EndsWith.holds(of, arguments),
        }
    }
}

/// A method: `.contains('outage')`. Each looks for any of its arguments, whatever their case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Contains,
    StartsWith,
    EndsWith,
}

/// How many words a method looks for at once.
const MOST_WORDS: usize = 50;

impl Method {
    const ALL: [(&'static str, Self); 3] =
        [("contains", Self::Contains), ("starts_with", Self::StartsWith), ("ends_with", Self::EndsWith)];

    pub(super) fn find(name: &str, arguments: usize) -> Result<Self, LanguageError> {
        let meant = match name {
            "includes" | "include" | "has" | "matches" | "like" => Some("contains"),
            "startswith" | "startsWith" | "startingwith" => Some("starts_with"),
            "endswith" | "endsWith" | "endingwith" => Some("ends_with"),
            _ => None,
        };
        let Some((_, method)) = Self::ALL.iter().find(|(known, _)| *known == name) else {
            if meant.is_none() && Filter::ALL.iter().any(|(known, ..)| *known == name) {
                return Err(
                    format!("there is no method “{name}”; as a filter it is written … | {name}").into()
                );
            }
            let known: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            return Err(match meant {
                Some(meant) => format!("there is no method “{name}”; did you mean .{meant}('…')?"),
                None => unknown("method", name, &known),
            }
            .into());
        };
        arity(&format!("“{name}”"), arguments, 1, MOST_WORDS)?;
        Ok(*method)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// Whether the text (or, for a list, one of its entries as a whole) is as one of the arguments
    /// says.
    pub(super) fn holds(self, of: &Value<'_>, arguments: &[Value<'_>]) -> bool {
        let lower = |value: &Value<'_>| value.to_string().to_lowercase();
        let wanted = arguments.iter().filter(|argument| !argument.is_blank());
        match of {
            Value::Missing => false,
            Value::List(items) => {
                let whole = |item: &Value<'_>, wanted: &Value<'_>| match self {
                    Self::Contains => equal(item, wanted) || lower(item) == lower(wanted),
                    Self::StartsWith => lower(item).starts_with(&lower(wanted)),
                    Self::EndsWith => lower(item).ends_with(&lower(wanted)),
                };
                wanted.into_iter().any(|wanted| items.iter().any(|item| whole(item, wanted)))
            }
            of => {
                let text = lower(of);
                wanted.map(lower).any(|wanted| match self {
                    Self::Contains => text.contains(&wanted),
                    Self::StartsWith => text.starts_with(&wanted),
                    Self::EndsWith => text.ends_with(&wanted),
                })
            }
        }
    }
}

/// First names only.
fn names<T: PartialEq>(all: impl Iterator<Item = (&'static str, T)>) -> Vec<&'static str> {
    let mut known: Vec<(&str, T)> = Vec::new();
    for (name, what) in all {
        if !known.iter().any(|(_, other)| *other == what) {
            known.push((name, what));
        }
    }
    known.into_iter().map(|(name, _)| name).collect()
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let known_names = known.join(", ");
    match nearest(name, known.iter().copied()) {
        Some(near) => {
            format!("there is no {what} “{name}”; did you mean “{near}”? (the {what}s are {known_names})")
        }
        None => format!("there is no {what} “{name}”; the {what}s are {known_names}"),
    }
}

fn arity(what: &str, given: usize, least: usize, most: usize) -> Result<(), LanguageError> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    Err(match (least, most) {
        (0, 0) => format!("{what} takes nothing in parentheses"),
        (least, most) if least == most => format!("{what} takes {least} in parentheses, not {given}"),
        (least, most) => format!("{what} takes {least} to {most} in parentheses, not {given}"),
    }
    .into())
}

fn wrong(filter: Filter, of: &Value<'_>, wanted: &str) -> String {
    format!("the filter “{}” needs {wanted}, and this is {}", filter.name(), of.describe())
}

fn text(filter: Filter, of: &Value<'_>) -> Result<String, LanguageError> {
    match of {
        Value::List(_) => Err(format!("{}; write … | join(', ') first", wrong(filter, of, "a text")).into()),
        of => Ok(of.to_string()),
    }
}

fn argument(value: Option<&Value<'_>>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn capitalised(text: &str, every_word: bool) -> String {
    let mut capital = true;
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        if capital && c.is_alphanumeric() {
            made.extend(c.to_uppercase());
            capital = false;
        } else {
            made.extend(c.to_lowercase());
            capital = capital || (every_word && !c.is_alphanumeric() && c != '\'');
        }
    }
    made
}

fn replaced<'t>(text: &str, from: &str, to: &str) -> Result<Value<'t>, LanguageError> {
    if from.is_empty() {
        return Value::made(text.to_owned());
    }
    let times = text.matches(from).count();
    let length = text.len().saturating_add(times.saturating_mul(to.len()));
    if length.saturating_sub(times.saturating_mul(from.len())) > LONGEST_TEXT {
        return Err(too_long().into());
    }
    Value::made(text.replace(from, to))
}

fn joined<'t>(items: &[Value<'_>], between: &str) -> Result<Value<'t>, LanguageError> {
    let mut made = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            made.push_str(between);
        }
        made.push_str(&item.to_string());
        if made.len() > LONGEST_TEXT {
            return Err(too_long().into());
        }
    }
    Value::made(made)
}

fn truncated<'t>(text: &str, length: Option<&Value<'_>>) -> Result<Value<'t>, LanguageError> {
    let Some(Value::Int(length)) = length else {
        return Err("the filter “truncate” needs a whole number, such as truncate(60)".into());
    };
    let length = usize::try_from(*length).unwrap_or(0);
    if text.chars().nth(length).is_none() {
        return Value::made(text.to_owned());
    }
    let short: String = text.chars().take(length.saturating_sub(1)).collect();
    Value::made(format!("{}…", short.trim_end()))
}

/// The number, whole for `int`.
fn number(filter: Filter, of: &Value<'_>) -> Option<Value<'static>> {
    let number = match of {
        Value::Bool(bool) => Value::Int(i64::from(*bool)),
        Value::Text(_) | Value::Int(_) | Value::Float(_) => match of.number()? {
            Value::Int(number) => Value::Int(number),
            Value::Float(number) => Value::Float(number),
            _ => return None,
        },
        _ => return None,
    };
    match (filter, number) {
        (Filter::Int, Value::Float(number)) => whole(number.trunc()),
        (_, number) => Some(number),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "within the range of whole numbers that a float has exactly"
)]
fn whole(number: f64) -> Option<Value<'static>> {
    (number.abs() < 9e15).then_some(Value::Int(number as i64))
}

fn rounded(of: &Value<'_>, digits: Option<&Value<'_>>) -> Option<Value<'static>> {
    match (of.number()?, digits) {
        (Value::Int(number), _) => Some(Value::Int(number)),
        (Value::Float(number), None | Some(Value::Int(0))) => whole(number.round()),
        (Value::Float(number), Some(Value::Int(digits))) => {
            let factor = 10_f64.powi(i32::try_from((*digits).clamp(0, 9)).ok()?);
            Some(Value::Float((number * factor).round() / factor))
        }
        _ => None,
    }
}

/// As `strftime` does, in UTC.
fn formatted<'t>(time: crate::clock::Timestamp, format: &str) -> Result<Value<'t>, LanguageError> {
    // A width such as %999999999d would be padded.
    let has_width = format.split('%').skip(1).any(|rest| {
        rest.trim_start_matches(['-', '_', '0', '^', '#', '.']).starts_with(|c: char| c.is_ascii_digit())
    });
    if format.len() > 100 || has_width {
        return Err("“date” takes a short format without widths, such as date('%d.%m.%Y')".into());
    }
    let made = jiff::fmt::strtime::format(format, &time.to_zoned_datetime(jiff::tz::TimeZone::UTC));
    Value::made(made.map_err(|_| format!("“date” can't be told “{format}”; write it like date('%d.%m.%Y')"))?)
}
