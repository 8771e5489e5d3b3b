//! What `check` found: one line each, and what to do about it.

use std::fmt;

use crate::reason::Reason;

/// One finding. What is not as it should be has a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Good(String),
    /// The service runs, but not all will be as configured.
    Warning(Reason),
    /// Tickets will be blocked.
    Bad(Reason),
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named for the findings")]
pub enum Level {
    Good,
    Warning,
    Bad,
}

impl Finding {
    /// All is well here.
    #[must_use]
    pub fn good(what: impl Into<String>) -> Self {
        Self::Good(what.into())
    }

    /// How bad it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Good(_) => Level::Good,
            Self::Warning(_) => Level::Warning,
            Self::Bad(_) => Level::Bad,
        }
    }

    /// What was found.
    #[must_use]
    pub fn what(&self) -> &str {
        match self {
            Self::Good(what) => what,
            Self::Warning(reason) | Self::Bad(reason) => &reason.text,
        }
    }

    /// Why it is not as it should be.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Good(_) => None,
            Self::Warning(reason) | Self::Bad(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level() {
            Level::Good => "ok  ",
            Level::Warning => "warn",
            Level::Bad => "FAIL",
        };
        write!(f, "{mark}  {}", self.what())?;
        let Some(reason) = self.reason() else { return Ok(()) };
        write!(f, "  [{}]", reason.code)?;
        match &reason.help {
            Some(help) => write!(f, "\n      → {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Code;

    #[test]
    fn a_finding_is_a_mark_what_was_found_its_code_and_what_to_do() {
        static CODE: Code = Code::waiting("waiting.test.one", "A test.");
        assert_eq!(Finding::good("it works").to_string(), "ok    it works");
        let reason = || CODE.reason("it is late");
        assert_eq!(Finding::Warning(reason()).to_string(), "warn  it is late  [waiting.test.one]");
        let helped = Finding::Bad(CODE.with_help("it is late", "wait"));
        assert_eq!(helped.to_string(), "FAIL  it is late  [waiting.test.one]\n      → wait");
        assert_eq!((helped.level(), helped.what()), (Level::Bad, "it is late"));
    }
}
