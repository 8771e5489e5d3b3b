//! Collects what is wrong while a configuration is read, so that all of it can be said at once.
//!
//! Whoever finds a problem says it at its [`Place`] and gets a [`Reported`] for it, which goes up
//! in place of the value that could not be made. There is no other way to get one: a value can't be
//! missing without a problem that says why.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::fingerprint::{Fingerprint, FingerprintOfAll};
use super::problem::{ConfigError, Problem};
use super::reasons::DEFECT;
use super::secret::Secrets;
use crate::reason::Code;

/// Proof that a problem has been reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported(());

/// A value that was read, or the proof that the reason why not has been reported.
pub(super) type Read<T> = Result<T, Reported>;

/// All of the values. Each is read, and says what is wrong with it, before the first failure goes
/// up.
pub(super) fn all<T>(reads: impl IntoIterator<Item = Read<T>>) -> Read<Vec<T>> {
    let reads: Vec<Read<T>> = reads.into_iter().collect();
    reads.into_iter().collect()
}

/// What is wrong, and what is odd, with one configuration.
pub(super) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<(usize, String)>>,
    secrets: Secrets,
    fingerprint: RefCell<FingerprintOfAll>,
    lines: RefCell<BTreeMap<String, usize>>,
}

/// Where the keys of a file stand.
#[derive(Debug, Clone)]
pub struct Places {
    file: String,
    lines: BTreeMap<String, usize>,
}

impl Places {
    /// File and line of a key such as `[server] listen`; `None` if the file does not have it.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<String> {
        self.lines.get(key).map(|line| format!("{}:{line}", self.file))
    }
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// So many bytes into the file.
    Byte(usize),
    /// Nowhere in particular: the file lacks it.
    File,
    /// In an environment variable.
    Environment,
}

/// Something that was configured: what it is called in messages, and where it stands.
#[derive(Clone)]
pub(super) struct Place<'t> {
    pub(super) report: &'t Report<'t>,
    /// The subject of messages, such as `“listen”`.
    pub(super) subject: String,
    pub(super) at: At,
}

impl<'t> Report<'t> {
    pub(super) fn new(file: &'t str, text: &'t str, secrets: Secrets) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            file,
            text,
            line_starts,
            problems: RefCell::default(),
            warnings: RefCell::default(),
            secrets,
            fingerprint: RefCell::new(FingerprintOfAll::of(text)),
            lines: RefCell::default(),
        }
    }

    /// Which secrets are wanted.
    pub(super) fn secrets(&self) -> Secrets {
        self.secrets
    }

    /// Something that the configuration takes from elsewhere than the file: it counts for the
    /// fingerprint.
    pub(super) fn takes(&self, value: &str) {
        self.fingerprint.borrow_mut().add(value);
    }

    /// The fingerprint of everything that was read so far.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.borrow().finish()
    }

    /// A key of a section stands so many bytes into the file.
    pub(super) fn found(&self, section: &str, key: &str, byte: usize) {
        if section.starts_with('[') {
            self.lines.borrow_mut().insert(format!("{section} {key}"), self.line(byte));
        }
    }

    /// Where the keys stand that were found so far.
    pub(super) fn places(&self) -> Places {
        Places { file: self.file.to_owned(), lines: self.lines.borrow().clone() }
    }

    /// Says that something is wrong.
    pub(super) fn problem(
        &self,
        at: At,
        code: &'static Code,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Reported {
        let (line, column) = self.position(at).unzip();
        let (file, message, help) = (self.source(at), message.into(), help.into());
        self.problems.borrow_mut().push(Problem {
            code: code.name.into(),
            file,
            line,
            column,
            message,
            help,
        });
        Reported(())
    }

    /// Says that something built in is wrong, which tests rule out.
    pub(super) fn bug(&self, error: impl std::fmt::Display) -> Reported {
        self.problem(
            At::File,
            &DEFECT,
            error.to_string(),
            "this is a mistake in ticketroom: please report it",
        )
    }

    /// Says that something works but should be looked at.
    pub(super) fn warning(&self, at: At, message: &str) {
        let position = self.position(at);
        let warning = match position {
            Some((line, _)) => format!("{}:{line}: {message}", self.source(at)),
            None => format!("{}: {message}", self.source(at)),
        };
        self.warnings.borrow_mut().push((position.map_or(0, |(line, _)| line), warning));
    }

    /// The end of reading: the value with the warnings, or everything that was wrong.
    pub(super) fn finish<T>(self, read: Read<T>) -> Result<(T, Vec<String>), ConfigError> {
        let problems = self.problems.into_inner();
        match read {
            Ok(value) if problems.is_empty() => {
                let mut warnings = self.warnings.into_inner();
                warnings.sort_by_key(|(line, _)| *line);
                Ok((value, warnings.into_iter().map(|(_, warning)| warning).collect()))
            }
            _ => Err(ConfigError::new(problems)),
        }
    }

    fn source(&self, at: At) -> String {
        match at {
            At::Environment => "environment".to_owned(),
            At::Byte(_) | At::File => self.file.to_owned(),
        }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    /// Line and column, both from 1.
    fn position(&self, at: At) -> Option<(usize, usize)> {
        let At::Byte(byte) = at else { return None };
        let line = self.line(byte);
        let start = self.line_starts.get(line.checked_sub(1)?)?;
        let column = self.text.get(*start..byte).map_or(0, |before| before.chars().count()) + 1;
        Some((line, column))
    }
}

impl<'t> Place<'t> {
    /// A place in an environment variable.
    pub(super) fn variable(report: &'t Report<'t>, name: &str) -> Self {
        Self { report, subject: format!("“{name}”"), at: At::Environment }
    }

    /// An argument of a command; the report is about the command line.
    pub(super) fn argument(report: &'t Report<'t>, name: &str) -> Self {
        Self { report, subject: name.to_owned(), at: At::File }
    }

    /// File and line, if it is in a file.
    pub(super) fn shown(&self) -> Option<String> {
        self.line().map(|line| format!("{}:{line}", self.report.file))
    }

    /// The line, if it is in a file.
    pub(super) fn line(&self) -> Option<usize> {
        match self.at {
            At::Byte(byte) => Some(self.report.line(byte)),
            At::File | At::Environment => None,
        }
    }

    /// Says what is wrong here; the message goes on after the subject.
    pub(super) fn wrong(&self, code: &'static Code, message: &str, help: impl Into<String>) -> Reported {
        self.report.problem(self.at, code, format!("{} {message}", self.subject), help)
    }

    /// Says what is wrong here, in a sentence of its own.
    pub(super) fn problem(
        &self,
        code: &'static Code,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Reported {
        self.report.problem(self.at, code, message, help)
    }

    /// Says what is odd here; the message goes on after the subject.
    pub(super) fn odd(&self, message: &str) {
        self.report.warning(self.at, &format!("{} {message}", self.subject));
    }
}
