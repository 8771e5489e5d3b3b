//! By what a delivery is known that comes again.
//!
//! The id of a delivery is in no signature, as a rule: whoever has captured one signed delivery can
//! send it again under any id, also under one that a genuine delivery will carry later. So a
//! delivery is a repeat only if its id *and* what is the same each time it is sent are the same.
//! That is the whole body, unless the source makes a new body for each attempt
//! ([`Source::stable_part`](super::Source::stable_part)). The same id with anything else is a
//! delivery of its own.

use std::fmt;

use sha2::{Digest, Sha256};

/// By what a repeat of a delivery is known, unique within its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatKey {
    id: String,
    digest: String,
}

impl RepeatKey {
    /// The key of a delivery with this id, of which `stable` is the same each time it is sent.
    #[must_use]
    pub fn new(id: String, stable: &[u8]) -> Self {
        Self { id, digest: digest(stable) }
    }

    /// The sender's id of the delivery.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The digest comes first and has a fixed length, so no id can be chosen such that two keys are
/// equal.
impl fmt::Display for RepeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.digest, self.id)
    }
}

/// The SHA-256 of some bytes in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_digest_and_the_id() {
        let hello = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
        assert_eq!(RepeatKey::new("a b".to_owned(), b"hello world").to_string(), format!("{hello} a b"));
    }
}
