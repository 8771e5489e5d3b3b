//! The triggers of DocSpace's webhooks: their names and bits, what each is about, and which of them
//! a registration of ours asks for.
//!
//! A registration has its triggers as a bit mask, in which 0 stands for all. A delivery names its
//! trigger by name and bit.

use crate::room_event::RoomEventKind;

/// What a trigger that is read is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A room itself.
    Room,
    /// A file or a folder, and what happened to it.
    Entry(RoomEventKind),
}

/// A trigger that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    /// Its name: `room.archived`.
    pub name: &'static str,
    /// What it is about.
    pub subject: Subject,
    bit: u8,
    /// Whether a registration needs it.
    needed: bool,
}

impl Trigger {
    /// Its place in a mask.
    #[must_use]
    pub fn mask(&self) -> i64 {
        1 << self.bit
    }
}

const fn room(bit: u8, name: &'static str) -> Trigger {
    Trigger { name, subject: Subject::Room, bit, needed: true }
}

const fn entry(bit: u8, name: &'static str, what: RoomEventKind) -> Trigger {
    Trigger { name, subject: Subject::Entry(what), bit, needed: true }
}

/// Of a room that no ticket can have yet.
const fn new_room(bit: u8, name: &'static str) -> Trigger {
    Trigger { name, subject: Subject::Room, bit, needed: false }
}

use RoomEventKind::{FileAdded, FileChanged, FileRemoved, FolderAdded, FolderChanged, FolderRemoved};

/// The triggers that are read.
const READ: [Trigger; 21] = [
    entry(7, "file.created", FileAdded),
    entry(8, "file.uploaded", FileAdded),
    entry(9, "file.updated", FileChanged),
    entry(10, "file.trashed", FileRemoved),
    entry(11, "file.deleted", FileRemoved),
    entry(12, "file.restored", FileAdded),
    entry(13, "file.copied", FileAdded),
    entry(14, "file.moved", FileAdded),
    entry(15, "folder.created", FolderAdded),
    entry(16, "folder.updated", FolderChanged),
    entry(17, "folder.trashed", FolderRemoved),
    entry(18, "folder.deleted", FolderRemoved),
    entry(19, "folder.restored", FolderAdded),
    entry(20, "folder.copied", FolderAdded),
    entry(21, "folder.moved", FolderAdded),
    new_room(22, "room.created"),
    room(23, "room.updated"),
    room(24, "room.archived"),
    room(25, "room.deleted"),
    room(26, "room.restored"),
    new_room(27, "room.copied"),
];

/// The mask that stands for all triggers.
const ALL: i64 = 0;

/// The trigger of this name, if it is read.
#[must_use]
pub fn named(name: &str) -> Option<&'static Trigger> {
    READ.iter().find(|trigger| trigger.name == name)
}

/// The trigger of this mask of one bit, if it is read.
#[must_use]
pub fn with_mask(mask: i64) -> Option<&'static Trigger> {
    READ.iter().find(|trigger| trigger.mask() == mask)
}

/// The mask of the triggers that a registration needs.
#[must_use]
pub fn needed() -> i64 {
    READ.iter().filter(|trigger| trigger.needed).fold(0, |mask, trigger| mask | trigger.mask())
}

/// The names of the triggers that a registration needs.
#[must_use]
pub fn needed_names() -> Vec<&'static str> {
    READ.iter().filter(|trigger| trigger.needed).map(|trigger| trigger.name).collect()
}

/// The names of the triggers that a registration with this mask lacks.
#[must_use]
pub fn missing_in(mask: i64) -> Vec<&'static str> {
    if mask == ALL {
        return Vec::new();
    }
    let missing = READ.iter().filter(|trigger| trigger.needed && mask & trigger.mask() == 0);
    missing.map(|trigger| trigger.name).collect()
}

/// The mask that has what this one has, and all that is needed.
#[must_use]
pub fn with_needed(mask: i64) -> i64 {
    if mask == ALL { ALL } else { mask | needed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_known_by_name_and_by_bit() {
        assert_eq!(named("room.archived"), with_mask(16_777_216));
        assert_eq!(named("file.uploaded").map(Trigger::mask), Some(256));
        assert_eq!((named("user.created"), with_mask(1), with_mask(0)), (None, None, None));
        let bits: Vec<u8> = READ.iter().map(|trigger| trigger.bit).collect();
        assert_eq!(bits, (7..28).collect::<Vec<u8>>(), "each bit once, in DocSpace's order");
    }

    #[test]
    fn a_registration_needs_all_but_new_rooms_and_may_have_more() {
        assert_eq!(missing_in(0), [""; 0], "0 stands for all");
        assert_eq!(missing_in(needed()), [""; 0]);
        assert_eq!(missing_in(!0 >> 1), [""; 0]);
        assert_eq!(needed() & (1 << 22 | 1 << 27), 0);
        assert_eq!(missing_in(needed() ^ (1 << 8 | 1 << 24)), ["file.uploaded", "room.archived"]);
        assert_eq!(missing_in(1).len(), 19);
        assert_eq!((with_needed(0), with_needed(1)), (0, needed() | 1));
    }
}
