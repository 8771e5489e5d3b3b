//! The token that opens the admin endpoints: the configured one, or else one that is derived from
//! DocSpace's API key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::Config;
use super::system::TokenKind;

/// What the token of a service without a configured one is derived with; another label is another
/// token.
const LABEL: &[u8] = b"ticketroom admin token, version 1";

impl Config {
    /// The token of `[admin]`, or the derived one.
    #[must_use]
    pub fn admin_token(&self) -> SecretString {
        self.admin.token.clone().unwrap_or_else(|| derived(&self.docspace.api_key))
    }

    /// Whether there is an admin token that can't be guessed, which listening beyond this machine
    /// needs.
    #[must_use]
    pub fn has_safe_admin_token(&self) -> bool {
        TokenKind::of(&Ok(self.admin.token.clone())) == TokenKind::Safe
    }
}

/// The admin token of a service for which none is configured: the same after each start and on each
/// replica, since it is `HMAC-SHA256(DocSpace's API key, label)`.
///
/// It tells nothing about the key: HMAC is a pseudo-random function, and the key has too many bits
/// to be found by trying. Whoever has the key itself can do more with it than the admin endpoints
/// allow.
pub(super) fn derived(api_key: &SecretString) -> SecretString {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(api_key.expose_secret().as_bytes()) else {
        // HMAC takes keys of every length. A token of chance lets nobody in, which is safe.
        return SecretString::from(uuid::Uuid::new_v4().simple().to_string());
    };
    mac.update(LABEL);
    SecretString::from(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_token_is_always_the_same_and_another_one_for_another_key() {
        let derived = |key: &str| derived(&SecretString::from(key)).expose_secret().to_owned();
        // Replicas of different versions have to agree on it: it never changes.
        assert_eq!(derived("sk-1"), "df0563623a7d30b784172735e590ce170147c31f87b124d7fb543d5ab0d46655");
        assert_ne!(derived("sk-1"), derived("sk-2"));
    }
}
