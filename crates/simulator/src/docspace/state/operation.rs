//! Archive, unarchive, delete and copy: operations that are answered at once and done later.

use std::time::Instant;

use uuid::Uuid;

/// An operation, waiting or ended.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) work: Work,
    pub(crate) due: Instant,
    pub(crate) seen: bool,
    pub(crate) delete_after: bool,
    /// Whether it succeeded, once it has ended.
    pub(crate) result: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) enum Work {
    Archive(i64),
    Unarchive(i64),
    Delete(i64),
    Copy(Copying),
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Copying {
    pub(crate) folders: Vec<i64>,
    pub(crate) files: Vec<i64>,
    pub(crate) destination: i64,
    /// What is in the folders, rather than the folders themselves.
    pub(crate) content: bool,
    /// Keep both when a name is taken, instead of the one that is there.
    pub(crate) duplicate: bool,
}

impl Work {
    /// The number of its kind.
    pub(crate) fn number(&self) -> i32 {
        match self {
            Self::Archive(_) | Self::Unarchive(_) | Self::Nothing => 0,
            Self::Copy(_) => 1,
            Self::Delete(_) => 2,
        }
    }
}
