//! Deliveries before and after they have proved where they come from.
//!
//! A [`Verified`] can only be made here, by one of the ways that sources have to prove themselves;
//! all parsing takes a [`Verified`]. Comparisons take the same time whatever is compared.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::reasons::{PROOF_MISSING, PROOF_WRONG, TOO_OLD};
use crate::reason::Reason;
use crate::secret_hash::SecretHash;

/// A request at a source's endpoint, as it arrived.
#[derive(Debug, Clone)]
pub struct RawDelivery {
    /// The headers.
    pub headers: HeaderMap,
    /// The query of the address, without `?`.
    pub query: Option<String>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// A delivery that comes from its source.
#[derive(Debug, Clone)]
pub struct Verified(RawDelivery);

/// Why a delivery is not taken for one of the source's. Says what to set right, nothing that helps
/// to forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// Nothing to check.
    Missing(&'static str),
    /// Something that doesn't fit.
    Wrong(&'static str),
    /// A signature that was good once.
    TooOld,
}

impl Unverified {
    /// The same with its code and what to do.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Missing(what) => PROOF_MISSING.reason(format!("the delivery carries no {what}")),
            Self::Wrong(what) => PROOF_WRONG.reason(format!("the {what} does not fit")),
            Self::TooOld => TOO_OLD.reason("the delivery was signed too long ago, or in the future"),
        }
    }
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

impl std::error::Error for Unverified {}

/// Where a signature is, how it is called in messages, and what it covers besides the body.
#[derive(Debug)]
pub(crate) struct Signature<'a> {
    /// For messages: `signature (header X-Zendesk-Webhook-Signature)`.
    pub(crate) what: &'static str,
    /// The signature's bytes, decoded; `None` if it can't be.
    pub(crate) bytes: Option<Vec<u8>>,
    /// What was signed before the body.
    pub(crate) prefix: &'a [u8],
}

impl Verified {
    /// By an HMAC-SHA256 over a prefix and the body, with any of the secrets that are live.
    pub(crate) fn by_hmac(
        delivery: RawDelivery,
        secrets: &[SecretString],
        signature: &Signature<'_>,
    ) -> Result<Self, Unverified> {
        let given = signature.bytes.as_deref().ok_or(Unverified::Wrong(signature.what))?;
        // Every secret is tried, so that the time doesn't tell which one fits.
        let fits = secrets.iter().fold(false, |fits, secret| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
                return fits;
            };
            mac.update(signature.prefix);
            mac.update(&delivery.body);
            mac.verify_slice(given).is_ok() | fits
        });
        if fits { Ok(Self(delivery)) } else { Err(Unverified::Wrong(signature.what)) }
    }

    /// By a secret that the delivery carries.
    pub(crate) fn by_shared_secret(
        delivery: RawDelivery,
        secrets: &[SecretString],
        what: &'static str,
        given: &[u8],
    ) -> Result<Self, Unverified> {
        Self::by_any_shared_secret(delivery, secrets, what, &[given])
    }

    /// By one of several things that the delivery carries and that may be a secret.
    pub(crate) fn by_any_shared_secret(
        delivery: RawDelivery,
        secrets: &[SecretString],
        what: &'static str,
        given: &[impl AsRef<[u8]>],
    ) -> Result<Self, Unverified> {
        shared_secret(secrets, what, given)?;
        Ok(Self(delivery))
    }

    /// Without proof, where the configuration says `allow_unsigned`.
    pub(crate) fn unsigned(delivery: RawDelivery) -> Self {
        Self(delivery)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// A header as text, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// The query of the address.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.0.query.as_deref()
    }
}

/// Checks that one of several things that the headers carry is a secret of ours.
pub(crate) fn shared_secret(
    secrets: &[SecretString],
    what: &'static str,
    given: &[impl AsRef<[u8]>],
) -> Result<(), Unverified> {
    let given: Vec<SecretHash> = given.iter().map(|given| SecretHash::of(given.as_ref())).collect();
    // Everything is tried, so that the time doesn't tell what fits.
    let fits = secrets.iter().fold(false, |fits, secret| {
        let secret = SecretHash::of(secret.expose_secret().as_bytes());
        given.iter().fold(fits, |fits, given| secret.is_same(given) | fits)
    });
    if fits { Ok(()) } else { Err(Unverified::Wrong(what)) }
}

/// The secrets that are some. Everybody knows the empty one, and can sign with it.
pub(crate) fn real_secrets(configured: &[SecretString]) -> Vec<SecretString> {
    configured.iter().filter(|secret| !secret.expose_secret().is_empty()).cloned().collect()
}
