//! API keys and sessions.

use jiff::Timestamp;
use uuid::Uuid;

/// An API key. The server keeps a hash only; we have nothing to protect.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) text: String,
    pub(crate) user: Uuid,
    pub(crate) permissions: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) active: bool,
    /// A session token, which somebody who signs in gets, in place of a key.
    pub(crate) is_session: bool,
}
