//! Carries out operations that are due. The state catches up whenever it is read, and as soon as an
//! operation is due.

use std::time::Instant;

use uuid::Uuid;

use super::events::FolderEvent;
use super::operation::{Copying, Failed, Work};
use super::trigger::Trigger;
use super::{ARCHIVE, Folder, Kind, ROOMS, State, same_title};

impl State {
    /// Carries out what is due, and removes old operations.
    pub(crate) fn catch_up(&mut self) {
        let now = Instant::now();
        for (id, work, user) in self.queue.due(now) {
            let result = self.carry_out(work, user);
            self.queue.end(id, result);
        }
        self.queue.forget(now);
    }

    fn carry_out(&mut self, work: Work, user: Uuid) -> Result<(), Failed> {
        match work {
            Work::Nothing => {}
            Work::Archive(id) if self.room(id).is_some() => self.move_room(id, ARCHIVE, user),
            // The quota is checked here, so the call itself succeeds.
            Work::Unarchive(id) if self.room(id).is_some() => {
                if self.quota_is_reached() {
                    return Err(Failed::Quota);
                }
                self.move_room(id, ROOMS, user);
            }
            Work::DeleteRoom(id) if self.room(id).is_some() => self.delete_folder_for_good(id, user),
            Work::DeleteFolder { id, immediately } if self.folders.contains_key(&id) => {
                if immediately {
                    self.delete_folder_for_good(id, user);
                } else {
                    self.trash_folder(id, user);
                }
            }
            Work::Copy(copying) if self.takes_copies(copying.destination) => {
                self.copy_all(&copying, user);
            }
            _ => return Err(Failed::Gone),
        }
        Ok(())
    }

    fn takes_copies(&self, destination: i64) -> bool {
        self.folders.contains_key(&destination) && !self.path(destination).any(|above| above.id == ARCHIVE)
    }

    fn copy_all(&mut self, copying: &Copying, user: Uuid) {
        for &id in &copying.folders {
            if copying.content {
                self.copy_content(id, copying.destination, copying.duplicate, user);
            } else {
                self.copy_folder(id, copying.destination, copying.duplicate, user);
            }
        }
        for &id in &copying.files {
            self.copy_file(id, copying.destination, copying.duplicate, user);
        }
    }

    /// A new room of the same type, with copies of its folders and files.
    pub(crate) fn copy_room(&mut self, id: i64, user: Uuid) -> i64 {
        let title = self.folders.get(&id).map(|folder| folder.title.clone()).unwrap_or_default();
        let copy = self.add_room(&format!("{title} (1)"), user, &[]);
        let room_type = self.folders.get(&id).and_then(Folder::room).map(|room| room.room_type);
        if let (Some(Kind::Room(room)), Some(room_type)) =
            (self.folders.get_mut(&copy).map(|folder| &mut folder.kind), room_type)
        {
            room.room_type = room_type;
        }
        self.raise_of_folder(FolderEvent::Copied, copy, user);
        self.copy_content(id, copy, false, user);
        copy
    }

    fn copy_content(&mut self, from: i64, to: i64, duplicate: bool, user: Uuid) {
        let folders: Vec<i64> = self.children(from).map(|folder| folder.id).collect();
        let files: Vec<i64> = self.files_in(from).map(|file| file.id).collect();
        for id in folders {
            self.copy_folder(id, to, duplicate, user);
        }
        for id in files {
            self.copy_file(id, to, duplicate, user);
        }
    }

    /// Copies a folder with all that is in it, into one of the same name if there is one.
    fn copy_folder(&mut self, id: i64, to: i64, duplicate: bool, user: Uuid) {
        let Some(title) = self.folders.get(&id).map(|folder| folder.title.clone()) else { return };
        let there = self.children(to).find(|folder| same_title(&folder.title, &title));
        let there = there.map(|folder| folder.id);
        if let Some(there) = there.filter(|_| !duplicate) {
            self.copy_content(id, there, duplicate, user);
            return;
        }
        let title = if there.is_some() { format!("{title} (1)") } else { title };
        let copy = self.add_folder(to, &title, user, Kind::Plain);
        self.raise_of_folder(FolderEvent::Copied, copy, user);
        self.copy_content(id, copy, duplicate, user);
    }

    /// Copies a file, and returns the copy's id. If one of its title is there, it is kept in place
    /// of the copy, unless both are wanted.
    pub(crate) fn copy_file(&mut self, id: i64, to: i64, duplicate: bool, user: Uuid) -> Option<i64> {
        let title = self.files.get(&id)?.title.clone();
        let is_there = self.files_in(to).any(|file| same_title(&file.title, &title));
        if is_there && !duplicate {
            return None;
        }
        let copy = self.add_file(to, &title, user);
        self.raise_of_file(Trigger::FileCopied, copy, user);
        Some(copy)
    }
}
