//! Reads a TOML tree by hand, so that every message can name the line and the nearest known key.
//!
//! A [`Section`] is asked for the keys that are known; when it is closed, what nobody asked for is
//! an unknown key. The keys are thus known in one place only: where they are read.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reasons::{EMPTY, FILE_SYNTAX, KEY_MISSING, KEY_UNKNOWN, RANGE, TYPE};
use super::report::{At, Place, Read, Report, Reported};
use crate::language::nearest;

/// More syntax errors than this are the same mistake again and again.
const MOST_SYNTAX_ERRORS: usize = 20;

/// Parses the file; of several syntax errors in one line the first is reported.
pub(super) fn parse<'t>(report: &'t Report<'t>, text: &'t str) -> Read<Spanned<DeTable<'t>>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut outcome = Ok(document);
    let mut last_line = None;
    for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
        let byte = error.span().map_or(0, |span| span.start);
        let line = report.line(byte);
        if last_line.replace(line) == Some(line) {
            continue;
        }
        // Only the parser's own words: the line itself may hold a secret.
        let (message, help) = syntax_error(error.message());
        outcome =
            Err(report.problem(At::Byte(byte), &FILE_SYNTAX, format!("not valid TOML: {message}"), help));
    }
    outcome
}

fn syntax_error(message: &str) -> (&str, &'static str) {
    let message =
        message.trim_end_matches(", expected literal string").trim_end_matches(", expected nothing");
    let help = if message.starts_with("string values must be quoted") || message.starts_with("invalid float")
    {
        "put texts in double quotes"
    } else if message.starts_with("duplicate key") {
        "a key or a section can stand only once; remove one of the two"
    } else if message.contains("recur") {
        "nothing in this file nests so deep"
    } else {
        "see ticketroom.example.toml for how the file is written"
    };
    (message, help)
}

/// A table whose keys we know.
pub(super) struct Section<'t> {
    /// The section as a place, with its name as the subject.
    pub(super) place: Place<'t>,
    /// `None` is a section that is not there; it has no keys.
    table: Option<&'t DeTable<'t>>,
    asked: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// The file itself.
    pub(super) fn top(report: &'t Report<'t>, table: &'t DeTable<'t>) -> Self {
        let place = Place { report, subject: "the file".to_owned(), at: At::File };
        Self { place, table: Some(table), asked: Vec::new() }
    }

    /// The value of a key, if there is one.
    pub(super) fn find(&mut self, key: &'static str) -> Option<Value<'t>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let raw = self.table?.get(key)?;
        self.place.report.found(&self.place.subject, key, raw.span().start);
        Some(Value::new(self.place.report, format!("“{key}”"), raw))
    }

    /// Reads a key that may be missing.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> Read<Option<T>> {
        self.find(key).as_ref().map(read).transpose()
    }

    /// Reads a key that has a default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> Read<T> {
        Ok(self.optional(key, read)?.unwrap_or(default))
    }

    /// Reads a key that must be there; `help` says what to write.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        help: &str,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> Read<T> {
        match self.find(key) {
            Some(value) => read(&value),
            None => Err(self.lacks(key, help)),
        }
    }

    /// Says that a key is missing.
    pub(super) fn lacks(&self, key: &str, help: impl Into<String>) -> Reported {
        self.place.wrong(&KEY_MISSING, &format!("has no “{key}”"), help)
    }

    /// A section of the file, which may be missing.
    pub(super) fn section(&mut self, key: &'static str) -> Read<Self> {
        match self.find(key) {
            Some(value) => value.section(format!("[{key}]"), &format!("write a section: [{key}]")),
            None => {
                let place = Place { subject: format!("[{key}]"), ..self.place.clone() };
                Ok(Self { place, table: None, asked: Vec::new() })
            }
        }
    }

    /// The sections of a list such as `[[rule]]`.
    pub(super) fn sections(&mut self, key: &'static str) -> Read<Vec<Self>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let help = format!("write double brackets, once for each: [[{key}]]");
        value.list(&help)?.iter().map(|entry| entry.section(format!("[[{key}]]"), &help)).collect()
    }

    /// The sections below this one, whose names the file chooses, such as `[template.incident]`.
    pub(super) fn named_sections(&self, prefix: &str, help: &str) -> Vec<(&'t str, Read<Self>)> {
        let entries = self.table.into_iter().flatten();
        entries
            .map(|(name, raw)| {
                let name: &str = name.get_ref();
                let value = Value::new(self.place.report, format!("“{name}”"), raw);
                (name, value.section(format!("[{prefix}.{name}]"), help))
            })
            .collect()
    }

    /// The end of the section: what nobody asked for is unknown.
    pub(super) fn close(self) {
        for key in self.table.into_iter().flat_map(|table| table.keys()) {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let help = match nearest(name, self.asked.iter().copied()) {
                Some(near) => format!("did you mean “{near}”?"),
                None => format!("the known keys are {}", self.asked.join(", ")),
            };
            let message = format!("{} has an unknown key “{name}”", self.place.subject);
            self.place.report.problem(At::Byte(key.span().start), &KEY_UNKNOWN, message, help);
        }
    }
}

