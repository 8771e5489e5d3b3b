//! What people and operations do to folders and files: rename, move, trash, restore, delete, new
//! versions.
//!
//! The trash is a root folder of each user. What is in it is still there, keeps the folder that it
//! was in, and can be restored.

use uuid::Uuid;

use super::events::FolderEvent;
use super::trigger::Trigger;
use super::{Contained, Kind, State, TRASH_TYPE, same_title};

impl State {
    /// A user's own folder of that type, which is created by its first use.
    fn root_of(&mut self, user: Uuid, kind: i32, title: &str) -> i64 {
        let is_it = |wanted: &Kind| matches!(wanted, Kind::Root(known) if *known == kind);
        let root = self.folders.values().find(|folder| folder.owner == user && is_it(&folder.kind));
        match root {
            Some(root) => root.id,
            None => self.add_folder(0, title, user, Kind::Root(kind)),
        }
    }

    /// A user's own documents.
    pub(crate) fn documents_of(&mut self, user: Uuid) -> i64 {
        self.root_of(user, 5, "My documents")
    }

    fn trash_of(&mut self, user: Uuid) -> i64 {
        self.root_of(user, TRASH_TYPE, "Trash")
    }

    /// Adds a file; one of the same title becomes a new version of the one that is there.
    pub(crate) fn upload(&mut self, folder: i64, title: &str, by: Uuid) -> i64 {
        let known = self.files_in(folder).find(|file| same_title(&file.title, title)).map(|file| file.id);
        let id = match known {
            Some(id) => {
                self.save_version(id, by);
                id
            }
            None => self.add_file(folder, title, by),
        };
        self.raise_of_file(Trigger::FileUploaded, id, by);
        id
    }

    /// A file that somebody creates in the browser.
    pub(crate) fn create_file(&mut self, folder: i64, title: &str, by: Uuid) -> i64 {
        let id = self.add_file(folder, title, by);
        self.raise_of_file(Trigger::FileCreated, id, by);
        id
    }

    /// A folder that somebody creates.
    pub(crate) fn create_folder_in(&mut self, parent: i64, title: &str, by: Uuid) -> i64 {
        let id = self.add_folder(parent, title, by, Kind::Plain);
        self.raise_of_folder(FolderEvent::Created, id, by);
        id
    }

    /// The folder at that path below another one. Folders that are missing are created, which no
    /// event reports.
    pub(crate) fn folder_at(&mut self, start: i64, path: &str, by: Uuid) -> i64 {
        path.split('/').filter(|title| !title.is_empty()).fold(start, |parent, title| {
            let known = self.children(parent).find(|folder| same_title(&folder.title, title));
            match known.map(|folder| folder.id) {
                Some(known) => known,
                None => self.add_folder(parent, title, by, Kind::Plain),
            }
        })
    }

    pub(crate) fn edit_file(&mut self, id: i64, by: Uuid) {
        self.save_version(id, by);
        self.raise_of_file(Trigger::FileUpdated, id, by);
    }

    fn save_version(&mut self, id: i64, by: Uuid) {
        let now = self.now();
        if let Some(file) = self.files.get_mut(&id) {
            file.version += 1;
            (file.updated, file.updated_by) = (now, by);
        }
    }

    pub(crate) fn rename_file(&mut self, id: i64, title: &str, by: Uuid) {
        let now = self.now();
        if let Some(file) = self.files.get_mut(&id).filter(|file| file.title != title) {
            title.clone_into(&mut file.title);
            (file.updated, file.updated_by) = (now, by);
            self.raise_of_file(Trigger::FileUpdated, id, by);
        }
    }

    pub(crate) fn rename_folder(&mut self, id: i64, title: &str, by: Uuid) {
        let now = self.now();
        if let Some(folder) = self.folders.get_mut(&id).filter(|folder| folder.title != title) {
            title.clone_into(&mut folder.title);
            (folder.updated, folder.updated_by) = (now, by);
            self.raise_of_folder(FolderEvent::Updated, id, by);
        }
    }

    pub(crate) fn move_file(&mut self, id: i64, to: i64, by: Uuid) {
        self.put_file(id, to);
        self.raise_of_file(Trigger::FileMoved, id, by);
    }

    fn put_file(&mut self, id: i64, to: i64) {
        let one = Contained { files: 1, folders: 0 };
        if let Some(file) = self.files.get_mut(&id) {
            let before = std::mem::replace(&mut file.folder, to);
            self.count_in(before, -one);
            self.count_in(to, one);
        }
    }

    pub(crate) fn trash_file(&mut self, id: i64, by: Uuid) {
        self.raise_of_file(Trigger::FileTrashed, id, by);
        let trash = self.trash_of(by);
        if let Some(file) = self.files.get_mut(&id) {
            file.trashed_from = Some(file.folder);
            self.put_file(id, trash);
        }
    }

    pub(crate) fn trash_folder(&mut self, id: i64, by: Uuid) {
        self.raise_of_folder(FolderEvent::Trashed, id, by);
        let trash = self.trash_of(by);
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.trashed_from = Some(folder.parent);
            self.reparent(id, trash);
        }
    }

    /// Puts a file from the trash back into the folder that it was in. False if it isn't in the
    /// trash, or the folder is gone.
    pub(crate) fn restore_file(&mut self, id: i64, by: Uuid) -> bool {
        let from = self.files.get(&id).and_then(|file| file.trashed_from);
        let Some(from) = from.filter(|from| self.folders.contains_key(from)) else { return false };
        if let Some(file) = self.files.get_mut(&id) {
            file.trashed_from = None;
        }
        self.put_file(id, from);
        self.raise_of_file(Trigger::FileRestored, id, by);
        true
    }

    /// The same for a folder.
    pub(crate) fn restore_folder(&mut self, id: i64, by: Uuid) -> bool {
        let from = self.folders.get(&id).and_then(|folder| folder.trashed_from);
        let Some(from) = from.filter(|from| self.folders.contains_key(from)) else { return false };
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.trashed_from = None;
        }
        self.reparent(id, from);
        self.raise_of_folder(FolderEvent::Restored, id, by);
        true
    }

    pub(crate) fn delete_file_for_good(&mut self, id: i64, by: Uuid) {
        self.raise_of_file(Trigger::FileDeleted, id, by);
        if let Some(file) = self.files.remove(&id) {
            self.count_in(file.folder, -Contained { files: 1, folders: 0 });
        }
    }

    pub(crate) fn move_folder(&mut self, id: i64, to: i64, by: Uuid) {
        self.reparent(id, to);
        self.raise_of_folder(FolderEvent::Moved, id, by);
    }

    /// A room or folder with all that is in it, of which one event tells.
    pub(crate) fn delete_folder_for_good(&mut self, id: i64, by: Uuid) {
        self.raise_of_folder(FolderEvent::Deleted, id, by);
        self.remove(id);
    }
}
