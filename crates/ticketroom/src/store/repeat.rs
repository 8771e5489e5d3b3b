//! By what a delivery is known that comes again, and what is kept of one that nobody understands.
//!
//! Both stores keep a [`RepeatKey`](crate::source::RepeatKey) in one column, `delivery_id`: a
//! digest and the sender's id.
//!
//! What is not understood has no id. Its key is [`UNREAD`] and the digest, so the same body is kept
//! once, and all of a source's are beside each other in the index. Of those, the newest
//! [`NOT_UNDERSTOOD`] are kept, each with up to [`BODY`] bytes of its body; the others go now and
//! then.

use bytes::Bytes;

use super::values::text_of;
use super::{Delivery, Meaning};
use crate::source::digest;

/// How many deliveries that were not understood are kept of one source, or a few more.
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
            let key = delivery.repeat.as_ref().map(|key| text_of(&key.to_string()).into_owned());
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