/// A value of any type, with its place.
pub(super) struct Value<'t> {
    pub(super) place: Place<'t>,
    raw: &'t DeValue<'t>,
}

impl<'t> Value<'t> {
    fn new(report: &'t Report<'t>, subject: String, raw: &'t Spanned<DeValue<'t>>) -> Self {
        Self { place: Place { report, subject, at: At::Byte(raw.span().start) }, raw: raw.get_ref() }
    }

    /// The value as text.
    pub(super) fn text(&self, help: &str) -> Read<&'t str> {
        self.raw.as_str().ok_or_else(|| self.wrong_type("a string", help))
    }

    /// The value as text that says something.
    pub(super) fn full_text(&self, help: &str) -> Read<&'t str> {
        match self.text(help)?.trim() {
            "" => Err(self.place.wrong(&EMPTY, "is empty", help)),
            text => Ok(text),
        }
    }

    /// The value as `true` or `false`.
    pub(super) fn boolean(&self) -> Read<bool> {
        self.raw.as_bool().ok_or_else(|| self.wrong_type("a boolean", "write true or false, without quotes"))
    }

    /// The value as a whole number that isn't negative. Written out, a number may be too large for
    /// any.
    pub(super) fn number(&self, help: &str) -> Read<u64> {
        let integer = self.raw.as_integer().ok_or_else(|| self.wrong_type("an integer", help))?;
        u64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| self.place.wrong(&RANGE, "is out of range", help))
    }

    /// Whether the value is a string.
    pub(super) fn is_text(&self) -> bool {
        self.raw.is_str()
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        self.raw.is_array()
    }

    /// The entries of a list.
    pub(super) fn list(&self, help: &str) -> Read<Vec<Self>> {
        let entries = self.raw.as_array().ok_or_else(|| self.wrong_type("a list", help))?;
        let subject = format!("an entry of {}", self.place.subject);
        Ok(entries.iter().map(|raw| Self::new(self.place.report, subject.clone(), raw)).collect())
    }

    /// The values of a table whose keys the file chooses.
    pub(super) fn entries(&self, help: &str) -> Read<Vec<(&'t str, Self)>> {
        let table = self.raw.as_table().ok_or_else(|| self.wrong_type("a table", help))?;
        let entry = |(name, raw): (&'t Spanned<std::borrow::Cow<'t, str>>, &'t Spanned<DeValue<'t>>)| {
            let name: &str = name.get_ref();
            (name, Self::new(self.place.report, format!("“{name}”"), raw))
        };
        Ok(table.iter().map(entry).collect())
    }

    /// Those entries of a table that are texts; none if it is no table.
    pub(super) fn table_of_texts(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        let entries = self.raw.as_table().into_iter().flat_map(|table| table.iter());
        entries.filter_map(|(name, raw)| Some((&**name.get_ref(), raw.get_ref().as_str()?)))
    }

    /// The keys of a table, called `subject` in messages.
    pub(super) fn section(&self, subject: String, help: &str) -> Read<Section<'t>> {
        let table = self.raw.as_table().ok_or_else(|| self.wrong_type("a table", help))?;
        let place = Place { subject, ..self.place.clone() };
        Ok(Section { place, table: Some(table), asked: Vec::new() })
    }

    /// Says that the value has the wrong type.
    pub(super) fn wrong_type(&self, wanted: &str, help: &str) -> Reported {
        let found = match self.raw {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.place.wrong(&TYPE, &format!("must be {wanted}, not {found}"), help)
    }
}
