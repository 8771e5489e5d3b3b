//! Comparing secrets so that the time it takes tells nothing about them: their hashes are of one
//! length, can't be steered by whoever guesses, and are compared to the end.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What is compared in place of a secret.
#[derive(Clone)]
pub(crate) struct SecretHash([u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

impl SecretHash {
    pub(crate) fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether both are of the same secret.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_is_the_same_and_none_is_shown() {
        let hash = SecretHash::of(b"secret");
        assert!(hash.is_same(&SecretHash::of(b"secret")));
        assert!(!hash.is_same(&SecretHash::of(b"secreT")) && !hash.is_same(&SecretHash::of(b"")));
        assert_eq!(format!("{hash:?}"), "SecretHash");
    }
}
