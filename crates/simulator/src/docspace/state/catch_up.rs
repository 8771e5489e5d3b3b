//! Carries out operations that are due. The state catches up whenever it is read.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::operation::{Copying, Work};
use super::{ARCHIVE, Kind, ROOMS, State, same_title};

/// How long after its last change an operation is known.
const KNOWN_FOR: Duration = Duration::from_secs(60);

impl State {
    /// Carries out what is due, and removes old operations.
    pub(crate) fn catch_up(&mut self) {
        let now = Instant::now();
        for position in 0..self.operations.len() {
            let Some(operation) = self.operations.get(position) else { break };
            if operation.result.is_some() || operation.due > now {
                continue;
            }
            let (work, user) = (operation.work.clone(), operation.user);
            let succeeded = self.carry_out(work, user);
            if let Some(operation) = self.operations.get_mut(position) {
                operation.result = Some(succeeded);
            }
        }
        self.operations.retain(|operation| match operation.result {
            None => true,
            Some(_) => !operation.delete_after && operation.due + KNOWN_FOR > now,
        });
    }

    fn carry_out(&mut self, work: Work, user: Uuid) -> bool {
        match work {
            Work::Archive(id) if self.room(id).is_some() => self.move_room(id, ARCHIVE),
            // The quota is checked here, so the call itself succeeds.
            Work::Unarchive(id) if self.room(id).is_some() && !self.quota_is_reached() => {
                self.move_room(id, ROOMS);
            }
            Work::Nothing => {}
            Work::Delete(id) if self.folders.contains_key(&id) => self.remove(id),
            Work::Copy(copying) if self.takes_copies(copying.destination) => {
                self.copy_all(&copying, user);
            }
            _ => return false,
        }
        true
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
        let target = match there.map(|folder| folder.id) {
            Some(there) if !duplicate => there,
            Some(_) => self.add_folder(to, &format!("{title} (1)"), user, Kind::Plain),
            None => self.add_folder(to, &title, user, Kind::Plain),
        };
        self.copy_content(id, target, duplicate, user);
    }

    fn copy_file(&mut self, id: i64, to: i64, duplicate: bool, user: Uuid) {
        let Some(title) = self.files.get(&id).map(|file| file.title.clone()) else { return };
        let is_there = self.files_in(to).any(|file| same_title(&file.title, &title));
        if duplicate || !is_there {
            self.add_file(to, &title, user);
        }
    }
}
