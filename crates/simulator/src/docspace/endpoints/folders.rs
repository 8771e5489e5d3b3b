//! Folders: list, create, and somebody's own documents.

use super::body::{Fields, valid_title};
use super::call::Call;
use super::wire::{Failure, Outcome, Reply};
use crate::docspace::roles::{FOLDER_TITLE, stored_title};
use crate::docspace::state::{Folder, State};

impl State {
    /// Direct children, all of them, from the database.
    pub(crate) fn subfolders(&self, call: &Call<'_>, id: i64) -> Outcome {
        self.readable(call.caller, id)?;
        let folders = self.children_by_title(id);
        let folders = folders.into_iter().map(|folder| self.folder_dto(folder, call.caller, &call.origin));
        Ok(Reply::Many(folders.collect(), None))
    }

    pub(crate) fn folder_contents(&self, call: &Call<'_>, id: i64) -> Outcome {
        self.readable(call.caller, id)?;
        self.contents(call, id, &self.children_by_title(id))
    }

    pub(crate) fn folder_info(&self, call: &Call<'_>, id: i64) -> Outcome {
        let folder = self.readable(call.caller, id)?;
        Ok(Reply::One(self.folder_dto(folder, call.caller, &call.origin)))
    }

    /// The folders from the root down to this one: the room around it is the one with a `roomType`.
    /// The folder itself (`folder_info`) tells only what type of room it is in.
    pub(crate) fn folder_path(&self, call: &Call<'_>, id: i64) -> Outcome {
        self.readable(call.caller, id)?;
        let mut path: Vec<_> =
            self.path(id).map(|folder| self.folder_dto(folder, call.caller, &call.origin)).collect();
        path.reverse();
        Ok(Reply::Many(path, None))
    }

    pub(crate) fn my_documents(&mut self, call: &Call<'_>) -> Outcome {
        let id = self.documents_of(call.caller);
        self.contents(call, id, &self.children_by_title(id))
    }

    /// Titles need not be unique: a repeat creates a second folder.
    pub(crate) fn create_folder(&mut self, call: &Call<'_>, parent: i64) -> Outcome {
        let fields = Fields::of(call.request)?;
        let title = stored_title(valid_title(fields.text("Title")?, FOLDER_TITLE)?);
        // A missing parent is refused like one that may not be written to.
        self.writable(call.caller, parent).map_err(|_| Failure::InvalidOperation)?;
        let id = self.create_folder_in(parent, &title, call.caller);
        self.folder_info(call, id)
    }

    fn children_by_title(&self, id: i64) -> Vec<&Folder> {
        let mut children: Vec<&Folder> = self.children(id).collect();
        children.sort_by_cached_key(|folder| (folder.title.to_lowercase(), folder.id));
        children
    }
}
