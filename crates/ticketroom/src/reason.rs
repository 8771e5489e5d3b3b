//! Reasons as values: why something is not as it should be, and what to do about it.
//!
//! A [`Code`] names one kind of situation. It is declared with [`codes!`] in the module that
//! understands the situation, and its name is stable: programs may depend on it. `docs/errors.md`
//! is generated from all codes. A [`Reason`] is one occurrence: the code, what happened in words,
//! and what a person can do. Whatever is decided is decided by the code; the words are for people.
//!
//! A code's name has up to three parts: what it means for the ticket or the caller (`blocked`,
//! `waiting`, `skipped`, `archived`, `ready` with a remark; `request`, `config`, `check`), the
//! system or part that it is about, and the situation.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::printable::{MESSAGE, printable};

/// A kind of situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Its stable name: `blocked.docspace.group-unknown`.
    pub name: &'static str,
    /// What it means, in a sentence for the manual.
    pub meaning: &'static str,
    /// What a person can do; empty where there is nothing to do.
    pub help: &'static str,
    /// Whether it is tried again without anybody's help.
    pub retried: Retried,
}

/// Whether something is tried again without anybody's help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// Within seconds or minutes, or at the time that the other system gave.
    Soon,
    /// After 15 minutes, and after longer and longer times up to four hours.
    Later,
    /// Only when a person asks, or when the ticket changes.
    OnRequest,
    /// There is nothing to try again.
    Never,
}

impl Retried {
    /// The answer in the manual.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Soon => "within seconds or minutes",
            Self::Later => "after 15 minutes, later every 4 hours",
            Self::OnRequest => "after `ticketroom tickets retry`, or a change of the ticket",
            Self::Never => "no",
        }
    }
}

impl Code {
    /// What passes by itself, soon.
    #[must_use]
    pub const fn waiting(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, help: "", retried: Retried::Soon }
    }

    /// What a person has to set right; tried again after a while all the same.
    #[must_use]
    pub const fn blocked(name: &'static str, meaning: &'static str, help: &'static str) -> Self {
        Self { name, meaning, help, retried: Retried::Later }
    }

    /// An occurrence, with the help of the code.
    #[must_use]
    pub fn reason(&self, text: impl Into<String>) -> Reason {
        let help = (!self.help.is_empty()).then(|| self.help.to_owned());
        Reason { code: Cow::Borrowed(self.name), text: text.into(), help }
    }

    /// An occurrence, with help that names what it is about.
    #[must_use]
    pub fn with_help(&self, text: impl Into<String>, help: impl Into<String>) -> Reason {
        Reason { code: Cow::Borrowed(self.name), text: text.into(), help: Some(help.into()) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Why something is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The name of its [`Code`]. A store may hold codes of later versions.
    pub code: Cow<'static, str>,
    /// What happened, in words.
    pub text: String,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Reason {
    /// Whether it is an occurrence of this code.
    #[must_use]
    pub fn is(&self, code: &Code) -> bool {
        self.code == code.name
    }

    /// Whether it tells the same as another one, whatever the advice is: a time to try again at may
    /// be part of that.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.code == other.code && self.text == other.text
    }

    /// The same, with words put before those that are there.
    #[must_use]
    pub fn about(self, what: impl fmt::Display) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }

    /// The same with everything replaced that could do harm where it is shown: it may quote other
    /// systems.
    #[must_use]
    pub fn printable(self) -> Self {
        Self {
            text: printable(&self.text, MESSAGE),
            help: self.help.map(|help| printable(&help, MESSAGE)),
            ..self
        }
    }

    /// Several reasons in one: the first one's code, the words of all.
    #[must_use]
    pub fn join(reasons: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut reasons = reasons.into_iter();
        let first = reasons.next()?;
        let Some(second) = reasons.next() else { return Some(first) };
        let code = first.code.clone();
        let all = [first, second].into_iter().chain(reasons);
        let text = all.map(|reason| reason.to_string()).collect::<Vec<_>>().join("; ");
        Some(Self { code, text, help: None })
    }
}

/// The words and the help, in one line.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

/// Declares the codes of a module, and `CODES`, the list of them for the manual.
macro_rules! codes {
    ($($(#[$attribute:meta])* $name:ident = $code:literal, $retried:ident, $meaning:literal, $help:literal;)+) => {
        $(
            $(#[$attribute])*
            #[doc = $meaning]
            pub(crate) static $name: $crate::reason::Code = $crate::reason::Code {
                name: $code,
                meaning: $meaning,
                help: $help,
                retried: $crate::reason::Retried::$retried,
            };
        )+
        /// The codes of this module, for the manual.
        #[cfg(test)]
        pub(crate) static CODES: &[&$crate::reason::Code] = &[$(&$name),+];
    };
}
pub(crate) use codes;

#[cfg(test)]
mod tests {
    use super::*;

    codes! {
        ONE = "blocked.test.one", Later, "The first test code.", "do this";
        OTHER = "blocked.test.other", Never, "The second test code.", "";
    }

    #[test]
    fn a_reason_is_one_line_with_its_help() {
        assert_eq!(ONE.reason("it broke").to_string(), "it broke: do this");
        assert_eq!(OTHER.reason("it broke").to_string(), "it broke");
        assert_eq!(OTHER.with_help("it broke", "call somebody").to_string(), "it broke: call somebody");
        assert_eq!(ONE.reason("it broke").about("room 5").to_string(), "room 5: it broke: do this");
    }

    #[test]
    fn several_reasons_are_one_of_the_first_code() {
        assert_eq!(Reason::join([]), None);
        assert_eq!(Reason::join([ONE.reason("a")]), Some(ONE.reason("a")));
        let joined = Reason::join([OTHER.reason("a"), ONE.reason("b")]).unwrap();
        assert!(joined.is(&OTHER) && !joined.is(&ONE));
        assert_eq!(joined.to_string(), "a; b: do this");
    }

    #[test]
    fn a_reason_survives_json() {
        for reason in [ONE.reason("it broke"), OTHER.reason("it broke")] {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
        }
        assert_eq!(CODES.len(), 2);
    }
}
