//! The events that webhooks report.

use serde::{Deserialize, Serialize};

/// An event that a webhook can be registered for. Its number is its bit in the mask of a
/// registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say what they are")]
pub enum Trigger {
    FileCreated = 7,
    FileUploaded = 8,
    FileUpdated = 9,
    FileTrashed = 10,
    FileDeleted = 11,
    FileRestored = 12,
    FileCopied = 13,
    FileMoved = 14,
    FolderCreated = 15,
    FolderUpdated = 16,
    FolderTrashed = 17,
    FolderDeleted = 18,
    FolderRestored = 19,
    FolderCopied = 20,
    FolderMoved = 21,
    RoomCreated = 22,
    RoomUpdated = 23,
    RoomArchived = 24,
    RoomDeleted = 25,
    RoomRestored = 26,
    RoomCopied = 27,
}

/// The names of all triggers that the server has, by their bits. Those that have no [`Trigger`] are
/// never raised here.
pub(crate) const NAMES: [&str; 36] = [
    "user.created",
    "user.invited",
    "user.updated",
    "user.deleted",
    "group.created",
    "group.updated",
    "group.deleted",
    "file.created",
    "file.uploaded",
    "file.updated",
    "file.trashed",
    "file.deleted",
    "file.restored",
    "file.copied",
    "file.moved",
    "folder.created",
    "folder.updated",
    "folder.trashed",
    "folder.deleted",
    "folder.restored",
    "folder.copied",
    "folder.moved",
    "room.created",
    "room.updated",
    "room.archived",
    "room.deleted",
    "room.restored",
    "room.copied",
    "form.submit",
    "form.filled.out",
    "form.stopped",
    "agent.created",
    "agent.updated",
    "agent.deleted",
    "file.downloaded",
    "folder.downloaded",
];

/// The name of "all of them", the mask 0.
pub(crate) const ALL: &str = "*";

impl Trigger {
    /// Its bit, as a number.
    pub fn id(self) -> i64 {
        1 << (self as u8)
    }

    /// Its name, such as `room.archived`.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self as u8)).copied().unwrap_or(ALL)
    }
}

/// The names of the triggers in a mask.
pub(crate) fn names_in(mask: i64) -> Vec<&'static str> {
    if mask == 0 {
        return vec![ALL];
    }
    NAMES.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, name)| *name).collect()
}
