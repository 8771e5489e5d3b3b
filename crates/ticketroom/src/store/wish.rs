//! What a person wants of a ticket's room, whatever its ticket is like.
//!
//! The last wish counts. It stays with the ticket until a run has written it into the ledger, and
//! says so when it settles ([`Settlement::heard`](super::Settlement::heard)): a wish that came
//! meanwhile has another number and stays.

use super::StoreError;

/// A person's word about the room of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It goes into the archive.
    Archive,
    /// It comes out of the archive, or stays out of it.
    Reopen,
}

impl Wish {
    /// Its name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Reopen => "reopen",
        }
    }

    /// The wish with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Archive, Self::Reopen].into_iter().find(|wish| wish.as_str() == name)
    }
}

/// A wish that no run has written into the ledger yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wished {
    /// What is wanted.
    pub wish: Wish,
    /// Which of the ticket's wishes it is, from 1 on.
    pub nth: i64,
}

impl Wished {
    /// Reads the columns of one.
    pub(super) fn read(wish: Option<&str>, nth: i64) -> Result<Option<Self>, StoreError> {
        let Some(name) = wish else { return Ok(None) };
        let unknown = || StoreError::Unreadable("what a person wants of a room".to_owned());
        Ok(Some(Self { wish: Wish::from_name(name).ok_or_else(unknown)?, nth }))
    }
}
