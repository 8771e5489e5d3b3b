//! API keys and sessions.

use jiff::Timestamp;
use uuid::Uuid;

/// An API key. The real server keeps only a hash.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) text: String,
    pub(crate) user: Uuid,
    pub(crate) permissions: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) active: bool,
    /// It is the session token of a user who has signed in.
    pub(crate) is_session: bool,
}
