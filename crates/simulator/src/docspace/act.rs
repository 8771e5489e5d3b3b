//! What people do in the web pages of the portal, each with the rights that they have. It takes
//! effect at once, while the same by the API may be an operation that is done later.
//!
//! Who may what:
//!
//! | act | allowed to |
//! | --- | --- |
//! | archive, unarchive, change the owner | the room's owner, a `DocSpaceAdmin` |
//! | delete a room | its owner; a `DocSpaceAdmin` if it is archived |
//! | rename it, change its members | its owner, its managers; everybody may leave |
//! | create, upload, rename, move, trash, delete in it | the same, and content creators |
//! | a new version of a file | the same, and editors |
//!
//! In the archive, rooms can be restored or deleted, and nothing else. A room has no members other
//! than by their role in it: shares of single files and folders are not simulated, so removing a
//! member leaves none behind.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::endpoints::wire::Failure;
use super::roles::{self, MANAGER, Subject, stored_title};
use super::state::events::FolderEvent;
use super::state::people::UserKind;
use super::state::{ARCHIVE, Kind, Member, ROOMS, State};

/// What a person does. Rooms, folders and files are named by their ids, people by their UUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say what they are")]
pub enum Act {
    /// Creates a collaboration room.
    CreateRoom { title: String },
    /// Gives a room another title.
    RenameRoom { room: i64, title: String },
    /// Puts a room into the archive. Nothing happens if it is there.
    ArchiveRoom { room: i64 },
    /// Takes a room out of the archive. Nothing happens if it isn't there.
    UnarchiveRoom { room: i64 },
    /// Deletes a room for good.
    DeleteRoom { room: i64 },
    /// Copies a room with its folders and files, without its members.
    CopyRoom { room: i64 },
    /// Makes somebody else the owner of a room. The former owner keeps no role in it.
    ChangeOwner { room: i64, owner: Uuid },
    /// Adds a user or group to a room, or changes the role; 0 removes.
    SetMember { room: i64, member: Uuid, access: i32 },
    /// Creates a folder in a room or folder.
    CreateFolder { parent: i64, title: String },
    /// Gives a folder another title.
    RenameFolder { folder: i64, title: String },
    /// Puts a folder into the person's trash.
    TrashFolder { folder: i64 },
    /// Puts a folder from the trash back to where it was.
    RestoreFolder { folder: i64 },
    /// Deletes a folder for good.
    DeleteFolder { folder: i64 },
    /// Moves a folder into another one.
    MoveFolder { folder: i64, to: i64 },
    /// Uploads a file into a room or folder, or into the folder at `path` below it. Folders that
    /// are missing are created. If a file of that title is there, it gets a new version.
    Upload {
        folder: i64,
        #[serde(default)]
        path: String,
        title: String,
    },
    /// Creates a file in the browser.
    CreateFile { folder: i64, title: String },
    /// Saves a new version of a file.
    EditFile { file: i64 },
    /// Gives a file another title.
    RenameFile { file: i64, title: String },
    /// Puts a file into the person's trash.
    TrashFile { file: i64 },
    /// Puts a file from the trash back to where it was.
    RestoreFile { file: i64 },
    /// Deletes a file for good.
    DeleteFile { file: i64 },
    /// Moves a file into another folder.
    MoveFile { file: i64, to: i64 },
    /// Copies a file into another folder.
    CopyFile { file: i64, to: i64 },
}

/// Why the portal refuses an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// What it is about isn't there.
    NotFound,
    /// The person may not do this, or it isn't possible there.
    Forbidden,
    /// There would be more active rooms than the quota allows.
    Quota,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::NotFound,
            Failure::Quota => Self::Quota,
            _ => Self::Forbidden,
        }
    }
}

