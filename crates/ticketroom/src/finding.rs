//! What `check` found: one line each, and what to do about it.

use std::fmt;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// What to do about it; nothing for what is well.
    pub help: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// The service runs, but not all will be as configured.
    Warning,
    /// Tickets will be blocked.
    Bad,
}

impl Finding {
    /// All is well here.
    #[must_use]
    pub fn good(what: impl Into<String>) -> Self {
        Self { level: Level::Good, what: what.into(), help: None }
    }

    /// Something won't be as configured.
    #[must_use]
    pub fn warning(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Warning, what: what.into(), help: Some(help.into()) }
    }

    /// Something must be put right.
    #[must_use]
    pub fn bad(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Bad, what: what.into(), help: Some(help.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Good => "ok  ",
            Level::Warning => "warn",
            Level::Bad => "FAIL",
        };
        write!(f, "{mark}  {}", self.what)?;
        if let Some(help) = &self.help {
            write!(f, "\n      → {help}")?;
        }
        Ok(())
    }
}
