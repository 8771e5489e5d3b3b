//! What a person wants of a ticket's room, whatever its ticket is like.

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
