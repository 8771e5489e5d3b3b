//! The order of a list of rooms.

/// An order of rooms; each user's last one is their default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) by: SortBy,
    pub(crate) descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortBy {
    Updated,
    Created,
    Title,
    Author,
    RoomType,
    Tags,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: SortBy::Updated, descending: true }
    }
}
