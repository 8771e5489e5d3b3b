//! What is wrong with a configuration, in words for the person who wrote it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::reasons::DEFECT;
use crate::reason::Code;

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = ConfigurationProblem))]
pub struct Problem {
    /// What kind of mistake it is.
    #[cfg_attr(test, schema(value_type = String))]
    pub code: Cow<'static, str>,
    /// The file as it was named to us, or `environment`.
    pub file: String,
    /// The line, from 1; none when the problem is something that is not there.
    #[cfg_attr(test, schema(required))]
    pub line: Option<usize>,
    /// The column in characters, from 1.
    #[cfg_attr(test, schema(required))]
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
        write!(f, "    help: {}", self.help)
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
        Self {
            problems: vec![Problem { code: code.name.into(), file, line: None, column: None, message, help }],
        }
    }

    /// Reading it broke off, which is a defect of ours.
    pub(crate) fn broken_off(why: &dyn fmt::Display) -> Self {
        Self::about(
            &DEFECT,
            "configuration",
            why.to_string(),
            "this is a mistake in ticketroom: please report it",
        )
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
