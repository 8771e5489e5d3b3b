//! What a person wants of a ticket's room, whatever its ticket is like.
//!
//! The last request counts. It stays with the ticket until a run has written it into the ledger,
//! and says so when it settles ([`Settlement::applied`](super::Settlement::applied)): a request
//! that came meanwhile has another number and stays.

use super::StoreError;

/// A person's request about the room of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRequest {
    /// It goes into the archive.
    Archive,
    /// It comes out of the archive, or stays out of it.
    Reopen,
}

impl RoomRequest {
    /// Its name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Reopen => "reopen",
        }
    }

    /// The request with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Archive, Self::Reopen].into_iter().find(|request| request.as_str() == name)
    }
}

/// A request that no run has written into the ledger yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingRequest {
    /// What is wanted.
    pub request: RoomRequest,
    /// Which of the ticket's requests it is, from 1 on.
    pub nth: i64,
}

impl PendingRequest {
    /// Reads the columns of one.
    pub(super) fn read(request: Option<&str>, nth: i64) -> Result<Option<Self>, StoreError> {
        let Some(name) = request else { return Ok(None) };
        let unknown = || StoreError::Unreadable("what a person wants of a room".to_owned());
        Ok(Some(Self { request: RoomRequest::from_name(name).ok_or_else(unknown)?, nth }))
    }
}
