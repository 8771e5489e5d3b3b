//! A fingerprint by which a changed configuration is known at the next start.
//!
//! It is over the text of the file and everything that is taken from elsewhere, secrets included,
//! so that a replaced key counts as a change. A comment does as well, which costs a look at blocked
//! tickets and no more. It is a keyed hash over all of it together, cut to 128 bits: no single
//! secret can be tried against it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

/// Not a secret: it keeps this hash apart from others of the same text.
const KEY: &[u8] = b"ticketroom configuration";

/// Of one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(Uuid);

impl Fingerprint {
    /// As the store remembers it.
    #[must_use]
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// A fingerprint that is still being taken.
#[derive(Clone)]
pub(super) struct FingerprintOfAll(Option<Hmac<Sha256>>);

impl FingerprintOfAll {
    /// Begins with the text of the file. Another version of the program may do otherwise with the
    /// same text.
    pub(super) fn of(text: &str) -> Self {
        // A key of any length will do.
        let mut all = Self(Hmac::new_from_slice(KEY).ok());
        all.add(env!("CARGO_PKG_VERSION"));
        all.add(text);
        all
    }

    pub(super) fn add(&mut self, value: &str) {
        if let Some(hash) = &mut self.0 {
            // The length keeps "ab", "c" apart from "a", "bc".
            hash.update(&value.len().to_le_bytes());
            hash.update(value.as_bytes());
        }
    }

    pub(super) fn finish(&self) -> Fingerprint {
        let hash = self.0.clone().map(|hash| hash.finalize().into_bytes());
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(hash.iter().flatten()) {
            *to = *from;
        }
        Fingerprint(Uuid::from_bytes(short))
    }
}
