//! What people did with the files and folders in a room, as DocSpace tells it.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::room::FolderId;

/// Something that happened to a file or folder in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomEvent {
    /// The folder that it is in. Which room that belongs to has to be asked for.
    pub folder: FolderId,
    /// What.
    pub what: RoomEventKind,
    /// The number of the file or folder.
    pub entry: i64,
    /// Its title. It is what somebody else wrote.
    pub title: String,
    /// Who did it.
    pub by: Uuid,
    /// When.
    pub at: Timestamp,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomEventKind {
    /// A file was created, uploaded, copied or moved there, or restored.
    FileAdded,
    /// A file has a new version or another title.
    FileChanged,
    /// A file was moved into the trash or deleted.
    FileRemoved,
    /// The same of folders.
    FolderAdded,
    /// A folder has another title.
    FolderChanged,
    /// A folder was moved into the trash or deleted.
    FolderRemoved,
}

impl RoomEventKind {
    const ALL: [Self; 6] = [
        Self::FileAdded,
        Self::FileChanged,
        Self::FileRemoved,
        Self::FolderAdded,
        Self::FolderChanged,
        Self::FolderRemoved,
    ];

    /// Its name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileAdded => "file_added",
            Self::FileChanged => "file_changed",
            Self::FileRemoved => "file_removed",
            Self::FolderAdded => "folder_added",
            Self::FolderChanged => "folder_changed",
            Self::FolderRemoved => "folder_removed",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is about a file.
    #[must_use]
    pub fn is_file(self) -> bool {
        matches!(self, Self::FileAdded | Self::FileChanged | Self::FileRemoved)
    }
}