impl State {
    /// Does it, and returns the id of what was created or, for all other acts, of what it was done
    /// to.
    pub(crate) fn act(&mut self, by: Uuid, act: Act) -> Result<i64, Refused> {
        Ok(match act {
            Act::CreateRoom { title } => {
                if !self.makes_rooms(by) {
                    return Err(Refused::Forbidden);
                }
                self.demand_quota()?;
                self.create_room_by_hand(&title, by, &[])
            }
            Act::RenameRoom { room, title } => {
                self.managed_room(by, room, Failure::NotFound)?;
                self.rename_room_by_hand(room, &title, by);
                room
            }
            Act::ArchiveRoom { room } => {
                self.demand_archiving(by, room)?;
                self.move_room(room, ARCHIVE, by);
                room
            }
            Act::UnarchiveRoom { room } => {
                if self.demand_archiving(by, room)? {
                    self.demand_quota()?;
                    self.move_room(room, ROOMS, by);
                }
                room
            }
            Act::DeleteRoom { room } => {
                let deleted = self.room(room).ok_or(Refused::NotFound)?;
                if !self.deletes(by, deleted) {
                    return Err(Refused::Forbidden);
                }
                self.delete_folder_for_good(room, by);
                room
            }
            Act::CopyRoom { room } => {
                self.managed_room(by, room, Failure::NotFound)?;
                self.demand_quota()?;
                self.copy_room(room, by)
            }
            Act::ChangeOwner { room, owner } => {
                if self.demand_archiving(by, room)? || !self.makes_rooms(owner) {
                    return Err(Refused::Forbidden);
                }
                self.set_room_owner(room, owner, by);
                room
            }
            Act::SetMember { room, member, access } => self.set_member_by_hand(by, room, member, access)?,
            Act::CreateFolder { parent, title } => {
                self.writable(by, parent)?;
                self.create_folder_in(parent, &stored_title(&title), by)
            }
            Act::RenameFolder { folder, title } => {
                self.demand_folder(by, folder)?;
                self.rename_folder(folder, &stored_title(&title), by);
                folder
            }
            Act::TrashFolder { folder } => {
                self.demand_folder(by, folder)?;
                self.trash_folder(folder, by);
                folder
            }
            Act::RestoreFolder { folder } => {
                self.demand_folder(by, folder)?;
                let from = self.folders.get(&folder).and_then(|folder| folder.trashed_from);
                self.writable(by, from.ok_or(Refused::NotFound)?)?;
                self.restore_folder(folder, by);
                folder
            }
            Act::DeleteFolder { folder } => {
                self.demand_folder(by, folder)?;
                self.delete_folder_for_good(folder, by);
                folder
            }
            Act::MoveFolder { folder, to } => {
                self.demand_folder(by, folder)?;
                self.writable(by, to)?;
                if self.path(to).any(|above| above.id == folder) {
                    return Err(Refused::Forbidden);
                }
                self.move_folder(folder, to, by);
                folder
            }
            Act::Upload { folder, path, title } => {
                self.writable(by, folder)?;
                let folder = self.folder_at(folder, &path, by);
                self.upload(folder, &stored_title(&title), by)
            }
            Act::CreateFile { folder, title } => {
                self.writable(by, folder)?;
                self.create_file(folder, &stored_title(&title), by)
            }
            Act::EditFile { file } => {
                let folder = self.folder_of(file)?;
                if !self.standing(by, folder).edits() || self.path(folder).any(|above| above.id == ARCHIVE) {
                    return Err(Refused::Forbidden);
                }
                self.edit_file(file, by);
                file
            }
            Act::RenameFile { file, title } => {
                self.writable(by, self.folder_of(file)?)?;
                self.rename_file(file, &stored_title(&title), by);
                file
            }
            Act::TrashFile { file } => {
                self.writable(by, self.folder_of(file)?)?;
                self.trash_file(file, by);
                file
            }
            Act::RestoreFile { file } => {
                self.writable(by, self.folder_of(file)?)?;
                let from = self.files.get(&file).and_then(|file| file.trashed_from);
                self.writable(by, from.ok_or(Refused::NotFound)?)?;
                self.restore_file(file, by);
                file
            }
            Act::DeleteFile { file } => {
                self.writable(by, self.folder_of(file)?)?;
                self.delete_file_for_good(file, by);
                file
            }
            Act::MoveFile { file, to } => {
                self.writable(by, self.folder_of(file)?)?;
                self.writable(by, to)?;
                self.move_file(file, to, by);
                file
            }
            Act::CopyFile { file, to } => {
                self.readable(by, self.folder_of(file)?)?;
                self.writable(by, to)?;
                self.copy_file(file, to, true, by).ok_or(Refused::NotFound)?
            }
        })
    }

    /// Gives a room another title.
    pub(crate) fn rename_room_by_hand(&mut self, room: i64, title: &str, by: Uuid) {
        if self.rename_room(room, &stored_title(title), by) {
            self.raise_of_folder(FolderEvent::Updated, room, by);
        }
    }

    fn makes_rooms(&self, user: Uuid) -> bool {
        matches!(self.people.kind(user), Some(UserKind::DocSpaceAdmin | UserKind::RoomAdmin))
    }

    fn demand_quota(&self) -> Result<(), Refused> {
        if self.quota_is_reached() { Err(Refused::Quota) } else { Ok(()) }
    }

    /// Whether the room is archived, to somebody who may archive and restore it.
    fn demand_archiving(&self, by: Uuid, room: i64) -> Result<bool, Refused> {
        let archived = self.room(room).ok_or(Refused::NotFound)?.archived();
        if self.archives(by, room) { Ok(archived) } else { Err(Refused::Forbidden) }
    }

    /// Refuses what is no folder that the person may change, such as a room.
    fn demand_folder(&self, by: Uuid, id: i64) -> Result<(), Refused> {
        match self.writable(by, id)?.kind {
            Kind::Plain => Ok(()),
            _ => Err(Refused::Forbidden),
        }
    }

    fn folder_of(&self, file: i64) -> Result<i64, Refused> {
        self.files.get(&file).map(|file| file.folder).ok_or(Refused::NotFound)
    }

    fn set_member_by_hand(&mut self, by: Uuid, room: i64, member: Uuid, access: i32) -> Result<i64, Refused> {
        let leaves = by == member && access == 0;
        if !leaves {
            self.managed_room(by, room, Failure::NotFound)?;
        }
        let folder = self.room(room).ok_or(Refused::NotFound)?;
        let (owner, room_type) = (folder.owner, folder.room().map_or(0, |room| room.room_type));
        let is_group = self.people.groups.contains_key(&member);
        let subject = if is_group { Subject::Group } else { Subject::User };
        let may_manage = access != MANAGER || self.makes_rooms(member);
        if member == owner || !roles::knows(room_type, subject, access) || !may_manage {
            return Err(Refused::Forbidden);
        }
        self.set_member(room, &Member { id: member, is_group, access });
        Ok(room)
    }
}
