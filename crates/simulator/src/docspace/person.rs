//! A person who works in the portal, for tests and the demo: one method for each [`Act`].

use uuid::Uuid;

use super::DocSpace;
use super::act::{Act, Refused};

/// A user of the portal, who acts with the rights that they have. Each act takes effect at once.
///
/// Each method fails with [`Refused`] if the user may not do it, or what it is about isn't there.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub(super) docspace: &'a DocSpace,
    pub(super) user: Uuid,
}

/// What became of an act: the id of what was created or, for all other acts, of what it was done
/// to.
pub type Acted = Result<i64, Refused>;

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Person<'_> {
    /// Does it.
    pub fn act(self, act: Act) -> Acted {
        self.docspace.system().state().act(self.user, act)
    }

    /// Creates a collaboration room.
    pub fn create_room(self, title: &str) -> Acted {
        self.act(Act::CreateRoom { title: title.to_owned() })
    }

    /// Gives a room another title.
    pub fn rename_room(self, room: i64, title: &str) -> Acted {
        self.act(Act::RenameRoom { room, title: title.to_owned() })
    }

    /// Puts a room into the archive.
    pub fn archive_room(self, room: i64) -> Acted {
        self.act(Act::ArchiveRoom { room })
    }

    /// Takes a room out of the archive.
    pub fn unarchive_room(self, room: i64) -> Acted {
        self.act(Act::UnarchiveRoom { room })
    }

    /// Deletes a room for good.
    pub fn delete_room(self, room: i64) -> Acted {
        self.act(Act::DeleteRoom { room })
    }

    /// Copies a room with its folders and files, without its members.
    pub fn copy_room(self, room: i64) -> Acted {
        self.act(Act::CopyRoom { room })
    }

    /// Makes somebody else the owner of a room.
    pub fn change_owner(self, room: i64, owner: Uuid) -> Acted {
        self.act(Act::ChangeOwner { room, owner })
    }

    /// Adds a user or group to a room, or changes the role (the number of section "Sharing a room"
    /// of the API).
    pub fn set_member(self, room: i64, member: Uuid, access: i32) -> Acted {
        self.act(Act::SetMember { room, member, access })
    }

    /// Removes a user or group from a room. A user who is also in by a group keeps that access.
    pub fn remove_member(self, room: i64, member: Uuid) -> Acted {
        self.act(Act::SetMember { room, member, access: 0 })
    }

    /// Creates a folder in a room or folder.
    pub fn create_folder(self, parent: i64, title: &str) -> Acted {
        self.act(Act::CreateFolder { parent, title: title.to_owned() })
    }

    /// Gives a folder another title.
    pub fn rename_folder(self, folder: i64, title: &str) -> Acted {
        self.act(Act::RenameFolder { folder, title: title.to_owned() })
    }

    /// Puts a folder into the person's trash.
    pub fn trash_folder(self, folder: i64) -> Acted {
        self.act(Act::TrashFolder { folder })
    }

    /// Puts a folder from the trash back to where it was.
    pub fn restore_folder(self, folder: i64) -> Acted {
        self.act(Act::RestoreFolder { folder })
    }

    /// Deletes a folder for good.
    pub fn delete_folder(self, folder: i64) -> Acted {
        self.act(Act::DeleteFolder { folder })
    }

    /// Moves a folder into another one.
    pub fn move_folder(self, folder: i64, to: i64) -> Acted {
        self.act(Act::MoveFolder { folder, to })
    }

    /// Uploads a file into a room or folder. If a file of that title is there, it gets a new
    /// version.
    pub fn upload(self, folder: i64, title: &str) -> Acted {
        self.upload_into(folder, "", title)
    }

    /// Uploads a file into the folder at that path below a room or folder, such as `Logs/Server`.
    /// Folders that are missing are created, which no event reports.
    pub fn upload_into(self, folder: i64, path: &str, title: &str) -> Acted {
        self.act(Act::Upload { folder, path: path.to_owned(), title: title.to_owned() })
    }

    /// Creates a file in the browser.
    pub fn create_file(self, folder: i64, title: &str) -> Acted {
        self.act(Act::CreateFile { folder, title: title.to_owned() })
    }

    /// Saves a new version of a file.
    pub fn edit_file(self, file: i64) -> Acted {
        self.act(Act::EditFile { file })
    }

    /// Gives a file another title.
    pub fn rename_file(self, file: i64, title: &str) -> Acted {
        self.act(Act::RenameFile { file, title: title.to_owned() })
    }

    /// Puts a file into the person's trash.
    pub fn trash_file(self, file: i64) -> Acted {
        self.act(Act::TrashFile { file })
    }

    /// Puts a file from the trash back to where it was.
    pub fn restore_file(self, file: i64) -> Acted {
        self.act(Act::RestoreFile { file })
    }

    /// Deletes a file for good.
    pub fn delete_file(self, file: i64) -> Acted {
        self.act(Act::DeleteFile { file })
    }

    /// Moves a file into another folder.
    pub fn move_file(self, file: i64, to: i64) -> Acted {
        self.act(Act::MoveFile { file, to })
    }

    /// Copies a file into another folder, and returns the copy's id.
    pub fn copy_file(self, file: i64, to: i64) -> Acted {
        self.act(Act::CopyFile { file, to })
    }
}
