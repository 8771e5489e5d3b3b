//! By what a delivery is known that comes again, and what is kept of one that nobody understands.
//!
//! A sender's delivery id is in no signature: whoever has captured one signed delivery can send it again under any id,
//! also under one that a genuine delivery will carry later. So a delivery is a repeat only if the id *and* the body are
//! the same. The same id with another body is a delivery of its own, and its ticket is looked at.
//!
//! Both stores keep the two in one column, `delivery_id`: the SHA-256 of the body in hexadecimal digits, a space, and the
//! sender's id. The digest comes first and has a fixed length, so no id can be chosen such that two deliveries get the
//! same key.
//!
//! What is not understood has no id. Its key is [`UNREAD`] and the digest, so the same body is kept once, and all of a
//! helpdesk's are beside each other in the index. Of those, the newest [`NOT_UNDERSTOOD`] are kept, each with up to [`BODY`]
//! bytes of its body; the others go now and then.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::values::text_of;
use super::{Delivery, Meaning};

/// How many deliveries that were not understood are kept of one helpdesk, or a few more.
pub(super) const NOT_UNDERSTOOD: i64 = 1000;
/// With each of so many, those that are too many go.
pub(super) const FORGET_EVERY: i64 = 32;
/// What the key of one that was not understood begins with. No digest does.
pub(super) const UNREAD: &str = "unread ";
/// What comes after all of those keys in the index.
pub(super) const AFTER_UNREAD: &str = "unread!";
/// How many bytes are kept of the body of one that was not understood.
pub(super) const BODY: usize = 64 * 1024;

/// What is kept of a delivery.
#[derive(Debug)]
pub(super) struct Kept {
    /// By what a repeat is known; none for a delivery that is never a repeat.
    pub(super) key: Option<String>,
    /// The body, or the beginning of it.
    pub(super) body: Bytes,
    /// Why it was not understood.
    pub(super) problem: Option<String>,
}

impl Kept {
    /// Of this delivery.
    pub(super) fn of(delivery: &Delivery) -> Self {
        let body = Bytes::clone(&delivery.body);
        let Meaning::NotUnderstood { why } = &delivery.meaning else {
            let id = delivery.delivery_id.as_deref().map(text_of);
            let key = id.map(|id| format!("{} {id}", digest(&body)));
            return Self { key, body, problem: None };
        };
        let (key, mut problem, length) =
            (Some(format!("{UNREAD}{}", digest(&body))), text_of(why).into_owned(), body.len());
        if length > BODY {
            problem = format!("{problem} (of its {length} bytes, the first {BODY} are kept)");
        }
        Self { key, body: body.slice(..length.min(BODY)), problem: Some(problem) }
    }
}

fn digest(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_digest_and_the_id() {
        let hello = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
        assert_eq!(digest(b"hello world"), hello);
    }
}
