//! Why an expression can't be read, or can't be evaluated for a ticket.

/// In words for the person who wrote the expression: what is wrong with it, and what was most
/// likely meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LanguageError(String);

impl From<String> for LanguageError {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl From<&str> for LanguageError {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}
