//! What is wrong with a configuration, in words for the person who wrote it.

use std::fmt;

use crate::reason::Code;

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of mistake it is.
    pub code: &'static Code,
    /// The file as it was named to us, or `environment`.
    pub file: String,
    /// The line, from 1; `None` when the problem is something that is not there.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => writeln!(f, "{}:{line}: {}", self.file, self.message)?,
            None => writeln!(f, "{}: {}", self.file, self.message)?,
        }
        write!(f, "    help: {} [{}]", self.help, self.code)
    }
}

/// Everything that is wrong with a configuration. Shows all of it, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self { problems }
    }

    /// An error about a file (or the environment) as a whole.
    pub(super) fn about(
        code: &'static Code,
        file: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let (file, message, help) = (file.into(), message.into(), help.into());
        Self { problems: vec![Problem { code, file, line: None, column: None, message, help }] }
    }

    /// The problems, at least one, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
