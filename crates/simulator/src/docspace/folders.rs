//! Folders: list, create, and somebody's own documents.

use super::body::Fields;
use super::dto::valid_title;
use super::roles::{FOLDER_TITLE, stored_title};
use super::state::{ARCHIVE, Call, Folder, Kind, State};
use super::wire::{Failure, Outcome, Reply};

impl State {
    /// Direct children, all of them, from the database.
    pub(super) fn subfolders(&self, call: &Call<'_>, id: i64) -> Outcome {
        self.readable(call, id)?;
        let folders = self.children_by_title(id);
        let folders = folders.into_iter().map(|folder| self.folder_dto(folder, call.caller, &call.origin));
        Ok(Reply::Many(folders.collect(), None))
    }

    pub(super) fn folder_contents(&self, call: &Call<'_>, id: i64) -> Outcome {
        self.readable(call, id)?;
        self.contents(call, id, &self.children_by_title(id))
    }

    pub(super) fn folder_info(&self, call: &Call<'_>, id: i64) -> Outcome {
        let folder = self.readable(call, id)?;
        Ok(Reply::One(self.folder_dto(folder, call.caller, &call.origin)))
    }

    pub(super) fn my_documents(&mut self, call: &Call<'_>) -> Outcome {
        let id = self.documents_of(call.caller);
        self.contents(call, id, &self.children_by_title(id))
    }

    /// Never finds fault with a title that is there already: twice the same makes two.
    pub(super) fn create_folder(&mut self, call: &Call<'_>, parent: i64) -> Outcome {
        let fields = Fields::of(call.request)?;
        let title = stored_title(valid_title(fields.text("Title")?, FOLDER_TITLE)?);
        // That the parent doesn't exist is refused like that it may not be written to.
        self.writable(call, parent).map_err(|_| Failure::InvalidOperation)?;
        let id = self.add_folder(parent, &title, call.caller, Kind::Plain);
        self.folder_info(call, id)
    }

    /// A folder that the caller may look into.
    pub(super) fn readable(&self, call: &Call<'_>, id: i64) -> Result<&Folder, Failure> {
        let folder = self.folders.get(&id).ok_or(Failure::NotFound)?;
        if self.standing(call.caller, id).reads() { Ok(folder) } else { Err(Failure::Security) }
    }

    /// A folder that the caller may put something into; nothing in the archive is one.
    pub(super) fn writable(&self, call: &Call<'_>, id: i64) -> Result<&Folder, Failure> {
        let folder = self.folders.get(&id).ok_or(Failure::NotFound)?;
        let archived = self.path(id).any(|above| above.id == ARCHIVE);
        if !archived && self.standing(call.caller, id).creates() {
            Ok(folder)
        } else {
            Err(Failure::Security)
        }
    }

    fn children_by_title(&self, id: i64) -> Vec<&Folder> {
        let mut children: Vec<&Folder> = self.children(id).collect();
        children.sort_by_cached_key(|folder| (folder.title.to_lowercase(), folder.id));
        children
    }
}
